//! The OAuth 2.0 server.

mod authorize;
mod client_auth;
mod error;
pub(crate) mod grants;
mod introspect;
mod metadata;
mod par;
mod params;
mod redirect;
pub(crate) mod request;
mod revoke;
mod token;

use axum::{
    Router,
    http::{HeaderValue, header},
    routing::{get, post},
};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::state::Shared;

/// Below `/oauth`.
pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/authorize", get(authorize::show).post(authorize::decide))
        .route("/token", post(token::token))
        .route("/revoke", post(revoke::revoke))
        .route("/introspect", post(introspect::introspect))
        .route("/par", post(par::push))
        // Codes, tokens and the consent page are nobody's to keep (RFC 6749, section 5.1).
        .layer(SetResponseHeaderLayer::overriding(
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-store"),
        ))
}

/// Where clients find the rest.
pub(crate) fn well_known() -> Router<Shared> {
    Router::new().route("/.well-known/oauth-authorization-server", get(metadata::metadata))
}

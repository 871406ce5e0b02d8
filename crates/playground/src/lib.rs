#![doc = include_str!("../README.md")]

mod account;
mod api;
mod behaviour;
mod bounded;
mod clock;
mod config;
mod control;
mod demo;
mod log;
mod oauth;
mod pages;
mod random;
mod scope;
mod state;

pub use clock::Clock;
pub use config::{Client, Config, InvalidClient, RefreshClass};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderName, HeaderValue, header},
};
use tower_http::set_header::SetResponseHeaderLayer;

/// The most bytes of a request's body.
const MAX_BODY: usize = 64 * 1024;

/// Everything that Acme serves, with a memory of its own.
pub fn router(config: Config) -> Router {
    let acme = state::Acme::new(config);
    Router::new()
        .merge(pages::routes())
        .nest("/oauth", oauth::routes())
        .merge(oauth::well_known())
        .nest("/api/v1", api::routes())
        .nest("/_playground", control::routes())
        .fallback(pages::not_found)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        // Not `no-referrer`: browsers would then post our own form with `Origin: null`.
        .layer(fixed(header::REFERRER_POLICY, "same-origin"))
        .with_state(acme)
}

/// A header that every answer carries.
fn fixed(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value))
}

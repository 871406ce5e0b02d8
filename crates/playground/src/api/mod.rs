//! `/api/v1`: contacts, calendar and support, behind a bearer token.

mod caller;
mod contacts;
mod error;
mod events;
mod input;
mod list;
mod me;
mod tickets;

use axum::{
    Router,
    routing::{get, post},
};

use crate::state::Shared;
use error::Error;

/// Below `/api/v1`.
pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/me", get(me::me))
        .route("/contacts", get(contacts::list).post(contacts::create))
        .route("/contacts/{id}", get(contacts::one).patch(contacts::change))
        .route("/events", get(events::list).post(events::create))
        .route("/tickets", get(tickets::list))
        .route("/tickets/{id}", get(tickets::one))
        .route("/tickets/{id}/replies", post(tickets::reply))
        .fallback(|| async { Error::NOT_FOUND })
        .method_not_allowed_fallback(|| async { Error::METHOD })
}

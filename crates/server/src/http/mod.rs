//! The whole HTTP side: routes, and what holds for every request.

mod body;
mod caller;
mod idempotent;
mod input;
mod layers;
pub(crate) mod limits;
mod metrics;
mod ready;
pub(crate) mod serving;

use axum::{
    Json, Router,
    http::StatusCode,
    middleware::{from_fn, from_fn_with_state},
    response::IntoResponse,
    routing::get,
};
use serde_json::json;
use tower_http::catch_panic::CatchPanicLayer;

use crate::{api, connect, problem::Problem, state::AppState};

pub(crate) use caller::Caller;
pub(crate) use idempotent::{Begun, Created, IdempotencyKey, begin, create};
pub(crate) use input::{Body, PathId, QueryOf};
pub(crate) use layers::{request_id, swagger_headers};

/// Everything that this process answers, on so many connections.
pub(crate) fn router(state: AppState, connections: usize) -> Router {
    // The rest of the connections is room for an answer to those who are told to come back.
    let gate = layers::Gate::new(connections - connections / 4);
    Router::new()
        .merge(api::router())
        .merge(connect::router(&state))
        .merge(ready::router())
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(gate, layers::gate))
        // A process that is busy runs: it must not be restarted for that.
        .route("/healthz", get(healthz))
        .route("/metrics", get(metrics::metrics))
        .layer(from_fn(limits::tell))
        .layer(from_fn_with_state(state.clone(), limits::locate))
        .layer(from_fn(layers::in_time))
        .layer(CatchPanicLayer::custom(layers::answer_panic))
        .layer(from_fn(layers::unambiguous))
        .layer(from_fn(body::bound))
        .layer(from_fn(layers::headers))
        .layer(from_fn(layers::trace))
        .with_state(state)
}

/// The process runs.
async fn healthz() -> impl IntoResponse {
    Json(json!({ "status": "ok" }))
}

async fn not_found() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "route_unknown",
        "There is nothing at this address. /docs describes the API, /openapi.json is its document.",
    )
}

async fn method_not_allowed() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "This address does not take that method. /docs says which it takes.",
    )
}

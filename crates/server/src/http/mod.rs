//! The whole HTTP side: routes, and what holds for every request.

mod caller;
mod idempotent;
mod input;
mod layers;

use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use serde_json::json;
use tower_http::{catch_panic::CatchPanicLayer, timeout::TimeoutLayer};

use crate::{api, connect, problem::Problem, state::AppState};

pub(crate) use caller::Caller;
pub(crate) use idempotent::{Created, IdempotencyKey, create};
pub(crate) use input::{Body, PathId, QueryOf};
pub(crate) use layers::{request_id, swagger_headers};

/// The longest that a request may take: above the token call's wait for a refresh and a poll's 25 s.
const LONGEST: std::time::Duration = std::time::Duration::from_secs(40);
/// How many requests are under way at most; more are told to come back.
const CONCURRENT: usize = 4096;

/// Everything that this process answers.
pub(crate) fn router(state: AppState) -> Router {
    Router::new()
        .merge(api::router())
        .merge(connect::router(&state))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, LONGEST))
        .layer(CatchPanicLayer::custom(layers::answer_panic))
        .layer(axum::middleware::from_fn(layers::unambiguous))
        .layer(axum::middleware::from_fn(layers::headers))
        .layer(axum::middleware::from_fn_with_state(layers::Gate::new(CONCURRENT), layers::gate))
        .layer(axum::middleware::from_fn(layers::trace))
        .with_state(state)
}

/// The process runs.
async fn healthz() -> impl IntoResponse {
    Json(json!({ "status": "ok" }))
}

/// The process can answer: its database does.
async fn readyz(State(state): State<AppState>) -> impl IntoResponse {
    if state.store.is_ready().await {
        return Json(json!({ "status": "ready" })).into_response();
    }
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "store_unavailable",
        "The hub's database does not answer. Check that it runs and that DATABASE_URL is right.",
    )
    .into_response()
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

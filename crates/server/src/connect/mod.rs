//! The hosted page on which people link accounts: pick, review, provider, result.
//!
//! Rendered here, without JavaScript. A cookie binds the one browser that goes through a session; each
//! form carries a value drawn from that cookie, so that no other site can post it.

mod browser;
mod callback;
mod fill;
mod handlers;
mod pages;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderValue, header},
    middleware::from_fn_with_state,
    response::IntoResponse,
    routing::{get, post},
};

use crate::{http::limits::pages as pages_per_source, state::AppState};

pub(crate) use browser::too_often;

/// The largest form that a page posts.
const MOST_FORM: usize = 64 * 1024;

pub(crate) fn router(state: &AppState) -> Router<AppState> {
    Router::new()
        .route("/", get(handlers::index))
        .route("/connect", post(handlers::bind))
        .route("/connect/{token}", get(handlers::landing))
        .route("/connect/review", get(handlers::review))
        .route("/connect/pick", post(handlers::pick))
        .route("/connect/start", post(handlers::start))
        .route("/connect/submit", post(handlers::submit))
        .route("/connect/cancel", post(handlers::cancel))
        .route("/connect/result", get(handlers::result))
        .route("/connect/status", get(handlers::status))
        .route("/oauth/callback/{client}", get(callback::callback))
        .layer(DefaultBodyLimit::max(MOST_FORM))
        .layer(from_fn_with_state(state.clone(), browser::guard))
        // Outside of the guard: this form is the provider's.
        .route("/oauth/callback/{client}", post(callback::posted))
        .layer(from_fn_with_state(state.clone(), pages_per_source))
        .route("/connect/assets/connect.css", get(stylesheet))
        .route("/connect/assets/icon.svg", get(icon))
}

fn asset(kind: &'static str, text: &'static str) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")),
    ];
    (headers, text)
}

async fn stylesheet() -> impl IntoResponse {
    asset("text/css; charset=utf-8", pages::STYLESHEET)
}

async fn icon() -> impl IntoResponse {
    asset("image/svg+xml", pages::ICON)
}

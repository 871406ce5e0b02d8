//! Whether the process can answer: its database does.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;
use tokio::sync::Mutex;

use crate::{problem::Problem, state::AppState};

/// How long an answer of the database holds: whoever asks, it is asked twice a second at most.
const HOLDS: Duration = Duration::from_millis(500);

pub(super) fn router() -> Router<AppState> {
    let last = Arc::new(Mutex::new(None));
    Router::new().route("/readyz", get(async move |State(state)| answer(&state, &last).await))
}

/// When the database was asked last, and what it answered.
type Last = Mutex<Option<(Instant, bool)>>;

async fn answer(state: &AppState, last: &Last) -> Response {
    if is_ready(last, state.store.is_ready()).await {
        return Json(json!({ "status": "ready" })).into_response();
    }
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "store_unavailable",
        "The hub's database does not answer. Check that it runs and that DATABASE_URL is right.",
    )
    .into_response()
}

/// Those who come while the database is asked wait for its answer.
async fn is_ready(last: &Last, ask: impl Future<Output = bool>) -> bool {
    let mut last = last.lock().await;
    match *last {
        Some((at, ready)) if at.elapsed() < HOLDS => ready,
        _ => {
            let ready = ask.await;
            *last = Some((Instant::now(), ready));
            ready
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_flood_of_questions_asks_the_database_once() {
        let (last, asked) = (Mutex::new(None), std::sync::atomic::AtomicU32::new(0));
        for _ in 0..100 {
            let ask = async {
                asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                true
            };
            assert!(is_ready(&last, ask).await);
        }
        assert_eq!(asked.into_inner(), 1);
    }
}

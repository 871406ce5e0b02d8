//! `/_playground`: what tests ask and order. No part of what Acme pretends to be.

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;

use crate::{
    behaviour::Behaviour,
    log::{Event, Stats},
    state::Shared,
};

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/log", get(log).delete(clear))
        .route("/stats", get(stats))
        .route("/behaviour", get(behaviour).put(behave).delete(behave_well))
}

async fn log(State(acme): State<Shared>) -> Json<Vec<Event>> {
    Json(acme.lock().log.events())
}

/// Empties the log, and sets the counts back.
async fn clear(State(acme): State<Shared>) -> StatusCode {
    let mut memory = acme.lock();
    memory.log.clear();
    memory.grants.forget_in_flight();
    StatusCode::NO_CONTENT
}

async fn stats(State(acme): State<Shared>) -> Json<Stats> {
    Json(acme.lock().log.stats())
}

async fn behaviour(State(acme): State<Shared>) -> Json<Behaviour> {
    Json(acme.lock().behaviour.clone())
}

async fn behave(State(acme): State<Shared>, body: Bytes) -> Response {
    match serde_json::from_slice::<Behaviour>(&body) {
        Ok(ordered) => {
            acme.lock().behaviour = ordered.clone();
            Json(ordered).into_response()
        }
        Err(error) => {
            let json = json!({"error": "invalid_behaviour", "message": error.to_string()});
            (StatusCode::UNPROCESSABLE_ENTITY, Json(json)).into_response()
        }
    }
}

async fn behave_well(State(acme): State<Shared>) -> StatusCode {
    acme.lock().behaviour = Behaviour::default();
    StatusCode::NO_CONTENT
}

//! `GET /oauth/callback/{client}`: the provider sends the browser back.

use axum::{
    extract::{Path, Query, State, rejection::QueryRejection},
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::cookie::CookieJar;
use hub::{Error, Kind, session};

use super::{browser::failure, handlers::current};
use crate::state::AppState;

/// More parameters than any provider sends.
const MOST: usize = 50;

/// Takes the provider's answer, in the browser that was sent there and in no other.
pub(super) async fn callback(
    State(state): State<AppState>,
    Path(client): Path<String>,
    jar: CookieJar,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Response {
    let malformed = || {
        Error::invalid(
            "callback_malformed",
            "The provider's answer can't be read. Start again from the link you were given.",
        )
    };
    let Ok(Query(query)) = query else { return failure(&state, malformed()) };
    if query.len() > MOST {
        return failure(&state, malformed());
    }
    let (row, _) = match current(&state, &jar).await {
        Ok(found) => found,
        Err(response) => return response,
    };
    match session::callback(&state.store, &state.registry, &row, &client, &query).await {
        // The page of its own address: a reload must not send the code again.
        Ok(()) => Redirect::to("/connect/result").into_response(),
        Err(error)
            if matches!(error.kind, Kind::Unavailable) || error.code == "credential_refused" =>
        {
            Redirect::to("/connect/result").into_response()
        }
        Err(error) => failure(&state, error),
    }
}

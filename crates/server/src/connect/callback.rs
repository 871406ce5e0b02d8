//! `/oauth/callback/{client}`: the provider sends the browser back.

use axum::{
    body::Bytes,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::Uri,
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::cookie::CookieJar;
use hub::{Error, Kind, session};
use url::form_urlencoded;

use super::{browser::failure, handlers::current};
use crate::state::AppState;

/// More parameters than any provider sends.
const MOST: usize = 50;

/// The largest answer that comes by a form: it has to go into a URL.
const MOST_POSTED: usize = 16 * 1024;

fn malformed() -> Error {
    Error::invalid(
        "callback_malformed",
        "The provider's answer can't be read. Start again from the link you were given.",
    )
}

/// What a provider sends by a form (OAuth 2.0 Form Post Response Mode).
///
/// The form comes from the provider's site, so without this browser's cookie: nothing is done with it, the browser
/// is only asked to bring the same by `GET`.
pub(super) async fn posted(State(state): State<AppState>, uri: Uri, body: Bytes) -> Response {
    let fields: Vec<_> = form_urlencoded::parse(&body).take(MOST + 1).collect();
    if fields.is_empty() || fields.len() > MOST || body.len() > MOST_POSTED {
        return failure(&state, malformed());
    }
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let public = state.public_url.as_str().trim_end_matches('/');
    Redirect::to(&format!("{public}{}?{query}", uri.path())).into_response()
}

/// Takes the provider's answer, in the browser that was sent there and in no other.
pub(super) async fn callback(
    State(state): State<AppState>,
    Path(client): Path<String>,
    jar: CookieJar,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Response {
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

//! `POST /oauth/par`: the request is pushed, and the browser carries only its name (RFC 9126).

use std::time::Duration;

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{client_auth, error::Error, params::Params, request::AuthorizeRequest};
use crate::{
    random,
    state::{Open, Shared},
};

const TTL: Duration = Duration::from_mins(1);

/// Keeps a request and gives it a name.
pub(super) async fn push(State(acme): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    match keep(&acme, &headers, &body) {
        Ok(uri) => {
            let reply = Json(json!({"request_uri": uri, "expires_in": TTL.as_secs()}));
            (StatusCode::CREATED, reply).into_response()
        }
        Err(error) => error.into_response(),
    }
}

fn keep(acme: &Shared, headers: &HeaderMap, body: &Bytes) -> Result<String, Error> {
    let params = Params::form(headers, body)?;
    let client = client_auth::authenticate(&acme.config, headers, &params)?;
    if params.one("request_uri")?.is_some() {
        return Err(Error::request("A pushed request can't name another."));
    }
    let request = AuthorizeRequest::check(&acme.config, &params).map_err(|no| no.error())?;
    if request.client != client.id {
        return Err(Error::request("client_id is another client's."));
    }
    let uri = random::token("urn:ietf:params:oauth:request_uri:");
    let open = Open { request, until: acme.now().plus(TTL) };
    acme.lock().pushed.insert(uri.clone(), open);
    Ok(uri)
}

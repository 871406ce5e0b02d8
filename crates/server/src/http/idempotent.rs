//! `Idempotency-Key` on creates: what is sent again is answered as before, its secrets null.

use std::convert::Infallible;

use axum::{
    Json,
    extract::FromRequestParts,
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use hub::idempotency::{self, Begin, Ticket};
use serde::Serialize;
use serde_json::Value;

use super::Caller;
use crate::problem::{Answer, Problem};

/// The header, if it is there, with what tells one request from another.
pub(crate) struct IdempotencyKey {
    key: Option<String>,
    method: Method,
    path: String,
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let workspace =
            parts.headers.get("x-valetkey-workspace").map_or(&b""[..], HeaderValue::as_bytes);
        Ok(Self {
            // What is no text is refused later, as an invalid key.
            key: parts
                .headers
                .get("idempotency-key")
                .map(|value| value.to_str().unwrap_or_default().to_owned()),
            method: parts.method.clone(),
            path: format!("{}\n{}", parts.uri.path(), String::from_utf8_lossy(workspace)),
        })
    }
}

/// What a create made.
pub(crate) struct Created<T> {
    /// 201, or 200 where it was there.
    pub(crate) status: StatusCode,
    /// The answer.
    pub(crate) value: T,
}

impl<T> Created<T> {
    /// 201 if it is new, else 200.
    pub(crate) fn new(value: T, is_new: bool) -> Self {
        Self { status: if is_new { StatusCode::CREATED } else { StatusCode::OK }, value }
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (self.status, Json(self.value)).into_response()
    }
}

/// How a request with or without the header begins.
pub(crate) enum Begun {
    /// There is no header.
    Unkeyed,
    /// It is the first; the ticket keeps its answer, or forgets it.
    Fresh(Ticket),
    /// It was answered before.
    Replay(Response),
}

/// Looks whether this was asked before.
pub(crate) async fn begin(caller: &Caller, key: IdempotencyKey, body: &[u8]) -> Answer<Begun> {
    let Some(text) = key.key else { return Ok(Begun::Unkeyed) };
    let mut fingerprint = format!("{} {}\n", key.method, key.path).into_bytes();
    fingerprint.extend_from_slice(body);
    let request = idempotency::Request {
        caller: &caller.principal().key,
        key: &text,
        fingerprint: &fingerprint,
    };
    Ok(match idempotency::begin(caller.store(), request).await? {
        Begin::Fresh(ticket) => Begun::Fresh(ticket),
        Begin::Replay { status, body } => Begun::Replay(replay(status, body)),
    })
}

/// Makes something once for one `Idempotency-Key`; without the header simply makes it.
pub(crate) async fn create<T, F>(
    caller: &Caller,
    key: IdempotencyKey,
    body: &[u8],
    make: F,
) -> Answer<Response>
where
    T: Serialize,
    F: Future<Output = Answer<Created<T>>>,
{
    let store = caller.store();
    let ticket = match begin(caller, key, body).await? {
        Begun::Unkeyed => return Ok(make.await?.into_response()),
        Begun::Fresh(ticket) => ticket,
        Begun::Replay(response) => return Ok(response),
    };
    match make.await {
        Ok(created) => {
            let kept = without_secrets(
                serde_json::to_value(&created.value).map_err(hub::Error::internal)?,
            );
            ticket.finish(store, created.status.as_u16(), &kept.to_string()).await?;
            Ok(created.into_response())
        }
        Err(problem) => {
            ticket.forget(store).await?;
            Err(problem)
        }
    }
}

fn replay(status: u16, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let json = [(header::CONTENT_TYPE, "application/json")];
    (status, json, body).into_response()
}

fn without_secrets(mut value: Value) -> Value {
    if let Some(secret) = value.get_mut("secret") {
        *secret = Value::Null;
    }
    value
}

impl From<Infallible> for Problem {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

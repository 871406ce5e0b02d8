//! Reading requests: bounded, and with problems that say what is wrong.

use axum::{
    body::Body as RawBody,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{StatusCode, header, request::Parts},
};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use serde::de::DeserializeOwned;

use super::body::Fault;
use crate::problem::Problem;

/// A JSON body.
pub(crate) struct Body<T> {
    /// What it says.
    pub(crate) value: T,
    /// Its bytes.
    pub(crate) bytes: Bytes,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let is_json = kind.and_then(|kind| kind.to_str().ok()).is_some_and(|kind| {
            let kind = kind.split(';').next().unwrap_or_default().trim();
            kind.eq_ignore_ascii_case("application/json") || kind.ends_with("+json")
        });
        if !is_json {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not_json",
                "The body must be JSON: send it with `Content-Type: application/json`.",
            ));
        }
        let bytes = read(request.into_body()).await?;
        let value = serde_json::from_slice(&bytes).map_err(|error| read_problem(&error))?;
        Ok(Self { value, bytes })
    }
}

/// The body, which [`bound`](super::body::bound) bounds.
async fn read(body: RawBody) -> Result<Bytes, Problem> {
    let mut stream = body.into_data_stream();
    let mut read = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| match Fault::within(&error) {
            Some(fault) => Problem::from(fault),
            None => Problem::new(
                StatusCode::BAD_REQUEST,
                "body_cut_off",
                "The body did not arrive whole, so nothing was done. Send it again.",
            ),
        })?;
        read.extend_from_slice(&chunk);
    }
    Ok(read.freeze())
}

fn read_problem(error: &serde_json::Error) -> Problem {
    let (status, code) = if error.is_data() {
        (StatusCode::UNPROCESSABLE_ENTITY, "body_invalid")
    } else {
        (StatusCode::BAD_REQUEST, "body_malformed")
    };
    let detail: String = error.to_string().chars().take(500).collect();
    Problem::new(status, code, format!("The body can't be read: {detail}. /docs shows its form."))
}

/// The query, read into `T`.
pub(crate) struct QueryOf<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for QueryOf<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(error) => Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "query_invalid",
                format!("The query can't be read: {}. /docs shows its form.", error.body_text()),
            )),
        }
    }
}

/// One id or slug of the path.
pub(crate) struct PathId(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let found = Path::<String>::from_request_parts(parts, state).await;
        match found {
            Ok(Path(text)) if text.len() <= 200 => Ok(Self(text)),
            _ => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "path_invalid",
                "The address can't be read: an id or slug in it is no UTF-8 text of at most 200 bytes.",
            )),
        }
    }
}

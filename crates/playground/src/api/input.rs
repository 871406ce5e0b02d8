//! Queries and bodies, with errors in the API's own form.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Query, Request, rejection::BytesRejection},
    http::request::Parts,
    response::{IntoResponse, Response},
};
use serde::de::DeserializeOwned;

use super::error::Error;

/// A query.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let query = Query::try_from_uri(&parts.uri);
        query.map(|Query(query)| Self(query)).map_err(|error| Error::input(error.body_text()))
    }
}

/// A body of JSON.
pub(super) struct Sent<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Sent<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(BytesRejection::into_response)?;
        serde_json::from_slice(&body)
            .map(Self)
            .map_err(|error| Error::input(error.to_string()).into_response())
    }
}

/// A line of text: trimmed, neither empty nor longer than `most` characters.
pub(super) fn text(name: &str, value: &str, most: usize) -> Result<String, Error> {
    let value = value.trim();
    if value.is_empty() || value.chars().count() > most {
        return Err(Error::input(format!("{name} must have 1 to {most} characters")));
    }
    Ok(value.to_owned())
}

/// A line that may be left out; an empty one is none.
pub(super) fn maybe(name: &str, value: Option<&str>, most: usize) -> Result<Option<String>, Error> {
    let value = value.filter(|value| !value.trim().is_empty());
    value.map(|value| text(name, value, most)).transpose()
}

/// An e-mail address, as far as one can tell by looking.
pub(super) fn email(name: &str, value: &str) -> Result<String, Error> {
    let value = text(name, value, 200)?;
    let looks = value.split_once('@').is_some_and(|(who, at)| !who.is_empty() && at.contains('.'));
    if looks { Ok(value) } else { Err(Error::input(format!("{name} must be an e-mail address"))) }
}

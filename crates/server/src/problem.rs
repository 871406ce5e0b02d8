//! Errors as HTTP answers: `application/problem+json` (RFC 9457). The one place that maps a kind to a
//! status.

use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hub::{Error, Kind};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::http::request_id;

/// What went wrong (RFC 9457). Programs look at `code`; people read `detail`.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "type": "/problems/policy_denied",
    "title": "Not allowed",
    "status": 403,
    "code": "policy_denied",
    "detail": "No policy lets this agent use this integration for this owner. Ask the workspace's owner for a policy that allows it.",
    "request_id": "req_4Jm8yO2hQ5"
}))]
pub(crate) struct Problem {
    /// Stable: `/problems/` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// The sort of problem, the same for every one of its status.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// Stable, for programs.
    code: String,
    /// What happened, why, and what to do.
    detail: String,
    /// Names this request in the log.
    request_id: String,
    #[serde(flatten)]
    #[schema(ignore)]
    extra: Map<String, Value>,
    #[serde(skip)]
    #[schema(ignore)]
    retry_after: Option<u64>,
}

impl Problem {
    /// A problem of the HTTP layer itself.
    pub(crate) fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("/problems/{code}"),
            title: title(status),
            status: status.as_u16(),
            code: code.to_owned(),
            detail: detail.into(),
            request_id: request_id(),
            extra: Map::new(),
            retry_after: None,
        }
    }

    /// With one more member.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(name.to_owned(), value.into());
        self
    }

    /// It may work after so many seconds.
    pub(crate) fn after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Whether it is of this code.
    pub(crate) fn is(&self, code: &str) -> bool {
        self.code == code
    }

    /// The HTTP status.
    #[cfg(test)]
    pub(crate) fn status(&self) -> u16 {
        self.status
    }
}

fn title(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "Malformed request",
        401 => "Not authenticated",
        403 => "Not allowed",
        404 => "Not found",
        405 => "Method not allowed",
        408 => "Too slow",
        409 => "Not in this state",
        413 => "Too large",
        415 => "Not JSON",
        422 => "Invalid input",
        429 => "Too many requests",
        503 => "Not available now",
        _ => "The hub failed",
    }
}

/// The status of a kind of error.
pub(crate) fn status_of(kind: Kind) -> StatusCode {
    match kind {
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = status_of(error.kind);
        if error.kind == Kind::Internal {
            tracing::error!(request_id = request_id(), %error, "a request failed");
        }
        let mut problem = Self::new(status, error.code, error.detail);
        problem.extra = error.extra;
        problem.retry_after = error.retry_after.map(|wait| wait.as_secs().max(1));
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            let how = HeaderValue::from_static("Bearer realm=\"valetkey\"");
            headers.insert(HeaderName::from_static("www-authenticate"), how);
        }
        response
    }
}

/// What a handler answers.
pub(crate) type Answer<T> = Result<T, Problem>;

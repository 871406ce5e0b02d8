//! Errors of the API.

use std::borrow::Cow;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

/// A status, a stable code, and a sentence.
#[derive(Clone, Debug)]
pub(super) struct Error {
    status: StatusCode,
    code: &'static str,
    message: Cow<'static, str>,
    /// The scope that is missing.
    scope: Option<&'static str>,
}

impl Error {
    pub(super) const NOT_FOUND: Self =
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing here for this account.");
    pub(super) const METHOD: Self =
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Not by this method.");
    /// No token, or none that works (RFC 6750, section 3.1).
    pub(super) const TOKEN: Self = Self::new(
        StatusCode::UNAUTHORIZED,
        "invalid_token",
        "The access token is missing, unknown, revoked or has ended.",
    );

    const fn new(status: StatusCode, code: &'static str, message: &'static str) -> Self {
        Self { status, code, message: Cow::Borrowed(message), scope: None }
    }

    /// The token lacks `scope`.
    pub(super) fn scope(scope: &'static str) -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            code: "insufficient_scope",
            message: format!("This needs the scope {scope}.").into(),
            scope: Some(scope),
        }
    }

    /// The input is not what it should be.
    pub(super) fn input(message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            code: "invalid_input",
            message: message.into(),
            scope: None,
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let body = Json(json!({"error": self.code, "message": self.message}));
        let mut answer = (self.status, body).into_response();
        let challenge = match (self.status, self.scope) {
            (StatusCode::UNAUTHORIZED, _) => {
                HeaderValue::from_static("Bearer realm=\"Acme\", error=\"invalid_token\"")
            }
            (_, Some(scope)) => {
                let text = format!(
                    "Bearer realm=\"Acme\", error=\"insufficient_scope\", scope=\"{scope}\""
                );
                HeaderValue::try_from(text).expect("scopes are visible ASCII")
            }
            _ => return answer,
        };
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        answer
    }
}

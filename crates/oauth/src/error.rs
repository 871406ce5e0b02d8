//! Why the provider gave no token.

use std::fmt;

use connector::ErrorKind;

/// A failure at a provider's OAuth server. Holds no secret and nothing of a reply but its code.
#[derive(Clone, Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    code: Option<String>,
    received: bool,
}

impl Error {
    /// Nothing was sent.
    pub(crate) fn unsent(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), code: None, received: false }
    }

    /// The provider has answered.
    pub(crate) fn answered(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), code: None, received: true }
    }

    pub(crate) fn with_code(mut self, code: Option<String>) -> Self {
        self.code = code;
        self
    }

    /// What it means for the connection.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The provider's own code.
    pub fn provider_code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// Whether the provider may have acted on the request; false only where it certainly has not.
    pub fn may_have_been_received(&self) -> bool {
        self.received
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "{} (`{code}`)", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Error {}

impl From<outbound::Error> for Error {
    fn from(error: outbound::Error) -> Self {
        Self {
            kind: ErrorKind::Unavailable,
            message: error.to_string(),
            code: None,
            received: error.may_have_been_received(),
        }
    }
}

/// What a connector makes of a reply: so there was one.
impl From<connector::Error> for Error {
    fn from(error: connector::Error) -> Self {
        Self { kind: error.kind, message: error.message, code: error.provider_code, received: true }
    }
}

//! One taxonomy of what a provider can answer instead of what was asked for.

use std::{fmt, time::Duration};

/// What an error means for the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The grant is gone for good: a person must link again.
    Reauthorize,
    /// Too much was asked; for how long to wait, where the provider says so.
    RateLimited(Option<Duration>),
    /// It may work later: a timeout, a 5xx, an answer that is no answer.
    Unavailable,
    /// The provider refuses our client, not the person.
    ClientConfig,
    /// The credential is good and does not allow this.
    Denied,
    /// There is no such record.
    NotFound,
    /// It does not go together with what is there.
    Conflict,
    /// The request was wrong.
    Invalid,
    /// The provider can't do this.
    Unsupported,
}

/// A failure at a provider. Holds no secret.
#[derive(Clone, Debug)]
pub struct Error {
    /// What it means.
    pub kind: ErrorKind,
    /// For a person.
    pub message: String,
    /// The provider's own code.
    pub provider_code: Option<String>,
    /// The provider's own sentence, for a person: at most 300 characters on one line, without the
    /// credential. A stranger's text.
    pub provider_message: Option<String>,
}

impl Error {
    /// A failure of this kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), provider_code: None, provider_message: None }
    }

    /// An input that is none: which field, and what to write instead. Nothing was sent.
    pub fn input(field: &str, what: &str) -> Self {
        Self::new(ErrorKind::Invalid, format!("`{field}`: {what}"))
    }

    /// Adds the provider's own sentence.
    #[must_use]
    pub fn with_provider_message(self, provider_message: Option<String>) -> Self {
        Self { provider_message, ..self }
    }

    /// Adds the provider's own code.
    #[must_use]
    pub fn with_code(mut self, code: Option<String>) -> Self {
        self.provider_code = code;
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.provider_code {
            Some(code) => write!(f, "{} (`{code}`)", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Error {}

impl From<outbound::Error> for Error {
    fn from(error: outbound::Error) -> Self {
        Self::new(ErrorKind::Unavailable, error.to_string())
    }
}

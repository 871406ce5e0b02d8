//! Why a request was not answered. Holds hosts, never paths, queries or bodies.

use std::time::Duration;

/// The client can't be set up as configured.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// An entry of the allow-list can't be read.
    #[error(
        "`{0}` is no host, host:port, address or network; write it like localhost:8090 or 10.0.0.0/8"
    )]
    Allow(String),
    /// The HTTP library refused its settings.
    #[error("the HTTP client can't be set up: {0}")]
    Client(String),
}

/// A request that brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The guard does not let this out.
    #[error("the hub does not call {host}: {why}")]
    Refused {
        /// Where it was to go.
        host: String,
        /// Why not.
        why: &'static str,
    },
    /// The URL is none that can be called.
    #[error("this URL can't be called: {0}")]
    InvalidUrl(&'static str),
    /// No connection; the peer received nothing.
    #[error("no connection to {host}")]
    Connect {
        /// Where it was to go.
        host: String,
    },
    /// Time ran out.
    #[error("{host} did not answer within {} s", .limit.as_secs())]
    Timeout {
        /// Where it went.
        host: String,
        /// How long was waited.
        limit: Duration,
    },
    /// The answer is larger than it may be.
    #[error("{host} answered with more than {limit} bytes")]
    TooLarge {
        /// Where it came from.
        host: String,
        /// The most.
        limit: usize,
    },
    /// The connection broke, or what came was no HTTP.
    #[error("the connection to {host} broke")]
    Broken {
        /// Where it went.
        host: String,
    },
}

impl Error {
    /// A stable code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refused",
            Self::InvalidUrl(_) => "invalid_url",
            Self::Connect { .. } => "connect",
            Self::Timeout { .. } => "timeout",
            Self::TooLarge { .. } => "too_large",
            Self::Broken { .. } => "broken",
        }
    }

    /// Whether the peer may have acted on the request; false only where it certainly has not.
    pub fn may_have_been_received(&self) -> bool {
        !matches!(self, Self::Refused { .. } | Self::InvalidUrl(_) | Self::Connect { .. })
    }
}

//! What can go wrong, in one shape: a kind, a stable code and a sentence for a person.

use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

use serde_json::{Map, Value};

/// What sort of thing went wrong; the server turns it into a status in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No credential, or not one that we know.
    Unauthenticated,
    /// A known caller that may not do this.
    Forbidden,
    /// Absent, or another workspace's: the two are not told apart.
    NotFound,
    /// It can't be done in the present state.
    Conflict,
    /// The input is wrong; nothing was changed.
    Invalid,
    /// It may work later; nothing was changed.
    Unavailable,
    /// Our own fault.
    Internal,
}

/// A failure of the hub.
///
/// `code` is for programs and never changes its meaning; `detail` says what happened, why and what
/// to do, and never holds a secret.
pub struct Error {
    /// The sort.
    pub kind: Kind,
    /// The stable code, `snake_case`.
    pub code: &'static str,
    /// A sentence or two for a person.
    pub detail: String,
    /// More members for the answer.
    pub extra: Map<String, Value>,
    /// When to try again.
    pub retry_after: Option<Duration>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The hub's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A failure of this kind.
    pub fn new(kind: Kind, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind,
            code,
            detail: detail.into(),
            extra: Map::new(),
            retry_after: None,
            source: None,
        }
    }

    /// There is no such thing in this workspace.
    pub fn not_found(what: &str) -> Self {
        Self::new(
            Kind::NotFound,
            "not_found",
            format!(
                "There is no such {what} in this workspace. Check the id, and whose key you use."
            ),
        )
    }

    /// The input is wrong.
    pub fn invalid(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Kind::Invalid, code, detail)
    }

    /// It can't be done in the present state.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Kind::Conflict, code, detail)
    }

    /// A known caller that may not do this.
    pub fn forbidden(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Kind::Forbidden, code, detail)
    }

    /// It may work later.
    pub fn unavailable(code: &'static str, detail: impl Into<String>, after: Duration) -> Self {
        Self { retry_after: Some(after), ..Self::new(Kind::Unavailable, code, detail) }
    }

    /// Our own fault; the cause goes to the log, not to the caller.
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            source: Some(source.into()),
            ..Self::new(
                Kind::Internal,
                "internal",
                "The hub failed at this. The log has the cause under this request id.",
            )
        }
    }

    /// The same failure for each of several that waited for one thing.
    pub(crate) fn shared(error: Arc<Self>) -> Self {
        Self {
            kind: error.kind,
            code: error.code,
            detail: error.detail.clone(),
            extra: error.extra.clone(),
            retry_after: error.retry_after,
            source: Some(error.into()),
        }
    }

    /// Says it in other words.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }

    /// Adds a member to the answer.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(name.to_owned(), value.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)?;
        match &self.source {
            Some(source) => write!(f, " ({source})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

impl From<sea_orm::DbErr> for Error {
    fn from(error: sea_orm::DbErr) -> Self {
        use sea_orm::DbErr;
        let silent = matches!(error, DbErr::ConnectionAcquire(_) | DbErr::Conn(_));
        if !silent && !is_locked(&error) {
            return Self::internal(error);
        }
        Self {
            source: Some(error.into()),
            ..Self::unavailable(
                "store_unavailable",
                "The hub's database does not answer. Nothing was changed; try again shortly.",
                Duration::from_secs(1),
            )
        }
    }
}

/// Whether somebody else held a lock for too long: PostgreSQL's `lock_not_available`, SQLite's `SQLITE_BUSY`.
fn is_locked(error: &sea_orm::DbErr) -> bool {
    use sea_orm::{DbErr, RuntimeErr};
    let (DbErr::Exec(cause) | DbErr::Query(cause)) = error else { return false };
    let RuntimeErr::SqlxError(cause) = cause else { return false };
    let Some(error) = cause.as_database_error() else { return false };
    error.code().is_some_and(|code| code == "55P03" || code == "5")
}

impl From<vault::Error> for Error {
    fn from(error: vault::Error) -> Self {
        if error.is_transient() {
            let detail = format!("{error}.");
            let second = Duration::from_secs(1);
            return Self {
                source: Some(error.into()),
                ..Self::unavailable("key_service_unavailable", detail, second)
            };
        }
        Self::internal(error)
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::internal(error)
    }
}

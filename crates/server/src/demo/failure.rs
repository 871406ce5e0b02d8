//! Why the demo can't go on.

/// What happened, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{what} {remedy}")]
pub(crate) struct Failure {
    what: String,
    remedy: String,
}

impl Failure {
    /// Both are whole sentences.
    pub(super) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into() }
    }

    /// The hub, or the demo in it, is not there.
    pub(super) fn not_running(what: impl Into<String>) -> Self {
        Self::new(what, "Start it with `make run` in another terminal.")
    }

    /// Says in which step it happened.
    #[must_use]
    pub(super) fn during(self, step: &str) -> Self {
        Self { what: format!("{step}: {}", self.what), remedy: self.remedy }
    }
}

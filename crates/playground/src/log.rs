//! What the token and revocation endpoints saw, for tests that ask afterwards.

use std::collections::VecDeque;

use serde::Serialize;

use crate::clock::Moment;

/// The most events; the oldest are forgotten.
const MOST: usize = 20_000;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Tokens for a code or for a client's own credentials.
    Issued,
    /// Tokens for a refresh token.
    Refreshed,
    /// A refresh token came again that had been replaced.
    Reused,
    /// No tokens.
    Refused,
    /// A grant or a token ended.
    Revoked,
    /// Answered as ordered by `/_playground/behaviour`, and not at all otherwise.
    Misbehaved,
}

/// One line of the log.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Event {
    /// Milliseconds since 1970.
    pub(crate) at_ms: i64,
    /// The `client_id` as presented.
    pub(crate) client: String,
    pub(crate) grant_type: String,
    pub(crate) kind: Kind,
    /// An error code, or the ordered mode.
    pub(crate) detail: Option<String>,
    /// The grant, where it is known.
    pub(crate) grant: Option<String>,
    /// Of the refresh token that was presented.
    pub(crate) refresh_token_sha256: Option<String>,
    /// The most refresh requests of this grant that were in flight at once so far.
    pub(crate) max_in_flight: u32,
}

impl Event {
    /// Without details.
    pub(crate) fn new(at: Moment, client: &str, grant_type: &str, kind: Kind) -> Self {
        Self {
            at_ms: at.0,
            client: client.chars().take(200).collect(),
            grant_type: grant_type.chars().take(200).collect(),
            kind,
            detail: None,
            grant: None,
            refresh_token_sha256: None,
            max_in_flight: 0,
        }
    }
}

/// What was counted since the log was last emptied.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Stats {
    issued: u64,
    refreshes: u64,
    reuses: u64,
    refused: u64,
    revoked: u64,
    misbehaved: u64,
    /// Over all grants, the most refresh requests of one grant that were in flight at once.
    max_concurrent_refreshes_per_grant: u32,
}

/// Events and counts.
#[derive(Default)]
pub(crate) struct Log {
    events: VecDeque<Event>,
    stats: Stats,
}

impl Log {
    pub(crate) fn push(&mut self, event: Event) {
        tracing::debug!(client = event.client, kind = ?event.kind, detail = event.detail, "token");
        let count = match event.kind {
            Kind::Issued => &mut self.stats.issued,
            Kind::Refreshed => &mut self.stats.refreshes,
            Kind::Reused => &mut self.stats.reuses,
            Kind::Refused => &mut self.stats.refused,
            Kind::Revoked => &mut self.stats.revoked,
            Kind::Misbehaved => &mut self.stats.misbehaved,
        };
        *count += 1;
        if self.events.len() >= MOST {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    /// Takes note of how many refreshes of one grant are in flight.
    pub(crate) fn in_flight(&mut self, now: u32) {
        let most = &mut self.stats.max_concurrent_refreshes_per_grant;
        *most = (*most).max(now);
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.iter().cloned().collect()
    }

    pub(crate) fn stats(&self) -> Stats {
        self.stats
    }
}

//! What a run has shown.

use std::time::Duration;

use super::{cell::Cell, run::RECOVERY};
use crate::rig::{Class, End};

/// What is known of one connection at the end.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) end: End,
    /// Refresh requests that Acme answered with new tokens.
    pub(crate) refreshed: u64,
    /// Those that presented a refresh token which had been replaced.
    pub(crate) reused: u64,
    /// Those that Acme refused.
    pub(crate) refused: u64,
    /// Replies in the hub's journal.
    pub(crate) kept: u64,
}

impl Connection {
    /// Replies with tokens that Acme sent and the hub did not get onto its disk: they never arrived, or
    /// it died before its fsync. This is the window that REFRESH.md declares open.
    fn unkept(&self) -> u64 {
        let honoured = self.reused.saturating_sub(self.refused);
        (self.refreshed + honoured).saturating_sub(self.kept)
    }
}

/// All that is known at the end of a run.
pub(crate) struct Evidence {
    pub(crate) cell: Cell,
    pub(crate) killed: bool,
    pub(crate) connections: Vec<Connection>,
    pub(crate) most_at_once: u64,
    /// Requests of which the hub says that no answer came in time.
    pub(crate) unanswered: u64,
    pub(crate) ready: Duration,
    pub(crate) recovery: Duration,
    pub(crate) log: String,
}

/// What a run has shown.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    pub(crate) cell: Cell,
    /// Whether the hub died at its point.
    pub(crate) killed: bool,
    /// Connections of which two refresh requests were under way at once.
    pub(crate) overlapping: u64,
    /// Replies that were in the journal and not used.
    pub(crate) journaled_lost: u64,
    /// Connections that a person must link again, and within the window.
    pub(crate) lost_inside: u64,
    /// The same, outside of it.
    pub(crate) lost_outside: u64,
    /// From the start of the new process until all was well or told.
    pub(crate) recovery: Duration,
    /// How long the process took of it before it was ready.
    pub(crate) ready: Duration,
    /// What must not be, in words.
    pub(crate) wrong: Vec<String>,
}

/// Holds the evidence against what is promised.
pub(crate) fn judge(evidence: &Evidence) -> Verdict {
    let cell = evidence.cell;
    let mut verdict = Verdict {
        cell,
        killed: evidence.killed,
        overlapping: 0,
        journaled_lost: 0,
        lost_inside: 0,
        lost_outside: 0,
        recovery: evidence.recovery,
        ready: evidence.ready,
        wrong: Vec::new(),
    };
    if evidence.most_at_once > 1 {
        verdict.overlapping = 1;
        verdict.wrong.push(format!("{} requests of one grant at once", evidence.most_at_once));
    }
    for connection in &evidence.connections {
        judge_one(cell.class, connection, &mut verdict);
    }
    let unkept: u64 = evidence.connections.iter().map(Connection::unkept).sum();
    if unkept > may_be_unkept(evidence) {
        verdict.wrong.push(format!("{unkept} replies that arrived are not in the journal"));
    }
    if evidence.recovery > RECOVERY {
        verdict.wrong.push(format!("recovered after {:.1?} only", evidence.recovery));
    }
    if !verdict.wrong.is_empty() {
        verdict.wrong.push(format!("{:?} {:?}", cell.plan(), evidence.connections));
        verdict.wrong.push(evidence.log.clone());
    }
    verdict
}

fn judge_one(class: Class, connection: &Connection, verdict: &mut Verdict) {
    let unkept = connection.unkept();
    if connection.reused > unkept {
        let lost = connection.reused - unkept;
        verdict.journaled_lost += lost;
        verdict.wrong.push(format!("{lost} journaled replies were not used"));
    }
    match &connection.end {
        End::Well => {}
        End::Lost if class == Class::Strict && unkept > 0 && connection.refused > 0 => {
            verdict.lost_inside += 1;
        }
        End::Lost => {
            verdict.lost_outside += 1;
            verdict.wrong.push("a connection was lost outside the window".to_owned());
        }
        End::Stuck(answer) => {
            verdict.wrong.push(format!("a connection did not recover: {answer}"));
        }
    }
}

/// At most so many replies may have reached no disk: those of requests that were under way when the
/// process died, and those of which the hub itself says that they did not come.
fn may_be_unkept(evidence: &Evidence) -> u64 {
    let others = evidence.connections.len() as u64 - 1;
    let own = u64::from(evidence.cell.point == "after_send");
    let dying = if evidence.killed { others + own } else { 0 };
    dying + evidence.unanswered
}

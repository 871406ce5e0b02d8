//! What there is: the connection's row, two replicas with their journals, requests on their way.
//!
//! Times are counted down in ticks. A claim's deadline is one tick away, its quiet time two.

use crate::provider::{Provider, Reply};

/// Refresh tokens are numbered in the order in which the provider issues them; the first is 0.
pub(crate) type Token = u8;

/// A small set of tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Tokens(u8);

impl Tokens {
    pub(crate) fn insert(&mut self, token: Token) {
        self.0 |= 1 << token;
    }

    pub(crate) fn remove(&mut self, token: Token) {
        self.0 &= !(1 << token);
    }

    pub(crate) fn contains(self, token: Token) -> bool {
        self.0 & (1 << token) != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn newest(self) -> Option<Token> {
        (0..8).rev().find(|token| self.contains(*token))
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Token> {
        (0..8).filter(move |token| self.contains(*token))
    }
}

/// One connection and everybody around it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) row: Row,
    pub(crate) provider: Provider,
    pub(crate) replicas: [Replica; 2],
    /// Written by somebody, not yet seen by the provider. Whoever wrote it may be gone.
    pub(crate) requests: Vec<Request>,
    pub(crate) budget: Budget,
    pub(crate) history: History,
}

/// The connection's row in the database.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Row {
    pub(crate) state: RowState,
    pub(crate) generation: u8,
    pub(crate) token: Token,
    /// The token was a candidate before.
    pub(crate) from_candidate: bool,
    pub(crate) fence: u8,
    pub(crate) owner: Option<usize>,
    /// Ticks until `quiet_until`.
    pub(crate) quiet: u8,
    pub(crate) hold: Hold,
    pub(crate) candidates: Tokens,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum RowState {
    Ready,
    InFlight,
    Uncertain,
    Reauth,
}

/// How a strict provider's row, left behind by its owner, is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Hold {
    /// Until the owner acknowledges.
    Holding,
    /// The access token nears its end: one last try is allowed.
    Over,
    /// That try was taken.
    Used,
}

/// One process of the hub, with its data directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Replica {
    pub(crate) stage: Stage,
    /// Survives a crash.
    pub(crate) journal: Option<Entry>,
    /// It can't reach the database; the provider it can.
    pub(crate) cut_off: bool,
}

/// What a claim returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Lease {
    pub(crate) fence: u8,
    pub(crate) generation: u8,
    pub(crate) token: Token,
}

/// A raw reply in the journal, with the lease under which it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Entry {
    pub(crate) lease: Lease,
    pub(crate) reply: Reply,
}

/// How far a replica's refresh is. `left`: ticks until the deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Stage {
    Idle,
    /// The claim is durable; the connection to the provider is being made.
    Claimed {
        lease: Lease,
        left: u8,
        from_peer: bool,
    },
    /// Fence and generation were read again.
    Checked {
        lease: Lease,
        left: u8,
    },
    /// The request is written.
    Sent(Lease),
    /// The reply is there, but a crash would still lose it.
    Answered(Lease, Reply),
    /// Only in a broken variant: the reply is read but in no journal.
    Parsed(Entry),
    /// The reply is in the journal, to be recorded in the row.
    Journaled {
        replayed: bool,
    },
    /// It is recorded; the journal's entry is still to be struck out. `late`: the lease was another's.
    Recorded {
        late: bool,
    },
    /// It was sent, and no reply will come.
    NoAnswer(Lease),
    Down,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Request {
    pub(crate) from: usize,
    pub(crate) fence: u8,
    pub(crate) token: Token,
    /// Ticks within which the provider has dealt with it or it is lost.
    pub(crate) life: u8,
}

/// How much may still happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    pub(crate) claims: u8,
    pub(crate) crashes: u8,
    /// Requests or answers that are lost on their way.
    pub(crate) losses: u8,
    pub(crate) partitions: u8,
    /// Timeouts although the answer would still come.
    pub(crate) timeouts: u8,
}

/// What the invariants have to know of the past. No step of the protocol reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct History {
    /// The provider rotated, and nobody got to know: the one loss that can't be prevented. Or the hold
    /// of a strict provider's row was ended by its access token's nearing end.
    pub(crate) excused: bool,
    /// Superseded tokens died of age.
    pub(crate) grace_ended: bool,
    /// Tokens of journaled replies that were neither refused nor used for a later generation.
    pub(crate) owed: Tokens,
    /// Tokens that the provider refused, as a journaled reply says.
    pub(crate) refused: Tokens,
    /// By replica: strict tokens presented whose outcome nobody has recorded.
    pub(crate) open: [Tokens; 2],
    /// One of those was presented again.
    pub(crate) presented_early: bool,
}

impl State {
    pub(crate) fn new(budget: Budget) -> Self {
        let replica = Replica { stage: Stage::Idle, journal: None, cut_off: false };
        Self {
            row: Row {
                state: RowState::Ready,
                generation: 0,
                token: 0,
                from_candidate: false,
                fence: 0,
                owner: None,
                quiet: 0,
                hold: Hold::Holding,
                candidates: Tokens::default(),
            },
            provider: Provider::default(),
            replicas: [replica.clone(), replica],
            requests: Vec::new(),
            budget,
            history: History::default(),
        }
    }

    /// The same with the replicas' numbers in a fixed order: what is true of one is true of its mirror image.
    pub(crate) fn unmirrored(mut self) -> Self {
        let rank =
            |me: usize| (&self.replicas[me], self.row.owner == Some(me), self.history.open[me]);
        if rank(0) > rank(1) {
            self.replicas.swap(0, 1);
            self.history.open.swap(0, 1);
            self.row.owner = self.row.owner.map(|owner| 1 - owner);
            for request in &mut self.requests {
                request.from = 1 - request.from;
            }
        }
        self
    }

    /// Nobody is doing anything, and no journal has anything left to say.
    pub(crate) fn is_quiescent(&self) -> bool {
        self.requests.is_empty()
            && self.row.state != RowState::InFlight
            && self.replicas.iter().all(|r| r.stage == Stage::Idle && r.journal.is_none())
    }
}

impl Row {
    pub(crate) fn is_leased_to(&self, replica: usize, lease: Lease) -> bool {
        self.state == RowState::InFlight && self.fence == lease.fence && self.owner == Some(replica)
    }

    /// Ends the lease and its quiet time.
    pub(crate) fn release(&mut self) {
        self.state = RowState::Ready;
        self.owner = None;
        self.quiet = 0;
    }

    /// The next generation.
    pub(crate) fn store(&mut self, token: Token) {
        self.token = token;
        self.generation += 1;
        self.hold = Hold::Holding;
        self.from_candidate = false;
    }

    /// Goes on with the newest candidate, if there is one.
    pub(crate) fn promote_candidate(&mut self) -> bool {
        let Some(candidate) = self.candidates.newest() else { return false };
        self.candidates.remove(candidate);
        self.store(candidate);
        self.from_candidate = true;
        self.state = RowState::Ready;
        true
    }
}

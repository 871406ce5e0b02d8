//! What Acme remembers. One lock, held briefly and never across a wait.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{
    Config,
    behaviour::{Behaviour, On, Order},
    bounded::Bounded,
    clock::Moment,
    demo::Records,
    log::Log,
    oauth::{grants::Grants, request::AuthorizeRequest},
};

/// The most consent pages, and pushed requests, that are open at once.
const MOST_OPEN: usize = 10_000;

/// How handlers share it.
pub(crate) type Shared = Arc<Acme>;

/// Acme: its configuration and its memory.
pub(crate) struct Acme {
    pub(crate) config: Config,
    memory: Mutex<Memory>,
}

/// What changes.
pub(crate) struct Memory {
    pub(crate) grants: Grants,
    /// Consent pages that were shown and not yet answered.
    pub(crate) pending: Bounded<Open>,
    /// Requests that were pushed (RFC 9126).
    pub(crate) pushed: Bounded<Open>,
    pub(crate) behaviour: Behaviour,
    pub(crate) log: Log,
    pub(crate) records: Records,
}

/// A request that waits for a person.
pub(crate) struct Open {
    pub(crate) request: AuthorizeRequest,
    pub(crate) until: Moment,
}

impl Acme {
    pub(crate) fn new(config: Config) -> Shared {
        let memory = Memory {
            grants: Grants::new(),
            pending: Bounded::new(MOST_OPEN),
            pushed: Bounded::new(MOST_OPEN),
            behaviour: Behaviour::default(),
            log: Log::default(),
            records: Records::seeded(config.clock.now()),
        };
        Arc::new(Self { config, memory: Mutex::new(memory) })
    }

    pub(crate) fn now(&self) -> Moment {
        self.config.clock.now()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the next request is to be answered.
    pub(crate) fn order(&self, on: On, client: &str) -> Order {
        self.lock().behaviour.take(on, client)
    }
}

//! The audit chain and the one writer of a process.
//!
//! Each workspace has one hash chain, and the platform has one of its own (`system`). An entry's hash
//! covers the hash before it, its place and its exact bytes, which are kept.

mod chain;
mod change;
mod entry;
mod heads;
mod person;
mod save;
mod store;
mod writer;

pub use chain::{ZERO, hash, verify};
pub use change::{Change, Reach, change};
pub use entry::{Draft, Outcome, Personal, Release, Subject};
pub use person::{OfPerson, of_person};
pub use save::{EVENT, Event, Save, SaveOutcome, enqueue_event};
pub use store::{Row, list};
pub use writer::{Appended, WriteError, Writer};

//! The audit chain and the one writer of a process.
//!
//! Each workspace has one hash chain, and the platform has one of its own (`system`). An entry's hash
//! covers the hash before it, its place and its exact bytes, which are kept.

mod chain;
mod change;
mod checkpoint;
mod entry;
mod export;
mod finding;
mod heads;
mod lines;
mod note;
mod person;
mod retain;
mod save;
mod store;
mod verify;
mod writer;

pub use chain::{ZERO, hash, verify};
pub use change::{Change, Reach, change};
pub use checkpoint::{Signed, newest, sign_due, sign_now, signer};
pub use entry::{Draft, Outcome, Personal, Ran, Release, Subject};
pub use export::{Export, Span};
pub use finding::{Fault, Finding, Report};
pub use note::{Checkpoint, MOST_NOTE, NoteError, Signer, VerifierKey};
pub use person::{OfPerson, of_person};
pub use retain::{anchor, cut, cut_due};
pub use save::{EVENT, Event, Save, SaveOutcome, enqueue_event};
pub use store::{Column as EntryColumn, Entity as EntryEntity, Row, list};
pub use verify::{MOST_LINE, Verifier};
pub use writer::{Appended, WriteError, Writer};

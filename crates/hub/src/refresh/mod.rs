//! Keeping access tokens fresh: claim, send, journal, save, recover.
//!
//! A lease in the connection's row is taken in one durable statement before anything is sent, so that over
//! all replicas one request at most is in flight. The raw reply is on disk before it is read. A received
//! credential is saved wherever the row still has the version it was made from, and kept beside it where
//! not. Only a provider's definitive word leads to "link again".

mod claim;
mod conclude;
mod events;
mod journal;
mod pace;
mod point;
mod receive;
mod recover;
mod schedule;
mod send;
mod service;
mod test;
mod timing;
mod warn;

pub use claim::Lease;
pub use journal::Journal;
pub(crate) use point::point;
pub use receive::{can_renew, next_due};
pub use recover::Recovered;
pub use service::{Freshness, Process, Refresher, incarnation};
pub use test::test;
pub use timing::Timings;

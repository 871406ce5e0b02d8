//! Keeping access tokens fresh: claim, send, save.
//!
//! A lease in the connection's row is taken in one durable transaction before anything is sent, so
//! that over all replicas one refresh at most is under way. A received credential is saved wherever
//! the row still has the version it was made from.

mod claim;
mod schedule;
mod send;
mod service;
mod test;

pub use claim::{Lease, claim_due};
pub use service::{Freshness, Refresher, next_due};
pub use test::test;

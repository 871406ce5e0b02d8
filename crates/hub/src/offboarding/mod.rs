//! Ending things for good: the kill switch, a person's erasure, a workspace's closing.
//!
//! All go the same way: hand-outs stop in one commit; then, in the background, each grant is ended at its
//! provider, and every connection keeps a receipt of what became of it.

mod closing;
mod disconnect;
mod export;
mod kill;
mod person;
mod receipts;

pub use closing::{CLOSE_WORKSPACE, Closing, close, close_step, closing};
pub use disconnect::{DISCONNECT_ALL, disconnect_step};
pub use export::{PersonRecord, export_person};
pub use kill::{Killed, Target, kill, kill_shared};
pub use person::{Erased, erase_person};
pub use receipts::{Receipts, receipts};

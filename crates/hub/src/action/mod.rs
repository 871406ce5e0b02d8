//! Actions: the hub does for an agent what the agent may have done, and gives it the result alone.

mod fault;
mod run;
mod service;

pub use run::Came;
pub use service::{Done, Ran, Told, perform};

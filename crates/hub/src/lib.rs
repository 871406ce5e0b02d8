//! The product without an HTTP server: one room per noun.
//!
//! Rooms stand on floors and use only their own and those below; `docs/architecture.md` draws them and
//! `crates/base/tests/arrows.rs` checks it.

pub mod action;
pub mod agent;
pub mod audit;
pub mod client;
pub mod connection;
pub mod end_user;
mod error;
pub mod idempotency;
pub mod integration;
pub mod jobs;
pub mod keys;
pub mod offboarding;
pub mod page;
pub mod policy;
pub mod provider;
pub mod refresh;
pub mod release;
pub mod session;
mod slug;
pub mod store;
pub mod workspace;

pub use error::{Error, Kind, Result};

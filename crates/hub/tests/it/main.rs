//! The hub's promises that need a moved clock or a provider that does as it is told.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod agents_ask;
mod clients;
mod completion;
mod provider;
mod refreshing;
mod scene;
mod sessions;
mod shared_clients;

//! The hub's promises that need a moved clock or a provider that does as it is told.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod actions;
mod acts;
mod agents_ask;
mod audit_chain;
mod certificates;
mod clients;
mod completion;
mod idempotency_keys;
mod journals;
mod key_destruction;
mod key_lifetime;
mod key_model;
mod key_rotation;
mod lifetimes;
mod linking;
mod lists;
mod manifests;
mod migrating;
mod notes;
mod offboarding;
mod other;
mod policies;
mod provider;
mod providers;
mod recovering;
mod refreshing;
mod replicas;
mod revocation;
mod scene;
mod sealing;
mod sessions;
mod shared_clients;
mod signed;
mod signed_grants;
mod tested;
mod told;
mod turns;

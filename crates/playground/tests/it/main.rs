//! Acme as its clients see it, in process.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod acme;
mod api;
mod authorize;
mod behaviour;
mod code;
mod refresh;
mod revoke;

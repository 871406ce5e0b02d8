//! What becomes of connections when something dies, stalls or fails: against the real binary, built with
//! named points at which it can be killed.
//!
//! docs/fault-tests.md says what is shown and how. The tests of `long` belong to `make fault-test`.

#![cfg(test)]

#[allow(dead_code, unused_imports, unused_macros, reason = "what users do needs more of it")]
#[path = "../it/harness/mod.rs"]
#[macro_use]
mod harness;

mod disk_full;
mod kill_matrix;
mod long;
mod matrix;
mod openid;
mod rig;

//! What takes its time: only `make fault-test` runs these.
//!
//! nextest leaves them out by its default filter (`.config/nextest.toml`); for those who run the tests
//! without nextest each asks for itself.

mod database;
mod disk_full;
mod drain;
mod kill_matrix;
mod outage;
mod replicas;

use std::time::Duration;

use crate::harness::{environment, process::show};

/// How long the matrix may take; none = this is no fault test, and nothing long is to be done.
fn budget() -> Option<Duration> {
    let Some(minutes) = environment::optional("FAULT_MINUTES") else {
        show("skipped: FAULT_MINUTES is not set; `make fault-test` runs this");
        return None;
    };
    let minutes: f64 = minutes.parse().expect("FAULT_MINUTES is a number");
    Some(Duration::from_secs_f64(minutes * 60.0))
}

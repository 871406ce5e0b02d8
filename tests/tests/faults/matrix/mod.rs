//! The kill matrix: the hub is killed at a step of a refresh, started again, and asked until every
//! connection is fresh or known to be lost.

mod cell;
mod judge;
mod report;
mod run;

pub(crate) use cell::{Cell, Kind, POINTS};
pub(crate) use report::Report;
pub(crate) use run::run;

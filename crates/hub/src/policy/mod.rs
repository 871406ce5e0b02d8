//! Who may do what. Nothing is allowed without a policy.
//!
//! [`decide`] is the one place that says yes or no.

mod decide;
mod service;

pub use decide::{Act, Ask, Decision, Denied, Form, Granted, OwnerKind, Rule, decide};
pub use service::{Model as Policy, active, delete, get, list, put};

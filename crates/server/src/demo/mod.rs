//! A first look: a demo workspace, a demo chat platform, and a walk from link to token to call.
//!
//! All of it goes through the public API, as a platform's own back end would.

mod api;
mod browser;
mod link;
mod note;
mod pages;
mod paste;
mod platform;
mod seed;
mod sign_in;
mod terminal;
mod up;
mod walk;

pub(crate) use up::up;
pub(crate) use walk::walk;

/// Where Acme, the playground provider, listens.
const ACME: &str = "http://localhost:8090";
/// Where browsers reach the demo platform.
const PLATFORM: &str = "http://localhost:8070";
/// The demo workspace.
const WORKSPACE: &str = "demo";

/// Why the demo can't go on, for a person.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct DemoError(String);

fn failed(why: impl Into<String>) -> DemoError {
    DemoError(why.into())
}

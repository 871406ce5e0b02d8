//! What fault tests need besides the harness: processes that are killed and started again on the same
//! data directory, and Acme's own record of what it was sent.

mod acme;
mod binary;
mod hub;
mod journal;
mod proxy;
mod scene;
mod seed;
mod watch;

pub(crate) use acme::{Acme, Class, Event};
pub(crate) use hub::{Launch, Replica};
pub(crate) use journal::replies;
pub(crate) use proxy::{Proxy, Way};
pub(crate) use scene::{Link, Scene, Set};
pub(crate) use seed::Seed;
pub(crate) use watch::{Asking, End, grants, now_ms, seen, sends, until_sent, until_well};

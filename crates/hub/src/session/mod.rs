//! Connect sessions: short-lived permission to link, opened as a hosted page and completed only for
//! the user it was made for.

mod ask;
mod browser;
mod complete;
mod create;
mod entity;
mod expire;
mod export;
mod finish;
mod link;
mod signed;
mod submit;

pub(crate) use ask::connect;
pub use ask::{Answer, ConnectRequired, FixableBy, OpenSession, token};
pub use browser::{bind, by_browser, by_token, choose};
pub use complete::{Completed, complete};
pub use create::{Made, NewOwner, NewSession, create, get, token_of};
pub use entity::{Fault, Intent, Model as Session, SEALED, Status};
pub use expire::{end_open, expire_due};
pub use export::of_person;
pub use finish::{Review, cancel, completion_code, granted, review};
pub use link::{Start, callback, start};
pub use submit::submit;

//! Envelope encryption and key sources: the only crate that touches AES. Stores nothing.
//!
//! Two layers: a [`KeySource`] wraps data keys; a [`DataKey`] seals values. A sealed value is bound
//! to its [`Place`] and opens nowhere else.

mod error;
mod key;
mod local;
mod place;
mod sealed;
mod source;

pub use error::Error;
pub use key::{DataKey, KeyRef};
pub use local::{Created, LocalKeys, open_or_create_key_file};
pub use place::Place;
pub use sealed::Sealed;
pub use source::{KeySource, Wrapped};

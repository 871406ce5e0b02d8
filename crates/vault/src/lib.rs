//! Envelope encryption and key sources: the only crate that touches AES. Stores nothing.
//!
//! Two layers: a [`KeySource`] wraps data keys; a [`DataKey`] seals values. A sealed value is bound
//! to its [`Place`] and opens nowhere else.

mod error;
mod key;
#[cfg(feature = "aws-kms")]
mod kms;
mod local;
mod locked;
mod noted;
mod place;
mod sealed;
mod service;
mod several;
mod source;
mod transit;

pub use error::Error;
pub use key::{DataKey, KeyRef};
#[cfg(feature = "aws-kms")]
pub use kms::{AwsCredentials, Kms, KmsSettings};
pub use local::{Created, LocalKeys, open_or_create_key_file};
pub use locked::unlocked_pages;
pub use place::Place;
pub use sealed::Sealed;
pub use service::KEY_SERVICE_TIMEOUT;
pub use several::KeySources;
pub use source::{KeySource, Wrapped};
pub use transit::{Transit, TransitSettings, TransitToken};

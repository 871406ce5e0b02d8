//! Where the outer keys are.

use async_trait::async_trait;
use base::Rng;

use crate::{DataKey, Error, KeyRef, Place};

/// A data key wrapped by a key source; its format is the source's own.
#[derive(Clone, PartialEq, Eq)]
pub struct Wrapped(Vec<u8>);

impl Wrapped {
    /// Bytes as they were stored.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, Error> {
        if bytes.is_empty() || bytes.len() > 16 * 1024 {
            return Err(Error::Malformed("a wrapped key has 1 byte to 16 KiB"));
        }
        Ok(Self(bytes))
    }

    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Wraps and unwraps data keys: a file or the environment for one machine, a key service for more.
#[async_trait]
pub trait KeySource: Send + Sync {
    /// What it is, for people.
    fn name(&self) -> &str;

    /// The id of the key that wraps now, for people and logs. A key service's is complete once it
    /// is [`ready`](Self::ready).
    fn primary(&self) -> String;

    /// Whether it holds the key that `wrapped` was wrapped with. Asks nobody.
    fn knows(&self, wrapped: &Wrapped) -> bool;

    /// Whether `wrapped` was wrapped with the key, and the version of it, that wraps now. Asks nobody:
    /// a key service's newest version is the one seen by [`ready`](Self::ready) or by the last `wrap`.
    fn is_current(&self, wrapped: &Wrapped) -> bool;

    /// Makes sure that the keys are there and fit, and learns their newest versions. Asked before a
    /// hub starts and before it looks for what is to be wrapped anew; the error says what to do.
    async fn ready(&self) -> Result<(), Error>;

    /// What has to be done now and then so that the source stays usable while nothing is wrapped or
    /// unwrapped, such as renewing a lease. Cheap when nothing is due; call it about once a minute.
    async fn keep_alive(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Wraps a workspace's data key.
    async fn wrap(&self, rng: &dyn Rng, workspace: &str, key: &DataKey) -> Result<Wrapped, Error>;

    /// Unwraps what `wrap` wrapped for the same workspace and key id.
    async fn unwrap(
        &self,
        workspace: &str,
        id: KeyRef,
        wrapped: &Wrapped,
    ) -> Result<DataKey, Error>;
}

/// The place that a wrapped data key is bound to; `id` is the data key's.
pub(crate) fn place<'a>(workspace: &'a str, id: &'a str) -> Place<'a> {
    Place { workspace, row: id, field: "data_key", generation: 0 }
}

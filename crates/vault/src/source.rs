//! Where the outer keys are.

use async_trait::async_trait;
use base::Rng;

use crate::{DataKey, Error, KeyRef};

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

    /// The id of the key that wraps now.
    fn primary(&self) -> String;

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

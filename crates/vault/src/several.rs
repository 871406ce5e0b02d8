//! More than one key source, so that one can follow another.

use std::sync::Arc;

use async_trait::async_trait;
use base::Rng;

use crate::{DataKey, Error, KeyRef, KeySource, Wrapped};

/// The most sources.
const MOST: usize = 8;

/// Several key sources: the first wraps, all unwrap. A hub moves from a key file to a key service, or
/// back, by putting the new one first until everything is wrapped anew.
pub struct KeySources {
    name: String,
    sources: Vec<Arc<dyn KeySource>>,
}

impl KeySources {
    /// One to eight sources.
    pub fn new(sources: Vec<Arc<dyn KeySource>>) -> Result<Self, Error> {
        if sources.is_empty() || sources.len() > MOST {
            return Err(Error::Setting {
                setting: "VALETKEY_KEY_SOURCE",
                why: "write one to eight sources; the first wraps, all unwrap".to_owned(),
            });
        }
        let names: Vec<_> = sources.iter().map(|source| source.name()).collect();
        Ok(Self { name: names.join(", then "), sources })
    }
}

#[async_trait]
impl KeySource for KeySources {
    fn name(&self) -> &str {
        &self.name
    }

    fn primary(&self) -> String {
        self.sources[0].primary()
    }

    fn knows(&self, wrapped: &Wrapped) -> bool {
        self.sources.iter().any(|source| source.knows(wrapped))
    }

    fn is_current(&self, wrapped: &Wrapped) -> bool {
        self.sources[0].is_current(wrapped)
    }

    async fn ready(&self) -> Result<(), Error> {
        for source in &self.sources {
            source.ready().await?;
        }
        Ok(())
    }

    /// One source's failure keeps none of the others from what it has to do; the first is told.
    async fn keep_alive(&self) -> Result<(), Error> {
        let mut all = Ok(());
        for source in &self.sources {
            all = all.and(source.keep_alive().await);
        }
        all
    }

    async fn wrap(&self, rng: &dyn Rng, workspace: &str, key: &DataKey) -> Result<Wrapped, Error> {
        self.sources[0].wrap(rng, workspace, key).await
    }

    /// Asks the source that knows the key. Where none does, the first says what is missing.
    async fn unwrap(
        &self,
        workspace: &str,
        id: KeyRef,
        wrapped: &Wrapped,
    ) -> Result<DataKey, Error> {
        let known = self.sources.iter().find(|source| source.knows(wrapped));
        known.unwrap_or(&self.sources[0]).unwrap(workspace, id, wrapped).await
    }
}

#![doc = include_str!("../README.md")]

mod support;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use connector::{Account, Api, Connector, Error, Manifest, identify_by_manifest};

/// Help Scout: its manifest, and its conversations.
pub struct HelpScout {
    manifest: Manifest,
}

/// The connector, for the server's list.
pub fn connector() -> Arc<dyn Connector> {
    let manifest = Manifest::parse(include_str!("../provider.toml"))
        .expect("provider.toml is compiled in, and the tests read it");
    Arc::new(HelpScout { manifest })
}

#[async_trait]
impl Connector for HelpScout {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    async fn identify(&self, api: &Api) -> Result<Account, Error> {
        identify_by_manifest(&self.manifest, api).await
    }

    fn support(&self) -> Option<&dyn connector::support::Support> {
        Some(self)
    }
}

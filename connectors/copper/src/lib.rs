#![doc = include_str!("../README.md")]

mod crm;
mod record;

use std::sync::Arc;

use async_trait::async_trait;
use connector::{Account, Api, Connector, Error, Manifest, identify_by_manifest};

/// Copper: its manifest, and what agents can do there.
pub struct Copper {
    manifest: Manifest,
}

/// The connector, for the server's list.
pub fn connector() -> Arc<dyn Connector> {
    let manifest = Manifest::parse(include_str!("../provider.toml"))
        .expect("provider.toml is compiled in, and the tests read it");
    Arc::new(Copper { manifest })
}

#[async_trait]
impl Connector for Copper {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    async fn identify(&self, api: &Api) -> Result<Account, Error> {
        identify_by_manifest(&self.manifest, api).await
    }

    fn crm(&self) -> Option<&dyn connector::crm::Crm> {
        Some(self)
    }
}

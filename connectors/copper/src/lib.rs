#![doc = include_str!("../README.md")]

mod calendar;
mod crm;
mod support;

use std::sync::Arc;

use async_trait::async_trait;
use connector::{Account, Api, Connector, Error, Manifest, identify_by_manifest};

/// Acme: its manifest, and what data can't say of it.
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

    // Acme has no quirks. A provider that needs more than one request to say whose account it is
    // asks with `api.get` here, one that answers oddly overrides `parse_token` or `classify`.
    async fn identify(&self, api: &Api) -> Result<Account, Error> {
        identify_by_manifest(&self.manifest, api).await
    }

    fn crm(&self) -> Option<&dyn connector::crm::Crm> {
        Some(self)
    }

    fn calendar(&self) -> Option<&dyn connector::calendar::Calendar> {
        Some(self)
    }

    fn support(&self) -> Option<&dyn connector::support::Support> {
        Some(self)
    }
}

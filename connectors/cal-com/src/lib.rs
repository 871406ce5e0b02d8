#![doc = include_str!("../README.md")]

mod calendar;

use std::sync::Arc;

use async_trait::async_trait;
use connector::{Account, Api, Connector, Error, Manifest, identify_by_manifest};

/// Cal.com: its manifest, and its bookings.
pub struct CalCom {
    manifest: Manifest,
}

/// The connector, for the server's list.
pub fn connector() -> Arc<dyn Connector> {
    let manifest = Manifest::parse(include_str!("../provider.toml"))
        .expect("provider.toml is compiled in, and the tests read it");
    Arc::new(CalCom { manifest })
}

#[async_trait]
impl Connector for CalCom {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    async fn identify(&self, api: &Api) -> Result<Account, Error> {
        identify_by_manifest(&self.manifest, api).await
    }

    fn calendar(&self) -> Option<&dyn connector::calendar::Calendar> {
        Some(self)
    }
}

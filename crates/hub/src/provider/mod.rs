//! Providers: the built-in connectors, and the workspaces' own manifests.

mod dry_run;
mod entity;
mod service;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use base::Timestamp;
use connector::{Connector, Inputs};
use moka::future::Cache;
use oauth::Endpoints;
use outbound::Outbound;

use crate::{Error, Result};

pub use dry_run::{DryRun, Step, dry_run};
pub use service::{Found, add, find, list};

/// The connectors that are compiled in, by slug, and the way to their servers.
#[derive(Clone)]
pub struct Registry {
    built_in: Arc<BTreeMap<String, Arc<dyn Connector>>>,
    outbound: Outbound,
    public_url: Arc<str>,
    /// What discovery told, by provider and inputs.
    endpoints: Cache<String, Endpoints>,
    /// What the operator was told lately.
    told: Cache<String, ()>,
}

impl Registry {
    /// A registry of these connectors; of two with one slug the later stays.
    ///
    /// `public_url` is where people's browsers reach the hub, without a slash at its end.
    pub fn new(
        connectors: impl IntoIterator<Item = Arc<dyn Connector>>,
        outbound: Outbound,
        public_url: &str,
    ) -> Self {
        let by_slug = connectors
            .into_iter()
            .map(|connector| (connector.card().slug.to_owned(), connector))
            .collect();
        Self {
            built_in: Arc::new(by_slug),
            outbound,
            public_url: public_url.trim_end_matches('/').into(),
            endpoints: Cache::builder()
                .max_capacity(10_000)
                .time_to_live(Duration::from_mins(10))
                .build(),
            told: Cache::builder()
                .max_capacity(10_000)
                .time_to_live(Duration::from_hours(48))
                .build(),
        }
    }

    /// The built-in connector of this slug.
    pub fn get(&self, slug: &str) -> Option<&Arc<dyn Connector>> {
        self.built_in.get(slug)
    }

    /// All built-in connectors, by slug.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Connector>> {
        self.built_in.values()
    }

    /// The only way out.
    pub fn outbound(&self) -> &Outbound {
        &self.outbound
    }

    /// The redirect URI to register for a client that has none of its own.
    pub fn callback_url(&self, client: &str) -> String {
        format!("{}/oauth/callback/{client}", self.public_url)
    }

    /// Where people's browsers reach the hub.
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// Whether the operator was not told this lately; from now on it counts as told.
    pub(crate) async fn is_news(&self, what: String) -> bool {
        self.told.entry(what).or_insert(()).await.is_fresh()
    }

    /// Where this provider's OAuth server listens, as its manifest or its discovery document says.
    pub async fn endpoints(
        &self,
        connector: &dyn Connector,
        inputs: &Inputs,
        now: Timestamp,
    ) -> Result<Endpoints> {
        let manifest = connector.manifest();
        // With the addresses: another version, or another workspace's provider of this name, has its own.
        let shows = manifest.client.certificate;
        let addresses = format!("{:?} {shows} {:?}", manifest.auth.kind, manifest.urls);
        let key = (&manifest.slug, inputs.as_map(), &manifest.issuer, addresses);
        let key = serde_json::to_string(&key)?;
        if let Some(known) = self.endpoints.get(&key).await {
            return Ok(known);
        }
        let found = oauth::endpoints(&self.outbound, manifest, inputs, now)
            .await
            .map_err(|error| unreachable_provider(&manifest.display_name, &error))?;
        self.endpoints.insert(key, found.clone()).await;
        Ok(found)
    }
}

fn unreachable_provider(name: &str, error: &oauth::Error) -> Error {
    Error::unavailable(
        "provider_unavailable",
        format!("{name} can't be used now: {error}. Nothing was changed; try again later."),
        Duration::from_secs(10),
    )
}

//! Who may ask how often. Counted in this process: with n replicas there is n times as much.
//!
//! A key that is wrong costs its source something ([`Limits::admit`]); a key that is right counts for its
//! agent, its workspace or itself; the connect pages count for their source.

mod buckets;
mod rate;
mod settings;
mod source;
mod standing;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use base::Rng;
use governor::clock::{Clock, DefaultClock};
use hub::{
    Kind,
    workspace::api_key::{Owner, Principal, is_well_formed},
};
use moka::{future::Cache, policy::EvictionPolicy};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use self::{buckets::Buckets, standing::refuse};
use crate::{connect, problem::Answer, state::AppState};

pub(crate) use settings::{Raw, Settings};
pub(crate) use source::{Peer, Source};
pub(crate) use standing::Standing;
pub(super) use {source::locate, standing::tell};

/// Keys that were right lately, and for how long "lately" is.
const MOST_KNOWN: u64 = 100_000;
const KNOWN_FOR: Duration = Duration::from_hours(24);
/// Keys of which nothing is known yet that are looked up at once: guesses can't use up the database.
const LOOKED_UP_AT_ONCE: usize = 32;

/// Whose request it is, as far as limits go. What a key belongs to never changes.
#[derive(Clone)]
enum Payer {
    Platform { key: String },
    Workspace { workspace: String },
    Agent { workspace: String, agent: String },
}

impl Payer {
    fn of(principal: &Principal) -> Self {
        match &principal.owner {
            Owner::Platform(_) => Self::Platform { key: principal.key.clone() },
            Owner::Workspace(workspace) => Self::Workspace { workspace: workspace.clone() },
            Owner::Agent { workspace, agent } => {
                Self::Agent { workspace: workspace.clone(), agent: agent.clone() }
            }
        }
    }
}

/// One request at the door.
pub(crate) struct Knock<'a> {
    /// Where it comes from.
    pub(crate) source: Source,
    /// The key that it shows.
    pub(crate) key: &'a str,
    /// The agent that it names, if it names one.
    pub(crate) agent: Option<&'a str>,
    /// Where its limits are told.
    pub(crate) standing: &'a Standing,
}

/// The limits of this process.
pub(crate) struct Limits<C: Clock = DefaultClock> {
    proxies: source::Proxies,
    agents: Option<Buckets<(String, String), C>>,
    workspaces: Option<Buckets<String, C>>,
    platform_keys: Option<Buckets<String, C>>,
    wrong_keys: Option<Buckets<Source, C>>,
    pages: Option<Buckets<Source, C>>,
    /// By a digest that only this process can make. It opens nothing: every request looks its key up.
    known: Cache<[u8; 32], Arc<Payer>>,
    salt: [u8; 32],
    unknown: Semaphore,
}

impl Limits {
    /// As they are set.
    pub(crate) fn new(settings: &Settings, rng: &dyn Rng) -> Self {
        Self::with(settings, rng, &DefaultClock::default())
    }
}

impl<C> Limits<C>
where
    C: Clock + Clone + Send + Sync + 'static,
{
    fn with(settings: &Settings, rng: &dyn Rng, clock: &C) -> Self {
        let mut salt = [0; 32];
        rng.fill(&mut salt);
        let known = Cache::builder()
            .max_capacity(MOST_KNOWN)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(KNOWN_FOR)
            .build();
        Self {
            proxies: settings.proxies.clone(),
            agents: settings.agent.map(|rate| Buckets::new(rate, clock.clone())),
            workspaces: settings.workspace.map(|rate| Buckets::new(rate, clock.clone())),
            platform_keys: settings.platform_key.map(|rate| Buckets::new(rate, clock.clone())),
            wrong_keys: settings.wrong_keys.map(|rate| Buckets::new(rate, clock.clone())),
            pages: settings.pages.map(|rate| Buckets::new(rate, clock.clone())),
            known,
            salt,
            unknown: Semaphore::new(LOOKED_UP_AT_ONCE),
        }
    }

    /// From whom `X-Forwarded-For` is believed.
    pub(crate) fn proxies(&self) -> &source::Proxies {
        &self.proxies
    }

    fn digest(&self, key: &str) -> [u8; 32] {
        Sha256::new().chain_update(self.salt).chain_update(key).finalize().into()
    }

    /// Lets a request in whose key is right, by `look`, and that keeps to the limits.
    ///
    /// A source whose keys were wrong too often is refused before `look` is begun; not so a key that was
    /// right lately, so nobody is shut out by a neighbour behind the same address.
    pub(crate) async fn admit(
        &self,
        knock: Knock<'_>,
        look: impl Future<Output = hub::Result<Principal>> + Send,
    ) -> Answer<Principal> {
        if !is_well_formed(knock.key) {
            // Refused without a look at the database: it costs nothing, so it counts for nothing.
            return Ok(look.await?);
        }
        let digest = self.digest(knock.key);
        let principal = if let Some(payer) = self.known.get(&digest).await {
            self.charge(&payer, knock.standing).await?;
            let found = look.await;
            if matches!(&found, Err(error) if error.kind == Kind::Unauthenticated) {
                // It has expired, or was revoked.
                self.known.invalidate(&digest).await;
                self.wrong(knock.source).await;
            }
            found?
        } else {
            let principal = self.look_up(knock.source, look).await?;
            let payer = Arc::new(Payer::of(&principal));
            self.known.insert(digest, payer.clone()).await;
            self.charge(&payer, knock.standing).await?;
            principal
        };
        self.charge_named(&principal, &knock).await?;
        Ok(principal)
    }

    /// Looks up a key of which nothing is known yet.
    async fn look_up(
        &self,
        source: Source,
        look: impl Future<Output = hub::Result<Principal>> + Send,
    ) -> Answer<Principal> {
        self.must_be_trusted(source).await?;
        let Ok(_turn) = self.unknown.acquire().await else { unreachable!("it is never closed") };
        // Others of this source may have been wrong while this one waited.
        self.must_be_trusted(source).await?;
        let found = look.await;
        // A right key in a workspace that is not its own counts too: it would be free otherwise.
        if matches!(&found, Err(error) if matches!(error.kind, Kind::Unauthenticated | Kind::NotFound))
        {
            self.wrong(source).await;
        }
        Ok(found?)
    }

    async fn must_be_trusted(&self, source: Source) -> Answer<()> {
        let Some(buckets) = &self.wrong_keys else { return Ok(()) };
        match buckets.spent(&source).await {
            None => Ok(()),
            Some(wait) => Err(refuse(
                "wrong_keys",
                wait,
                "Too many requests from this address had a wrong API key.",
            )),
        }
    }

    async fn wrong(&self, source: Source) {
        if let Some(buckets) = &self.wrong_keys {
            buckets.count(&source).await;
        }
    }

    /// What a request counts for by its key alone.
    async fn charge(&self, payer: &Payer, standing: &Standing) -> Answer<()> {
        match payer {
            Payer::Platform { key } => self.platform_key(key, standing).await,
            Payer::Workspace { workspace } => self.workspace(workspace, standing).await,
            Payer::Agent { workspace, agent } => {
                // First the narrower: what is refused there takes nothing from the others.
                self.agent(workspace, agent, standing).await?;
                self.workspace(workspace, standing).await
            }
        }
    }

    /// What a platform's request counts for by the workspace and the agent that it names.
    async fn charge_named(&self, principal: &Principal, knock: &Knock<'_>) -> Answer<()> {
        let (Owner::Platform(_), Some(workspace)) = (&principal.owner, &principal.workspace) else {
            return Ok(());
        };
        if let Some(agent) = knock.agent {
            self.agent(workspace, agent, knock.standing).await?;
        }
        self.workspace(workspace, knock.standing).await
    }

    async fn agent(&self, workspace: &str, agent: &str, standing: &Standing) -> Answer<()> {
        let key = (workspace.to_owned(), agent.to_owned());
        take(self.agents.as_ref(), &key, "agent", "This agent asks too often.", standing).await
    }

    async fn workspace(&self, workspace: &str, standing: &Standing) -> Answer<()> {
        let why = "This workspace has too many requests.";
        take(self.workspaces.as_ref(), &workspace.to_owned(), "workspace", why, standing).await
    }

    async fn platform_key(&self, key: &str, standing: &Standing) -> Answer<()> {
        let why = "This platform key is used too often.";
        take(self.platform_keys.as_ref(), &key.to_owned(), "platform_key", why, standing).await
    }
}

async fn take<K, C>(
    buckets: Option<&Buckets<K, C>>,
    key: &K,
    name: &str,
    why: &str,
    standing: &Standing,
) -> Answer<()>
where
    K: std::hash::Hash + Eq + Clone + Send + Sync + 'static,
    C: Clock + Clone + Send + Sync + 'static,
{
    let Some(buckets) = buckets else { return Ok(()) };
    let taken = buckets.take(key).await;
    standing.tell(name, buckets.rate(), taken);
    taken.refused.map_or(Ok(()), |wait| Err(refuse(name, wait, why)))
}

/// Bounds how often one source opens the connect pages.
pub(crate) async fn pages(State(state): State<AppState>, request: Request, next: Next) -> Response {
    if let Some(buckets) = &state.limits.pages {
        let source = request.extensions().get().copied().unwrap_or_default();
        if let Some(wait) = buckets.take(&source).await.refused {
            return connect::too_often(&state, rate::seconds(wait));
        }
    }
    next.run(request).await
}

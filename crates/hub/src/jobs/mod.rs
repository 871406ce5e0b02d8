//! Background work: what is due is claimed from our own rows and run.
//!
//! A claimed row is the truth; the runner only carries it. A process that dies leaves rows whose lease
//! ends, and another takes them.

mod queue;
mod source;

use std::{future::Future, time::Duration};

use crate::{
    audit::{self, EVENT},
    connection, idempotency, integration, keys, offboarding,
    provider::Registry,
    refresh::{Lease, Refresher},
    session,
    store::{Store, outbox},
};

/// One piece of background work.
pub(crate) enum Job {
    /// A connection whose token is due, claimed.
    Refresh(Box<Lease>),
    /// A row of the outbox, claimed.
    Outbox(Box<outbox::Claimed>),
    /// Sessions whose time may be over.
    ExpireSessions,
    /// What rotations of keys have left to do.
    FollowKeys,
    /// Audit chains that have grown.
    SignChains,
    /// What only has to be looked at now and then.
    Housekeeping,
}

/// How the audit chains are kept.
#[derive(Clone, Debug)]
pub struct Keeping {
    /// The name under which notes are signed: the hub's host.
    pub name: String,
    /// How long entries are kept; for ever where it is none.
    pub keep: Option<Duration>,
}

/// What background work stands on.
#[derive(Clone)]
pub struct Worker {
    /// The database.
    pub store: Store,
    /// The providers.
    pub registry: Registry,
    /// Refreshes.
    pub refresher: Refresher,
    /// How the audit chains are kept.
    pub keeping: Keeping,
}

impl Worker {
    /// Works until `stop` resolves; what is under way then is finished first.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) {
        queue::run(self, stop).await;
    }

    async fn work(&self, job: Job) {
        match job {
            Job::Refresh(lease) => self.refresher.run(*lease).await,
            Job::Outbox(work) => self.outbox(&work).await,
            Job::ExpireSessions => self.expire_sessions().await,
            Job::FollowKeys => self.follow_keys().await,
            Job::SignChains => self.sign_chains().await,
            Job::Housekeeping => self.keep_house().await,
        }
    }

    async fn outbox(&self, work: &outbox::Claimed) {
        let done = match work.kind.as_str() {
            connection::REVOKE_GRANT => {
                connection::revoke_grant(&self.store, &self.registry, work).await
            }
            offboarding::DISCONNECT_ALL => {
                offboarding::disconnect_step(&self.store, &self.registry, work).await
            }
            offboarding::CLOSE_WORKSPACE => {
                offboarding::close_step(&self.store, &self.registry, work).await
            }
            // Nobody has asked to be told yet.
            EVENT => work.forget(&self.store).await,
            // Written by a newer version of the hub: left for it.
            _ => work.again(&self.store, 60_000).await,
        };
        if let Err(error) = done {
            tracing::error!(work = %work.id, %error, "background work failed; it is due again later");
        }
    }

    async fn expire_sessions(&self) {
        if let Err(error) = session::expire_due(&self.store).await {
            tracing::error!(%error, "sessions whose time ran out could not be ended");
        }
    }

    async fn follow_keys(&self) {
        if let Err(error) = keys::follow(&self.store).await {
            tracing::error!(%error, "what former data keys sealed could not be sealed anew; it is tried again");
        }
    }

    async fn sign_chains(&self) {
        let sign = async {
            let signer = audit::signer(&self.store, &self.keeping.name).await?;
            audit::sign_due(&self.store, &signer).await
        };
        if let Err(error) = sign.await {
            tracing::error!(%error, "the audit chains' heads could not be signed; they are due again in a minute");
        }
    }

    async fn cut_chains(&self, keep: Duration) -> crate::Result<()> {
        let signer = audit::signer(&self.store, &self.keeping.name).await?;
        audit::cut_due(&self.store, &signer, keep).await
    }

    async fn keep_house(&self) {
        if let Err(error) = keys::tidy(&self.store).await {
            tracing::error!(%error, "data keys could not be looked after; it is tried again");
        }
        self.refresher.clear_journal().await;
        if let Err(error) = self.refresher.warn_of_ends().await {
            tracing::error!(%error, "connections whose refresh token nears its end could not be told of");
        }
        if let Err(error) = integration::warn_of_ends(&self.store, &self.registry).await {
            tracing::error!(%error, "it could not be seen which providers' addresses end soon");
        }
        if let Err(error) = idempotency::forget_old(&self.store).await {
            tracing::error!(%error, "old idempotency keys could not be forgotten");
        }
        if let Some(keep) = self.keeping.keep
            && let Err(error) = self.cut_chains(keep).await
        {
            tracing::error!(%error, "the audit chains' beginnings could not be cut off");
        }
    }
}

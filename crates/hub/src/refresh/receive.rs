//! A received credential goes into its row, or beside it: it is never thrown away.

use std::time::Duration;

use base::Timestamp;
use connector::{AuthKind, Credential, Manifest, TokenSet};

use super::{
    Lease, Refresher,
    events::{Change, event},
    journal::Key,
    point::point,
    schedule::{Times, backoff, due_at},
};
use crate::{
    Result,
    audit::{Save, SaveOutcome},
    connection::{self, Belongs, Connection, Health, Keep, Stored, seal_credential},
    integration::App,
    store::Store,
};

/// A credential that a provider gave.
pub(super) struct Received<'a> {
    /// What it was asked with.
    pub(super) key: &'a Key,
    pub(super) stored: &'a Stored,
    pub(super) app: &'a App,
    /// The row when it was asked for, or as it stands now.
    pub(super) row: &'a Connection,
}

impl Refresher {
    /// Saves until it is saved: the credential exists nowhere else but in the journal.
    pub(super) async fn receive(&self, received: Received<'_>) -> Result<SaveOutcome> {
        let Received { key, stored, app, row } = received;
        let Credential::OAuth(tokens) = &stored.credential else {
            return Ok(SaveOutcome::Stale);
        };
        let save = self.save_of(key, stored, app, row, tokens).await?;
        let mut attempt = 0;
        loop {
            point!("refresh::before_save");
            match self.writer.save(save.clone()).await {
                Ok(SaveOutcome::Saved) => {
                    point!("refresh::after_save");
                    return Ok(SaveOutcome::Saved);
                }
                Ok(SaveOutcome::Stale) => {
                    self.keep_beside(row, stored, app).await?;
                    return Ok(SaveOutcome::Stale);
                }
                Err(error) => {
                    attempt += 1;
                    tracing::error!(connection = %key.connection, ?error, attempt, "a refreshed credential is not saved yet");
                    let wait = backoff(attempt, self.store.rng(), self.timings.backoff);
                    tokio::time::sleep(wait.min(Duration::from_secs(5))).await;
                }
            }
        }
    }

    async fn save_of(
        &self,
        key: &Key,
        stored: &Stored,
        app: &App,
        row: &Connection,
        tokens: &TokenSet,
    ) -> Result<Save> {
        let next = key.generation + 1;
        let belongs = Belongs {
            workspace: &key.workspace,
            connection: &key.connection,
            owner_key: &key.whose,
            generation: next,
        };
        let sealed = seal_credential(&self.store, belongs, stored).await?;
        let scopes = tokens.scopes.clone().unwrap_or_else(|| row.scopes.0.clone());
        let healed = row.health != Health::Healthy;
        Ok(Save {
            workspace: key.workspace.clone(),
            connection: key.connection.clone(),
            from_generation: key.generation,
            fence: key.fence,
            owner: key.owner.clone(),
            sealed,
            scopes: serde_json::to_string(&scopes)?,
            expires_at: tokens.expires_at.map(Timestamp::millis),
            refresh_expires_at: tokens.refresh_expires_at.map(Timestamp::millis),
            due_at: next_due(&self.store, app, tokens).map(Timestamp::millis),
            event: if healed { Some(event(&self.store, row, &Change::Refreshed)?) } else { None },
        })
    }

    /// The row has moved on. What was received for a connection that has ended is ended at the provider
    /// too; for one that lives it is kept beside the credential, in case that one turns out dead.
    async fn keep_beside(&self, row: &Connection, stored: &Stored, app: &App) -> Result<()> {
        match connection::keep_candidate(&self.store, row, stored).await? {
            Keep::Kept => {
                tracing::warn!(connection = %row.id, "a reply that came late is kept as a candidate");
                Ok(())
            }
            Keep::Known => Ok(()),
            Keep::Ended => {
                let integration = &app.integration.id;
                connection::queue_revocation(
                    &self.store,
                    self.store.write(),
                    &row.workspace_id,
                    &row.id,
                    integration,
                    stored,
                )
                .await
            }
        }
    }

    /// After a save on the ordinary way.
    pub(super) async fn receive_fresh(
        &self,
        lease: &Lease,
        stored: &Stored,
        app: &App,
        journaled: Option<&Key>,
    ) -> Result<()> {
        let key = Key::of(lease);
        let saved = self.receive(Received { key: &key, stored, app, row: &lease.row }).await?;
        if saved == SaveOutcome::Stale {
            self.give_back(lease).await?;
        }
        match journaled {
            Some(key) => self.journal.mark(key),
            None => Ok(()),
        }
    }
}

/// When a credential is refreshed next; none where it can't be or need not be.
pub fn next_due(store: &Store, app: &App, tokens: &TokenSet) -> Option<Timestamp> {
    let manifest = app.connector.manifest();
    let again = manifest.auth.kind == AuthKind::Oauth2ClientCredentials
        || manifest.refresh.exchange.is_some();
    if tokens.refresh.is_none() && !again {
        return None;
    }
    let times = Times {
        access_ends: tokens.expires_at,
        refresh_ends: tokens.refresh_expires_at,
        idle: manifest.lifetime.refresh_idle_s.map(Duration::from_secs),
        class: manifest.refresh.class,
        margin: manifest.lifetime.margin_s.map(Duration::from_secs),
        rest: rest(manifest),
    };
    due_at(store.now(), &times, store.rng())
}

fn rest(manifest: &Manifest) -> Duration {
    Duration::from_secs(manifest.lifetime.min_refresh_interval_s.unwrap_or_default())
}

/// Whether a credential can be renewed now: it has something to renew it with, and is as old as the provider
/// wants it to be.
pub fn can_renew(row: &Connection, manifest: &Manifest, now: Timestamp) -> bool {
    let since = Timestamp::from_millis(row.refreshed_at.unwrap_or(row.created_at));
    row.due_at.is_some() && since.plus(rest(manifest)) <= now
}

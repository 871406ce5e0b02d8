//! Refreshing on demand and on schedule, one at a time for a connection.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base::{Timestamp, random_token};
use connector::{AuthKind, Credential, TokenSet};
use sea_orm::{ConnectionTrait, Statement, Value};
use tokio::sync::watch;

use super::{
    Lease,
    claim::claim_one,
    schedule::{backoff, due_at},
    send::{Outcome, send},
};
use crate::{
    Result,
    audit::{Save, SaveOutcome, Writer},
    client,
    connection::{self, Connection, State, Stored, seal_credential},
    integration::App,
    provider::Registry,
    store::{Store, bump},
};

/// How long a caller waits for a refresh.
const PATIENCE: Duration = Duration::from_secs(12);
/// How often a replica looks whether another one's refresh is through.
const PEEK: Duration = Duration::from_millis(50);

/// Refreshes connections: the only part of the hub that sends a refresh token.
#[derive(Clone)]
pub struct Refresher {
    store: Store,
    registry: Registry,
    writer: Writer,
    owner: Arc<str>,
    /// Refreshes that this process has under way; the value changes when one is through.
    running: Arc<Mutex<HashMap<String, watch::Receiver<()>>>>,
}

/// How a connection stands after an attempt to make it fresh.
#[derive(Debug)]
pub enum Freshness {
    /// The row as it is now; its token may still be the former one.
    Row(Box<Connection>),
    /// It was not to be had in time; try again after this long.
    Later(Duration),
}

impl Refresher {
    /// A refresher of this process; its lease owner's name is new with every start.
    pub fn new(store: Store, registry: Registry, writer: Writer) -> Self {
        let owner = random_token(store.rng()).into();
        Self { store, registry, writer, owner, running: Arc::default() }
    }

    /// The database.
    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// The providers.
    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The name under which this process holds leases.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Gets a newer credential than `row` has, if it can be had in time.
    ///
    /// Of any number of callers, here or on other replicas, one sends; the others wait for it.
    pub async fn ensure(&self, row: &Connection) -> Result<Freshness> {
        let waited = tokio::time::timeout(PATIENCE, self.try_ensure(row)).await;
        match waited {
            Ok(outcome) => outcome,
            Err(_) => Ok(Freshness::Later(Duration::from_secs(2))),
        }
    }

    async fn try_ensure(&self, row: &Connection) -> Result<Freshness> {
        let workspace = row.workspace_id.as_str();
        loop {
            if let Some(mut running) = self.running(&row.id) {
                // The sender is dropped when the refresh is through.
                let _ = running.changed().await;
            } else if let Some(lease) =
                claim_one(&self.store, &self.owner, workspace, &row.id, row.generation).await?
            {
                self.spawn(lease);
                continue;
            }
            let now_row = connection::get(&self.store, workspace, &row.id).await?;
            let now = self.store.now().millis();
            let settled = now_row.generation != row.generation
                || now_row.status != connection::Status::Active
                || !matches!(now_row.state, State::InFlight | State::Ready);
            if settled {
                return Ok(Freshness::Row(Box::new(now_row)));
            }
            if now_row.state == State::Ready && now_row.quiet_until > now {
                let wait =
                    Timestamp::from_millis(now).until(Timestamp::from_millis(now_row.quiet_until));
                return Ok(Freshness::Later(wait));
            }
            tokio::time::sleep(PEEK).await;
        }
    }

    fn running(&self, connection: &str) -> Option<watch::Receiver<()>> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.get(connection).filter(|receiver| receiver.has_changed().is_ok()).cloned()
    }

    /// Runs a refresh in a task of its own, which outlives whoever asked for it.
    fn spawn(&self, lease: Lease) {
        let this = self.clone();
        tokio::spawn(async move { this.run(lease).await });
    }

    /// Runs one claimed refresh to its end.
    pub async fn run(&self, lease: Lease) {
        let id = lease.row.id.clone();
        let (through, receiver) = watch::channel(());
        self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), receiver);
        let outcome = send(&self.store, &self.registry, &lease.row).await;
        if let Err(error) = self.conclude(&lease, outcome).await {
            tracing::error!(connection = %id, %error, "a refresh's outcome could not be recorded");
        }
        self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        drop(through);
    }

    async fn conclude(&self, lease: &Lease, outcome: Outcome) -> Result<()> {
        match outcome {
            Outcome::Fresh { stored, app } => self.save(lease, &stored, &app).await,
            Outcome::Dead { code, message } => {
                tracing::info!(connection = %lease.row.id, ?code, "the provider ended the grant");
                self.mark_dead(lease, code.as_deref(), &message).await
            }
            Outcome::ClientRefused { client, message } => {
                tracing::warn!(%client, "the provider refuses a client: suspended");
                client::suspend(&self.store, &client, &message).await?;
                self.mark_later(lease, Duration::from_mins(1), None, &message, true).await
            }
            Outcome::Later { after, message, code, certainly_unsent } => {
                let wait = after.unwrap_or_else(|| backoff(lease.row.failures, self.store.rng()));
                let wait = wait.clamp(Duration::from_secs(1), Duration::from_hours(1));
                self.mark_later(lease, wait, code.as_deref(), &message, certainly_unsent).await
            }
        }
    }

    /// Saves until it is saved: the credential exists nowhere else.
    async fn save(&self, lease: &Lease, stored: &Stored, app: &App) -> Result<()> {
        let row = &lease.row;
        let Credential::OAuth(tokens) = &stored.credential else { return Ok(()) };
        let sealed =
            seal_credential(&self.store, &row.workspace_id, &row.id, row.generation + 1, stored)
                .await?;
        let scopes = tokens.scopes.clone().unwrap_or_else(|| row.scopes.0.clone());
        let save = Save {
            workspace: row.workspace_id.clone(),
            connection: row.id.clone(),
            from_generation: row.generation,
            fence: row.fence,
            owner: lease.owner.clone(),
            sealed,
            scopes: serde_json::to_string(&scopes)?,
            expires_at: tokens.expires_at.map(Timestamp::millis),
            refresh_expires_at: tokens.refresh_expires_at.map(Timestamp::millis),
            due_at: next_due(&self.store, app, tokens).map(Timestamp::millis),
        };
        let mut attempt = 0;
        loop {
            match self.writer.save(save.clone()).await {
                Ok(SaveOutcome::Saved) => return Ok(()),
                Ok(SaveOutcome::Stale) => return self.stale(lease, stored).await,
                Err(error) => {
                    attempt += 1;
                    tracing::error!(connection = %row.id, ?error, attempt, "a refreshed credential is not saved yet");
                    tokio::time::sleep(backoff(attempt, self.store.rng())).await;
                }
            }
        }
    }

    /// What was received for a connection that has ended meanwhile is ended at the provider too.
    async fn stale(&self, lease: &Lease, stored: &Stored) -> Result<()> {
        let row = connection::get(&self.store, &lease.row.workspace_id, &lease.row.id).await?;
        if row.status != connection::Status::Revoked {
            return Ok(());
        }
        connection::queue_revocation(
            &self.store,
            self.store.write(),
            &row.workspace_id,
            &row.id,
            &row.integration_id,
            stored,
        )
        .await
    }

    /// Only on the provider's definitive word, and only while the row has what was presented.
    async fn mark_dead(&self, lease: &Lease, code: Option<&str>, message: &str) -> Result<()> {
        let tx = self.store.begin().await?;
        let sql = "UPDATE connection SET state = 'reauth', health = 'reauthorization_required', \
             health_reason = $1, provider_code = $2, deadline = NULL, lease_owner = NULL, \
             due_at = NULL, quiet_until = 0, updated_at = $3 \
             WHERE id = $4 AND fence = $5 AND generation = $6 AND lease_owner = $7";
        let values: Vec<Value> = vec![
            message.chars().take(500).collect::<String>().into(),
            code.into(),
            self.store.now().millis().into(),
            lease.row.id.clone().into(),
            lease.row.fence.into(),
            lease.row.generation.into(),
            lease.owner.clone().into(),
        ];
        tx.execute_raw(Statement::from_sql_and_values(self.store.backend(), sql, values)).await?;
        bump(&tx, &lease.row.workspace_id).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The quiet time ends early only where the provider certainly received nothing.
    async fn mark_later(
        &self,
        lease: &Lease,
        wait: Duration,
        code: Option<&str>,
        message: &str,
        certainly_unsent: bool,
    ) -> Result<()> {
        let now = self.store.now();
        let (state, quiet) = if certainly_unsent {
            ("ready", now.plus(wait).millis())
        } else {
            ("uncertain", lease.row.quiet_until.max(now.plus(wait).millis()))
        };
        let sql = "UPDATE connection SET state = $1, health = 'failing', health_reason = $2, \
             provider_code = $3, failures = failures + 1, deadline = NULL, lease_owner = NULL, \
             quiet_until = $4, due_at = $4, updated_at = $5 \
             WHERE id = $6 AND fence = $7 AND lease_owner = $8 AND state = 'in_flight'";
        let values: Vec<Value> = vec![
            state.into(),
            message.chars().take(500).collect::<String>().into(),
            code.into(),
            quiet.into(),
            now.millis().into(),
            lease.row.id.clone().into(),
            lease.row.fence.into(),
            lease.owner.clone().into(),
        ];
        let statement = Statement::from_sql_and_values(self.store.backend(), sql, values);
        self.store.write().execute_raw(statement).await?;
        Ok(())
    }
}

/// When a credential is refreshed next; none where it can't be or need not be.
pub fn next_due(store: &Store, app: &App, tokens: &TokenSet) -> Option<Timestamp> {
    let again = app.connector.manifest().auth.kind == AuthKind::Oauth2ClientCredentials;
    if tokens.refresh.is_none() && !again {
        return None;
    }
    Some(due_at(store.now(), tokens.expires_at?, store.rng()))
}

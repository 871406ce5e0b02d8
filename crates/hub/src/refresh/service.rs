//! Refreshing on demand and on schedule, one at a time for a connection.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base::{Timestamp, random_token};
use tokio::sync::watch;

use super::{
    Journal, Lease, Timings,
    claim::{claim_due, claim_one, is_anything_due},
    pace::Pace,
    point::point,
    send::{Later, Outcome},
};
use crate::{
    Result,
    audit::Writer,
    client,
    connection::{self, Connection, State},
    provider::Registry,
    store::Store,
};

/// How often a replica looks whether another one's refresh is through.
const PEEK: Duration = Duration::from_millis(50);

/// The process that refreshes: its name, its journal, its times.
pub struct Process {
    /// The data directory's own name, the same after a restart.
    pub instance: String,
    /// Where replies are kept before they are read.
    pub journal: Journal,
    /// How long things may take.
    pub timings: Timings,
    /// This start of the process; also names its journal's file.
    pub incarnation: String,
}

/// Refreshes connections: the only part of the hub that sends a refresh token.
#[derive(Clone)]
pub struct Refresher {
    pub(super) store: Store,
    pub(super) registry: Registry,
    pub(super) writer: Writer,
    pub(super) journal: Journal,
    pub(super) timings: Timings,
    pub(super) pace: Pace,
    instance: Arc<str>,
    owner: Arc<str>,
    /// Refreshes that this process has under way; the sender is dropped when one is through.
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

/// A name for one start of a process.
pub fn incarnation(store: &Store) -> String {
    random_token(store.rng()).chars().take(16).filter(char::is_ascii_alphanumeric).collect()
}

impl Refresher {
    /// A refresher of this process.
    pub fn new(store: Store, registry: Registry, writer: Writer, process: Process) -> Self {
        let owner = format!("{}.{}", process.instance, process.incarnation).into();
        Self {
            store,
            registry,
            writer,
            journal: process.journal,
            timings: process.timings,
            pace: Pace::default(),
            instance: process.instance.into(),
            owner,
            running: Arc::default(),
        }
    }

    /// The data directory's name.
    pub(super) fn instance(&self) -> &str {
        &self.instance
    }

    /// The name under which this process holds leases: data directory and start.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Claims up to `most` connections that are due.
    pub async fn claim_due(&self, most: u64) -> Result<Vec<Lease>> {
        if !is_anything_due(&self.store).await? {
            return Ok(Vec::new());
        }
        claim_due(&self.store, &self.owner, &self.timings, most).await
    }

    /// Gets a newer credential than `row` has, if it can be had in time.
    ///
    /// Of any number of callers, here or on other replicas, one sends; the others wait for it.
    pub async fn ensure(&self, row: &Connection) -> Result<Freshness> {
        match tokio::time::timeout(self.timings.patience, self.try_ensure(row)).await {
            Ok(outcome) => outcome,
            Err(_) => Ok(Freshness::Later(Duration::from_secs(2))),
        }
    }

    async fn try_ensure(&self, row: &Connection) -> Result<Freshness> {
        let workspace = row.workspace_id.as_str();
        let mut tried = false;
        loop {
            if let Some(mut running) = self.running(&row.id) {
                let _ = running.changed().await;
            } else if let Some(lease) =
                claim_one(&self.store, &self.owner, &self.timings, row).await?
            {
                self.spawn(lease);
                tried = true;
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
                return Ok(Freshness::Later(wait(now, now_row.quiet_until)));
            }
            let silent = now_row.state == State::InFlight
                && now_row.deadline.is_some_and(|deadline| deadline < now);
            if silent && now_row.hold_until.max(now_row.quiet_until) > now {
                // Its holder is gone; nobody sends before the hold is over.
                return Ok(Freshness::Later(wait(
                    now,
                    now_row.hold_until.max(now_row.quiet_until),
                )));
            }
            let turn =
                now_row.due_at.filter(|_| tried).map_or(Duration::ZERO, |due| wait(now, due));
            if turn > self.timings.patience {
                return Ok(Freshness::Later(turn));
            }
            // Put off by an attempt of our own, to wait its turn; or another replica's is under way.
            tokio::time::sleep(turn.max(PEEK)).await;
        }
    }

    fn running(&self, connection: &str) -> Option<watch::Receiver<()>> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.get(connection).filter(|receiver| receiver.has_changed().is_ok()).cloned()
    }

    /// Runs a refresh in a task of its own, which outlives whoever asked for it.
    fn spawn(&self, lease: Lease) {
        let (through, receiver) = watch::channel(());
        self.announce(&lease, receiver);
        let this = self.clone();
        tokio::spawn(async move { this.finish(lease, through).await });
    }

    fn announce(&self, lease: &Lease, receiver: watch::Receiver<()>) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.insert(lease.row.id.clone(), receiver);
    }

    /// Runs one claimed refresh to its end.
    pub async fn run(&self, lease: Lease) {
        if self.running(&lease.row.id).is_some() {
            // This process has one under way: its clock jumped, or it stood still.
            if let Err(error) = self.give_back(&lease).await {
                tracing::error!(connection = %lease.row.id, %error, "a lease could not be given back");
            }
            return;
        }
        let (through, receiver) = watch::channel(());
        self.announce(&lease, receiver);
        let this = self.clone();
        // A task of its own: what was sent is carried to its end, whatever becomes of the runner.
        let done = tokio::spawn(async move { this.finish(lease, through).await });
        if done.await.is_err() {
            tracing::error!("a refresh panicked; its lease ends by itself");
        }
    }

    async fn finish(&self, lease: Lease, through: watch::Sender<()>) {
        point!("refresh::after_claim");
        let id = lease.row.id.clone();
        let outcome = self.send(&lease).await;
        if let Err(error) = self.conclude(&lease, outcome).await {
            tracing::error!(connection = %id, %error, "a refresh's outcome could not be recorded");
        }
        self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        drop(through);
    }

    async fn conclude(&self, lease: &Lease, outcome: Outcome) -> Result<()> {
        match outcome {
            Outcome::Fresh { stored, app, journaled } => {
                self.receive_fresh(lease, &stored, &app, journaled.as_deref()).await
            }
            Outcome::Dead { code, message, client } => {
                self.mark_dead(lease, code.as_deref(), &message, client.as_deref()).await
            }
            Outcome::ClientRefused { client, message } => {
                tracing::warn!(%client, "the provider refuses a client: suspended");
                client::suspend(&self.store, &client, &message).await?;
                let later = Later {
                    after: Some(Duration::from_mins(1)),
                    message,
                    code: None,
                    unsent: true,
                    failure: true,
                };
                self.mark_later(lease, &later).await
            }
            Outcome::Later(later) => self.mark_later(lease, &later).await,
        }
    }
}

fn wait(now: i64, until: i64) -> Duration {
    Timestamp::from_millis(now).until(Timestamp::from_millis(until))
}

//! The one writer of a process: what waits is written together and made durable by one commit.
//!
//! A caller hears "written" only after that commit. No lingering: a batch is what came in while the
//! batch before it was being committed.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::sync::{mpsc, oneshot};

use super::{
    Draft, Save, SaveOutcome,
    heads::{self, EntryRow, Head},
    save::{enqueue_event, save_one},
};
use crate::{Error, Result, store::Store};

/// The most that one transaction takes.
const BATCH: usize = 256;
/// The most that may wait; beyond it callers wait to be let in.
const QUEUE: usize = 4096;
/// How long a caller waits for its entry to be written.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Its place in the workspace's chain, from 1.
    pub seq: i64,
}

/// Why nothing was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// The workspace's epoch has moved: decide again.
    EpochMoved,
    /// The workspace is gone.
    NoWorkspace,
    /// The database did not take it, or not in time; nothing may be handed out.
    Unavailable,
}

enum Command {
    Append {
        draft: Draft,
        /// Written only if the workspace's epoch is still this; none = in any case.
        epoch: Option<i64>,
        reply: oneshot::Sender<Result<Appended, WriteError>>,
    },
    Save {
        save: Box<Save>,
        reply: oneshot::Sender<Result<SaveOutcome, WriteError>>,
    },
}

/// The way in.
#[derive(Clone)]
pub struct Writer {
    queue: mpsc::Sender<Command>,
}

impl Writer {
    /// Starts the writer's task; it ends when every handle is dropped and what waited is written.
    pub fn start(store: Store) -> Self {
        let (queue, mut waiting) = mpsc::channel(QUEUE);
        tokio::spawn(async move {
            let mut batch = Vec::with_capacity(BATCH);
            while waiting.recv_many(&mut batch, BATCH).await > 0 {
                write_batch(&store, std::mem::take(&mut batch)).await;
            }
        });
        Self { queue }
    }

    /// Appends an entry; with `epoch`, only if nothing that could forbid it has changed since.
    ///
    /// Gives up after two seconds. The entry may still be written then: recorded and not handed out,
    /// never the other way round.
    pub async fn append(&self, draft: Draft, epoch: Option<i64>) -> Result<Appended, WriteError> {
        let (reply, answer) = oneshot::channel();
        let written = self.send(Command::Append { draft, epoch, reply }, answer);
        tokio::time::timeout(PATIENCE, written).await.unwrap_or(Err(WriteError::Unavailable))
    }

    /// Saves a refreshed credential and moves the workspace's epoch.
    pub async fn save(&self, save: Save) -> Result<SaveOutcome, WriteError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Save { save: Box::new(save), reply }, answer).await
    }

    async fn send<T>(
        &self,
        command: Command,
        answer: oneshot::Receiver<Result<T, WriteError>>,
    ) -> Result<T, WriteError> {
        self.queue.send(command).await.map_err(|_| WriteError::Unavailable)?;
        answer.await.unwrap_or(Err(WriteError::Unavailable))
    }
}

impl From<WriteError> for Error {
    fn from(error: WriteError) -> Self {
        let second = Duration::from_secs(1);
        match error {
            WriteError::NoWorkspace => Self::not_found("workspace"),
            WriteError::EpochMoved => Self::unavailable(
                "workspace_busy",
                "The workspace's settings changed while this was being decided. Try again.",
                second,
            ),
            WriteError::Unavailable => Self::unavailable(
                "audit_unavailable",
                "The hub can't write its audit record now, so nothing was handed out. Try again shortly.",
                second,
            ),
        }
    }
}

/// What to tell a caller once the commit is through.
type Tell = Box<dyn FnOnce(bool) + Send>;

fn tell<T: Send + 'static>(
    reply: oneshot::Sender<Result<T, WriteError>>,
    outcome: Result<T, WriteError>,
) -> Tell {
    Box::new(move |committed| {
        // A caller that has gone away needs no answer.
        let _ = reply.send(if committed { outcome } else { Err(WriteError::Unavailable) });
    })
}

async fn write_batch(store: &Store, batch: Vec<Command>) {
    let (entries, saves): (Vec<_>, Vec<_>) =
        batch.into_iter().partition(|command| matches!(command, Command::Append { .. }));
    let mut tells = Vec::with_capacity(entries.len() + saves.len());
    let committed = match try_write(store, entries, saves, &mut tells).await {
        Ok(()) => true,
        Err(error) => {
            tracing::error!(%error, "a batch of audit entries could not be written");
            false
        }
    };
    for tell in tells {
        tell(committed);
    }
}

async fn try_write(
    store: &Store,
    entries: Vec<Command>,
    saves: Vec<Command>,
    tells: &mut Vec<Tell>,
) -> Result<()> {
    let tx = store.begin().await?;
    let mut touched = Vec::new();
    // In the rows' order, so that no two writers wait for each other.
    let mut saves: Vec<_> = saves
        .into_iter()
        .filter_map(|command| match command {
            Command::Save { save, reply } => Some((save, reply)),
            Command::Append { .. } => None,
        })
        .collect();
    saves.sort_by(|(a, _), (b, _)| a.connection.cmp(&b.connection));
    for (save, reply) in saves {
        let outcome = save_one(&tx, &save, store.now().millis()).await?;
        if outcome == SaveOutcome::Saved {
            touched.push(save.workspace.clone());
            if let Some(event) = &save.event {
                enqueue_event(store, &tx, event).await?;
            }
        }
        tells.push(tell(reply, Ok(outcome)));
    }
    let mut heads = heads::lock(store, &tx, &named(&entries, &touched)).await?;
    for workspace in &touched {
        if let Some(head) = heads.get_mut(workspace.as_str()) {
            head.bump();
        }
    }
    let mut rows = Vec::with_capacity(entries.len());
    for command in entries {
        let Command::Append { draft, epoch, reply } = command else { continue };
        let outcome = place(&mut heads, draft, epoch, &mut rows);
        tells.push(tell(reply, outcome));
    }
    heads::insert_entries(&tx, rows).await?;
    heads::write(&tx, &heads).await?;
    tx.commit().await?;
    Ok(())
}

/// Gives an entry its place and hash, or says why not.
fn place(
    heads: &mut BTreeMap<Arc<str>, Head>,
    draft: Draft,
    epoch: Option<i64>,
    rows: &mut Vec<EntryRow>,
) -> Result<Appended, WriteError> {
    let head = heads.get_mut(draft.workspace.as_str()).ok_or(WriteError::NoWorkspace)?;
    if epoch.is_some_and(|epoch| epoch != head.epoch) {
        return Err(WriteError::EpochMoved);
    }
    rows.push(head.place(draft));
    Ok(Appended { seq: head.size })
}

/// Whose heads a batch needs: those of its entries, and of the workspaces that its saves touched.
fn named<'a>(entries: &'a [Command], touched: &'a [String]) -> Vec<&'a str> {
    let of_entry = |command: &'a Command| match command {
        Command::Append { draft, .. } => Some(draft.workspace.as_str()),
        Command::Save { .. } => None,
    };
    touched.iter().map(String::as_str).chain(entries.iter().filter_map(of_entry)).collect()
}

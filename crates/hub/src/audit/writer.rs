//! The one writer of a process: what waits is written together and made durable by one commit.
//!
//! A caller hears "written" only after that commit. No lingering: a batch is what came in while the
//! batch before it was being committed.

use std::{collections::BTreeMap, sync::Arc};

use sea_orm::{ConnectionTrait, DatabaseTransaction, Statement, Value};
use tokio::sync::{mpsc, oneshot};

use super::{
    Draft, Save, SaveOutcome, chain,
    save::{enqueue_event, save_one},
};
use crate::{Error, Result, store::Store};

/// The most that one transaction takes.
const BATCH: usize = 256;
/// The most that may wait; beyond it callers wait to be let in.
const QUEUE: usize = 4096;

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
    /// The database did not take it; nothing may be handed out.
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
    pub async fn append(&self, draft: Draft, epoch: Option<i64>) -> Result<Appended, WriteError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Append { draft, epoch, reply }, answer).await
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
        let second = std::time::Duration::from_secs(1);
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

/// A chain's head within one transaction.
struct Head {
    size: i64,
    hash: [u8; 32],
    epoch: i64,
    bumped: bool,
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
    let mut heads = lock_heads(store, &tx, &entries, &touched).await?;
    for workspace in &touched {
        if let Some(head) = heads.get_mut(workspace.as_str()) {
            head.epoch += 1;
            head.bumped = true;
        }
    }
    let mut rows = Vec::with_capacity(entries.len());
    for command in entries {
        let Command::Append { draft, epoch, reply } = command else { continue };
        let outcome = place(&mut heads, draft, epoch, &mut rows);
        tells.push(tell(reply, outcome));
    }
    insert_entries(&tx, rows).await?;
    write_heads(&tx, &heads).await?;
    tx.commit().await?;
    Ok(())
}

/// Gives an entry its place and hash, or says why not.
fn place(
    heads: &mut BTreeMap<Arc<str>, Head>,
    draft: Draft,
    epoch: Option<i64>,
    rows: &mut Vec<[Value; 10]>,
) -> Result<Appended, WriteError> {
    let head = heads.get_mut(draft.workspace.as_str()).ok_or(WriteError::NoWorkspace)?;
    if epoch.is_some_and(|epoch| epoch != head.epoch) {
        return Err(WriteError::EpochMoved);
    }
    head.size += 1;
    head.bumped = true;
    head.hash = chain::hash(&head.hash, head.size, &draft.body);
    rows.push([
        draft.workspace.into(),
        head.size.into(),
        draft.id.into(),
        draft.kind.into(),
        draft.at.millis().into(),
        draft.agent.into(),
        draft.connection.into(),
        draft.end_user.into(),
        draft.body.into(),
        head.hash.to_vec().into(),
    ]);
    Ok(Appended { seq: head.size })
}

/// Locks the heads in the workspaces' order, so that no two writers wait for each other.
async fn lock_heads(
    store: &Store,
    tx: &DatabaseTransaction,
    entries: &[Command],
    touched: &[String],
) -> Result<BTreeMap<Arc<str>, Head>> {
    let mut names: Vec<&str> = touched.iter().map(String::as_str).collect();
    names.extend(entries.iter().filter_map(|command| match command {
        Command::Append { draft, .. } => Some(draft.workspace.as_str()),
        Command::Save { .. } => None,
    }));
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let lock = if store.is_postgres() { " FOR UPDATE" } else { "" };
    let sql = format!(
        "SELECT workspace_id, size, hash, epoch FROM chain_head WHERE workspace_id IN ({}) \
         ORDER BY workspace_id{lock}",
        placeholders(1, names.len())
    );
    let values: Vec<Value> = names.iter().map(|name| (*name).into()).collect();
    let rows =
        tx.query_all_raw(Statement::from_sql_and_values(store.backend(), sql, values)).await?;
    let mut heads = BTreeMap::new();
    for row in rows {
        let hash: Vec<u8> = row.try_get("", "hash")?;
        let hash = hash.try_into().map_err(|_| Error::internal("a chain's head is malformed"))?;
        let head = Head {
            size: row.try_get("", "size")?,
            hash,
            epoch: row.try_get("", "epoch")?,
            bumped: false,
        };
        heads.insert(Arc::from(row.try_get::<String>("", "workspace_id")?), head);
    }
    Ok(heads)
}

/// `$a, $b, …`, `count` of them.
fn placeholders(first: usize, count: usize) -> String {
    let all: Vec<String> = (first..first + count).map(|n| format!("${n}")).collect();
    all.join(", ")
}

/// `(…), (…)` for rows of `width` values.
fn tuples(width: usize, count: usize) -> String {
    let all: Vec<String> =
        (0..count).map(|row| format!("({})", placeholders(row * width + 1, width))).collect();
    all.join(", ")
}

async fn insert_entries(tx: &DatabaseTransaction, rows: Vec<[Value; 10]>) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "INSERT INTO chain_entry (workspace_id, seq, id, kind, at, agent_id, connection_id, \
         end_user_id, body, hash) VALUES {}",
        tuples(10, rows.len())
    );
    let values: Vec<Value> = rows.into_iter().flatten().collect();
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    Ok(())
}

async fn write_heads(tx: &DatabaseTransaction, heads: &BTreeMap<Arc<str>, Head>) -> Result<()> {
    let changed: Vec<_> = heads.iter().filter(|(_, head)| head.bumped).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "INSERT INTO chain_head (workspace_id, size, hash, epoch) VALUES {} ON CONFLICT (workspace_id) \
         DO UPDATE SET size = excluded.size, hash = excluded.hash, epoch = excluded.epoch",
        tuples(4, changed.len())
    );
    let values: Vec<Value> = changed
        .into_iter()
        .flat_map(|(workspace, head)| {
            [
                workspace.as_ref().into(),
                head.size.into(),
                head.hash.to_vec().into(),
                head.epoch.into(),
            ]
        })
        .collect();
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    Ok(())
}

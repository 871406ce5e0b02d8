//! The chains' heads within one transaction, and the rows that follow from them.

use std::{collections::BTreeMap, sync::Arc};

use sea_orm::{ConnectionTrait, DatabaseTransaction, Statement, Value};

use super::{Draft, chain};
use crate::{Error, Result, store::Store};

/// The columns of an entry.
pub(super) type EntryRow = [Value; 10];

/// A chain's head within one transaction.
pub(super) struct Head {
    pub(super) size: i64,
    pub(super) epoch: i64,
    hash: [u8; 32],
    changed: bool,
}

impl Head {
    /// Moves the epoch.
    pub(super) fn bump(&mut self) {
        self.epoch += 1;
        self.changed = true;
    }

    /// Gives an entry its place and hash.
    pub(super) fn place(&mut self, draft: Draft) -> EntryRow {
        self.size += 1;
        self.changed = true;
        self.hash = chain::hash(&self.hash, self.size, &draft.body);
        [
            draft.workspace.into(),
            self.size.into(),
            draft.id.into(),
            draft.kind.into(),
            draft.at.millis().into(),
            draft.agent.into(),
            draft.connection.into(),
            draft.end_user.into(),
            draft.body.into(),
            self.hash.to_vec().into(),
        ]
    }
}

/// Locks the heads in the workspaces' order, so that no two writers wait for each other.
pub(super) async fn lock(
    store: &Store,
    tx: &DatabaseTransaction,
    workspaces: &[&str],
) -> Result<BTreeMap<Arc<str>, Head>> {
    let mut names = workspaces.to_vec();
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
    let rows = tx.query_all_raw(store.statement(sql, values)).await?;
    let mut heads = BTreeMap::new();
    for row in rows {
        let hash: Vec<u8> = row.try_get("", "hash")?;
        let hash = hash.try_into().map_err(|_| Error::internal("a chain's head is malformed"))?;
        let head = Head {
            size: row.try_get("", "size")?,
            hash,
            epoch: row.try_get("", "epoch")?,
            changed: false,
        };
        heads.insert(Arc::from(row.try_get::<String>("", "workspace_id")?), head);
    }
    Ok(heads)
}

/// `$a, $b, …`, `count` of them.
pub(super) fn placeholders(first: usize, count: usize) -> String {
    let all: Vec<String> = (first..first + count).map(|n| format!("${n}")).collect();
    all.join(", ")
}

/// `(…), (…)` for rows of `width` values.
pub(super) fn tuples(width: usize, count: usize) -> String {
    let all: Vec<String> =
        (0..count).map(|row| format!("({})", placeholders(row * width + 1, width))).collect();
    all.join(", ")
}

/// Writes placed entries.
pub(super) async fn insert_entries(tx: &DatabaseTransaction, rows: Vec<EntryRow>) -> Result<()> {
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

/// Writes the heads that changed.
pub(super) async fn write(
    tx: &DatabaseTransaction,
    heads: &BTreeMap<Arc<str>, Head>,
) -> Result<()> {
    let changed: Vec<_> = heads.iter().filter(|(_, head)| head.changed).collect();
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

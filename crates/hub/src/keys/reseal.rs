//! What a retired data key has sealed is sealed anew by the primary.

use std::{collections::HashMap, time::Instant};

use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::Course;
use crate::{
    Error, Result, client, connection, session,
    store::{PEOPLES_KEYS, SYSTEM_SECRETS, SealedAt, SealedColumn, Store, outbox},
};

/// How many ids are looked up at once.
const PAGE: i64 = 5000;
/// How many values are replaced in one transaction: SQLite's other writers wait for it.
const BATCH: usize = 100;

/// Every column that data keys of the role `values` seal.
pub fn columns() -> Vec<SealedAt> {
    let rooms = [
        &[SYSTEM_SECRETS, PEOPLES_KEYS],
        client::SEALED,
        connection::SEALED,
        session::SEALED,
        outbox::SEALED,
    ];
    rooms.concat()
}

/// What became of a workspace's values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Sealed anew.
    pub(super) resealed: u64,
    /// Do not open: they were changed or moved, and stay as they are.
    pub(super) unreadable: u64,
}

/// Seals everything of a workspace anew that a retired key has sealed.
pub(super) async fn workspace(
    store: &Store,
    workspace: &str,
    course: &mut Course<'_>,
) -> Result<Tally> {
    let mut tally = Tally::default();
    for at in columns() {
        Column { store, at, workspace }.reseal(course, &mut tally).await?;
    }
    Ok(tally)
}

/// How many values name each data key of a workspace, or of all.
pub(super) async fn named(store: &Store, workspace: Option<&str>) -> Result<HashMap<String, u64>> {
    let mut all = HashMap::new();
    for at in columns() {
        let SealedAt { table, column, workspace: owner, .. } = at;
        let filter = workspace.map_or_else(String::new, |_| format!("AND {owner} = $1"));
        let key = at.key_id(store.backend());
        let sql = format!(
            "SELECT d.id AS id, COUNT(*) AS named FROM (SELECT {key} AS key_id, {owner} AS owner \
             FROM {table} WHERE {column} IS NOT NULL {filter}) v \
             JOIN data_key d ON d.id = v.key_id AND d.workspace_id = v.owner GROUP BY d.id"
        );
        let values: Vec<Value> = workspace.into_iter().map(Into::into).collect();
        let rows = query(store, sql, values).await?;
        for row in rows {
            let named = u64::try_from(row.try_get::<i64>("", "named")?).unwrap_or(0);
            *all.entry(row.try_get("", "id")?).or_default() += named;
        }
    }
    Ok(all)
}

async fn query(store: &Store, sql: String, values: Vec<Value>) -> Result<Vec<QueryResult>> {
    let statement = store.statement(sql, values);
    Ok(store.read().query_all_raw(statement).await?)
}

/// A column's values of one workspace.
struct Column<'a> {
    store: &'a Store,
    at: SealedAt,
    workspace: &'a str,
}

/// A value, and what its place is made of.
struct Stored {
    row: String,
    bound: String,
    generation: i64,
    sealed: SealedColumn,
}

/// A value sealed anew, and what it was.
struct Fresh {
    row: String,
    before: SealedColumn,
    after: SealedColumn,
}

impl Column<'_> {
    async fn reseal(&self, course: &mut Course<'_>, tally: &mut Tally) -> Result<()> {
        let mut after = String::new();
        loop {
            let rows = self.older(&after, PAGE).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after.clone_from(last);
            for batch in rows.chunks(BATCH) {
                let fresh = self.sealed_anew(batch, tally).await?;
                let since = Instant::now();
                tally.resealed += self.replace(&fresh).await?;
                course.step(batch.len() as u64)?;
                course.rest(since.elapsed()).await;
            }
        }
    }

    /// Rows after `after` whose values name a retired key.
    async fn older(&self, after: &str, most: i64) -> Result<Vec<String>> {
        let SealedAt { table, row, workspace, .. } = self.at;
        let sql = format!(
            "SELECT {row} AS row FROM {table} WHERE {workspace} = $1 AND {row} > $2 AND {} IN \
             (SELECT id FROM data_key \
              WHERE workspace_id = $1 AND role = 'values' AND state = 'retired') \
             ORDER BY {row} LIMIT $3",
            self.at.key_id(self.store.backend())
        );
        let values = vec![self.workspace.into(), after.into(), most.into()];
        let rows = query(self.store, sql, values).await?;
        rows.iter().map(|row| Ok(row.try_get("", "row")?)).collect()
    }

    async fn sealed_anew(&self, rows: &[String], tally: &mut Tally) -> Result<Vec<Fresh>> {
        let mut all = Vec::with_capacity(rows.len());
        for Stored { row, bound, generation, sealed: before } in self.values(rows).await? {
            let place = self.at.place(self.workspace, &bound, generation);
            if let Some(after) = self.store.keys().reseal(&place, &before).await? {
                all.push(Fresh { row, before, after });
                continue;
            }
            let SealedAt { table, column, .. } = self.at;
            tracing::warn!(
                table,
                column,
                row,
                "a sealed value does not open: it was changed or moved, and stays as it is"
            );
            tally.unreadable += 1;
        }
        Ok(all)
    }

    async fn values(&self, rows: &[String]) -> Result<Vec<Stored>> {
        let SealedAt { table, column, row, bound, workspace, generation, .. } = self.at;
        let names: Vec<_> = (2..2 + rows.len()).map(|place| format!("${place}")).collect();
        let sql = format!(
            "SELECT {row} AS row, {bound} AS bound, CAST({generation} AS BIGINT) AS generation, \
             {column} AS sealed FROM {table} WHERE {workspace} = $1 AND {row} IN ({}) AND {column} IS NOT NULL \
             ORDER BY {row}",
            names.join(", ")
        );
        let own: [Value; 1] = [self.workspace.into()];
        let values = own.into_iter().chain(rows.iter().map(|row| row.as_str().into())).collect();
        let rows = query(self.store, sql, values).await?;
        rows.iter()
            .map(|row| {
                Ok(Stored {
                    row: row.try_get("", "row")?,
                    bound: row.try_get("", "bound")?,
                    generation: row.try_get("", "generation")?,
                    sealed: row.try_get("", "sealed")?,
                })
            })
            .collect()
    }

    /// Puts each into its row, unless the row has another value by now: that one is newer. In the rows'
    /// order, as other writers go, so that no two wait for each other.
    async fn replace(&self, fresh: &[Fresh]) -> Result<u64> {
        if fresh.is_empty() {
            return Ok(0);
        }
        let SealedAt { table, column, row, workspace, .. } = self.at;
        let sql = format!(
            "UPDATE {table} SET {column} = $1 \
             WHERE {workspace} = $2 AND {row} = $3 AND {column} = $4"
        );
        let tx = self.store.begin().await?;
        let mut done = 0;
        for one in fresh {
            let values = [
                one.after.clone().into(),
                self.workspace.into(),
                one.row.as_str().into(),
                one.before.clone().into(),
            ];
            let update = self.store.statement(&sql, values);
            done += tx.execute_raw(update).await?.rows_affected();
        }
        tx.commit().await?;
        Ok(done)
    }
}

/// The workspaces after `after` that have a primary key, in order.
pub(super) async fn workspaces(store: &Store, after: &str, most: i64) -> Result<Vec<String>> {
    let sql = "SELECT workspace_id FROM data_key \
               WHERE role = 'values' AND state = 'primary' AND workspace_id > $1 \
               ORDER BY workspace_id LIMIT $2";
    let rows = query(store, sql.to_owned(), vec![after.into(), most.into()]).await?;
    rows.iter().map(|row| row.try_get("", "workspace_id").map_err(Error::from)).collect()
}

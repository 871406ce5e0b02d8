//! The outer layer: data keys wrapped by the key that the source wraps with now.

use sea_orm::{ConnectionTrait, DatabaseTransaction};
use vault::{KeyRef, Wrapped};

use super::{
    Keys,
    rows::{self, statement},
};
use crate::Result;

/// How many rows are looked at at once.
const PAGE: i64 = 1000;

/// A data key that a former key of the source wraps.
#[derive(Clone, Debug)]
pub struct Stale {
    /// Whose.
    pub workspace: String,
    /// Which.
    pub id: KeyRef,
}

/// A data key wrapped anew, not stored yet.
pub struct Rewrapped {
    id: KeyRef,
    before: Wrapped,
    after: Wrapped,
}

impl Keys {
    /// The id of the key that wraps now. Makes sure that the source is there, and learns its newest.
    pub async fn wrapping_key(&self) -> Result<String> {
        self.keyring.source.ready().await?;
        Ok(self.keyring.source.primary())
    }

    /// Whether this was wrapped with the key that wraps now.
    pub(super) fn is_current(&self, wrapped: &Wrapped) -> bool {
        self.keyring.source.is_current(wrapped)
    }

    /// All data keys that a former key wraps, by workspace.
    pub async fn stale(&self) -> Result<Vec<Stale>> {
        let read = &self.keyring.read;
        let sql = "SELECT id, workspace_id, wrapped FROM data_key \
                   WHERE state <> 'destroyed' AND (workspace_id > $1 OR \
                   (workspace_id = $1 AND id > $2)) ORDER BY workspace_id, id LIMIT $3";
        let (mut found, mut after) = (Vec::new(), (String::new(), String::new()));
        loop {
            let values = [after.0.clone().into(), after.1.clone().into(), PAGE.into()];
            let rows = read.query_all_raw(statement(read, sql, values)).await?;
            for row in &rows {
                let (workspace, id) = (row.try_get::<String>("", "workspace_id")?, rows::id(row)?);
                after = (workspace.clone(), id.to_string());
                let wrapped = Wrapped::from_bytes(row.try_get("", "wrapped")?)?;
                if !self.is_current(&wrapped) {
                    found.push(Stale { workspace, id });
                }
            }
            if rows.is_empty() {
                return Ok(found);
            }
        }
    }

    /// Unwraps a data key and wraps it anew; none where it is destroyed meanwhile.
    pub async fn rewrap(&self, stale: &Stale) -> Result<Option<Rewrapped>> {
        let Stale { workspace, id } = stale;
        let Some(before) = rows::wrapped(&self.keyring.read, workspace, *id).await? else {
            return Ok(None);
        };
        let source = &self.keyring.source;
        let key = source.unwrap(workspace, *id, &before).await?;
        let after = source.wrap(self.rng.as_ref(), workspace, &key).await?;
        Ok(Some(Rewrapped { id: *id, before, after }))
    }

    /// Stores it, unless the row has changed meanwhile; whether it did.
    pub async fn put_rewrapped(&self, tx: &DatabaseTransaction, new: &Rewrapped) -> Result<bool> {
        let sql = "UPDATE data_key SET wrapped = $1 WHERE id = $2 AND wrapped = $3";
        let values = [
            new.after.as_bytes().to_vec().into(),
            new.id.to_string().into(),
            new.before.as_bytes().to_vec().into(),
        ];
        Ok(tx.execute_raw(statement(tx, sql, values)).await?.rows_affected() == 1)
    }
}

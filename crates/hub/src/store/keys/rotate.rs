//! One data key follows another: made and tried as staged, then primary, the former retired.

use sea_orm::{ConnectionTrait, DatabaseTransaction};
use vault::{KeyRef, Place};

use super::{
    KeyRow, Keys, Role, State,
    rows::{self, NewRow, statement},
};
use crate::{Error, Result, store::SealedColumn};

/// At so many uses a key is due to be followed by another: half of what it may have.
const DUE: i64 = 1 << 31;

/// A primary key that was used often enough.
#[derive(Clone, Debug)]
pub struct Worn {
    /// Whose.
    pub workspace: String,
    /// What it seals.
    pub role: Role,
}

impl Keys {
    /// A staged key of this role, made unless there is one. The key source was asked to unwrap it as it is
    /// stored: one that could not be opened later never seals.
    pub async fn stage(&self, workspace: &str, role: Role) -> Result<KeyRef> {
        let id = match self.staged(workspace, role).await? {
            Some(id) => id,
            None => self.make_staged(workspace, role).await?,
        };
        let (read, source) = (&self.keyring.read, self.keyring.source.as_ref());
        rows::load(read, source, workspace, id).await?;
        Ok(id)
    }

    /// The staged key of this role.
    pub async fn staged(&self, workspace: &str, role: Role) -> Result<Option<KeyRef>> {
        let keys = rows::of_workspace(&self.keyring.read, workspace).await?;
        let found = keys.iter().find(|key| key.state == State::Staged && key.role == role);
        Ok(found.map(|key| key.id))
    }

    async fn make_staged(&self, workspace: &str, role: Role) -> Result<KeyRef> {
        let super::Keyring { source, write, .. } = &self.keyring;
        let (rng, now) = (self.rng.as_ref(), self.keyring.now());
        let new = NewRow::make(source.as_ref(), rng, workspace, (role, "staged"), now).await?;
        rows::insert(write, &new).await?;
        // Of two that do this at once one wins, and both go on with that one.
        let staged = self.staged(workspace, role).await?;
        staged.ok_or_else(|| Error::internal("the staged data key is missing after making it"))
    }

    /// Makes the key for personal fields where a workspace has none yet.
    pub async fn ensure_personal(&self, workspace: &str) -> Result<()> {
        let keys = rows::of_workspace(&self.keyring.read, workspace).await?;
        if keys.iter().any(|key| key.role == Role::Personal) {
            return Ok(());
        }
        let now = self.keyring.now();
        super::make(&self.keyring, self.rng.as_ref(), workspace, Role::Personal, now).await
    }

    /// The staged key becomes the primary, within the caller's transaction; returns the one that was, or
    /// none where another process did this first. After the commit call [`forget`](Self::forget); other
    /// processes seal with the former one for up to [`KNOWN_FOR`](super::KNOWN_FOR) more.
    pub async fn promote(
        &self,
        tx: &DatabaseTransaction,
        workspace: &str,
        role: Role,
        staged: KeyRef,
    ) -> Result<Option<KeyRef>> {
        let retire = "UPDATE data_key SET state = 'retired', retired_at = $1, settled_at = NULL \
                      WHERE workspace_id = $2 AND role = $3 AND state = 'primary' RETURNING id";
        let values = [self.keyring.now().into(), workspace.into(), role.as_str().into()];
        let Some(former) = tx.query_one_raw(statement(tx, retire, values)).await? else {
            return Ok(None);
        };
        let promote = "UPDATE data_key SET state = 'primary' \
                       WHERE workspace_id = $1 AND id = $2 AND state = 'staged'";
        let values = [workspace.into(), staged.to_string().into()];
        if tx.execute_raw(statement(tx, promote, values)).await?.rows_affected() == 0 {
            return Ok(None);
        }
        Ok(Some(rows::id(&former)?))
    }

    /// Whether a rotation was interrupted: the primary followed another one, and not everything that it
    /// sealed is known to be sealed anew.
    pub async fn is_interrupted(&self, workspace: &str) -> Result<bool> {
        let sql = "SELECT id FROM data_key WHERE workspace_id = $1 AND role = 'values' \
                   AND state = 'primary' AND settled_at IS NULL AND EXISTS (SELECT 1 FROM data_key \
                   WHERE workspace_id = $1 AND role = 'values' AND state = 'retired')";
        let read = &self.keyring.read;
        let row = read.query_one_raw(statement(read, sql, [workspace.into()])).await?;
        Ok(row.is_some())
    }

    /// Everything that former keys sealed was gone through.
    pub async fn conclude(&self, workspace: &str) -> Result<()> {
        self.settle(workspace, "primary", i64::MAX).await
    }

    /// Nothing names the keys any more that were retired before `before`.
    pub async fn settle_retired(&self, workspace: &str, before: i64) -> Result<()> {
        self.settle(workspace, "retired", before).await
    }

    async fn settle(&self, workspace: &str, state: &str, before: i64) -> Result<()> {
        let sql = "UPDATE data_key SET settled_at = $1 WHERE workspace_id = $2 \
                   AND role = 'values' AND state = $3 AND settled_at IS NULL \
                   AND COALESCE(retired_at, 0) < $4";
        let values = [self.keyring.now().into(), workspace.into(), state.into(), before.into()];
        let write = &self.keyring.write;
        write.execute_raw(statement(write, sql, values)).await?;
        Ok(())
    }

    /// A retired key is named after all, or may be.
    pub async fn unsettle(&self, key: &KeyRow) -> Result<()> {
        let sql = "UPDATE data_key SET settled_at = NULL WHERE id = $1 AND state = 'retired'";
        let write = &self.keyring.write;
        write.execute_raw(statement(write, sql, [key.id.to_string().into()])).await?;
        Ok(())
    }

    /// Deletes a retired key that nothing names; whether it was there.
    pub async fn delete_retired(&self, tx: &DatabaseTransaction, key: &KeyRow) -> Result<bool> {
        let sql = "DELETE FROM data_key WHERE id = $1 AND state = 'retired' AND role = 'values' \
                   AND seals_audit = FALSE";
        let delete = statement(tx, sql, [key.id.to_string().into()]);
        Ok(tx.execute_raw(delete).await?.rows_affected() == 1)
    }

    /// Workspaces with keys that were retired before `before` and may still be named; at most 20.
    pub async fn unsettled(&self, before: i64) -> Result<Vec<String>> {
        let sql = "SELECT DISTINCT workspace_id FROM data_key WHERE state = 'retired' \
                   AND role = 'values' AND settled_at IS NULL AND retired_at < $1 LIMIT 20";
        let read = &self.keyring.read;
        let rows = read.query_all_raw(statement(read, sql, [before.into()])).await?;
        rows.iter().map(|row| Ok(row.try_get("", "workspace_id")?)).collect()
    }

    /// The same value for the same place, sealed by the primary key; none where it does not open.
    pub async fn reseal(
        &self,
        place: &Place<'_>,
        sealed: &SealedColumn,
    ) -> Result<Option<SealedColumn>> {
        let former = self.keyring.opening(place.workspace, sealed.0.key_id()).await?;
        let Ok(plain) = former.open(place, &sealed.0) else { return Ok(None) };
        Ok(Some(self.seal(place, &plain).await?))
    }

    /// Primary keys that were used so often that they are due to be followed; at most 20.
    pub async fn worn(&self) -> Result<Vec<Worn>> {
        let sql = "SELECT workspace_id, role FROM data_key \
                   WHERE state = 'primary' AND uses >= $1 ORDER BY uses DESC LIMIT 20";
        let read = &self.keyring.read;
        let rows = read.query_all_raw(statement(read, sql, [DUE.into()])).await?;
        rows.iter()
            .map(|row| {
                Ok(Worn { workspace: row.try_get("", "workspace_id")?, role: Role::read(row)? })
            })
            .collect()
    }
}

//! The end of a workspace's keys.

use sea_orm::{ConnectionTrait, DatabaseTransaction};

use super::{Keys, SYSTEM, rows::statement};
use crate::{Error, Result};

impl Keys {
    /// Destroys every data key of a workspace, within the transaction that closes it: once that is
    /// committed, nothing opens what they sealed, nor their people's keys. Returns how many.
    ///
    /// After the commit call [`forget`](Self::forget); other processes stop within
    /// [`KNOWN_FOR`](super::KNOWN_FOR).
    pub async fn destroy(&self, tx: &DatabaseTransaction, workspace: &str) -> Result<u64> {
        if workspace == SYSTEM {
            return Err(Error::invalid(
                "system_key",
                "The hub's own keys are never destroyed: every workspace's look-ups rest on them.",
            ));
        }
        let sql = "UPDATE data_key SET state = 'destroyed', wrapped = $1 \
                   WHERE workspace_id = $2 AND state <> 'destroyed'";
        let values = [Vec::<u8>::new().into(), workspace.into()];
        Ok(tx.execute_raw(statement(tx, sql, values)).await?.rows_affected())
    }

    /// Drops what this process has in memory of a workspace's keys and of its people's; what is still
    /// there is read again when it is needed.
    pub async fn forget(&self, workspace: &str) {
        self.keyring.forget(workspace).await;
    }

    /// Drops what this process has in memory of an end user's key.
    pub async fn forget_person(&self, end_user: &str) {
        self.keyring.forget_person(end_user).await;
    }
}

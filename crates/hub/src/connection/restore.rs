//! A database that was brought back from a backup holds refresh tokens that were rotated since: sent once,
//! a strict provider would end the grant.

use sea_orm::ConnectionTrait;

use serde_json::json;

use crate::{
    Result,
    audit::{self, Change, Reach},
    store::{SYSTEM, Store},
};

/// Holds every connection whose refresh tokens rotate: nothing is sent and nothing handed out until a
/// person has it tested or links again. Returns how many.
pub async fn hold_rotating(store: &Store) -> Result<u64> {
    let tx = store.begin().await?;
    let statement = store.statement("UPDATE connection SET status = 'held', state = CASE WHEN state = 'in_flight' THEN 'uncertain' \
         ELSE state END, lease_owner = NULL, deadline = NULL, health = 'failing', \
         health_reason = $1, updated_at = $2 \
         WHERE status = 'active' AND refresh_class <> 'static' AND due_at IS NOT NULL",
        [
            "Held after a restore: its refresh token may have been replaced since the backup. Test it, or link again.".into(),
            store.now().millis().into(),
        ],
    );
    let held = tx.execute_raw(statement).await?.rows_affected();
    let what = Change::new("connections.held", SYSTEM).with(json!({ "held": held }));
    audit::change(store, &tx, Reach::Everyone, &what).await?;
    tx.commit().await?;
    Ok(held)
}

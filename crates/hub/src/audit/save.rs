//! A refreshed credential goes into its row, in the writer's transaction.

use sea_orm::{ConnectionTrait, DatabaseTransaction, Statement, Value};

use crate::{
    Result,
    store::{SealedColumn, Store, outbox},
};

/// The outbox kind of an event.
pub const EVENT: &str = "event";

/// A refreshed credential on its way into its row.
#[derive(Clone, Debug)]
pub struct Save {
    /// The tenant.
    pub workspace: String,
    /// The row.
    pub connection: String,
    /// Which version it was made from: the save counts only where the row still has it.
    pub from_generation: i64,
    /// The lease under which it was fetched.
    pub fence: i64,
    /// Whose lease that was.
    pub owner: String,
    /// The new credential, sealed for `from_generation + 1`.
    pub sealed: SealedColumn,
    /// JSON list of what it can do.
    pub scopes: String,
    /// Milliseconds since the Unix epoch.
    pub expires_at: Option<i64>,
    /// Milliseconds since the Unix epoch.
    pub refresh_expires_at: Option<i64>,
    /// When to refresh next; milliseconds since the Unix epoch.
    pub due_at: Option<i64>,
    /// What to tell of it.
    pub event: Option<Event>,
}

/// Something to tell, on its way into the outbox.
#[derive(Clone, Debug)]
pub struct Event {
    /// The tenant.
    pub workspace: String,
    /// What it is about.
    pub subject: String,
    /// JSON.
    pub body: String,
}

/// What became of a save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaveOutcome {
    /// It is in its row.
    Saved,
    /// The row has moved on: another version is there, or it was revoked.
    Stale,
}

/// Writes an event into the outbox, within the transaction that causes it.
pub async fn enqueue_event<C: ConnectionTrait>(store: &Store, tx: &C, event: &Event) -> Result<()> {
    let Event { workspace, subject, body } = event;
    let work = outbox::Work { workspace, kind: EVENT, subject, body: body.as_bytes() };
    outbox::enqueue(store, tx, work).await
}

/// The credential goes in where the generation still matches, also when the lease is no longer ours;
/// the lease ends, and the quiet time with it, only if it is.
pub(super) async fn save_one(
    tx: &DatabaseTransaction,
    save: &Save,
    now: i64,
) -> Result<SaveOutcome> {
    // `reauth` was said of the token before; what came late is newer than that.
    let sql = "UPDATE connection SET credential_sealed = $1, scopes = $2, expires_at = $3, \
         refresh_expires_at = $4, generation = generation + 1, refreshed_at = $5, updated_at = $5, \
         health = CASE WHEN health = 'expiring' AND $4 <= refresh_expires_at THEN 'expiring' \
             ELSE 'healthy' END, health_reason = NULL, provider_code = NULL, failures = 0, \
         quiet_until = CASE WHEN fence = $6 AND lease_owner = $7 THEN 0 ELSE quiet_until END, \
         hold_until = CASE WHEN fence = $6 AND lease_owner = $7 THEN 0 ELSE hold_until END, \
         due_at = CASE WHEN (fence = $6 AND lease_owner = $7) OR state <> 'in_flight' THEN $8 \
             ELSE due_at END, \
         state = CASE WHEN (fence = $6 AND lease_owner = $7) OR state <> 'in_flight' THEN 'ready' \
             ELSE state END, \
         deadline = CASE WHEN fence = $6 AND lease_owner = $7 THEN NULL ELSE deadline END, \
         lease_owner = CASE WHEN fence = $6 AND lease_owner = $7 THEN NULL ELSE lease_owner END \
         WHERE workspace_id = $9 AND id = $10 AND generation = $11 AND status <> 'revoked'";
    let values: [Value; 11] = [
        save.sealed.clone().into(),
        save.scopes.clone().into(),
        save.expires_at.into(),
        save.refresh_expires_at.into(),
        now.into(),
        save.fence.into(),
        save.owner.clone().into(),
        save.due_at.into(),
        save.workspace.clone().into(),
        save.connection.clone().into(),
        save.from_generation.into(),
    ];
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    let done = tx.execute_raw(statement).await?;
    Ok(if done.rows_affected() == 1 { SaveOutcome::Saved } else { SaveOutcome::Stale })
}

//! Work to be done later: a row, written in the transaction that causes it.

use base::OutboxId;
use sea_orm::ConnectionTrait;
use vault::Place;

use super::{SealedAt, Store};
use crate::Result;

/// A piece of work.
#[derive(Clone, Copy, Debug)]
pub struct Work<'a> {
    /// The tenant.
    pub workspace: &'a str,
    /// What sort: decides who does it.
    pub kind: &'a str,
    /// What it is about: a connection, a session.
    pub subject: &'a str,
    /// What is needed to do it; sealed in its row.
    pub body: &'a [u8],
}

/// The columns that are sealed.
pub const SEALED: &[SealedAt] = &[SealedAt::new("outbox", "body_sealed", "body", "1")];

fn place<'a>(workspace: &'a str, id: &'a str) -> Place<'a> {
    Place { workspace, row: id, field: "body", generation: 1 }
}

/// Writes a piece of work that is due at once.
pub async fn enqueue<C: ConnectionTrait>(store: &Store, tx: &C, work: Work<'_>) -> Result<()> {
    let id: String = OutboxId::new(store.clock(), store.rng()).into();
    let sealed = store.keys().seal(&place(work.workspace, &id), work.body).await?;
    let now = store.now().millis();
    let statement = store.statement(
        "INSERT INTO outbox (id, workspace_id, kind, subject, body_sealed, due_at, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $6)",
        [
            id.into(),
            work.workspace.into(),
            work.kind.into(),
            work.subject.into(),
            sealed.into(),
            now.into(),
        ],
    );
    tx.execute_raw(statement).await?;
    Ok(())
}

/// A piece of work that this process has claimed.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The row.
    pub id: String,
    /// The tenant.
    pub workspace: String,
    /// What sort.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// How often it was tried before.
    pub attempts: i64,
    fence: i64,
    sealed: super::SealedColumn,
}

/// Claims what is due, for `lease_ms` milliseconds: what is not finished by then is due again.
pub async fn claim(store: &Store, owner: &str, lease_ms: i64, most: u64) -> Result<Vec<Claimed>> {
    let now = store.now().millis();
    let skip = if store.is_postgres() { " FOR UPDATE SKIP LOCKED" } else { "" };
    let sql = format!(
        "UPDATE outbox SET due_at = $1, fence = fence + 1, attempts = attempts + 1, lease_owner = $2 \
         WHERE id IN (SELECT id FROM outbox WHERE due_at <= $3 ORDER BY due_at LIMIT $4{skip}) \
         RETURNING id, workspace_id, kind, subject, attempts, fence, body_sealed"
    );
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let values = [(now + lease_ms).into(), owner.into(), now.into(), most.into()];
    let rows = store.write().query_all_raw(store.statement(sql, values)).await?;
    rows.into_iter()
        .map(|row| {
            Ok(Claimed {
                id: row.try_get("", "id")?,
                workspace: row.try_get("", "workspace_id")?,
                kind: row.try_get("", "kind")?,
                subject: row.try_get("", "subject")?,
                attempts: row.try_get("", "attempts")?,
                fence: row.try_get("", "fence")?,
                sealed: row.try_get("", "body_sealed")?,
            })
        })
        .collect()
}

impl Claimed {
    /// What is needed to do it.
    pub async fn body(&self, store: &Store) -> Result<zeroize::Zeroizing<Vec<u8>>> {
        store.keys().open_sealed(&place(&self.workspace, &self.id), &self.sealed).await
    }

    /// It is done, with this outcome; what was sealed for it is dropped.
    pub async fn finish(&self, store: &Store, outcome: &str) -> Result<()> {
        // No key is asked: a closing workspace's may be gone by now.
        let empty = Vec::<u8>::new();
        let statement = store.statement(
            "UPDATE outbox SET due_at = NULL, done_at = $1, outcome = $2, body_sealed = $3 \
             WHERE id = $4 AND fence = $5",
            [
                store.now().millis().into(),
                outcome.into(),
                empty.into(),
                self.id.clone().into(),
                self.fence.into(),
            ],
        );
        store.write().execute_raw(statement).await?;
        Ok(())
    }

    /// It is done, and nobody will ask what became of it.
    pub async fn forget(&self, store: &Store) -> Result<()> {
        let statement = store.statement(
            "DELETE FROM outbox WHERE id = $1 AND fence = $2",
            [self.id.clone().into(), self.fence.into()],
        );
        store.write().execute_raw(statement).await?;
        Ok(())
    }

    /// It is to be tried again in `after_ms` milliseconds.
    pub async fn again(&self, store: &Store, after_ms: i64) -> Result<()> {
        let statement = store.statement(
            "UPDATE outbox SET due_at = $1 WHERE id = $2 AND fence = $3",
            [(store.now().millis() + after_ms).into(), self.id.clone().into(), self.fence.into()],
        );
        store.write().execute_raw(statement).await?;
        Ok(())
    }
}

/// What became of the newest piece of work of this kind about `subject`; `pending` while it is open.
pub async fn outcome(
    store: &Store,
    workspace: &str,
    kind: &str,
    subject: &str,
) -> Result<Option<String>> {
    let statement = store.statement(
        "SELECT outcome FROM outbox WHERE workspace_id = $1 AND subject = $2 AND kind = $3 \
         ORDER BY id DESC LIMIT 1",
        [workspace.into(), subject.into(), kind.into()],
    );
    let Some(row) = store.read().query_one_raw(statement).await? else { return Ok(None) };
    let outcome: Option<String> = row.try_get("", "outcome")?;
    Ok(Some(outcome.unwrap_or_else(|| "pending".to_owned())))
}

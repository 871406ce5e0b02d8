//! A workspace's closing: hand-outs stop, grants are ended at the providers, then its key is destroyed.

use std::time::Duration;

use base::Timestamp;
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use serde_json::json;

use super::{
    Receipts,
    disconnect::{Which, disconnect_some},
    kill::switch_off,
    receipts,
};
use crate::{
    Error, Result,
    audit::{self, Change, Reach},
    provider::Registry,
    session,
    store::{
        SYSTEM, Store,
        outbox::{self, Claimed, Work},
    },
    workspace::{self, Workspace, api_key},
};

/// The outbox kind of a workspace's closing.
pub const CLOSE_WORKSPACE: &str = "close_workspace";

/// How long providers have to end the grants; afterwards the key is destroyed in any case.
const PATIENCE: Duration = Duration::from_hours(24);
/// Between two looks at what providers have answered; milliseconds.
const LOOK: i64 = 2_000;

/// A workspace on its way out.
#[derive(Clone, Debug)]
pub struct Closing {
    /// The row: `closing`, then `closed`.
    pub workspace: Workspace,
    /// When the key is destroyed at the latest; none once it is.
    pub deadline: Option<Timestamp>,
    /// What became of its connections so far.
    pub receipts: Receipts,
}

/// When the key of a closing workspace is destroyed at the latest: nothing else changes its row meanwhile.
fn deadline(workspace: &Workspace) -> Timestamp {
    Timestamp::from_millis(workspace.updated_at).plus(PATIENCE)
}

/// Begins to close a workspace: from this commit on nothing is handed out, nobody links, and none of its
/// keys or agents changes anything. Asked again, tells how far it is.
pub async fn close(store: &Store, id_or_slug: &str) -> Result<Closing> {
    let found = workspace::get(store, id_or_slug).await?;
    if found.status == "active" {
        let tx = store.begin().await?;
        if workspace::set_status(store, &tx, &found.id, "active", "closing").await? {
            switch_off(store, &tx, &found.id, &Which::All).await?;
            session::end_open(store, &tx, &found.id, None).await?;
            // The system's work: the workspace's key will be gone before this is over.
            let work =
                Work { workspace: SYSTEM, kind: CLOSE_WORKSPACE, subject: &found.id, body: b"" };
            outbox::enqueue(store, &tx, work).await?;
            let what = Change::new("workspace.closing", &found.id)
                .named(&found.slug)
                .with(json!({ "deadline": store.now().plus(PATIENCE) }));
            audit::change(store, &tx, Reach::Workspace(&found.id), &what).await?;
            tx.commit().await?;
        }
    }
    closing(store, &found.id).await
}

/// How far a workspace's closing is.
pub async fn closing(store: &Store, id_or_slug: &str) -> Result<Closing> {
    let workspace = workspace::get(store, id_or_slug).await?;
    let receipts = receipts(store, &workspace.id).await?;
    let deadline = (workspace.status == "closing").then(|| deadline(&workspace));
    Ok(Closing { workspace, deadline, receipts })
}

/// One step of a closing; it is looked at again until nothing is left to wait for.
pub async fn close_step(store: &Store, registry: &Registry, work: &Claimed) -> Result<()> {
    let workspace = &work.subject;
    let row = workspace::get(store, workspace).await?;
    if row.status == "closed" {
        return work.forget(store).await;
    }
    if !disconnect_some(store, registry, workspace, &Which::All).await?.is_empty() {
        return work.again(store, 0).await;
    }
    let over = deadline(&row) <= store.now();
    if (still_open(store, workspace).await? || waits(store, workspace).await?) && !over {
        return work.again(store, LOOK).await;
    }
    destroy(store, workspace).await?;
    work.forget(store).await
}

async fn exists(store: &Store, sql: &str, workspace: &str) -> Result<bool> {
    let statement = store.statement(sql, [workspace.into()]);
    Ok(store.read().query_one_raw(statement).await?.is_some())
}

/// Whether a session is not ended yet: what it kept is revoked when it is.
async fn still_open(store: &Store, workspace: &str) -> Result<bool> {
    let sql = "SELECT id FROM session WHERE workspace_id = $1 \
               AND status IN ('open', 'linking', 'pending') LIMIT 1";
    exists(store, sql, workspace).await
}

/// Whether work of this workspace is not done yet: a provider that has not answered.
async fn waits(store: &Store, workspace: &str) -> Result<bool> {
    let sql = "SELECT id FROM outbox WHERE workspace_id = $1 AND done_at IS NULL \
               AND kind <> 'event' LIMIT 1";
    exists(store, sql, workspace).await
}

/// What was not done by now will not be: its credential goes with the key.
async fn give_up(store: &Store, tx: &DatabaseTransaction, workspace: &str) -> Result<()> {
    let statement = store.statement(
        "UPDATE outbox SET outcome = 'failed', due_at = NULL, done_at = $2, fence = fence + 1 \
         WHERE workspace_id = $1 AND done_at IS NULL",
        [workspace.into(), store.now().millis().into()],
    );
    tx.execute_raw(statement).await?;
    Ok(())
}

/// Destroys the workspace's key: all that it sealed is unreadable from this commit on. The chain stays,
/// and verifies.
async fn destroy(store: &Store, workspace: &str) -> Result<()> {
    let receipts = receipts(store, workspace).await?;
    let tx = store.begin().await?;
    if !workspace::set_status(store, &tx, workspace, "closing", "closed").await? {
        return Err(Error::internal("a workspace that is not closing can't be closed"));
    }
    give_up(store, &tx, workspace).await?;
    api_key::revoke_of_workspace(&tx, workspace, store.now().millis()).await?;
    let keys = store.keys().destroy(&tx, workspace).await?;
    let details = json!({ "receipts": receipts, "keys_destroyed": keys });
    let what = Change::new("workspace.closed", workspace).with(details);
    audit::change(store, &tx, Reach::Workspace(workspace), &what).await?;
    tx.commit().await?;
    store.keys().forget(workspace).await;
    // Where the database writes over them in its own time, it does.
    store.shred_freed().await?;
    Ok(())
}

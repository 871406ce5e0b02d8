//! Everything that a workspace's keys have sealed becomes unreadable.

use serde_json::json;

use crate::{
    Error, Result,
    audit::{self, Change, Reach},
    store::Store,
    workspace::Workspace,
};

/// Destroys a workspace's data keys and records it. Returns how many, and whether the database has
/// written over them already: in PostgreSQL that happens in its own time.
pub async fn destroy(store: &Store, workspace: &Workspace) -> Result<(u64, bool)> {
    let tx = store.begin().await?;
    let destroyed = store.keys().destroy(&tx, &workspace.id).await?;
    if destroyed == 0 {
        return Err(Error::conflict(
            "workspace_closed",
            "This workspace's keys are destroyed already.",
        ));
    }
    let details = json!({ "keys": destroyed });
    let what = Change::new("keys.destroyed", &workspace.id).named(&workspace.slug).with(details);
    audit::change(store, &tx, Reach::Workspace(&workspace.id), &what).await?;
    tx.commit().await?;
    store.keys().forget(&workspace.id).await;
    Ok((destroyed, store.shred_freed().await?))
}

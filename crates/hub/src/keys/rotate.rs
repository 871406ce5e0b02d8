//! A new data key for a workspace, and everything sealed anew with it.

use serde_json::json;

use super::{
    Course,
    reseal::{self, Tally},
};
use crate::{
    Error, Result,
    audit::{self, Change, Reach},
    store::{KeyRole, KeyRow, SYSTEM, Store},
};

/// What a rotation did.
#[derive(Clone, Debug, Default)]
pub struct Rotation {
    /// Whether a new key was made primary; else one that was interrupted before was brought to its end.
    pub is_new: bool,
    /// Values that were sealed anew.
    pub resealed: u64,
    /// Values that do not open: they were changed or moved, and stay as they are.
    pub unreadable: u64,
}

impl Rotation {
    fn add(&mut self, tally: Tally) {
        self.resealed += tally.resealed;
        self.unreadable += tally.unreadable;
    }
}

/// Gives a workspace (or `system`) a new data key and seals everything anew with it. Where a rotation was
/// interrupted, brings that one to its end instead.
pub async fn rotate(store: &Store, workspace: &str, course: &mut Course<'_>) -> Result<Rotation> {
    exists(store, workspace).await?;
    let values = reseal::named(store, Some(workspace)).await?.values().sum::<u64>();
    course.expect(values + 1)?;
    let is_interrupted = store.keys().is_interrupted(workspace).await?;
    step(store, workspace, !is_interrupted, course).await
}

async fn exists(store: &Store, workspace: &str) -> Result<()> {
    let rows = store.keys().rows(Some(workspace)).await?;
    if rows.iter().any(KeyRow::is_primary) {
        return Ok(());
    }
    if rows.is_empty() {
        return Err(Error::not_found("workspace"));
    }
    Err(Error::conflict(
        "workspace_closed",
        "This workspace's keys were destroyed; there is nothing to rotate.",
    ))
}

/// One workspace's part; counts one for the key besides the values.
pub(super) async fn step(
    store: &Store,
    workspace: &str,
    with_new_key: bool,
    course: &mut Course<'_>,
) -> Result<Rotation> {
    let mut rotation = Rotation::default();
    if with_new_key {
        rotation.is_new = replace(store, workspace, KeyRole::Values).await?;
        if workspace != SYSTEM {
            store.keys().ensure_personal(workspace).await?;
        }
    }
    course.step(1)?;
    rotation.add(reseal::workspace(store, workspace, course).await?);
    store.keys().conclude(workspace).await?;
    Ok(rotation)
}

/// Makes a new key primary; whether this process did it.
pub(super) async fn replace(store: &Store, workspace: &str, role: KeyRole) -> Result<bool> {
    let staged = store.keys().stage(workspace, role).await?;
    let tx = store.begin().await?;
    let Some(former) = store.keys().promote(&tx, workspace, role, staged).await? else {
        tx.rollback().await?;
        store.keys().forget(workspace).await;
        return Ok(false);
    };
    let (from, to) = (former.to_string(), staged.to_string());
    let details = json!({ "seals": role, "from": from, "to": to });
    let what = Change::new("keys.rotated", workspace).with(details);
    audit::change(store, &tx, Reach::Workspace(workspace), &what).await?;
    tx.commit().await?;
    store.keys().forget(workspace).await;
    Ok(true)
}

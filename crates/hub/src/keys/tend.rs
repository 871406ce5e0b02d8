//! What the hub does by itself: brings interrupted rotations to their end, replaces keys that were used
//! often, and deletes those that nothing names.

use std::time::Duration;

use sea_orm::ConnectionTrait;
use serde_json::json;

use super::{
    Course, Pace, Progress, STOPPED, reseal, rotate,
    run::{self, Noted},
    status::{KEPT_FOR, Kept, kept},
};
use crate::{
    Result,
    audit::{self, Change, Reach},
    store::{KNOWN_FOR, KeyRow, Store},
};

/// How many keys and values are gone through in one turn: a process that is to stop waits for it.
const TURN: u64 = 2000;
/// After this long without a sign of life a run of all workspaces is taken over.
const SILENT: Duration = Duration::from_mins(1);

/// A turn's share of what rotations have left to do. Cheap where there is nothing.
pub async fn follow(store: &Store) -> Result<()> {
    let watch = |progress: Progress| progress.done < TURN;
    let mut course = Course::new(Pace::Gentle, &watch);
    match turn(store, &mut course).await {
        Err(error) if error.code == STOPPED => Ok(()),
        through => through,
    }
}

async fn turn(store: &Store, course: &mut Course<'_>) -> Result<()> {
    let now = store.now();
    if let Some(mut noted) = Noted::find(store).await?
        && noted.take_over(store, now.minus(SILENT)).await?
    {
        let run = match run::go_on(store, &noted, course).await {
            Err(error) if error.code == STOPPED => return noted.release(store).await,
            through => through?,
        };
        tracing::info!(
            rotated = run.rotated,
            resealed = run.resealed,
            failed = run.failed.len(),
            "a rotation of all data keys was brought to its end"
        );
    }
    // Other processes seal with a former key a little longer: what is settled is settled after that.
    let settled = now.minus(KNOWN_FOR * 4).millis();
    for workspace in store.keys().unsettled(settled).await? {
        let tally = reseal::workspace(store, &workspace, course).await?;
        store.keys().conclude(&workspace).await?;
        // One more pass finds nothing, unless somebody is late.
        if tally.resealed == 0 {
            store.keys().settle_retired(&workspace, settled).await?;
        }
    }
    Ok(())
}

/// Replaces what was used often, and deletes what nothing names. Now and then.
pub async fn tidy(store: &Store) -> Result<()> {
    for worn in store.keys().worn().await? {
        rotate::replace(store, &worn.workspace, worn.role).await?;
        tracing::info!(workspace = %worn.workspace, "a data key was used often, and another one follows it");
    }
    let before = store.now().minus(KEPT_FOR).millis();
    for workspace in old(store, before).await? {
        delete_unnamed(store, &workspace, before).await?;
    }
    Ok(())
}

/// Workspaces with keys that were retired long ago and may be deleted; at most 20.
async fn old(store: &Store, before: i64) -> Result<Vec<String>> {
    let sql = "SELECT DISTINCT workspace_id FROM data_key WHERE state = 'retired' \
               AND role = 'values' AND seals_audit = FALSE AND settled_at IS NOT NULL \
               AND retired_at < $1 LIMIT 20";
    let statement = store.statement(sql, [before.into()]);
    let rows = store.read().query_all_raw(statement).await?;
    rows.iter().map(|row| Ok(row.try_get("", "workspace_id")?)).collect()
}

async fn delete_unnamed(store: &Store, workspace: &str, before: i64) -> Result<()> {
    let named = reseal::named(store, Some(workspace)).await?;
    for key in store.keys().rows(Some(workspace)).await? {
        let id = key.id.to_string();
        let count = named.get(&id).copied().unwrap_or(0);
        match kept(&key, count) {
            Some(Kept::Until(until)) if until <= store.now() => delete(store, &key).await?,
            // Somebody was late: it is looked at again.
            Some(Kept::Named) if key.retired_at.is_some_and(|at| at < before) => {
                tracing::warn!(workspace, key = %key.id, values = count, "values still name a data key that was retired long ago");
                store.keys().unsettle(&key).await?;
            }
            _ => {}
        }
    }
    Ok(())
}

async fn delete(store: &Store, key: &KeyRow) -> Result<()> {
    let id = key.id.to_string();
    let tx = store.begin().await?;
    if store.keys().delete_retired(&tx, key).await? {
        let what = Change::new("keys.deleted", &key.workspace).with(json!({ "key": id }));
        audit::change(store, &tx, Reach::Workspace(&key.workspace), &what).await?;
    }
    tx.commit().await?;
    store.keys().forget(&key.workspace).await;
    Ok(())
}

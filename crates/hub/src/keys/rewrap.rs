//! Data keys wrapped by the key that the key source wraps with now: a former one can be taken away then.

use std::time::Instant;

use serde_json::json;

use super::{Course, STOPPED};
use crate::{
    Result,
    audit::{self, Change, Reach},
    store::{Stale, Store},
};

/// What was wrapped anew.
#[derive(Clone, Debug, Default)]
pub struct Rewrapping {
    /// The key that wraps now.
    pub wrapping_key: String,
    /// Data keys that were wrapped anew.
    pub rewrapped: u64,
    /// Workspaces whose keys could not be, and why.
    pub failed: Vec<(String, String)>,
}

/// Wraps every data key anew that a former key of the source wraps. Hubs that run must have the one that
/// wraps now before this.
pub async fn rewrap(store: &Store, course: &mut Course<'_>) -> Result<Rewrapping> {
    let wrapping_key = store.keys().wrapping_key().await?;
    let stale = store.keys().stale().await?;
    course.expect(stale.len() as u64)?;
    let mut all = Rewrapping { wrapping_key, ..Rewrapping::default() };
    for of_one in stale.chunk_by(|a, b| a.workspace == b.workspace) {
        let workspace = &of_one[0].workspace;
        let since = Instant::now();
        match workspace_keys(store, workspace, of_one, &all.wrapping_key).await {
            Ok(rewrapped) => all.rewrapped += rewrapped,
            Err(error) if error.code == STOPPED => return Err(error),
            Err(error) => {
                tracing::error!(%workspace, %error, "a workspace's data keys could not be wrapped anew");
                all.failed.push((workspace.clone(), error.to_string()));
            }
        }
        course.step(of_one.len() as u64)?;
        course.rest(since.elapsed()).await;
    }
    Ok(all)
}

async fn workspace_keys(
    store: &Store,
    workspace: &str,
    stale: &[Stale],
    wrapping_key: &str,
) -> Result<u64> {
    let mut fresh = Vec::with_capacity(stale.len());
    for one in stale {
        fresh.extend(store.keys().rewrap(one).await?);
    }
    let tx = store.begin().await?;
    let mut done = 0_u64;
    for one in &fresh {
        done += u64::from(store.keys().put_rewrapped(&tx, one).await?);
    }
    if done > 0 {
        let details = json!({ "keys": done, "wrapping_key": wrapping_key });
        let what = Change::new("keys.rewrapped", workspace).with(details);
        audit::change(store, &tx, Reach::Workspace(workspace), &what).await?;
    }
    tx.commit().await?;
    Ok(done)
}

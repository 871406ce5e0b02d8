//! What there is of data keys, and what still names them.

use std::{collections::HashMap, time::Duration};

use base::Timestamp;
use sea_orm::{ConnectionTrait, Statement};

use super::{reseal, run::Noted};
use crate::{
    Result,
    store::{KeyRole, KeyRow, KeyState, Store},
};

/// How long a retired key is kept when nothing in the database names it any more: a journal that a process
/// left behind may.
pub const KEPT_FOR: Duration = Duration::from_hours(30 * 24);

/// Why a retired key is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Values name it that are not sealed anew yet, or do not open.
    Named,
    /// Entries of the audit chain may name it: for good.
    Audit,
    /// A journal may name it: until then.
    Until(Timestamp),
}

/// A data key, and what names it.
#[derive(Clone, Debug)]
pub struct KeyStatus {
    /// The key.
    pub key: KeyRow,
    /// The workspace's slug; none of `system`.
    pub slug: Option<String>,
    /// How many values name it, audit entries and journals left out.
    pub named: u64,
    /// Of a retired key: why it is there.
    pub kept: Option<Kept>,
}

/// All of it.
#[derive(Clone, Debug)]
pub struct Status {
    /// The id of the key that wraps now.
    pub wrapping_key: String,
    /// The data keys, by workspace and age.
    pub keys: Vec<KeyStatus>,
    /// When a rotation of all workspaces began that is not through.
    pub running_since: Option<Timestamp>,
}

/// The data keys of a workspace (or `system`), or of all. Reads every sealed value.
pub async fn status(store: &Store, workspace: Option<&str>) -> Result<Status> {
    let wrapping_key = store.keys().wrapping_key().await?;
    let rows = store.keys().rows(workspace).await?;
    let named = reseal::named(store, workspace).await?;
    let slugs = slugs(store).await?;
    let keys = rows.into_iter().map(|key| {
        let named = named.get(&key.id.to_string()).copied().unwrap_or(0);
        KeyStatus { slug: slugs.get(&key.workspace).cloned(), kept: kept(&key, named), named, key }
    });
    let running_since = Noted::find(store).await?.map(|run| Timestamp::from_millis(run.started_at));
    Ok(Status { wrapping_key, keys: keys.collect(), running_since })
}

/// Why a retired key is there; none of any other.
pub(super) fn kept(key: &KeyRow, named: u64) -> Option<Kept> {
    let retired_at = key.retired_at.filter(|_| key.state == KeyState::Retired)?;
    Some(match (named, key.seals_audit, key.role) {
        (1.., _, KeyRole::Values) => Kept::Named,
        (_, true, _) | (_, _, KeyRole::Personal) => Kept::Audit,
        (0, false, KeyRole::Values) => {
            Kept::Until(Timestamp::from_millis(retired_at).plus(KEPT_FOR))
        }
    })
}

async fn slugs(store: &Store) -> Result<HashMap<String, String>> {
    let statement = Statement::from_string(store.backend(), "SELECT id, slug FROM workspace");
    let rows = store.read().query_all_raw(statement).await?;
    rows.iter().map(|row| Ok((row.try_get("", "id")?, row.try_get("", "slug")?))).collect()
}

//! All workspaces, one after the other. What is noted of a run lets it go on after an interruption: a
//! workspace whose key is younger than the run has had its turn.

use base::Timestamp;
use sea_orm::{ConnectionTrait, Statement, Value};
use vault::KeyRef;

use super::{
    Course, STOPPED, reseal,
    rotate::{self, Rotation},
};
use crate::{
    Result,
    store::{KeyRow, Store},
};

/// How many workspaces are looked up at once.
const PAGE: i64 = 1000;

/// What a run did.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// When it began, where it was interrupted before.
    pub continued_from: Option<i64>,
    /// Keys that were made primary.
    pub rotated: u64,
    /// Values that were sealed anew.
    pub resealed: u64,
    /// Values that do not open.
    pub unreadable: u64,
    /// Workspaces that could not be rotated, and why.
    pub failed: Vec<(String, String)>,
}

/// A run that is not through.
#[derive(Clone, Debug)]
pub(super) struct Noted {
    id: String,
    pub(super) started_at: i64,
    touched_at: i64,
}

fn statement(store: &Store, sql: &str, values: Vec<Value>) -> Statement {
    store.statement(sql, values)
}

impl Noted {
    /// The oldest run that is not through.
    pub(super) async fn find(store: &Store) -> Result<Option<Self>> {
        let sql = "SELECT id, started_at, touched_at FROM rotation WHERE finished_at IS NULL \
                   ORDER BY started_at, id LIMIT 1";
        let row = store.read().query_one_raw(statement(store, sql, vec![])).await?;
        row.map(|row| {
            Ok(Self {
                id: row.try_get("", "id")?,
                started_at: row.try_get("", "started_at")?,
                touched_at: row.try_get("", "touched_at")?,
            })
        })
        .transpose()
    }

    async fn begin(store: &Store) -> Result<Self> {
        let (id, now) = (KeyRef::random(store.rng()).to_string(), store.now().millis());
        let sql = "INSERT INTO rotation (id, started_at, touched_at) VALUES ($1, $2, $2)";
        let insert = statement(store, sql, vec![id.clone().into(), now.into()]);
        store.write().execute_raw(insert).await?;
        Ok(Self { id, started_at: now, touched_at: now })
    }

    /// Takes it over from a process that has been silent since `before`; of several that try, one does.
    pub(super) async fn take_over(&mut self, store: &Store, before: Timestamp) -> Result<bool> {
        if self.touched_at >= before.millis() {
            return Ok(false);
        }
        let now = store.now().millis();
        let sql = "UPDATE rotation SET touched_at = $1 \
                   WHERE id = $2 AND touched_at = $3 AND finished_at IS NULL";
        let values = vec![now.into(), self.id.clone().into(), self.touched_at.into()];
        let taken = store.write().execute_raw(statement(store, sql, values)).await?;
        self.touched_at = now;
        Ok(taken.rows_affected() == 1)
    }

    /// Whether a key is older than the run.
    fn is_before(&self, key: &KeyRow) -> bool {
        key.created_at < self.started_at
    }

    /// Others may go on with it at once.
    pub(super) async fn release(&self, store: &Store) -> Result<()> {
        let sql = "UPDATE rotation SET touched_at = 0 WHERE id = $1 AND finished_at IS NULL";
        let release = statement(store, sql, vec![self.id.clone().into()]);
        store.write().execute_raw(release).await?;
        Ok(())
    }

    /// A sign of life; also the end.
    async fn touch(&self, store: &Store, is_through: bool) -> Result<()> {
        let now = store.now().millis();
        let sql = "UPDATE rotation SET touched_at = $1, finished_at = $2 WHERE id = $3";
        let end = is_through.then_some(now);
        let values = vec![now.into(), end.into(), self.id.clone().into()];
        store.write().execute_raw(statement(store, sql, values)).await?;
        Ok(())
    }
}

/// Gives every workspace, and the hub itself, a new data key. Where a run was interrupted, goes on with
/// that one instead.
pub async fn rotate_all(store: &Store, course: &mut Course<'_>) -> Result<Run> {
    let found = Noted::find(store).await?;
    let continued_from = found.as_ref().map(|run| run.started_at);
    let noted = match found {
        Some(noted) => noted,
        None => Noted::begin(store).await?,
    };
    let run = go_on(store, &noted, course).await?;
    Ok(Run { continued_from, ..run })
}

pub(super) async fn go_on(store: &Store, noted: &Noted, course: &mut Course<'_>) -> Result<Run> {
    let mut run = Run::default();
    course.expect(left(store, noted).await?)?;
    let mut after = String::new();
    loop {
        let workspaces = reseal::workspaces(store, &after, PAGE).await?;
        let Some(last) = workspaces.last() else { break };
        after.clone_from(last);
        for workspace in &workspaces {
            match one(store, workspace, noted, course).await {
                Ok(rotation) => {
                    run.rotated += u64::from(rotation.is_new);
                    run.resealed += rotation.resealed;
                    run.unreadable += rotation.unreadable;
                }
                Err(error) if error.code == STOPPED => return Err(error),
                Err(error) => {
                    tracing::error!(%workspace, %error, "a workspace's data key could not be replaced");
                    run.failed.push((workspace.clone(), error.to_string()));
                }
            }
        }
    }
    noted.touch(store, true).await?;
    Ok(run)
}

/// A workspace whose key is younger than the run has it of the run, and only has to be gone through.
async fn one(
    store: &Store,
    workspace: &str,
    noted: &Noted,
    course: &mut Course<'_>,
) -> Result<Rotation> {
    let rows = store.keys().rows(Some(workspace)).await?;
    let with_new_key = rows.iter().any(|key| key.is_primary() && noted.is_before(key));
    if !with_new_key && !store.keys().is_interrupted(workspace).await? {
        return Ok(Rotation::default());
    }
    noted.touch(store, false).await?;
    rotate::step(store, workspace, with_new_key, course).await
}

/// How many keys and values the run still has before it.
async fn left(store: &Store, noted: &Noted) -> Result<u64> {
    let named = reseal::named(store, None).await?;
    let rows = store.keys().rows(None).await?;
    let primary = || rows.iter().filter(|key| key.is_primary());
    let through = primary().filter(|key| !noted.is_before(key));
    let through: u64 = through.filter_map(|key| named.get(&key.id.to_string())).sum();
    let keys = primary().filter(|key| noted.is_before(key)).count() as u64;
    Ok(keys + named.values().sum::<u64>() - through)
}

//! The lease: a fence in the connection's row, taken in one durable statement before anything is sent.

use std::time::Duration;

use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use super::timing::{Timings, boot_time};
use crate::{Result, connection::Connection, store::Store};

/// A claimed connection.
#[derive(Clone, Debug)]
pub struct Lease {
    /// The row as it stands after the claim.
    pub row: Connection,
    /// This process.
    pub owner: String,
    /// When it was asked for, in time since boot: the lease runs from there.
    pub(super) since: Duration,
}

/// The time of a claim, in milliseconds. Replicas agree on the database's clock, whatever their own say;
/// a SQLite file has one process and its clock ($4).
fn now(store: &Store) -> &'static str {
    if store.is_postgres() {
        "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::BIGINT"
    } else {
        "$4"
    }
}

/// What can be claimed. Of a lease whose holder is silent nobody knows whether it sent: the row is held
/// until the holder acknowledges, or `hold_until`.
fn claimable(store: &Store) -> String {
    let now = now(store);
    format!(
        "quiet_until <= {now} AND status = 'active' AND \
         (state IN ('ready', 'uncertain') OR (state = 'in_flight' AND hold_until <= {now}))"
    )
}

/// A strict token is held until its access token nears its end ($5 = the last try's head start); any
/// other until the quiet time is over. The sweep comes back at that time.
fn set(store: &Store) -> String {
    let now = now(store);
    let hold = format!(
        "CASE WHEN refresh_class = 'strict' AND COALESCE(expires_at, 0) - $5 > {now} + $3 \
         THEN expires_at - $5 ELSE {now} + $3 END"
    );
    format!(
        "UPDATE connection SET state = 'in_flight', fence = fence + 1, lease_owner = $1, \
         deadline = {now} + $2, quiet_until = {now} + $3, updated_at = $4, hold_until = {hold}, \
         due_at = {hold}"
    )
}

fn times(store: &Store, owner: &str, timings: &Timings) -> Vec<Value> {
    let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    vec![
        owner.into(),
        millis(timings.lease).into(),
        millis(timings.quiet).into(),
        store.now().millis().into(),
        millis(timings.last_try).into(),
    ]
}

/// Claims one connection, if nobody has it and it still has this generation.
pub(super) async fn claim_one(
    store: &Store,
    owner: &str,
    timings: &Timings,
    row: &Connection,
) -> Result<Option<Lease>> {
    let sql = format!(
        "{} WHERE workspace_id = $6 AND id = $7 AND generation = $8 AND {} RETURNING *",
        set(store),
        claimable(store)
    );
    let mut values = times(store, owner, timings);
    values.extend([row.workspace_id.clone().into(), row.id.clone().into(), row.generation.into()]);
    Ok(run(store, owner, &sql, values).await?.pop())
}

/// Claims up to `most` connections that are due: first those whose refresh token is about to die.
pub(super) async fn claim_due(
    store: &Store,
    owner: &str,
    timings: &Timings,
    most: u64,
) -> Result<Vec<Lease>> {
    let soon = store.now().plus(Duration::from_hours(1)).millis();
    let mut claimed = claim_where(store, owner, timings, most, Some(soon)).await?;
    let left = most - claimed.len() as u64;
    if left > 0 {
        claimed.extend(claim_where(store, owner, timings, left, None).await?);
    }
    Ok(claimed)
}

async fn claim_where(
    store: &Store,
    owner: &str,
    timings: &Timings,
    most: u64,
    dies_before: Option<i64>,
) -> Result<Vec<Lease>> {
    let skip = if store.is_postgres() { " FOR UPDATE SKIP LOCKED" } else { "" };
    let dying = if dies_before.is_some() { "AND refresh_expires_at <= $7" } else { "" };
    let sql = format!(
        "{} WHERE id IN (SELECT id FROM connection WHERE due_at <= {} AND {} {dying} \
         ORDER BY due_at LIMIT $6{skip}) RETURNING *",
        set(store),
        now(store),
        claimable(store)
    );
    let mut values = times(store, owner, timings);
    values.push(i64::try_from(most).unwrap_or(i64::MAX).into());
    values.extend(dies_before.map(Value::from));
    run(store, owner, &sql, values).await
}

async fn run(store: &Store, owner: &str, sql: &str, values: Vec<Value>) -> Result<Vec<Lease>> {
    let since = boot_time();
    let statement = store.statement(sql, values);
    let rows = store.write().query_all_raw(statement).await?;
    rows.into_iter()
        .map(|row| {
            let row = Connection::from_query_result(&row, "")?;
            Ok(Lease { row, owner: owner.to_owned(), since })
        })
        .collect()
}

/// Whether anything is due, by the readers' connections: cheap enough to ask often.
pub(super) async fn is_anything_due(store: &Store) -> Result<bool> {
    let statement = store.statement(
        format!(
            "SELECT id FROM connection WHERE due_at <= {} LIMIT 1",
            now(store).replace("$4", "$1")
        ),
        if store.is_postgres() { vec![] } else { vec![store.now().millis().into()] },
    );
    Ok(store.read().query_one_raw(statement).await?.is_some())
}

/// Whether the lease is still the row's: nobody took it, and nothing newer came.
pub(super) async fn is_held(store: &Store, lease: &Lease) -> Result<bool> {
    let statement = store.statement(
        "SELECT id FROM connection WHERE id = $1 AND fence = $2 AND generation = $3 \
         AND lease_owner = $4 AND state = 'in_flight' AND status = 'active'",
        [
            lease.row.id.clone().into(),
            lease.row.fence.into(),
            lease.row.generation.into(),
            lease.owner.clone().into(),
        ],
    );
    Ok(store.write().query_one_raw(statement).await?.is_some())
}

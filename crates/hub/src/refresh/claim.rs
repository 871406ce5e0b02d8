//! The lease: a fence in the connection's row, taken in one statement.

use std::time::Duration;

use sea_orm::{ConnectionTrait, FromQueryResult, Statement, Value};

use crate::{Result, connection::Connection, store::Store};

/// How long a lease holder may take.
pub(super) const LEASE: Duration = Duration::from_secs(15);
/// How long after a claim nobody else sends.
pub(super) const QUIET: Duration = Duration::from_secs(20);

/// A claimed connection.
#[derive(Clone, Debug)]
pub struct Lease {
    /// The row as it stands after the claim.
    pub row: Connection,
    /// This process.
    pub owner: String,
}

/// A row whose holder died is `in_flight` past its quiet time: it may be claimed again.
const CLAIMABLE: &str =
    "quiet_until <= $4 AND status = 'active' AND state IN ('ready', 'uncertain', 'in_flight')";

const SET: &str = "UPDATE connection SET state = 'in_flight', fence = fence + 1, lease_owner = $1, \
    deadline = $2, quiet_until = $3, due_at = $3, updated_at = $4";

fn times(store: &Store, owner: &str) -> Vec<Value> {
    let now = store.now();
    vec![
        owner.into(),
        now.plus(LEASE).millis().into(),
        now.plus(QUIET).millis().into(),
        now.millis().into(),
    ]
}

/// Claims one connection, if nobody has it and it still has this generation.
pub(super) async fn claim_one(
    store: &Store,
    owner: &str,
    workspace: &str,
    connection: &str,
    generation: i64,
) -> Result<Option<Lease>> {
    let sql = format!(
        "{SET} WHERE workspace_id = $5 AND id = $6 AND generation = $7 AND {CLAIMABLE} RETURNING *"
    );
    let mut values = times(store, owner);
    values.extend([workspace.into(), connection.into(), generation.into()]);
    Ok(run(store, owner, &sql, values).await?.pop())
}

/// Claims up to `most` connections that are due.
pub async fn claim_due(store: &Store, owner: &str, most: u64) -> Result<Vec<Lease>> {
    let skip = if store.is_postgres() { " FOR UPDATE SKIP LOCKED" } else { "" };
    let sql = format!(
        "{SET} WHERE id IN (SELECT id FROM connection WHERE due_at <= $4 AND {CLAIMABLE} \
         ORDER BY due_at LIMIT $5{skip}) RETURNING *"
    );
    let mut values = times(store, owner);
    values.push(i64::try_from(most).unwrap_or(i64::MAX).into());
    run(store, owner, &sql, values).await
}

async fn run(store: &Store, owner: &str, sql: &str, values: Vec<Value>) -> Result<Vec<Lease>> {
    let statement = Statement::from_sql_and_values(store.backend(), sql, values);
    let rows = store.write().query_all_raw(statement).await?;
    rows.into_iter()
        .map(|row| {
            Ok(Lease { row: Connection::from_query_result(&row, "")?, owner: owner.to_owned() })
        })
        .collect()
}

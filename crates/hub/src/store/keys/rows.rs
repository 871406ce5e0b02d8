//! The `data_key` table.

use base::Rng;
use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};
use serde::Serialize;
use vault::{DataKey, KeyRef, KeySource, Wrapped};

use crate::{Error, Result};

/// What a data key seals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Values that can be sealed anew: credentials, secrets, end users' keys.
    Values,
    /// Personal fields that belong to no end user. They stand in the audit chain's hashed bytes, which
    /// stay as they are: so does the key.
    Personal,
}

/// Where a data key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Made, and not in use.
    Staged,
    /// Seals.
    Primary,
    /// Opens what it has sealed.
    Retired,
    /// Its bytes are gone; nothing opens what it has sealed.
    Destroyed,
}

impl Role {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Values => "values",
            Self::Personal => "personal",
        }
    }

    pub(super) fn read(row: &QueryResult) -> Result<Self> {
        match row.try_get::<String>("", "role")?.as_str() {
            "values" => Ok(Self::Values),
            "personal" => Ok(Self::Personal),
            _ => Err(Error::internal("a data key's role is unknown")),
        }
    }
}

impl State {
    pub(super) fn read(row: &QueryResult) -> Result<Self> {
        match row.try_get::<String>("", "state")?.as_str() {
            "staged" => Ok(Self::Staged),
            "primary" => Ok(Self::Primary),
            "retired" => Ok(Self::Retired),
            "destroyed" => Ok(Self::Destroyed),
            _ => Err(Error::internal("a data key's state is unknown")),
        }
    }
}

/// A data key's row, without its bytes.
pub(super) struct Row {
    pub(super) id: KeyRef,
    pub(super) role: Role,
    pub(super) state: State,
    pub(super) uses: i64,
}

pub(super) fn statement<C: ConnectionTrait, const N: usize>(
    db: &C,
    sql: &str,
    values: [Value; N],
) -> Statement {
    Statement::from_sql_and_values(db.get_database_backend(), sql, values)
}

/// A key's id, as a column holds it.
pub(super) fn id(row: &QueryResult) -> Result<KeyRef> {
    row.try_get::<String>("", "id")?
        .parse()
        .map_err(|_| Error::internal("a data key's id is malformed"))
}

/// All keys of a workspace.
pub(super) async fn of_workspace<C: ConnectionTrait>(db: &C, workspace: &str) -> Result<Vec<Row>> {
    let sql = "SELECT id, role, state, uses FROM data_key WHERE workspace_id = $1";
    let rows = db.query_all_raw(statement(db, sql, [workspace.into()])).await?;
    let read = |row: &QueryResult| {
        Ok(Row {
            id: id(row)?,
            role: Role::read(row)?,
            state: State::read(row)?,
            uses: row.try_get("", "uses")?,
        })
    };
    rows.iter().map(read).collect()
}

/// A key as it is wrapped; none once it is destroyed or gone.
pub(super) async fn wrapped<C: ConnectionTrait>(
    db: &C,
    workspace: &str,
    id: KeyRef,
) -> Result<Option<Wrapped>> {
    let sql = "SELECT wrapped FROM data_key WHERE workspace_id = $1 AND id = $2";
    let values = [workspace.into(), id.to_string().into()];
    let Some(row) = db.query_one_raw(statement(db, sql, values)).await? else { return Ok(None) };
    let bytes: Vec<u8> = row.try_get("", "wrapped")?;
    if bytes.is_empty() {
        return Ok(None);
    }
    Ok(Some(Wrapped::from_bytes(bytes)?))
}

/// Unwraps a key; the error says so where it is gone.
pub(super) async fn load<C: ConnectionTrait>(
    db: &C,
    source: &dyn KeySource,
    workspace: &str,
    id: KeyRef,
) -> Result<DataKey> {
    match wrapped(db, workspace, id).await? {
        Some(wrapped) => Ok(source.unwrap(workspace, id, &wrapped).await?),
        None if are_destroyed(&of_workspace(db, workspace).await?) => Err(destroyed()),
        None => Err(vault::Error::DoesNotOpen.into()),
    }
}

/// Whether these are all the keys of a workspace that has none any more.
pub(super) fn are_destroyed(rows: &[Row]) -> bool {
    let has = |state| rows.iter().any(|row| row.state == state);
    has(State::Destroyed) && !has(State::Primary)
}

/// The workspace's keys are no more.
pub(super) fn destroyed() -> Error {
    Error::conflict(
        "workspace_closed",
        "This workspace's keys were destroyed: nothing of what it kept can be read again.",
    )
}

/// A new key's row.
pub(super) struct NewRow {
    id: KeyRef,
    workspace: String,
    role: Role,
    state: &'static str,
    wrapped: Wrapped,
    now: i64,
}

impl NewRow {
    /// A new key, wrapped by the source, which may be far away.
    pub(super) async fn make(
        source: &dyn KeySource,
        rng: &dyn Rng,
        workspace: &str,
        (role, state): (Role, &'static str),
        now: i64,
    ) -> Result<Self> {
        let key = DataKey::generate(rng);
        let wrapped = source.wrap(rng, workspace, &key).await?;
        Ok(Self { id: key.id(), workspace: workspace.to_owned(), role, state, wrapped, now })
    }
}

/// Inserts a key unless the workspace has one of that role and state: two processes may do it at once.
pub(super) async fn insert<C: ConnectionTrait>(tx: &C, new: &NewRow) -> Result<()> {
    let sql = "INSERT INTO data_key \
               (id, workspace_id, role, state, seals_audit, wrapped, uses, created_at) \
               VALUES ($1, $2, $3, $4, $5, $6, 0, $7) ON CONFLICT DO NOTHING";
    let values = [
        new.id.to_string().into(),
        new.workspace.as_str().into(),
        new.role.as_str().into(),
        new.state.into(),
        (new.role == Role::Personal).into(),
        new.wrapped.as_bytes().to_vec().into(),
        new.now.into(),
    ];
    tx.execute_raw(statement(tx, sql, values)).await?;
    Ok(())
}

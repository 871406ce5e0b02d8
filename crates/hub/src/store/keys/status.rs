//! What there is of data keys.

use sea_orm::{ConnectionTrait, QueryResult, Statement};
use vault::{KeyRef, Wrapped};

use super::{Keys, Role, State, rows};
use crate::Result;

/// A data key, without its bytes.
#[derive(Clone, Debug)]
pub struct KeyRow {
    /// Its id.
    pub id: KeyRef,
    /// A workspace, or `system`.
    pub workspace: String,
    /// What it seals.
    pub role: Role,
    /// Where it stands.
    pub state: State,
    /// Whether entries of the audit chain may name it: then it is never deleted.
    pub seals_audit: bool,
    /// How often it has sealed, at most.
    pub uses: i64,
    /// Whether the key that the source wraps with now wraps it.
    pub is_current: bool,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// Milliseconds since the Unix epoch.
    pub retired_at: Option<i64>,
}

impl KeyRow {
    /// Whether it seals its workspace's values now.
    pub fn is_primary(&self) -> bool {
        self.state == State::Primary && self.role == Role::Values
    }
}

impl Keys {
    /// The data keys of a workspace or of all, by workspace, role, state and age.
    pub async fn rows(&self, workspace: Option<&str>) -> Result<Vec<KeyRow>> {
        let read = &self.keyring.read;
        let sql = "SELECT id, workspace_id, role, state, seals_audit, uses, wrapped, created_at, \
                   retired_at FROM data_key";
        let order = "ORDER BY workspace_id, role DESC, CASE state WHEN 'destroyed' THEN 1 \
                     WHEN 'retired' THEN 2 WHEN 'primary' THEN 3 ELSE 4 END, created_at, id";
        let (sql, values) = match workspace {
            None => (format!("{sql} {order}"), vec![]),
            Some(one) => (format!("{sql} WHERE workspace_id = $1 {order}"), vec![one.into()]),
        };
        let all = Statement::from_sql_and_values(read.get_database_backend(), sql, values);
        let rows = read.query_all_raw(all).await?;
        rows.iter().map(|row| self.key_row(row)).collect()
    }

    fn key_row(&self, row: &QueryResult) -> Result<KeyRow> {
        let wrapped: Vec<u8> = row.try_get("", "wrapped")?;
        let state = State::read(row)?;
        let is_current =
            state == State::Destroyed || self.is_current(&Wrapped::from_bytes(wrapped)?);
        Ok(KeyRow {
            id: rows::id(row)?,
            workspace: row.try_get("", "workspace_id")?,
            role: Role::read(row)?,
            state,
            seals_audit: row.try_get("", "seals_audit")?,
            uses: row.try_get("", "uses")?,
            is_current,
            created_at: row.try_get("", "created_at")?,
            retired_at: row.try_get("", "retired_at")?,
        })
    }
}

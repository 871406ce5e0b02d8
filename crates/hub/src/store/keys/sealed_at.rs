//! Where values are that a workspace's data keys seal, so that they can be found and sealed anew.

use sea_orm::DatabaseBackend;
use vault::Place;

/// A column of values that data keys of the role `values` seal. Each room that has such columns lists
/// them; a test compares the lists with the database.
///
/// The names are parts of SQL statements.
#[derive(Clone, Copy, Debug)]
pub struct SealedAt {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The column that identifies a row.
    pub row: &'static str,
    /// The row in the value's place: that column, or with it what the value is bound to besides.
    pub bound: &'static str,
    /// The row's workspace.
    pub workspace: &'static str,
    /// The field in the value's place.
    pub field: &'static str,
    /// The generation in the value's place.
    pub generation: &'static str,
}

impl SealedAt {
    /// In a table whose rows have an `id` and a `workspace_id`, under the column's own generation.
    pub const fn new(
        table: &'static str,
        column: &'static str,
        field: &'static str,
        generation: &'static str,
    ) -> Self {
        let (row, workspace) = ("id", "workspace_id");
        Self { table, column, row, bound: row, workspace, field, generation }
    }

    /// The place of the value of this generation; `bound` as the column's own `bound` says.
    pub fn place<'a>(&self, workspace: &'a str, bound: &'a str, generation: i64) -> Place<'a> {
        let generation = u64::try_from(generation).unwrap_or(0);
        Place { workspace, row: bound, field: self.field, generation }
    }

    /// SQL for the id of the key that a value names, as `data_key.id` has it.
    pub fn key_id(&self, backend: DatabaseBackend) -> String {
        let column = self.column;
        match backend {
            DatabaseBackend::Postgres => {
                format!("encode(substring({column} from 2 for 16), 'hex')")
            }
            _ => format!("lower(hex(substr({column}, 2, 16)))"),
        }
    }
}

/// The hub's own values.
pub const SYSTEM_SECRETS: SealedAt = SealedAt {
    table: "system_secret",
    column: "sealed",
    row: "name",
    bound: "name",
    workspace: "'system'",
    field: "secret",
    generation: "1",
};

/// End users' keys.
pub const PEOPLES_KEYS: SealedAt = SealedAt::new("end_user", "key_sealed", "key", "1");

//! The hub's database, opened behind its back.

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Row as _, SqliteConnection, sqlite::SqliteConnectOptions,
};

use crate::harness::Database;

/// A connection of the attacker's own to the hub's SQLite file.
pub(crate) struct Rows(SqliteConnection);

impl Rows {
    /// Opens the file.
    pub(crate) async fn of(database: &Database) -> Self {
        let file = database.folder().unwrap().join("valetkey.db");
        Self(SqliteConnectOptions::new().filename(file).connect().await.unwrap())
    }

    /// Does something; how many rows it touched.
    pub(crate) async fn run(&mut self, sql: &str) -> u64 {
        sqlx::query(AssertSqlSafe(sql)).execute(&mut self.0).await.unwrap().rows_affected()
    }

    /// Changes one row.
    pub(crate) async fn change(&mut self, sql: &str) {
        assert_eq!(self.run(sql).await, 1, "{sql}");
    }

    /// Puts bytes into a column of one row; `sql` names them `$1`.
    pub(crate) async fn put(&mut self, sql: &str, bytes: &[u8]) {
        let done = sqlx::query(AssertSqlSafe(sql)).bind(bytes).execute(&mut self.0).await.unwrap();
        assert_eq!(done.rows_affected(), 1, "{sql}");
    }

    /// The bytes that a query finds.
    pub(crate) async fn bytes(&mut self, sql: &str) -> Vec<u8> {
        sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut self.0).await.unwrap().get(0)
    }
}

//! The hub's database, opened behind its back.

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, PgConnection, SqliteConnection, postgres::PgConnectOptions,
    sqlite::SqliteConnectOptions,
};

use super::Database;

/// A connection of its own.
pub(crate) enum Behind {
    /// To the hub's SQLite file.
    Sqlite(SqliteConnection),
    /// To the hub's database in PostgreSQL.
    Postgres(PgConnection),
}

impl Behind {
    /// Opens it.
    pub(crate) async fn of(database: &Database) -> Self {
        match (database.folder(), database.url()) {
            (Some(folder), _) => {
                let file = SqliteConnectOptions::new().filename(folder.join("valetkey.db"));
                Self::Sqlite(file.connect().await.unwrap())
            }
            (None, url) => {
                let server: PgConnectOptions = url.unwrap().parse().unwrap();
                Self::Postgres(server.connect().await.unwrap())
            }
        }
    }

    /// Does something; how many rows it touched.
    pub(crate) async fn run(&mut self, sql: &str) -> u64 {
        let query = AssertSqlSafe(sql);
        match self {
            Self::Sqlite(one) => sqlx::query(query).execute(one).await.unwrap().rows_affected(),
            Self::Postgres(one) => sqlx::query(query).execute(one).await.unwrap().rows_affected(),
        }
    }

    /// Keeps everybody from writing, until [`unlock`](Self::unlock).
    pub(crate) async fn lock(&mut self, postgres: &str) {
        match self {
            Self::Sqlite(_) => drop(self.run("BEGIN IMMEDIATE").await),
            Self::Postgres(_) => {
                self.run("BEGIN").await;
                self.run(postgres).await;
            }
        }
    }

    /// Lets them write again.
    pub(crate) async fn unlock(&mut self) {
        self.run("ROLLBACK").await;
    }
}

//! Opening the database and bringing it to the newest shape.

use std::{path::Path, sync::Arc, time::Duration};

use base::{Clock, Rng};
use migrations::{Migrator, MigratorTrait};
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseBackend, DatabaseConnection, Statement,
    sqlx::{
        Connection as _,
        sqlite::{SqliteJournalMode, SqliteSynchronous},
    },
};
use vault::KeySource;

use super::{Actor, Keys, Store};
use crate::{Error, Result};

/// Where the data is.
#[derive(Clone, Debug)]
pub enum Database {
    /// A file of one process.
    Sqlite(std::path::PathBuf),
    /// A server that any number of replicas share. The URL may hold a password: it is not printed.
    Postgres(String),
}

/// How many connections each pool may open.
#[derive(Clone, Copy, Debug)]
pub struct PoolSizes {
    /// For reading.
    pub read: u32,
    /// For writing; SQLite always has one.
    pub write: u32,
}

impl Default for PoolSizes {
    fn default() -> Self {
        Self { read: 8, write: 4 }
    }
}

/// `pg_advisory_lock`'s key while migrating: "valetkey" in hexadecimal, shortened.
const MIGRATION_LOCK: i64 = 0x7661_6c65_746b;

impl Store {
    /// Opens the database, which must have been migrated, and loads the system key.
    pub async fn open(
        database: &Database,
        sizes: PoolSizes,
        source: Arc<dyn KeySource>,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Result<Self> {
        let (read, write, backend) = match database {
            Database::Sqlite(path) => {
                let write = connect(sqlite(path, 1)).await?;
                let read = connect(sqlite(path, sizes.read)).await?;
                (read, write, DatabaseBackend::Sqlite)
            }
            Database::Postgres(url) => {
                let read = connect(readers(url, sizes.read)).await?;
                let write = connect(postgres(url, sizes.write)).await?;
                (read, write, DatabaseBackend::Postgres)
            }
        };
        let keys =
            Keys::open(read.clone(), write.clone(), source, clock.clone(), rng.clone()).await?;
        let actor = Arc::new(Actor::hub());
        Ok(Self { read, write, backend, clock, rng, keys: Arc::new(keys), actor })
    }

    /// Brings the database to the newest shape; safe with several replicas starting at once.
    ///
    /// Returns how many migrations ran.
    pub async fn migrate(database: &Database) -> Result<usize> {
        match database {
            Database::Sqlite(path) => run_migrations(&connect(sqlite(path, 1)).await?).await,
            Database::Postgres(url) => {
                // One connection: an advisory lock belongs to its session.
                let one = connect(postgres(url, 1)).await?;
                lock(&one, "SELECT pg_advisory_lock($1)").await?;
                let ran = run_migrations(&one).await;
                lock(&one, "SELECT pg_advisory_unlock($1)").await?;
                one.close().await?;
                ran
            }
        }
    }
}

async fn lock(db: &DatabaseConnection, sql: &str) -> Result<()> {
    let statement =
        Statement::from_sql_and_values(DatabaseBackend::Postgres, sql, [MIGRATION_LOCK.into()]);
    db.query_one_raw(statement).await?;
    Ok(())
}

async fn run_migrations(db: &DatabaseConnection) -> Result<usize> {
    let pending = Migrator::get_pending_migrations(db).await?.len();
    Migrator::up(db, None).await?;
    Ok(pending)
}

async fn connect(options: ConnectOptions) -> Result<DatabaseConnection> {
    sea_orm::Database::connect(options).await.map_err(|error| {
        let detail = format!(
            "The database can't be opened: {error}. Check DATABASE_URL, and that the server runs."
        );
        Error::from(error).with_detail(detail)
    })
}

fn common(url: String, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(5))
        .sqlx_logging(false)
        .test_before_acquire(false);
    options
}

fn sqlite(path: &Path, connections: u32) -> ConnectOptions {
    let file = path.to_owned();
    let mut options = common("sqlite://file".to_owned(), connections);
    // A connection that idles out would only have to be opened again.
    options.idle_timeout(None::<Duration>).max_lifetime(None::<Duration>);
    // A COMMIT that fails for want of space ends SQLite's transaction, but sqlx counts it as open for ever:
    // what is "committed" on that connection afterwards is in a savepoint that never ends, and lost. Such
    // a connection is closed. The ping comes after a rollback that is still in its queue.
    options.map_sqlx_sqlite_before_acquire(|connection, _| {
        Box::pin(async move {
            connection.ping().await?;
            Ok(!connection.is_in_transaction())
        })
    });
    options.map_sqlx_sqlite_opts(move |sqlite| {
        sqlite
            .filename(&file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5))
            .pragma("secure_delete", "ON")
    });
    options
}

fn postgres(url: &str, connections: u32) -> ConnectOptions {
    let mut options = common(url.to_owned(), connections);
    options
        .max_lifetime(Duration::from_mins(30))
        .test_before_acquire_if_idle_for(Duration::from_secs(30))
        // A database whose default is off would lose what it said was kept.
        .map_sqlx_postgres_opts(|postgres| postgres.options([("synchronous_commit", "on")]));
    options
}

/// A reader only waits for a lock on a whole table, and no longer than a caller does.
fn readers(url: &str, connections: u32) -> ConnectOptions {
    let mut options = postgres(url, connections);
    options.map_sqlx_postgres_opts(|postgres| {
        postgres.options([("synchronous_commit", "on"), ("lock_timeout", "2s")])
    });
    options
}

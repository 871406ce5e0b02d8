//! The database: one handle for SQLite and PostgreSQL, its transactions and its clock.

mod actor;
mod columns;
mod epoch;
mod keys;
mod open;
pub mod outbox;

use std::{sync::Arc, time::Duration};

use base::{Clock, Rng, Timestamp};
use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseConnection, DatabaseTransaction,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait, Value,
};

pub use actor::{Actor, ActorKind};
pub use columns::{Json, SealedColumn};
pub use epoch::{bump, read as read_epoch};
pub use keys::{
    KNOWN_FOR, KeyRow, Keys, PEOPLES_KEYS, Rewrapped, Role as KeyRole, SYSTEM, SYSTEM_SECRETS,
    SealedAt, Stale, State as KeyState, Worn,
};
pub use open::{Database, PoolSizes};

use crate::Result;

/// The database, the clock, the source of randomness and the keys: what every room stands on.
///
/// Cheap to clone. On SQLite `write` is the only connection that writes, and its one place is
/// handed out in order, so that writers queue in the process and not in the file's lock.
#[derive(Clone)]
pub struct Store {
    read: DatabaseConnection,
    write: DatabaseConnection,
    backend: DatabaseBackend,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    keys: Arc<Keys>,
    actor: Arc<Actor>,
}

impl Store {
    /// Connections for reading; never starts a transaction.
    pub fn read(&self) -> &DatabaseConnection {
        &self.read
    }

    /// Starts a transaction that will write. Lock a workspace's chain head last.
    pub async fn begin(&self) -> Result<DatabaseTransaction> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Ok(self.write.begin_with_options(options).await?)
    }

    /// A connection for one statement that writes.
    pub fn write(&self) -> &DatabaseConnection {
        &self.write
    }

    /// Whether this is PostgreSQL, where several replicas share the database.
    pub fn is_postgres(&self) -> bool {
        self.backend == DatabaseBackend::Postgres
    }

    /// The database's dialect.
    pub fn backend(&self) -> DatabaseBackend {
        self.backend
    }

    /// SQL with its values, in the database's dialect.
    pub fn statement(
        &self,
        sql: impl Into<String>,
        values: impl IntoIterator<Item = Value>,
    ) -> Statement {
        Statement::from_sql_and_values(self.backend, sql, values)
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The clock, for making ids.
    pub fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// The source of randomness.
    pub fn rng(&self) -> &dyn Rng {
        self.rng.as_ref()
    }

    /// Both, for what outlives this handle.
    pub fn sources(&self) -> (Arc<dyn Clock>, Arc<dyn Rng>) {
        (Arc::clone(&self.clock), Arc::clone(&self.rng))
    }

    /// The same database, for what this actor does.
    #[must_use]
    pub fn by(&self, actor: Actor) -> Self {
        Self { actor: Arc::new(actor), ..self.clone() }
    }

    /// Who acts: the hub itself unless [`by`](Self::by) said otherwise.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Seals, opens and digests.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Writes over what was deleted, as far as the database can. SQLite's files no longer hold it after
    /// this; PostgreSQL frees its place, and writes over it in its own time. Whether it was done: not
    /// while somebody else reads the whole time.
    pub async fn shred_freed(&self) -> Result<bool> {
        let sql = if self.is_postgres() {
            "VACUUM data_key"
        } else {
            // Deleted pages are zeroed already (`secure_delete`); the log before them is not.
            "PRAGMA wal_checkpoint(TRUNCATE)"
        };
        let statement = Statement::from_string(self.backend, sql);
        let row = self.write.query_one_raw(statement).await?;
        let busy = row.map(|row| row.try_get::<i32>("", "busy")).transpose()?;
        Ok(busy.is_none_or(|busy| busy == 0))
    }

    /// Whether the database answers within two seconds.
    pub async fn is_ready(&self) -> bool {
        let ping = tokio::time::timeout(Duration::from_secs(2), self.read.ping()).await;
        matches!(ping, Ok(Ok(())))
    }
}

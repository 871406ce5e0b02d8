//! The vault's keys at work: the system's, a workspace's, an end user's.
//!
//! A data key is unwrapped once and kept in memory; what is kept here is never written anywhere.

use std::{sync::Arc, time::Duration};

use base::Rng;
use moka::future::Cache;
use sea_orm::{ConnectionTrait, DatabaseBackend, DatabaseConnection, Statement, Value};
use vault::{DataKey, KeyRef, KeySource, Place, Sealed, Wrapped};
use zeroize::Zeroizing;

use super::SealedColumn;
use crate::{Error, Result};

/// The workspace name under which the hub's own values are sealed.
pub const SYSTEM: &str = "system";

/// Seals, opens and digests for every room.
pub struct Keys {
    source: Arc<dyn KeySource>,
    rng: Arc<dyn Rng>,
    db: DatabaseConnection,
    pepper: DataKey,
    /// Primary data key by workspace.
    primaries: Cache<String, Arc<DataKey>>,
    /// Any data key by its id, and any end user's key by the end user's id.
    by_id: Cache<String, Arc<DataKey>>,
}

/// The place of an end user's key.
fn person_place<'a>(workspace: &'a str, end_user: &'a str) -> Place<'a> {
    Place { workspace, row: end_user, field: "key", generation: 1 }
}

const PEPPER: Place<'static> =
    Place { workspace: SYSTEM, row: "hash_pepper", field: "secret", generation: 1 };

impl Keys {
    /// Loads the system key and the pepper; makes them where there are none.
    pub(super) async fn open(
        db: DatabaseConnection,
        write: &DatabaseConnection,
        source: Arc<dyn KeySource>,
        rng: Arc<dyn Rng>,
        now: i64,
    ) -> Result<Self> {
        let system = if let Some(key) = load_primary(&db, source.as_ref(), SYSTEM).await? {
            key
        } else {
            insert_first(write, source.as_ref(), rng.as_ref(), SYSTEM, now).await?;
            load_primary(&db, source.as_ref(), SYSTEM)
                .await?
                .ok_or_else(|| Error::internal("the system key is missing after making it"))?
        };
        let pepper = load_pepper(&db, write, &system, rng.as_ref(), now).await?;
        let cache = |size| {
            Cache::builder().max_capacity(size).time_to_idle(Duration::from_hours(1)).build()
        };
        let keys =
            Self { source, rng, db, pepper, primaries: cache(10_000), by_id: cache(100_000) };
        keys.primaries.insert(SYSTEM.to_owned(), Arc::new(system)).await;
        Ok(keys)
    }

    /// Makes a workspace's first data key, within the transaction that makes the workspace.
    pub async fn create<C: ConnectionTrait>(
        &self,
        tx: &C,
        workspace: &str,
        now: i64,
    ) -> Result<()> {
        insert_first(tx, self.source.as_ref(), self.rng.as_ref(), workspace, now).await
    }

    /// Seals with the workspace's primary data key.
    pub async fn seal(&self, place: &Place<'_>, plaintext: &[u8]) -> Result<SealedColumn> {
        let key = self.primary(place.workspace).await?;
        Ok(key.seal(self.rng.as_ref(), place, plaintext)?.into())
    }

    /// Opens what `seal` sealed.
    pub async fn open_sealed(
        &self,
        place: &Place<'_>,
        sealed: &SealedColumn,
    ) -> Result<Zeroizing<Vec<u8>>> {
        let key = self.data_key(place.workspace, sealed.0.key_id()).await?;
        Ok(key.open(place, &sealed.0)?)
    }

    /// A keyed digest for look-ups: of an API key, an account's id, an end user's id.
    ///
    /// `domain` keeps digests of different kinds apart.
    pub fn digest(&self, domain: &str, bytes: &[u8]) -> [u8; 32] {
        self.pepper.digest(domain, bytes)
    }

    /// A new end user's key: its id, and it sealed by the workspace's.
    pub async fn new_person(
        &self,
        workspace: &str,
        end_user: &str,
    ) -> Result<(Arc<DataKey>, SealedColumn)> {
        let key = DataKey::generate(self.rng.as_ref());
        let wrapper = self.primary(workspace).await?;
        let sealed =
            wrapper.seal_key(self.rng.as_ref(), &person_place(workspace, end_user), &key)?;
        Ok((Arc::new(key), sealed.into()))
    }

    /// The key under which an end user's personal fields are sealed.
    pub async fn person(&self, workspace: &str, end_user: &str) -> Result<Arc<DataKey>> {
        if let Some(key) = self.by_id.get(end_user).await {
            return Ok(key);
        }
        let row = self
            .one(
                "SELECT key_id, key_sealed FROM end_user WHERE workspace_id = $1 AND id = $2",
                [workspace.into(), end_user.into()],
            )
            .await?
            .ok_or_else(|| Error::not_found("end user"))?;
        let id: KeyRef = row
            .try_get::<String>("", "key_id")?
            .parse()
            .map_err(|_| Error::internal("an end user's key id is malformed"))?;
        let sealed: Option<SealedColumn> = row.try_get("", "key_sealed")?;
        let sealed = sealed.ok_or_else(|| Error::not_found("end user"))?;
        let wrapper = self.data_key(workspace, sealed.0.key_id()).await?;
        let key = Arc::new(wrapper.open_key(&person_place(workspace, end_user), id, &sealed.0)?);
        self.by_id.insert(end_user.to_owned(), key.clone()).await;
        Ok(key)
    }

    /// Seals a personal field: under the end user's key where there is one, else the workspace's.
    pub async fn seal_personal(
        &self,
        end_user: Option<&str>,
        place: &Place<'_>,
        plaintext: &[u8],
    ) -> Result<SealedColumn> {
        match end_user {
            Some(end_user) => {
                let key = self.person(place.workspace, end_user).await?;
                Ok(key.seal(self.rng.as_ref(), place, plaintext)?.into())
            }
            None => self.seal(place, plaintext).await,
        }
    }

    /// Opens what `seal_personal` sealed.
    pub async fn open_personal(
        &self,
        end_user: Option<&str>,
        place: &Place<'_>,
        sealed: &SealedColumn,
    ) -> Result<Zeroizing<Vec<u8>>> {
        match end_user {
            Some(end_user) => {
                let key = self.person(place.workspace, end_user).await?;
                Ok(key.open(place, &sealed.0)?)
            }
            None => self.open_sealed(place, sealed).await,
        }
    }

    async fn primary(&self, workspace: &str) -> Result<Arc<DataKey>> {
        if let Some(key) = self.primaries.get(workspace).await {
            return Ok(key);
        }
        let key = load_primary(&self.db, self.source.as_ref(), workspace)
            .await?
            .ok_or_else(|| Error::internal("the workspace has no data key"))?;
        let key = Arc::new(key);
        self.primaries.insert(workspace.to_owned(), key.clone()).await;
        Ok(key)
    }

    async fn data_key(&self, workspace: &str, id: KeyRef) -> Result<Arc<DataKey>> {
        let primary = self.primary(workspace).await?;
        if primary.id() == id {
            return Ok(primary);
        }
        let name = id.to_string();
        if let Some(key) = self.by_id.get(&name).await {
            return Ok(key);
        }
        let row = self
            .one(
                "SELECT id, wrapped FROM data_key WHERE workspace_id = $1 AND id = $2",
                [workspace.into(), name.clone().into()],
            )
            .await?
            .ok_or_else(|| Error::internal("a value is sealed with a key that is not here"))?;
        let key = Arc::new(unwrap(self.source.as_ref(), workspace, &row).await?);
        self.by_id.insert(name, key.clone()).await;
        Ok(key)
    }

    async fn one<const N: usize>(
        &self,
        sql: &str,
        values: [Value; N],
    ) -> Result<Option<sea_orm::QueryResult>> {
        Ok(self.db.query_one_raw(statement(self.db.get_database_backend(), sql, values)).await?)
    }
}

fn statement<const N: usize>(backend: DatabaseBackend, sql: &str, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(backend, sql, values)
}

async fn load_primary(
    db: &DatabaseConnection,
    source: &dyn KeySource,
    workspace: &str,
) -> Result<Option<DataKey>> {
    let sql = "SELECT id, wrapped FROM data_key WHERE workspace_id = $1 AND state = 'primary'";
    let backend = db.get_database_backend();
    match db.query_one_raw(statement(backend, sql, [workspace.into()])).await? {
        Some(row) => Ok(Some(unwrap(source, workspace, &row).await?)),
        None => Ok(None),
    }
}

async fn unwrap(
    source: &dyn KeySource,
    workspace: &str,
    row: &sea_orm::QueryResult,
) -> Result<DataKey> {
    let id: KeyRef = row
        .try_get::<String>("", "id")?
        .parse()
        .map_err(|_| Error::internal("a data key's id is malformed"))?;
    let wrapped = Wrapped::from_bytes(row.try_get("", "wrapped")?)?;
    Ok(source.unwrap(workspace, id, &wrapped).await?)
}

/// Inserts a primary data key unless the workspace has one already: two replicas may start at once.
async fn insert_first<C: ConnectionTrait>(
    tx: &C,
    source: &dyn KeySource,
    rng: &dyn Rng,
    workspace: &str,
    now: i64,
) -> Result<()> {
    let key = DataKey::generate(rng);
    let wrapped = source.wrap(rng, workspace, &key).await?;
    let sql = "INSERT INTO data_key (id, workspace_id, state, wrapped, uses, created_at) \
               VALUES ($1, $2, 'primary', $3, 0, $4) ON CONFLICT DO NOTHING";
    let values = [
        key.id().to_string().into(),
        workspace.into(),
        wrapped.as_bytes().to_vec().into(),
        now.into(),
    ];
    tx.execute_raw(statement(tx.get_database_backend(), sql, values)).await?;
    Ok(())
}

async fn load_pepper(
    db: &DatabaseConnection,
    write: &DatabaseConnection,
    system: &DataKey,
    rng: &dyn Rng,
    now: i64,
) -> Result<DataKey> {
    let backend = db.get_database_backend();
    // The id only has to be the same every time: the pepper is never named by it.
    let id = KeyRef::from_bytes([0; 16]);
    let fresh = system.seal_key(rng, &PEPPER, &DataKey::generate(rng))?;
    let insert = "INSERT INTO system_secret (name, sealed, created_at) VALUES ('hash_pepper', $1, $2) \
                  ON CONFLICT (name) DO NOTHING";
    write.execute_raw(statement(backend, insert, [fresh.into_bytes().into(), now.into()])).await?;
    let select = "SELECT sealed FROM system_secret WHERE name = 'hash_pepper'";
    let row = db
        .query_one_raw(statement(backend, select, []))
        .await?
        .ok_or_else(|| Error::internal("the pepper is missing after making it"))?;
    let sealed = Sealed::from_bytes(row.try_get("", "sealed")?)?;
    Ok(system.open_key(&PEPPER, id, &sealed)?)
}

//! The vault's keys at work: the system's, a workspace's, an end user's.
//!
//! A data key is unwrapped once and kept in memory; what is kept here is never written anywhere.

mod cache;
mod destroy;
mod meter;
mod rewrap;
mod rotate;
mod rows;
mod sealed_at;
mod status;

use std::sync::Arc;

use base::{Clock, Rng};
use sea_orm::{ConnectionTrait, DatabaseConnection};
use vault::{DataKey, KeyRef, KeySource, Place, Sealed};
use zeroize::Zeroizing;

pub use cache::KNOWN_FOR;
pub use rewrap::{Rewrapped, Stale};
pub use rotate::Worn;
pub use rows::{Role, State};
pub use sealed_at::{PEOPLES_KEYS, SYSTEM_SECRETS, SealedAt};
pub use status::KeyRow;

use self::{
    cache::{Keyring, person_place},
    rows::{NewRow, statement},
};
use super::SealedColumn;
use crate::{Error, Result};

/// The workspace name under which the hub's own values are sealed.
pub const SYSTEM: &str = "system";

/// Seals, opens and digests for every room.
pub struct Keys {
    keyring: Keyring,
    rng: Arc<dyn Rng>,
    pepper: DataKey,
}

const PEPPER: Place<'static> =
    Place { workspace: SYSTEM, row: "hash_pepper", field: "secret", generation: 1 };

impl Keys {
    /// Loads the system key and the pepper; makes them where there are none.
    pub(super) async fn open(
        read: DatabaseConnection,
        write: DatabaseConnection,
        source: Arc<dyn KeySource>,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> Result<Self> {
        let now = clock.now().millis();
        let keyring = Keyring::new(source, read, write, clock);
        let keys = rows::of_workspace(&keyring.read, SYSTEM).await?;
        if keys.is_empty() {
            make(&keyring.write, &keyring, rng.as_ref(), SYSTEM, Role::Values, now).await?;
        }
        let pepper = load_pepper(&keyring, rng.as_ref(), now).await?;
        Ok(Self { keyring, rng, pepper })
    }

    /// Does what the key source needs now and then so that it stays usable; call it about once a minute.
    pub async fn keep_alive(&self) -> Result<()> {
        Ok(self.keyring.source.keep_alive().await?)
    }

    /// Makes a workspace's first data keys, within the transaction that makes the workspace.
    pub async fn create<C: ConnectionTrait>(
        &self,
        tx: &C,
        workspace: &str,
        now: i64,
    ) -> Result<()> {
        for role in [Role::Values, Role::Personal] {
            make(tx, &self.keyring, self.rng.as_ref(), workspace, role, now).await?;
        }
        Ok(())
    }

    /// Seals with the workspace's primary data key.
    pub async fn seal(&self, place: &Place<'_>, plaintext: &[u8]) -> Result<SealedColumn> {
        let key = self.keyring.sealing(place.workspace).await?;
        Ok(key.seal(self.rng.as_ref(), place, plaintext)?.into())
    }

    /// Opens what `seal` sealed.
    pub async fn open_sealed(
        &self,
        place: &Place<'_>,
        sealed: &SealedColumn,
    ) -> Result<Zeroizing<Vec<u8>>> {
        let key = self.keyring.opening(place.workspace, sealed.0.key_id()).await?;
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
        let wrapper = self.keyring.sealing(workspace).await?;
        let sealed =
            wrapper.seal_key(self.rng.as_ref(), &person_place(workspace, end_user), &key)?;
        Ok((Arc::new(key), sealed.into()))
    }

    /// The key under which an end user's personal fields are sealed.
    pub async fn person(&self, workspace: &str, end_user: &str) -> Result<Arc<DataKey>> {
        self.keyring.person(workspace, end_user).await
    }

    /// Seals a personal field: under the end user's key where there is one, else under the one that the
    /// workspace has for that.
    pub async fn seal_personal(
        &self,
        end_user: Option<&str>,
        place: &Place<'_>,
        plaintext: &[u8],
    ) -> Result<SealedColumn> {
        let key = match end_user {
            Some(end_user) => self.person(place.workspace, end_user).await?,
            None => self.keyring.sealing_personal(place.workspace).await?,
        };
        Ok(key.seal(self.rng.as_ref(), place, plaintext)?.into())
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
}

/// Makes a workspace's primary key of this role unless it has one: two replicas may start at once.
async fn make<C: ConnectionTrait>(
    tx: &C,
    keyring: &Keyring,
    rng: &dyn Rng,
    workspace: &str,
    role: Role,
    now: i64,
) -> Result<()> {
    let key = DataKey::generate(rng);
    let wrapped = keyring.source.wrap(rng, workspace, &key).await?;
    let new = NewRow { workspace, role, state: "primary", now };
    rows::insert(tx, &new, key.id(), &wrapped).await
}

async fn load_pepper(keyring: &Keyring, rng: &dyn Rng, now: i64) -> Result<DataKey> {
    let select = "SELECT sealed FROM system_secret WHERE name = 'hash_pepper'";
    let found = keyring.read.query_one_raw(statement(&keyring.read, select, [])).await?;
    let row = if let Some(row) = found {
        row
    } else {
        let fresh =
            keyring.sealing(SYSTEM).await?.seal_key(rng, &PEPPER, &DataKey::generate(rng))?;
        let insert = "INSERT INTO system_secret (name, sealed, created_at) \
                      VALUES ('hash_pepper', $1, $2) ON CONFLICT (name) DO NOTHING";
        let values = [fresh.into_bytes().into(), now.into()];
        keyring.write.execute_raw(statement(&keyring.write, insert, values)).await?;
        keyring
            .read
            .query_one_raw(statement(&keyring.read, select, []))
            .await?
            .ok_or_else(|| Error::internal("the pepper is missing after making it"))?
    };
    let sealed = Sealed::from_bytes(row.try_get("", "sealed")?)?;
    // The id only has to be the same every time: the pepper is never named by it.
    let id = KeyRef::from_bytes([0; 16]);
    let key = keyring.opening(SYSTEM, sealed.key_id()).await?;
    Ok(key.open_key(&PEPPER, id, &sealed)?)
}

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
mod secret;
mod status;

use std::sync::Arc;

use base::{Clock, Rng};
use sea_orm::{ConnectionTrait, DatabaseConnection};
use vault::{DataKey, KeyRef, KeySource, Place};
use zeroize::Zeroizing;

pub use cache::KNOWN_FOR;
pub use rewrap::{Rewrapped, Stale};
pub use rotate::Worn;
pub use rows::{Role, State};
pub use sealed_at::{PEOPLES_KEYS, SYSTEM_SECRETS, SealedAt};
pub use status::KeyRow;

use self::{
    cache::{Keyring, person_place},
    rows::NewRow,
};
use super::SealedColumn;
use crate::Result;

/// The workspace name under which the hub's own values are sealed.
pub const SYSTEM: &str = "system";

/// Seals, opens and digests for every room.
pub struct Keys {
    keyring: Keyring,
    rng: Arc<dyn Rng>,
    pepper: DataKey,
}

/// What look-ups are digested with.
const PEPPER: &str = "hash_pepper";

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
            make(&keyring, rng.as_ref(), SYSTEM, Role::Values, now).await?;
        }
        let pepper = load_pepper(&keyring, rng.as_ref()).await?;
        Ok(Self { keyring, rng, pepper })
    }

    /// Does what the key source needs now and then so that it stays usable; call it about once a minute.
    pub async fn keep_alive(&self) -> Result<()> {
        Ok(self.keyring.source.keep_alive().await?)
    }

    /// Makes and wraps a workspace's first data keys: before the transaction that makes the workspace,
    /// because a key service may take its time.
    pub async fn first_keys(&self, workspace: &str, now: i64) -> Result<FirstKeys> {
        let mut rows = Vec::new();
        for role in [Role::Values, Role::Personal] {
            rows.push(primary(&self.keyring, self.rng.as_ref(), workspace, role, now).await?);
        }
        Ok(FirstKeys(rows))
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

/// A workspace's first data keys, wrapped, not stored yet.
pub struct FirstKeys(Vec<NewRow>);

impl FirstKeys {
    /// Stores them, within the transaction that makes the workspace.
    pub async fn insert<C: ConnectionTrait>(&self, tx: &C) -> Result<()> {
        for row in &self.0 {
            rows::insert(tx, row).await?;
        }
        Ok(())
    }
}

/// A new primary key of this role, wrapped.
async fn primary(
    keyring: &Keyring,
    rng: &dyn Rng,
    workspace: &str,
    role: Role,
    now: i64,
) -> Result<NewRow> {
    NewRow::make(keyring.source.as_ref(), rng, workspace, (role, "primary"), now).await
}

/// Makes a workspace's primary key of this role unless it has one: two replicas may start at once.
async fn make(
    keyring: &Keyring,
    rng: &dyn Rng,
    workspace: &str,
    role: Role,
    now: i64,
) -> Result<()> {
    rows::insert(&keyring.write, &primary(keyring, rng, workspace, role, now).await?).await
}

async fn load_pepper(keyring: &Keyring, rng: &dyn Rng) -> Result<DataKey> {
    let sealed = secret::sealed(keyring, rng, PEPPER).await?;
    // The id only has to be the same every time: the pepper is never named by it.
    let id = KeyRef::from_bytes([0; 16]);
    let key = keyring.opening(SYSTEM, sealed.0.key_id()).await?;
    Ok(key.open_key(&secret::place(PEPPER), id, &sealed.0)?)
}

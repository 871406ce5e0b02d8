//! Secrets of the hub itself: made once, sealed with the system key.

use base::Rng;
use sea_orm::ConnectionTrait;
use vault::Place;
use zeroize::Zeroizing;

use super::{Keys, SYSTEM, SYSTEM_SECRETS, cache::Keyring, rows::statement};
use crate::{Error, Result, store::SealedColumn};

/// Where the secret of this name is sealed.
pub(super) fn place(name: &str) -> Place<'_> {
    SYSTEM_SECRETS.place(SYSTEM, name, 1)
}

/// The hub's secret of this name, sealed: 32 random bytes, made the first time it is asked for.
///
/// Two replicas that ask for the first time at once get the same one.
pub(super) async fn sealed(keyring: &Keyring, rng: &dyn Rng, name: &str) -> Result<SealedColumn> {
    if let Some(sealed) = read(keyring, name).await? {
        return Ok(sealed);
    }
    let mut fresh = Zeroizing::new([0; 32]);
    rng.fill(&mut *fresh);
    let fresh: SealedColumn =
        keyring.sealing(SYSTEM).await?.seal(rng, &place(name), &*fresh)?.into();
    let insert = "INSERT INTO system_secret (name, sealed, created_at) VALUES ($1, $2, $3) \
                  ON CONFLICT (name) DO NOTHING";
    let values = [name.into(), fresh.into(), keyring.now().into()];
    keyring.write.execute_raw(statement(&keyring.write, insert, values)).await?;
    read(keyring, name)
        .await?
        .ok_or_else(|| Error::internal("a system secret is missing after making it"))
}

async fn read(keyring: &Keyring, name: &str) -> Result<Option<SealedColumn>> {
    let select = "SELECT sealed FROM system_secret WHERE name = $1";
    let row = keyring.read.query_one_raw(statement(&keyring.read, select, [name.into()])).await?;
    Ok(row.map(|row| row.try_get("", "sealed")).transpose()?)
}

impl Keys {
    /// The hub's secret of this name: 32 random bytes, made the first time it is asked for.
    pub async fn system_secret(&self, name: &str) -> Result<Zeroizing<[u8; 32]>> {
        let sealed = sealed(&self.keyring, self.rng.as_ref(), name).await?;
        let bytes = self.open_sealed(&place(name), &sealed).await?;
        let array = bytes
            .as_slice()
            .try_into()
            .map_err(|_| Error::internal("a system secret has another length"))?;
        Ok(Zeroizing::new(array))
    }
}

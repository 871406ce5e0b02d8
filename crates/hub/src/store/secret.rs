//! Secrets of the hub itself: made once, sealed with the system key.

use sea_orm::{ConnectionTrait, Statement};
use vault::Place;
use zeroize::Zeroizing;

use super::{SYSTEM, SealedColumn, Store};
use crate::{Error, Result};

/// The hub's secret of this name: 32 random bytes, made the first time it is asked for.
///
/// Two replicas that ask for the first time at once get the same one.
pub async fn system_secret(store: &Store, name: &str) -> Result<Zeroizing<[u8; 32]>> {
    let place = Place { workspace: SYSTEM, row: name, field: "secret", generation: 1 };
    if let Some(sealed) = read(store, name).await? {
        return open(store, &place, &sealed).await;
    }
    let mut fresh = Zeroizing::new([0; 32]);
    store.rng().fill(&mut *fresh);
    let sealed = store.keys().seal(&place, &*fresh).await?;
    let insert = "INSERT INTO system_secret (name, sealed, created_at) VALUES ($1, $2, $3) \
                  ON CONFLICT (name) DO NOTHING";
    let values = [name.into(), sealed.into(), store.now().millis().into()];
    store
        .write()
        .execute_raw(Statement::from_sql_and_values(store.backend(), insert, values))
        .await?;
    let sealed = read(store, name)
        .await?
        .ok_or_else(|| Error::internal("a system secret is missing after making it"))?;
    open(store, &place, &sealed).await
}

async fn read(store: &Store, name: &str) -> Result<Option<SealedColumn>> {
    let select = "SELECT sealed FROM system_secret WHERE name = $1";
    let statement = Statement::from_sql_and_values(store.backend(), select, [name.into()]);
    let row = store.read().query_one_raw(statement).await?;
    Ok(row.map(|row| row.try_get("", "sealed")).transpose()?)
}

async fn open(
    store: &Store,
    place: &Place<'_>,
    sealed: &SealedColumn,
) -> Result<Zeroizing<[u8; 32]>> {
    let bytes = store.keys().open_sealed(place, sealed).await?;
    let array = bytes
        .as_slice()
        .try_into()
        .map_err(|_| Error::internal("a system secret has another length"))?;
    Ok(Zeroizing::new(array))
}

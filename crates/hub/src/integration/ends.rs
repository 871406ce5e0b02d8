//! Addresses that end: the hub changes over by itself, and says so beforehand.

use std::time::Duration;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use super::entity::{Column, Entity};
use crate::{Result, provider::Registry, store::Store};

/// How long ahead it is told: 90 days.
const AHEAD: Duration = Duration::from_hours(24 * 90);

/// Tells the operator, once a day, of addresses of built-in providers in use that end within 90 days; returns
/// how many were told. What takes their place is in use from the day after on, without anyone's doing.
pub async fn warn_of_ends(store: &Store, registry: &Registry) -> Result<usize> {
    let today = store.now().day();
    let soon = store.now().plus(AHEAD).day();
    let mut told = 0;
    for slug in in_use(store).await? {
        let Some(connector) = registry.get(&slug) else { continue };
        for (name, dated) in connector.manifest().urls.dated() {
            let until = dated.valid_until.as_str();
            let near = today.as_str() <= until && until <= soon.as_str();
            if near && registry.is_news(format!("{slug} {name} {today}")).await {
                told += 1;
                tracing::warn!(
                    provider = %slug, address = name, until, successor = %dated.successor,
                    "an address of this provider ends; its successor is used from the next day on. Allow it where a firewall stands before the hub"
                );
            }
        }
    }
    Ok(told)
}

async fn in_use(store: &Store) -> Result<Vec<String>> {
    let slugs = Entity::find()
        .select_only()
        .column(Column::Provider)
        .filter(Column::ProviderVersion.is_null())
        .distinct()
        .into_tuple()
        .all(store.read())
        .await?;
    Ok(slugs)
}

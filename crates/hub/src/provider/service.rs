//! Finding a provider, and a workspace's own ones.

use std::sync::Arc;

use base::ProviderId;
use connector::{Connector, Declarative, Manifest};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder,
};

use serde_json::json;

use super::{
    Registry,
    entity::{ActiveModel, Column, Entity},
};
use crate::{
    Error, Result,
    audit::{self, Change, Reach},
    store::Store,
};

/// A provider and where it comes from.
#[derive(Clone)]
pub struct Found {
    /// The connector.
    pub connector: Arc<dyn Connector>,
    /// The version of a workspace's own one; none for a built-in.
    pub version: Option<i64>,
}

/// The most own providers, versions included, that a workspace may have.
const MOST_OWN: u64 = 1000;

/// The provider of this slug: a built-in, else the workspace's own in this version or the newest.
pub async fn find(
    store: &Store,
    registry: &Registry,
    workspace: &str,
    slug: &str,
    version: Option<i64>,
) -> Result<Found> {
    if let (Some(connector), None) = (registry.get(slug), version) {
        return Ok(Found { connector: connector.clone(), version: None });
    }
    let mut query = Entity::find()
        .filter(Column::WorkspaceId.eq(workspace))
        .filter(Column::Slug.eq(slug))
        .order_by_desc(Column::Version);
    if let Some(version) = version {
        query = query.filter(Column::Version.eq(version));
    }
    let row = query.one(store.read()).await?.ok_or_else(|| unknown(registry, slug))?;
    let manifest = Manifest::parse(&row.manifest).map_err(Error::internal)?;
    Ok(Found { connector: Arc::new(Declarative::new(manifest)), version: Some(row.version) })
}

fn unknown(registry: &Registry, slug: &str) -> Error {
    let slug: String = slug.chars().take(64).collect();
    let known: Vec<_> = registry.iter().map(|c| c.card().slug.to_owned()).take(50).collect();
    Error::invalid(
        "provider_unknown",
        format!("There is no provider `{slug}`. GET /v1/providers lists them; POST /v1/providers adds your own."),
    )
    .with("known", known)
}

/// Reads a manifest that a workspace wrote.
pub(super) fn read(registry: &Registry, manifest: &str) -> Result<Manifest> {
    let parsed = Manifest::parse(manifest)
        .map_err(|error| Error::invalid("manifest_invalid", error.to_string()))?;
    if registry.get(&parsed.slug).is_some() {
        return Err(Error::conflict(
            "provider_built_in",
            format!("`{}` is a built-in provider. Give your own another slug.", parsed.slug),
        ));
    }
    Ok(parsed)
}

/// Adds a workspace's own provider, or a new version of it.
pub async fn add(
    store: &Store,
    registry: &Registry,
    workspace: &str,
    manifest: &str,
) -> Result<Found> {
    let parsed = read(registry, manifest)?;
    let tx = store.begin().await?;
    let mine = Entity::find().filter(Column::WorkspaceId.eq(workspace));
    if mine.clone().count(&tx).await? >= MOST_OWN {
        return Err(Error::conflict(
            "too_many_providers",
            format!("A workspace has at most {MOST_OWN} versions of its own providers."),
        ));
    }
    let newest = mine
        .filter(Column::Slug.eq(parsed.slug.as_str()))
        .order_by_desc(Column::Version)
        .one(&tx)
        .await?;
    let version = newest.map_or(1, |row| row.version + 1);
    let row = ActiveModel {
        id: Set(ProviderId::new(store.clock(), store.rng()).into()),
        workspace_id: Set(workspace.to_owned()),
        slug: Set(parsed.slug.clone()),
        version: Set(version),
        manifest: Set(manifest.to_owned()),
        created_at: Set(store.now().millis()),
    };
    let saved = row.insert(&tx).await?;
    let what = Change::new("provider.added", &saved.id)
        .named(&saved.slug)
        .with(json!({ "version": version }));
    audit::change(store, &tx, Reach::Workspace(workspace), &what).await?;
    tx.commit().await?;
    Ok(Found { connector: Arc::new(Declarative::new(parsed)), version: Some(version) })
}

/// All providers that the workspace can use, by slug; of its own ones the newest version.
pub async fn list(store: &Store, registry: &Registry, workspace: &str) -> Result<Vec<Found>> {
    let mut all: Vec<Found> = registry
        .iter()
        .map(|connector| Found { connector: connector.clone(), version: None })
        .collect();
    let own = Entity::find()
        .filter(Column::WorkspaceId.eq(workspace))
        .order_by_asc(Column::Slug)
        .order_by_desc(Column::Version)
        .all(store.read())
        .await?;
    let mut last = String::new();
    for row in own {
        if row.slug == last {
            continue;
        }
        let manifest = Manifest::parse(&row.manifest).map_err(Error::internal)?;
        all.push(Found {
            connector: Arc::new(Declarative::new(manifest)),
            version: Some(row.version),
        });
        last = row.slug;
    }
    all.sort_by(|a, b| a.connector.card().slug.cmp(b.connector.card().slug));
    Ok(all)
}

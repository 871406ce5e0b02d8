//! The `provider` table: one row a version.

use sea_orm::entity::prelude::*;

/// A workspace's own provider in one version.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "provider")]
pub(super) struct Model {
    /// `prv_…`
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The tenant.
    pub workspace_id: String,
    /// As in the manifest.
    pub slug: String,
    /// From 1.
    pub version: i64,
    /// TOML.
    pub manifest: String,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(super) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

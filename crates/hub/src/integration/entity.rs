//! The `integration` table.

use std::collections::BTreeMap;

use sea_orm::entity::prelude::*;

use crate::store::Json;

/// A workspace's use of a provider: a client (or none, for API keys), scopes and settings.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "integration")]
pub struct Model {
    /// `int_…`
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The tenant.
    pub workspace_id: String,
    /// The workspace's name for it.
    pub slug: String,
    /// The provider's slug.
    pub provider: String,
    /// The version of a workspace's own provider.
    pub provider_version: Option<i64>,
    /// The client; none where the provider takes keys.
    pub client_id: Option<String>,
    /// What people are asked to grant. A provider without scopes has the one scope `*`.
    pub scopes: Json<Vec<String>>,
    /// Answers to the manifest's inputs.
    pub settings: Json<BTreeMap<String, String>>,
    /// `active`.
    pub status: String,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// Milliseconds since the Unix epoch.
    pub updated_at: i64,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

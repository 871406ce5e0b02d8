//! The `client` table.

use std::collections::BTreeMap;

use sea_orm::entity::prelude::*;

use crate::store::{Json, SealedAt, SealedColumn};

const SECRET: SealedAt = SealedAt {
    workspace: "owner_id",
    ..SealedAt::new("client", "secret_sealed", "client_secret", "generation")
};

/// The columns that are sealed.
pub const SEALED: &[SealedAt] =
    &[SECRET, SealedAt { column: "former_sealed", generation: "former_generation", ..SECRET }];

/// An OAuth client registered at a provider.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "client")]
pub struct Model {
    /// `cli_…`
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// A workspace, or `system` for the platform.
    pub owner_id: String,
    /// The owner's name for it.
    pub slug: String,
    /// The provider's slug.
    pub provider: String,
    /// The id at the provider.
    pub client_id: String,
    /// The secret at the provider, if it has one.
    pub secret_sealed: Option<SealedColumn>,
    /// Counts the secrets.
    pub generation: i64,
    /// The secret before; still tried for a while.
    pub former_sealed: Option<SealedColumn>,
    /// Its number.
    pub former_generation: Option<i64>,
    /// Until when it is tried; milliseconds since the Unix epoch.
    pub former_until: Option<i64>,
    /// A platform's own URL that forwards to the hub; none = the hub's.
    pub redirect_uri: Option<String>,
    /// Answers to the manifest's inputs that belong to the client.
    pub settings: Json<BTreeMap<String, String>>,
    /// The ceiling: the most that integrations may ask for with it. Empty = no ceiling.
    pub scopes: Json<Vec<String>>,
    /// `active` or `suspended`.
    pub status: String,
    /// Why it is suspended.
    pub status_reason: Option<String>,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// Milliseconds since the Unix epoch.
    pub updated_at: i64,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

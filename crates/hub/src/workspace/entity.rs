//! The `workspace` table.

use sea_orm::entity::prelude::*;

use crate::store::Json;

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "workspace")]
pub struct Model {
    /// `ws_…`
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The platform's name for it.
    pub slug: String,
    /// What people read.
    pub name: String,
    /// `active`, `closing` or `closed`.
    pub status: String,
    /// Where a connect session may send the browser back to.
    pub return_urls: Json<Vec<String>>,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// Milliseconds since the Unix epoch.
    pub updated_at: i64,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

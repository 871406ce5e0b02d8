//! Reading the chain.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, entity::prelude::*};

use crate::{
    Error, Result,
    page::{Page, PageQuery},
    store::Store,
};

/// The `chain_entry` table.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "chain_entry")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: String,
    /// The place in the chain, from 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    /// `rel_…` or `aud_…`
    pub id: String,
    /// `release` or `denial`.
    pub kind: String,
    /// Milliseconds since the Unix epoch.
    pub at: i64,
    /// Who asked.
    pub agent_id: Option<String>,
    /// What was used.
    pub connection_id: Option<String>,
    /// For whom.
    pub end_user_id: Option<String>,
    /// The exact bytes that were hashed.
    pub body: Vec<u8>,
    /// The hash.
    pub hash: Vec<u8>,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// An entry as it stands in the chain.
pub type Row = Model;

/// The workspace's entries in chain order, at most `limit`; the cursor is a place in the chain.
pub async fn list(store: &Store, workspace: &str, query: &PageQuery) -> Result<Page<Row>> {
    let after: i64 = match query.after() {
        None => 0,
        Some(text) => text.parse().map_err(|_| {
            Error::invalid(
                "cursor_invalid",
                "`cursor` is the `next_cursor` of the part before, unchanged.",
            )
        })?,
    };
    let rows = Entity::find()
        .filter(Column::WorkspaceId.eq(workspace))
        .filter(Column::Seq.gt(after))
        .order_by_asc(Column::Seq)
        .limit(query.fetch())
        .all(store.read())
        .await?;
    Ok(query.page(rows, |row| row.seq.to_string()))
}

//! Sessions whose time ran out.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr};

use super::{
    Session, Status,
    entity::{Column, Entity},
    finish::{discard, open_pending},
};
use crate::{Result, store::Store};

/// Ends up to 100 sessions whose time ran out; what they kept is revoked at its provider.
///
/// Returns how many.
pub async fn expire_due(store: &Store) -> Result<usize> {
    let over = Entity::find()
        .filter(Column::Status.is_in([Status::Open, Status::Linking, Status::Pending]))
        .filter(Column::ExpiresAt.lte(store.now().millis()))
        .limit(100)
        .all(store.read())
        .await?;
    for row in &over {
        expire(store, row).await?;
    }
    Ok(over.len())
}

async fn expire(store: &Store, row: &Session) -> Result<()> {
    let pending = open_pending(store, row).await?;
    let done = Entity::update_many()
        .col_expr(Column::Status, Expr::value(Status::Expired))
        .col_expr(Column::PendingSealed, Expr::value(None::<Vec<u8>>))
        .col_expr(Column::FlowSealed, Expr::value(None::<Vec<u8>>))
        .col_expr(Column::StateDigest, Expr::value(None::<Vec<u8>>))
        .col_expr(Column::CodeDigest, Expr::value(None::<Vec<u8>>))
        .filter(Column::Id.eq(row.id.as_str()))
        .filter(Column::Status.eq(row.status))
        .filter(Column::Generation.eq(row.generation))
        .exec(store.write())
        .await?;
    if let (Some(pending), Some(integration), 1) =
        (pending, &row.integration_id, done.rows_affected)
    {
        discard(store, row, integration, &pending.stored).await?;
    }
    Ok(())
}

//! Sessions whose time ran out.

use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr,
};

use super::{
    Session, Status,
    entity::{Column, Entity},
    finish::{discard, open_pending},
};
use crate::{Kind, Result, store::Store};

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
        // One that can't be ended now must not keep the others from it.
        if let Err(error) = expire(store, row).await {
            tracing::error!(session = %row.id, %error, "a session whose time ran out could not be ended");
        }
    }
    Ok(over.len())
}

/// Lets the time of a workspace's open sessions, or of one person's, run out: within the transaction that
/// decides so nobody can finish them, and what they kept is revoked soon after.
pub async fn end_open(
    store: &Store,
    tx: &DatabaseTransaction,
    workspace: &str,
    end_user: Option<&str>,
) -> Result<()> {
    let mut open = Entity::update_many()
        .col_expr(Column::ExpiresAt, Expr::value(store.now().millis()))
        .filter(Column::WorkspaceId.eq(workspace))
        .filter(Column::Status.is_in([Status::Open, Status::Linking, Status::Pending]));
    if let Some(end_user) = end_user {
        open = open.filter(Column::EndUserId.eq(end_user));
    }
    open.exec(tx).await?;
    Ok(())
}

async fn expire(store: &Store, row: &Session) -> Result<()> {
    let pending = match open_pending(store, row).await {
        Ok(pending) => pending,
        // What does not open now will not open later either.
        Err(error) if error.kind == Kind::Internal => {
            tracing::error!(session = %row.id, %error, "a pending credential does not open");
            None
        }
        Err(error) => return Err(error),
    };
    let tx = store.begin().await?;
    let done = Entity::update_many()
        .col_expr(Column::Status, Expr::value(Status::Expired))
        .col_expr(Column::PendingSealed, Expr::value(None::<Vec<u8>>))
        .col_expr(Column::FlowSealed, Expr::value(None::<Vec<u8>>))
        .col_expr(Column::StateDigest, Expr::value(None::<Vec<u8>>))
        .col_expr(Column::CodeDigest, Expr::value(None::<Vec<u8>>))
        .filter(Column::Id.eq(row.id.as_str()))
        .filter(Column::Status.eq(row.status))
        .filter(Column::Generation.eq(row.generation))
        .exec(&tx)
        .await?;
    if let (Some(pending), Some(integration), 1) =
        (pending, &row.integration_id, done.rows_affected)
    {
        discard(store, &tx, row, integration, &pending.stored).await?;
    }
    tx.commit().await?;
    Ok(())
}

//! Refresh tokens that near their end: their people are told before.

use std::time::Duration;

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr,
};

use super::{
    Refresher,
    events::{Change, tell},
};
use crate::{
    Result,
    connection::{Column, Entity, Health, Status},
};

/// How long before its end a refresh token is warned of.
const AHEAD: Duration = Duration::from_hours(7 * 24);
/// One that lives shorter is always near its end: it is refreshed in time, or its failing is told.
const LONG: i64 = 14 * 24 * 3_600_000;

impl Refresher {
    /// Marks up to 100 connections whose refresh token ends within a week; one that was renewed since is
    /// healthy again by its save.
    pub async fn warn_of_ends(&self) -> Result<()> {
        let now = self.store.now();
        let near = Entity::find()
            .filter(Column::RefreshExpiresAt.lte(now.plus(AHEAD).millis()))
            .filter(Column::RefreshExpiresAt.gt(now.millis()))
            .filter(Column::Health.eq(Health::Healthy))
            .filter(Column::Status.eq(Status::Active))
            .filter(Expr::cust(format!(
                "refresh_expires_at - CASE WHEN refresh_class = 'static' THEN created_at \
                 ELSE COALESCE(refreshed_at, created_at) END > {LONG}"
            )))
            .limit(100)
            .all(self.store.read())
            .await?;
        for row in near {
            let Some(end) = row.refresh_expires_at else { continue };
            let tx = self.store.begin().await?;
            let statement = self.store.statement(
                "UPDATE connection SET health = 'expiring', updated_at = $1 \
                 WHERE id = $2 AND generation = $3 AND health = 'healthy'",
                [now.millis().into(), row.id.clone().into(), row.generation.into()],
            );
            if tx.execute_raw(statement).await?.rows_affected() == 1 {
                let refresh_expires_at = base::Timestamp::from_millis(end);
                tell(&self.store, &tx, &row, &Change::Expiring { refresh_expires_at }).await?;
            }
            tx.commit().await?;
        }
        Ok(())
    }
}

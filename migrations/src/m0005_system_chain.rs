//! The platform's own audit chain.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let insert = Query::insert()
            .into_table(Alias::new("chain_head"))
            .columns(["workspace_id", "size", "hash", "epoch"].map(Alias::new))
            .values_panic(["system".into(), 0_i64.into(), vec![0_u8; 32].into(), 1_i64.into()])
            .to_owned();
        m.execute(insert).await
    }
}

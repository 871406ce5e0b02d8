//! Signed heads of the audit chains, and where a chain was cut.

use sea_orm_migration::prelude::*;

use crate::table::{index, table};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        // How much of the chain its newest checkpoint covers.
        let mut column = ColumnDef::new(Alias::new("signed_size"));
        column.big_integer().not_null().default(0);
        let alter =
            Table::alter().table(Alias::new("chain_head")).add_column(&mut column).to_owned();
        m.alter_table(alter).await?;

        table("checkpoint")
            .text("workspace_id")
            .int("size")
            .blob("hash")
            .int("at")
            .text("note")
            .key(&["workspace_id", "size"])
            .create(m)
            .await?;
        index(m, "checkpoint", &["at"], false).await?;

        // Entries up to `size` are gone; the next one follows `hash`.
        table("chain_anchor")
            .text("workspace_id")
            .int("size")
            .blob("hash")
            .int("at")
            .text("note")
            .key(&["workspace_id"])
            .create(m)
            .await
    }
}

//! The audit chain, the workspace's epoch, and background work.

use sea_orm_migration::prelude::*;

use crate::table::{index, table};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        table("chain_head")
            .text("workspace_id")
            .int_default("size", 0)
            .blob("hash")
            .int_default("epoch", 1)
            .key(&["workspace_id"])
            .create(m)
            .await?;

        // `body` holds the exact bytes that were hashed; the columns beside it are for finding.
        table("chain_entry")
            .text("workspace_id")
            .int("seq")
            .text("id")
            .text("kind")
            .int("at")
            .text_null("agent_id")
            .text_null("connection_id")
            .text_null("end_user_id")
            .blob("body")
            .blob("hash")
            .key(&["workspace_id", "seq"])
            .create(m)
            .await?;

        table("outbox")
            .id()
            .text("workspace_id")
            .text("kind")
            .text("subject")
            .blob("body_sealed")
            .int_default("attempts", 0)
            .int_default("fence", 0)
            .text_null("lease_owner")
            .int_null("due_at")
            .text_null("outcome")
            .int("created_at")
            .int_null("done_at")
            .create(m)
            .await?;
        index(m, "outbox", &["due_at"], false).await?;
        index(m, "outbox", &["workspace_id", "subject"], false).await
    }
}

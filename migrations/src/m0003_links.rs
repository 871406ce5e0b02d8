//! Linked accounts and the sessions that link them.

use sea_orm_migration::prelude::*;

use crate::table::{index, table};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        // `owner_key` is the end user's id, or `workspace` for a shared account: never null, so that
        // the unique index holds.
        table("connection")
            .id()
            .text("workspace_id")
            .text("integration_id")
            .text("owner_key")
            .text_null("end_user_id")
            .blob("account_digest")
            .blob_null("account_sealed")
            .blob_null("credential_sealed")
            .int("generation")
            .text("scopes")
            .int_null("expires_at")
            .int_null("refresh_expires_at")
            .text("status")
            .text("state")
            .text("health")
            .text_null("health_reason")
            .text_null("provider_code")
            .int_default("failures", 0)
            .int_default("fence", 0)
            .text_null("lease_owner")
            .int_null("deadline")
            .int_default("quiet_until", 0)
            .int_default("hold_until", 0)
            .text("refresh_class")
            .int_null("due_at")
            .blob_null("candidates")
            .int_null("refreshed_at")
            .int("created_at")
            .int("updated_at")
            .refers("workspace_id", "workspace")
            .refers("integration_id", "integration")
            .refers("end_user_id", "end_user")
            .create(m)
            .await?;
        index(m, "connection", &["integration_id", "owner_key", "account_digest"], true).await?;
        index(m, "connection", &["workspace_id", "owner_key"], false).await?;
        index(m, "connection", &["due_at"], false).await?;
        index(m, "connection", &["refresh_expires_at"], false).await?;

        table("session")
            .id()
            .text("workspace_id")
            .text("created_by")
            .text_null("agent_id")
            .text("owner_key")
            .text_null("end_user_id")
            .text("integrations")
            .text_null("scopes")
            .text("intent")
            .text_null("connection_id")
            .text("return_url")
            .blob_null("ask_digest")
            .text("status")
            .text_null("error")
            .blob_null("browser_digest")
            .blob_null("state_digest")
            .text_null("integration_id")
            .int_default("generation", 1)
            .blob_null("flow_sealed")
            .blob_null("pending_sealed")
            .text_null("granted")
            .blob_null("code_digest")
            .int_null("code_expires_at")
            .text_null("result_connection_id")
            .int("expires_at")
            .int("created_at")
            .int("updated_at")
            .refers("workspace_id", "workspace")
            .refers("end_user_id", "end_user")
            .create(m)
            .await?;
        index(m, "session", &["workspace_id", "ask_digest"], false).await?;
        index(m, "session", &["state_digest"], true).await?;
        index(m, "session", &["status", "expires_at"], false).await
    }
}

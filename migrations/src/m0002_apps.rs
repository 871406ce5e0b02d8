//! What can be linked, with which client, and who may use it.

use sea_orm_migration::prelude::*;

use crate::table::{index, table};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        table("provider")
            .id()
            .text("workspace_id")
            .text("slug")
            .int("version")
            .text("manifest")
            .int("created_at")
            .refers("workspace_id", "workspace")
            .create(m)
            .await?;
        index(m, "provider", &["workspace_id", "slug", "version"], true).await?;

        // `owner_id` is a workspace or `system`, for the platform's own.
        table("client")
            .id()
            .text("owner_id")
            .text("slug")
            .text("provider")
            .text("client_id")
            .blob_null("secret_sealed")
            .int_default("generation", 1)
            .blob_null("former_sealed")
            .int_null("former_generation")
            .int_null("former_until")
            .text_null("redirect_uri")
            .text("settings")
            .text("scopes")
            .text("status")
            .text_null("status_reason")
            .int("created_at")
            .int("updated_at")
            .create(m)
            .await?;
        index(m, "client", &["owner_id", "slug"], true).await?;

        table("integration")
            .id()
            .text("workspace_id")
            .text("slug")
            .text("provider")
            .int_null("provider_version")
            .text_null("client_id")
            .text("scopes")
            .text("settings")
            .text("status")
            .int("created_at")
            .int("updated_at")
            .refers("workspace_id", "workspace")
            .refers("client_id", "client")
            .create(m)
            .await?;
        index(m, "integration", &["workspace_id", "slug"], true).await?;
        index(m, "integration", &["client_id"], false).await?;

        table("policy")
            .id()
            .text("workspace_id")
            .text("slug")
            .text("rule")
            .flag("enabled")
            .int("created_at")
            .int("updated_at")
            .refers("workspace_id", "workspace")
            .create(m)
            .await?;
        index(m, "policy", &["workspace_id", "slug"], true).await
    }
}

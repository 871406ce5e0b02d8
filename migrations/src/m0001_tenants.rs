//! Workspaces, the people and programs in them, and keys of both kinds.

use sea_orm_migration::prelude::*;

use crate::table::{index, table};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        table("workspace")
            .id()
            .text("slug")
            .text("name")
            .text("status")
            .text("return_urls")
            .int("created_at")
            .int("updated_at")
            .create(m)
            .await?;
        index(m, "workspace", &["slug"], true).await?;

        // `workspace_id` may be `system`: no reference.
        table("data_key")
            .text("id")
            .text("workspace_id")
            .text("state")
            .blob("wrapped")
            .int_default("uses", 0)
            .int("created_at")
            .int_null("retired_at")
            .key(&["id"])
            .create(m)
            .await?;
        // At most one key seals; also what keeps two replicas from making a first key each.
        m.get_connection()
            .execute_unprepared(
                "CREATE UNIQUE INDEX data_key_primary ON data_key (workspace_id) \
                 WHERE state = 'primary'",
            )
            .await?;

        // Values of the hub itself, sealed with the system key.
        table("system_secret")
            .text("name")
            .blob("sealed")
            .int("created_at")
            .key(&["name"])
            .create(m)
            .await?;

        table("end_user")
            .id()
            .text("workspace_id")
            .blob("subject_digest")
            .text("key_id")
            .blob_null("key_sealed")
            .blob_null("profile_sealed")
            .int_default("generation", 1)
            .int("created_at")
            .int_null("erased_at")
            .refers("workspace_id", "workspace")
            .create(m)
            .await?;
        index(m, "end_user", &["workspace_id", "subject_digest"], true).await?;

        table("agent")
            .id()
            .text("workspace_id")
            .text("slug")
            .text("name")
            .flag("trusted_backend")
            .text("status")
            .int("created_at")
            .int("updated_at")
            .refers("workspace_id", "workspace")
            .create(m)
            .await?;
        index(m, "agent", &["workspace_id", "slug"], true).await?;

        table("api_key")
            .id()
            .text("kind")
            .text_null("workspace_id")
            .text_null("agent_id")
            .text("public_part")
            .blob("digest")
            .text("roles")
            .text("name")
            .int("created_at")
            .int_null("expires_at")
            .int_null("revoked_at")
            .int_null("last_used_at")
            .refers("workspace_id", "workspace")
            .refers("agent_id", "agent")
            .create(m)
            .await?;
        index(m, "api_key", &["public_part"], true).await?;
        index(m, "api_key", &["workspace_id"], false).await?;

        table("idempotency")
            .text("digest")
            .text("request_digest")
            .int_null("status")
            .text_null("body")
            .int("expires_at")
            .key(&["digest"])
            .create(m)
            .await?;
        index(m, "idempotency", &["expires_at"], false).await
    }
}

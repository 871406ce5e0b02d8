//! Data keys that follow one another.

use sea_orm_migration::prelude::*;

use crate::table::table;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let db = m.get_connection();
        for statement in [
            // `values`: seals all that can be sealed anew. `personal`: seals what belongs to no end
            // user and stands in the audit chain's hashed bytes, which stay as they are.
            "ALTER TABLE data_key ADD COLUMN role TEXT NOT NULL DEFAULT 'values'",
            // Whether entries of the audit chain may name it: then it is never deleted.
            "ALTER TABLE data_key ADD COLUMN seals_audit BOOLEAN NOT NULL DEFAULT FALSE",
            "UPDATE data_key SET seals_audit = TRUE WHERE workspace_id <> 'system'",
            // Of a primary key: when all that former ones sealed was sealed anew. Of a retired one: when
            // nothing named it any more.
            "ALTER TABLE data_key ADD COLUMN settled_at BIGINT",
            "DROP INDEX data_key_primary",
            "CREATE UNIQUE INDEX data_key_primary ON data_key (workspace_id, role) \
             WHERE state = 'primary'",
            "CREATE UNIQUE INDEX data_key_staged ON data_key (workspace_id, role) \
             WHERE state = 'staged'",
            "CREATE INDEX data_key_workspace_id ON data_key (workspace_id)",
            "CREATE INDEX data_key_retired ON data_key (retired_at) WHERE state = 'retired'",
        ] {
            db.execute_unprepared(statement).await?;
        }
        // A rotation of all workspaces, so that one that was interrupted goes on where it was.
        table("rotation")
            .id()
            .int("started_at")
            .int("touched_at")
            .int_null("finished_at")
            .create(m)
            .await
    }
}

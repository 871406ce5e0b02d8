//! A person's connect sessions, for the person.

use base::Timestamp;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::{Value, json};

use super::entity::{Column, Entity};
use crate::{Result, store::Store};

/// The most that one export has; the newest.
const MOST: u64 = 1000;

/// The sessions in which this person linked, or was to link, newest first.
pub async fn of_person(store: &Store, workspace: &str, person: &str) -> Result<Vec<Value>> {
    let rows = Entity::find()
        .filter(Column::WorkspaceId.eq(workspace))
        .filter(Column::EndUserId.eq(person))
        .order_by_desc(Column::Id)
        .limit(MOST)
        .all(store.read())
        .await?;
    let one = |row: super::Session| {
        json!({
            "type": "connect_session", "id": row.id, "status": row.status, "error": row.error,
            "integration": row.integration_id, "connection": row.result_connection_id,
            "return_url": row.return_url, "agent": row.agent_id,
            "created_at": Timestamp::from_millis(row.created_at),
        })
    };
    Ok(rows.into_iter().map(one).collect())
}

//! Everything of a person, for the person.

use serde_json::{Value, json};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::{
    Error, Result,
    audit::{self, Change, Reach},
    connection::{self, Column, Entity},
    end_user, session,
    store::Store,
};

/// One thing that the hub knows of a person: `type` says what, the rest is the thing.
pub type PersonRecord = Value;

/// The most entries of the chain that one export reads; the newest.
const MOST: u64 = 10_000;

/// Everything of a person: profile, accounts, connect sessions, and what the chain says of them, personal
/// fields opened. That it was taken is recorded before it is read.
pub async fn export_person(
    store: &Store,
    workspace: &str,
    subject: &str,
) -> Result<Vec<PersonRecord>> {
    let person = end_user::find(store, workspace, subject)
        .await?
        .ok_or_else(|| Error::not_found("end user"))?;
    let tx = store.begin().await?;
    let what =
        Change { end_user: Some(&person.id), ..Change::new("end_user.exported", &person.id) };
    audit::change(store, &tx, Reach::Workspace(workspace), &what).await?;
    tx.commit().await?;

    let profile = end_user::profile(store, &person).await?;
    let mut all = vec![json!({
        "type": "end_user", "end_user": person.id, "profile": profile,
        "created_at": base::Timestamp::from_millis(person.created_at),
    })];
    all.extend(connections(store, workspace, &person.id).await?);
    all.extend(session::of_person(store, workspace, &person.id).await?);
    for entry in audit::of_person(store, workspace, &person.id, MOST).await? {
        all.push(json!({ "type": "audit", "entry": entry.body, "personal": entry.personal }));
    }
    Ok(all)
}

async fn connections(store: &Store, workspace: &str, person: &str) -> Result<Vec<Value>> {
    let rows = Entity::find()
        .filter(Column::WorkspaceId.eq(workspace))
        .filter(Column::EndUserId.eq(person))
        .order_by_asc(Column::Id)
        .limit(MOST)
        .all(store.read())
        .await?;
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        let label = connection::label(store, &row).await?;
        let at = base::Timestamp::from_millis;
        all.push(json!({
            "type": "connection", "id": row.id, "integration": row.integration_id,
            "account": label.map(|label| json!({ "id": label.id, "label": label.label })),
            "scopes": row.scopes.0, "status": row.status, "health": row.health,
            "created_at": at(row.created_at), "updated_at": at(row.updated_at),
            "refreshed_at": row.refreshed_at.map(at),
        }));
    }
    Ok(all)
}

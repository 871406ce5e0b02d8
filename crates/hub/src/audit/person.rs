//! What the chain says of one person.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::Value;
use vault::{Place, Sealed};

use super::store::{Column, Entity, Row};
use crate::{Error, Result, store::Store};

/// An entry with its personal fields opened.
pub struct OfPerson {
    /// The entry.
    pub body: Value,
    /// The personal fields; none where it has none.
    pub personal: Option<Value>,
}

/// The newest entries about a person, at most `most`, oldest first.
pub async fn of_person(
    store: &Store,
    workspace: &str,
    person: &str,
    most: u64,
) -> Result<Vec<OfPerson>> {
    let mut rows = Entity::find()
        .filter(Column::WorkspaceId.eq(workspace))
        .filter(Column::EndUserId.eq(person))
        .order_by_desc(Column::Seq)
        .limit(most)
        .all(store.read())
        .await?;
    rows.reverse();
    let mut all = Vec::with_capacity(rows.len());
    for row in &rows {
        all.push(open(store, row, person).await?);
    }
    Ok(all)
}

async fn open(store: &Store, row: &Row, person: &str) -> Result<OfPerson> {
    let mut body: Value = serde_json::from_slice(&row.body)?;
    let sealed = body.as_object_mut().and_then(|members| members.remove("personal"));
    let personal = match sealed {
        Some(Value::String(text)) => {
            let bytes = STANDARD.decode(text).map_err(Error::internal)?;
            let sealed = Sealed::from_bytes(bytes)?.into();
            let place = Place {
                workspace: &row.workspace_id,
                row: &row.id,
                field: "personal",
                generation: 1,
            };
            let text = store.keys().open_personal(Some(person), &place, &sealed).await?;
            Some(serde_json::from_slice(&text)?)
        }
        _ => None,
    };
    Ok(OfPerson { body, personal })
}

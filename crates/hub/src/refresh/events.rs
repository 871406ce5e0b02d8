//! What is told of a connection's health: rows of the outbox, written in the transaction that changes it.

use sea_orm::ConnectionTrait;
use serde::Serialize;
use serde_json::json;

use crate::{
    Result,
    audit::{Event, enqueue_event},
    connection::Connection,
    store::Store,
};

/// What became of a connection.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type")]
pub(super) enum Change<'a> {
    /// It works again.
    #[serde(rename = "connection.refreshed")]
    Refreshed,
    /// Refreshing fails for now.
    #[serde(rename = "connection.failing")]
    Failing {
        /// Why, in plain words.
        reason: &'a str,
        /// The provider's own code.
        provider_code: Option<&'a str>,
    },
    /// A person must link it again.
    #[serde(rename = "connection.reauthorization_required")]
    ReauthorizationRequired {
        /// Why, in plain words.
        reason: &'a str,
        /// The provider's own code.
        provider_code: Option<&'a str>,
    },
    /// Its refresh token nears its end.
    #[serde(rename = "connection.expiring")]
    Expiring {
        /// When it ends.
        refresh_expires_at: base::Timestamp,
    },
}

/// An event on its way into the outbox.
pub(super) fn event(store: &Store, row: &Connection, change: &Change<'_>) -> Result<Event> {
    let mut body = serde_json::to_value(change)?;
    body["connection"] = json!(row.id);
    body["integration"] = json!(row.integration_id);
    body["at"] = json!(store.now());
    Ok(Event {
        workspace: row.workspace_id.clone(),
        subject: row.id.clone(),
        body: body.to_string(),
    })
}

/// Writes an event within the caller's transaction.
pub(super) async fn tell<C: ConnectionTrait>(
    store: &Store,
    tx: &C,
    row: &Connection,
    change: &Change<'_>,
) -> Result<()> {
    enqueue_event(store, tx, &event(store, row, change)?).await
}

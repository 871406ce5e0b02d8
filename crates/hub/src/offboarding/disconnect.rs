//! Ending many connections: queued in the commit that stops them, done a few at a time.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use serde::{Deserialize, Serialize};

use crate::{
    Result,
    connection::{self, Column, Connection, Entity, Status},
    integration::{self, App},
    provider::Registry,
    store::{
        Store,
        outbox::{self, Claimed, Work},
    },
};

/// The outbox kind of connections that are to be ended.
pub const DISCONNECT_ALL: &str = "disconnect_all";

/// How many are ended in one turn.
pub(super) const TURN: u64 = 50;

/// Which connections of a workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Which {
    /// All.
    All,
    /// Through these integrations.
    Integrations(Vec<String>),
    /// A person's.
    EndUser(String),
    /// These.
    Ids(Vec<String>),
}

impl Which {
    /// Of a workspace: those that have not ended.
    pub(super) fn condition(&self, workspace: &str) -> Condition {
        let all = Condition::all()
            .add(Column::WorkspaceId.eq(workspace))
            .add(Column::Status.ne(Status::Revoked));
        match self {
            Self::All => all,
            Self::Integrations(ids) => all.add(Column::IntegrationId.is_in(ids)),
            Self::EndUser(id) => all.add(Column::EndUserId.eq(id.as_str())),
            Self::Ids(ids) => all.add(Column::Id.is_in(ids)),
        }
    }
}

/// Queues their end, within the transaction that stops them.
pub(super) async fn queue<C: ConnectionTrait>(
    store: &Store,
    tx: &C,
    workspace: &str,
    which: &Which,
) -> Result<()> {
    let body = serde_json::to_vec(which)?;
    let work = Work { workspace, kind: DISCONNECT_ALL, subject: workspace, body: &body };
    outbox::enqueue(store, tx, work).await
}

/// Ends some of the connections that a queued piece of work names, or forgets it when none is left.
pub async fn disconnect_step(store: &Store, registry: &Registry, work: &Claimed) -> Result<()> {
    let which: Which = serde_json::from_slice(&work.body(store).await?)?;
    if disconnect_some(store, registry, &work.workspace, &which).await? == 0 {
        return work.forget(store).await;
    }
    work.again(store, 0).await
}

/// Ends up to a turn's worth; returns how many there were to end.
pub(super) async fn disconnect_some(
    store: &Store,
    registry: &Registry,
    workspace: &str,
    which: &Which,
) -> Result<usize> {
    let rows = Entity::find()
        .filter(which.condition(workspace))
        .order_by_asc(Column::Id)
        .limit(TURN)
        .all(store.read())
        .await?;
    for row in &rows {
        end(store, registry, row).await?;
    }
    Ok(rows.len())
}

/// One connection's end. A provider that is not there any more must not keep it alive.
pub(super) async fn end(
    store: &Store,
    registry: &Registry,
    row: &Connection,
) -> Result<connection::Receipt> {
    let workspace = &row.workspace_id;
    let found = integration::get(store, workspace, &row.integration_id).await?;
    match App::load(store, registry, found).await {
        Ok(app) => connection::disconnect(store, workspace, &row.id, &app).await,
        Err(error) => {
            tracing::warn!(connection = %row.id, %error, "its provider is unknown now: ended without asking it");
            connection::end_unasked(store, workspace, &row.id).await
        }
    }
}

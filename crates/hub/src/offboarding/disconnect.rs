//! Ending many connections: queued in the commit that stops them, done a few at a time.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, sea_query::SelectStatement,
};
use serde::{Deserialize, Serialize};

use crate::{
    Result,
    connection::{self, Column, Connection, Entity, Receipt, Status},
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
const TURN: u64 = 50;

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
    /// Those of which this agent was handed access.
    HandedTo(String),
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
            Self::HandedTo(agent) => all.add(Column::Id.in_subquery(handed_to(workspace, agent))),
        }
    }
}

/// The connections in an agent's releases.
fn handed_to(workspace: &str, agent: &str) -> SelectStatement {
    use crate::audit::{EntryColumn, EntryEntity};
    EntryEntity::find()
        .select_only()
        .column(EntryColumn::ConnectionId)
        .filter(EntryColumn::WorkspaceId.eq(workspace))
        .filter(EntryColumn::AgentId.eq(agent))
        .filter(EntryColumn::Kind.eq("release"))
        .filter(EntryColumn::ConnectionId.is_not_null())
        .into_query()
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
    if disconnect_some(store, registry, &work.workspace, &which).await?.is_empty() {
        return work.forget(store).await;
    }
    work.again(store, 0).await
}

/// Ends up to a turn's worth; returns those that there were to end, and what becomes of their grants.
pub(super) async fn disconnect_some(
    store: &Store,
    registry: &Registry,
    workspace: &str,
    which: &Which,
) -> Result<Vec<(String, Receipt)>> {
    let rows = Entity::find()
        .filter(which.condition(workspace))
        .order_by_asc(Column::Id)
        .limit(TURN)
        .all(store.read())
        .await?;
    let mut ended = Vec::with_capacity(rows.len());
    for row in rows {
        let receipt = end(store, registry, &row).await?;
        ended.push((row.id, receipt));
    }
    Ok(ended)
}

/// One connection's end. A provider that is not there any more must not keep it alive.
async fn end(store: &Store, registry: &Registry, row: &Connection) -> Result<Receipt> {
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

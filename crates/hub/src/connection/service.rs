//! Finding, switching off and ending connections.

use std::collections::HashMap;

use base::ConnectionId;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction,
    EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, Select,
};
use serde::Serialize;
use serde_json::json;

use super::{
    State, Status,
    entity::{Column, Entity, Model},
    open_credential, owner_key,
    revoke::{REVOKE_GRANT, queue_revocation},
};
use crate::{
    Error, Result,
    audit::{self, Change, Reach},
    integration::{self, App},
    page::{Page, PageQuery},
    store::{Store, outbox},
};

/// What a list is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only of this end user (the hub's own id).
    pub end_user: Option<String>,
    /// Only of this integration (id).
    pub integration: Option<String>,
    /// Only those in use that were granted less than their integration asks for.
    pub missing_scopes: bool,
}

/// What became of the grant at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Receipt {
    /// The provider ended it.
    Revoked,
    /// The provider has not answered yet.
    Pending,
    /// The provider offers no revocation; the token dies of age.
    Unsupported,
    /// Revoking would end other connections of the same account and client.
    Withheld,
    /// The provider would not, after many attempts.
    Failed,
}

fn of_workspace(workspace: &str) -> Select<Entity> {
    Entity::find().filter(Column::WorkspaceId.eq(workspace))
}

/// The connection of this id.
pub async fn get(store: &Store, workspace: &str, id: &str) -> Result<Model> {
    find(store, workspace, id).await?.ok_or_else(|| Error::not_found("connection"))
}

/// The connection of this id, if there is one.
pub async fn find(store: &Store, workspace: &str, id: &str) -> Result<Option<Model>> {
    if id.parse::<ConnectionId>().is_err() {
        return Ok(None);
    }
    Ok(of_workspace(workspace).filter(Column::Id.eq(id)).one(store.read()).await?)
}

/// The connections of this owner through these integrations that have not ended, oldest first.
pub async fn of_owner(
    store: &Store,
    workspace: &str,
    end_user: Option<&str>,
    integrations: &[String],
) -> Result<Vec<Model>> {
    Ok(of_workspace(workspace)
        .filter(Column::OwnerKey.eq(owner_key(end_user)))
        .filter(Column::IntegrationId.is_in(integrations))
        .filter(Column::Status.ne(Status::Revoked))
        .order_by_asc(Column::Id)
        .all(store.read())
        .await?)
}

/// The workspace's connections, oldest first.
pub async fn list(
    store: &Store,
    workspace: &str,
    filter: &Filter,
    query: &PageQuery,
) -> Result<Page<Model>> {
    let mut all = of_workspace(workspace);
    if let Some(end_user) = &filter.end_user {
        all = all.filter(Column::EndUserId.eq(end_user.as_str()));
    }
    if let Some(integration) = &filter.integration {
        all = all.filter(Column::IntegrationId.eq(integration.as_str()));
    }
    if filter.missing_scopes {
        return list_short(store, workspace, all.filter(Column::Status.ne(Status::Revoked)), query)
            .await;
    }
    let rows = query.apply(all, Column::Id).all(store.read()).await?;
    Ok(query.page(rows, |row| row.id.clone()))
}

/// Scopes are documents, which the database does not look into: rows are read in batches until the part
/// is full.
async fn list_short(
    store: &Store,
    workspace: &str,
    all: Select<Entity>,
    query: &PageQuery,
) -> Result<Page<Model>> {
    const BATCH: u64 = 1000;
    let wanted: HashMap<String, Vec<String>> = integration::all(store, workspace)
        .await?
        .into_iter()
        .map(|one| (one.id, one.scopes.0))
        .collect();
    let is_short = |row: &Model| {
        let all = wanted.get(&row.integration_id).map_or(&[][..], Vec::as_slice);
        all.iter().any(|scope| !row.scopes.0.contains(scope))
    };
    let most = usize::try_from(query.fetch()).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    let mut after = query.after().map(str::to_owned);
    loop {
        let mut batch = all.clone();
        if let Some(after) = &after {
            batch = batch.filter(Column::Id.gt(after.as_str()));
        }
        let rows = batch.order_by_asc(Column::Id).limit(BATCH).all(store.read()).await?;
        let last = rows.last().map(|row| row.id.clone());
        let whole = rows.len() as u64 == BATCH;
        found.extend(rows.into_iter().filter(is_short));
        if found.len() >= most || !whole {
            found.truncate(most);
            return Ok(query.page(found, |row| row.id.clone()));
        }
        after = last;
    }
}

/// Switches a connection off or on again, without touching the grant at the provider.
pub async fn set_enabled(store: &Store, workspace: &str, id: &str, enabled: bool) -> Result<Model> {
    let found = get(store, workspace, id).await?;
    if found.status == Status::Revoked {
        return Err(Error::conflict(
            "connection_revoked",
            "This connection has ended. Link the account again to get a new one.",
        ));
    }
    let tx = store.begin().await?;
    let mut row = found.into_active_model();
    row.status = Set(if enabled { Status::Active } else { Status::Disabled });
    row.updated_at = Set(store.now().millis());
    let saved = row.update(&tx).await?;
    let action = if enabled { "connection.enabled" } else { "connection.disabled" };
    record(store, &tx, action, &saved, serde_json::Value::Null).await?;
    tx.commit().await?;
    Ok(saved)
}

/// Ends a connection: from this commit on nothing is handed out. The credential leaves the row; the
/// grant's revocation at the provider is queued in the same commit, where there is one to ask for.
pub async fn disconnect(store: &Store, workspace: &str, id: &str, app: &App) -> Result<Receipt> {
    let found = get(store, workspace, id).await?;
    if found.status == Status::Revoked {
        return Ok(receipt(store, workspace, id).await?.unwrap_or(Receipt::Unsupported));
    }
    let manifest = app.connector.manifest();
    let stored = open_credential(store, &found).await.ok();
    let tx = store.begin().await?;
    // A refresh may have come in between: what was opened must be what ends.
    let row = Entity::find_by_id(&found.id).one(&tx).await?;
    let row = row.ok_or_else(|| Error::not_found("connection"))?;
    if row.generation != found.generation {
        drop(tx);
        return Box::pin(disconnect(store, workspace, id, app)).await;
    }
    let receipt = if !manifest.can_revoke() || stored.is_none() {
        Receipt::Unsupported
    } else if manifest.revoke.wide && shares_grant(store, &tx, &row, app).await? {
        Receipt::Withheld
    } else {
        Receipt::Pending
    };
    if let (Receipt::Pending, Some(stored)) = (receipt, &stored) {
        queue_revocation(store, &tx, workspace, &row.id, &row.integration_id, stored).await?;
    }
    let ended = end(store, &tx, row, receipt).await?;
    record(store, &tx, "connection.disconnected", &ended, json!({ "receipt": receipt })).await?;
    tx.commit().await?;
    Ok(receipt)
}

/// Ends a connection whose provider can't be asked: it is not known any more.
pub async fn end_unasked(store: &Store, workspace: &str, id: &str) -> Result<Receipt> {
    let tx = store.begin().await?;
    let row = of_workspace(workspace).filter(Column::Id.eq(id)).one(&tx).await?;
    let row = row.ok_or_else(|| Error::not_found("connection"))?;
    let ended = end(store, &tx, row, Receipt::Unsupported).await?;
    let details = json!({ "receipt": Receipt::Unsupported });
    record(store, &tx, "connection.disconnected", &ended, details).await?;
    tx.commit().await?;
    Ok(Receipt::Unsupported)
}

/// Forgets which accounts an erased person's connections stood for, within the transaction that erases:
/// a keyed digest too could be compared with a guess by whoever holds the key.
pub async fn forget_accounts(
    store: &Store,
    tx: &DatabaseTransaction,
    workspace: &str,
    end_user: &str,
) -> Result<()> {
    let rows = of_workspace(workspace).filter(Column::EndUserId.eq(end_user)).all(tx).await?;
    for row in rows {
        // Its own for each row: they are unique.
        let mut blank = vec![0_u8; 32];
        store.rng().fill(&mut blank);
        let mut row = row.into_active_model();
        row.account_sealed = Set(None);
        row.account_digest = Set(blank);
        row.update(tx).await?;
    }
    Ok(())
}

/// The entry of a change to a connection.
pub(super) async fn record(
    store: &Store,
    tx: &DatabaseTransaction,
    action: &'static str,
    row: &Model,
    details: serde_json::Value,
) -> Result<()> {
    let what = Change::new(action, &row.id).with(details).of(&row.id, row.end_user_id.as_deref());
    audit::change(store, tx, Reach::Workspace(&row.workspace_id), &what).await
}

async fn end(
    store: &Store,
    tx: &DatabaseTransaction,
    row: Model,
    receipt: Receipt,
) -> Result<Model> {
    let mut row = row.into_active_model();
    row.status = Set(Status::Revoked);
    row.state = Set(State::Revoked);
    row.credential_sealed = Set(None);
    row.candidates = Set(None);
    row.due_at = Set(None);
    row.lease_owner = Set(None);
    row.deadline = Set(None);
    row.expires_at = Set(None);
    let note = match receipt {
        Receipt::Withheld => Some("withheld".to_owned()),
        Receipt::Unsupported => Some("unsupported".to_owned()),
        _ => None,
    };
    row.health_reason = Set(note);
    row.updated_at = Set(store.now().millis());
    Ok(row.update(tx).await?)
}

/// Whether another live connection stands on the same account and client.
async fn shares_grant(
    store: &Store,
    tx: &DatabaseTransaction,
    row: &Model,
    app: &App,
) -> Result<bool> {
    let statement = store.statement(
        "SELECT c.id FROM connection c JOIN integration i ON i.id = c.integration_id \
         WHERE c.account_digest = $1 AND i.client_id = $2 AND c.id <> $3 AND c.status <> 'revoked' \
         LIMIT 1",
        [
            row.account_digest.clone().into(),
            app.integration.client_id.clone().into(),
            row.id.clone().into(),
        ],
    );
    Ok(tx.query_one_raw(statement).await?.is_some())
}

/// What became of an ended connection's grant; none while it has not ended.
pub async fn receipt(store: &Store, workspace: &str, id: &str) -> Result<Option<Receipt>> {
    let row = get(store, workspace, id).await?;
    if row.status != Status::Revoked {
        return Ok(None);
    }
    let queued = outbox::outcome(store, workspace, REVOKE_GRANT, id).await?;
    Ok(Some(match (queued.as_deref(), row.health_reason.as_deref()) {
        (Some("revoked"), _) => Receipt::Revoked,
        (Some("failed"), _) => Receipt::Failed,
        (Some("unsupported"), _) => Receipt::Unsupported,
        (Some(_), _) => Receipt::Pending,
        (None, Some("withheld")) => Receipt::Withheld,
        (None, _) => Receipt::Unsupported,
    }))
}

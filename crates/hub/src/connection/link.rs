//! A completed link becomes a connection, or renews one.

use base::{ConnectionId, Timestamp};
use connector::{Account, RefreshClass};
use sea_orm::{ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};

use serde_json::json;

use super::{
    Belongs, Health, Label, State, Status, Stored, account_digest,
    entity::{ActiveModel, Column, Entity, Model},
    seal_credential, seal_label,
    service::record,
};
use crate::{
    Result,
    integration::Integration,
    store::{Json, Store},
};

/// What a finished link brought.
pub struct Linked<'a> {
    /// Through which integration.
    pub integration: &'a Integration,
    /// Whose it becomes; none = the workspace's.
    pub end_user: Option<&'a str>,
    /// The account at the provider.
    pub account: &'a Account,
    /// The credential.
    pub stored: &'a Stored,
    /// What it can do.
    pub scopes: Vec<String>,
    /// When the access token ends.
    pub expires_at: Option<Timestamp>,
    /// When the refresh token ends.
    pub refresh_expires_at: Option<Timestamp>,
    /// When to refresh it first.
    pub due_at: Option<Timestamp>,
    /// How its refresh tokens behave.
    pub class: RefreshClass,
}

/// The `owner_key` of an end user's or the workspace's connection.
pub fn owner_key(end_user: Option<&str>) -> &str {
    end_user.unwrap_or("workspace")
}

/// Makes the connection, or puts the new credential into the one of the same owner and account.
///
/// Within the caller's transaction, which also records it.
pub async fn activate(
    store: &Store,
    tx: &DatabaseTransaction,
    linked: Linked<'_>,
) -> Result<Activated> {
    let integration = linked.integration;
    let digest = account_digest(store, &integration.provider, &linked.account.id);
    let found = Entity::find()
        .filter(Column::IntegrationId.eq(integration.id.as_str()))
        .filter(Column::OwnerKey.eq(owner_key(linked.end_user)))
        .filter(Column::AccountDigest.eq(digest.clone()))
        .one(tx)
        .await?;
    let is_new = found.is_none();
    let now = store.now().millis();
    let mut row = found.unwrap_or_else(|| blank(store, &linked, digest, now));
    if !is_new {
        row.generation += 1;
    }
    let workspace = &integration.workspace_id;
    let sealed = seal_credential(store, Belongs::to(&row, row.generation), linked.stored).await?;
    let label = Label::from(linked.account);
    row.account_sealed =
        Some(seal_label(store, workspace, &row.id, linked.end_user, &label).await?);
    row.credential_sealed = Some(sealed);
    row.scopes = Json(linked.scopes);
    row.expires_at = linked.expires_at.map(Timestamp::millis);
    row.refresh_expires_at = linked.refresh_expires_at.map(Timestamp::millis);
    // Whom the workspace has switched off does not switch it on by linking again.
    if row.status != Status::Disabled {
        row.status = Status::Active;
    }
    row.state = State::Ready;
    row.health = Health::Healthy;
    row.health_reason = None;
    row.provider_code = None;
    row.failures = 0;
    // Whoever still holds a lease on the former credential holds nothing now.
    row.fence += 1;
    row.lease_owner = None;
    row.deadline = None;
    row.quiet_until = 0;
    row.hold_until = 0;
    word(linked.class).clone_into(&mut row.refresh_class);
    row.due_at = linked.due_at.map(Timestamp::millis);
    row.candidates = None;
    row.updated_at = now;
    let active = ActiveModel::from(row).reset_all();
    let row = if is_new { active.insert(tx).await? } else { active.update(tx).await? };
    Ok(Activated { row, is_new })
}

/// A connection as a link left it.
pub struct Activated {
    /// The row.
    pub row: Model,
    is_new: bool,
}

impl Activated {
    /// Its entry in the chain; the transaction's last statement, because it locks the chain's head.
    pub async fn record(&self, store: &Store, tx: &DatabaseTransaction) -> Result<()> {
        let action = if self.is_new { "connection.linked" } else { "connection.renewed" };
        let details =
            json!({ "integration": self.row.integration_id, "scopes": self.row.scopes.0 });
        record(store, tx, action, &self.row, details).await
    }
}

fn word(class: RefreshClass) -> &'static str {
    match class {
        RefreshClass::Static => "static",
        RefreshClass::ReplaySafe => "replay_safe",
        RefreshClass::Strict => "strict",
    }
}

fn blank(store: &Store, linked: &Linked<'_>, account_digest: Vec<u8>, now: i64) -> Model {
    Model {
        id: ConnectionId::new(store.clock(), store.rng()).into(),
        workspace_id: linked.integration.workspace_id.clone(),
        integration_id: linked.integration.id.clone(),
        owner_key: owner_key(linked.end_user).to_owned(),
        end_user_id: linked.end_user.map(str::to_owned),
        account_digest,
        account_sealed: None,
        credential_sealed: None,
        generation: 1,
        scopes: Json::default(),
        expires_at: None,
        refresh_expires_at: None,
        status: Status::Active,
        state: State::Ready,
        health: Health::Healthy,
        health_reason: None,
        provider_code: None,
        failures: 0,
        fence: 0,
        lease_owner: None,
        deadline: None,
        quiet_until: 0,
        hold_until: 0,
        refresh_class: word(linked.class).to_owned(),
        due_at: None,
        candidates: None,
        refreshed_at: None,
        created_at: now,
        updated_at: now,
    }
}

//! The `connection` table.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::store::{Json, SealedColumn};

/// A linked account.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "connection")]
pub struct Model {
    /// `con_…`
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The tenant.
    pub workspace_id: String,
    /// Through which integration it was linked.
    pub integration_id: String,
    /// The end user's id, or `workspace`.
    pub owner_key: String,
    /// The end user; none for the workspace's.
    pub end_user_id: Option<String>,
    /// Keyed digest of provider and account.
    pub account_digest: Vec<u8>,
    /// The account's id and label, sealed for their person.
    pub account_sealed: Option<SealedColumn>,
    /// The credential; none once revoked.
    pub credential_sealed: Option<SealedColumn>,
    /// Counts the credentials.
    pub generation: i64,
    /// What the credential can do.
    pub scopes: Json<Vec<String>>,
    /// When the access token ends; milliseconds since the Unix epoch; none = it does not.
    pub expires_at: Option<i64>,
    /// When the refresh token ends, where that is known.
    pub refresh_expires_at: Option<i64>,
    /// Whether it may be used.
    pub status: Status,
    /// Where its refreshing stands.
    pub state: State,
    /// What people read of it.
    pub health: Health,
    /// Why, in plain words.
    pub health_reason: Option<String>,
    /// The provider's own error code.
    pub provider_code: Option<String>,
    /// Refreshes that failed since the last good one.
    pub failures: i64,
    /// Counts the leases.
    pub fence: i64,
    /// Which process has the lease.
    pub lease_owner: Option<String>,
    /// When the lease ends; milliseconds since the Unix epoch.
    pub deadline: Option<i64>,
    /// Before this nobody sends its refresh token; milliseconds since the Unix epoch.
    pub quiet_until: i64,
    /// Of a lease whose holder is silent: before this nobody else sends; milliseconds since the Unix epoch.
    pub hold_until: i64,
    /// How its refresh tokens behave: `static`, `replay_safe` or `strict`.
    pub refresh_class: String,
    /// When the sweep looks at it next; milliseconds since the Unix epoch.
    pub due_at: Option<i64>,
    /// Replies that did not fit, sealed.
    pub candidates: Option<Vec<u8>>,
    /// The last good refresh; milliseconds since the Unix epoch.
    pub refreshed_at: Option<i64>,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// Milliseconds since the Unix epoch.
    pub updated_at: i64,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Whether a connection may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Linked, not confirmed.
    Pending,
    /// In use.
    Active,
    /// Kept back after a restore.
    Held,
    /// Switched off by its workspace.
    Disabled,
    /// Ended.
    Revoked,
}

/// Where a connection's refreshing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing is under way.
    Ready,
    /// A process holds the lease.
    InFlight,
    /// The last attempt ended without a clear answer.
    Uncertain,
    /// The provider said that the refresh token is dead.
    Reauth,
    /// Ended.
    Revoked,
}

/// How a connection fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It works.
    Healthy,
    /// Refreshing fails for now.
    Failing,
    /// Its refresh token nears its end.
    Expiring,
    /// A person must link it again.
    ReauthorizationRequired,
}

//! The `session` table.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::store::{Json, SealedAt, SealedColumn};

/// The columns that are sealed.
pub const SEALED: &[SealedAt] = &[
    SealedAt::new("session", "flow_sealed", "flow", "generation"),
    SealedAt::new("session", "pending_sealed", "pending", "generation"),
];

/// A connect session.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub struct Model {
    /// `ses_…`
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The tenant.
    pub workspace_id: String,
    /// The key that made it.
    pub created_by: String,
    /// The agent whose ask made it.
    pub agent_id: Option<String>,
    /// Whose the connection becomes: the end user's id, or `workspace`.
    pub owner_key: String,
    /// The person who links; the session completes for nobody else.
    pub end_user_id: Option<String>,
    /// What may be linked; ids.
    pub integrations: Json<Vec<String>>,
    /// Only these scopes; none = all of the integration's.
    pub scopes: Option<Json<Vec<String>>>,
    /// What it is for.
    pub intent: Intent,
    /// The connection to renew.
    pub connection_id: Option<String>,
    /// Where the browser goes at the end.
    pub return_url: String,
    /// The same open ask returns the same session.
    pub ask_digest: Option<Vec<u8>>,
    /// How far it is.
    pub status: Status,
    /// Why it failed.
    pub error: Option<Fault>,
    /// Keyed digest of the bound browser's cookie.
    pub browser_digest: Option<Vec<u8>>,
    /// Keyed digest of the OAuth `state` under way.
    pub state_digest: Option<Vec<u8>>,
    /// What was picked.
    pub integration_id: Option<String>,
    /// Counts the attempts.
    pub generation: i64,
    /// PKCE verifier, nonce and answers of the attempt under way.
    pub flow_sealed: Option<SealedColumn>,
    /// What a finished attempt brought; not a connection before it is completed.
    pub pending_sealed: Option<SealedColumn>,
    /// What was really granted.
    pub granted: Option<Json<Vec<String>>>,
    /// Keyed digest of the completion code.
    pub code_digest: Option<Vec<u8>>,
    /// Until when the code is good; milliseconds since the Unix epoch.
    pub code_expires_at: Option<i64>,
    /// The connection it led to.
    pub result_connection_id: Option<String>,
    /// Milliseconds since the Unix epoch.
    pub expires_at: i64,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// Milliseconds since the Unix epoch.
    pub updated_at: i64,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What a session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// Link an account.
    Add,
    /// Link the same account again.
    Reconnect,
}

/// How far a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Made; nobody has opened it.
    Open,
    /// A browser is at it.
    Linking,
    /// Finished at the provider; waits for the platform's word.
    Pending,
    /// The connection is there.
    Completed,
    /// It ended without one.
    Failed,
    /// Its time ran out.
    Expired,
}

/// Why a session failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The person said no at the provider.
    Denied,
    /// The provider did not work.
    ProviderUnavailable,
    /// An administrator at the provider must allow it first.
    AdminRequired,
    /// Another account was linked than the one to renew.
    WrongAccount,
    /// Another person finished it than the one it was made for.
    WrongEndUser,
}

//! API keys, as every owner's are shown and made.

use base::{ExposeSecret, Timestamp};
use hub::workspace::api_key::{self, Made, Model, Owner, Role};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::view::Time;
use crate::{
    http::{Caller, Created},
    problem::Answer,
};

/// A key, without its secret.
#[derive(Serialize, ToSchema)]
pub(super) struct KeyView {
    #[schema(example = "key_01k9x2q7b3n5v8z0c4d6f1g2h3")]
    id: String,
    name: String,
    /// How the key begins: enough to recognise it by.
    #[schema(example = "vk_agent_k3j9x2q7b3n5v8z0")]
    prefix: String,
    /// What a platform key may do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    roles: Vec<RoleName>,
    created_at: Time,
    expires_at: Option<Time>,
    revoked_at: Option<Time>,
}

/// What a platform key may do.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RoleName {
    /// Make workspaces and set them up.
    Provision,
    /// Make and complete connect sessions.
    Sessions,
    /// Ask as a workspace's agent.
    Agent,
    /// Move connections in.
    Import,
}

impl From<Role> for RoleName {
    fn from(role: Role) -> Self {
        match role {
            Role::Provision => Self::Provision,
            Role::Sessions => Self::Sessions,
            Role::Agent => Self::Agent,
            Role::Import => Self::Import,
        }
    }
}

impl From<RoleName> for Role {
    fn from(role: RoleName) -> Self {
        match role {
            RoleName::Provision => Self::Provision,
            RoleName::Sessions => Self::Sessions,
            RoleName::Agent => Self::Agent,
            RoleName::Import => Self::Import,
        }
    }
}

impl From<Model> for KeyView {
    fn from(row: Model) -> Self {
        Self {
            prefix: format!("vk_{}_{}", row.kind, row.public_part),
            id: row.id,
            name: row.name,
            roles: row.roles.0.into_iter().map(Into::into).collect(),
            created_at: Time::of(row.created_at),
            expires_at: row.expires_at.map(Time::of),
            revoked_at: row.revoked_at.map(Time::of),
        }
    }
}

/// A key as it is made.
#[derive(Serialize, ToSchema)]
pub(super) struct NewKeyView {
    #[serde(flatten)]
    key: KeyView,
    /// The whole key: shown this once. Null when a create is replayed.
    #[schema(example = "vk_agent_k3j9x2q7b3n5v8z0_0f9…")]
    secret: Option<String>,
}

/// What a key is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "production" }))]
pub(super) struct NewKey {
    /// What people read.
    name: String,
    /// When it stops working; left out = it doesn't.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

impl NewKey {
    pub(super) fn new(name: String, expires_at: Option<Timestamp>) -> Self {
        Self { name, expires_at }
    }
}

/// Makes a key.
pub(super) async fn make(
    caller: &Caller,
    owner: Owner,
    new: NewKey,
) -> Answer<Created<NewKeyView>> {
    let Made { row, secret } =
        api_key::create(caller.store(), owner, &new.name, new.expires_at).await?;
    let secret = Some(secret.expose_secret().to_owned());
    Ok(Created::new(NewKeyView { key: row.into(), secret }, true))
}

//! `/v1/agents` and their keys.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use hub::{
    agent::{self, Model, NewAgent},
    workspace::api_key::{self, Owner, Role},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    super::view::{List, Part, Time, WithSlug},
    keys::{self, KeyView, NewKey, NewKeyView},
};
use crate::{
    http::{Body, Caller, Created, IdempotencyKey, PathId, QueryOf, create},
    problem::Answer,
    state::AppState,
};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(get, put, delete))
        .routes(routes!(list_keys, add_key))
        .routes(routes!(revoke_key))
}

/// A program that asks for access.
#[derive(Serialize, ToSchema)]
struct AgentView {
    #[schema(example = "agt_01k9x2q7b3n5v8z0c4d6f1g2h3")]
    id: String,
    slug: String,
    name: String,
    /// Whether it may say by id whom it asks for.
    trusted_backend: bool,
    /// `active` or `disabled`.
    status: String,
    created_at: Time,
    updated_at: Time,
}

impl From<Model> for AgentView {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            slug: row.slug,
            name: row.name,
            trusted_backend: row.trusted_backend,
            status: row.status,
            created_at: Time::of(row.created_at),
            updated_at: Time::of(row.updated_at),
        }
    }
}

/// What an agent is set to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Chatty's helper", "trusted_backend": true }))]
struct AgentSettings {
    /// What people read, also on the connect page.
    name: String,
    /// Whether it may say by id whom it asks for: only for a back end that knows who is signed in.
    #[serde(default)]
    trusted_backend: bool,
}

/// The workspace's agents
#[utoipa::path(get, path = "/v1/agents", tag = "set-up", security(("key" = [])), params(Part),
    responses((status = 200, body = List<AgentView>)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    QueryOf(part): QueryOf<Part>,
) -> Answer<Json<List<AgentView>>> {
    let page =
        agent::list(&state.store, caller.workspace(Role::Provision)?, &part.query()?).await?;
    Ok(Json(List::of(page, AgentView::from)))
}

/// Make an agent
#[utoipa::path(post, path = "/v1/agents", tag = "set-up", security(("key" = [])), request_body = WithSlug<AgentSettings>,
    responses((status = 201, body = AgentView)))]
async fn add(
    State(state): State<AppState>,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<WithSlug<AgentSettings>>,
) -> Answer<Response> {
    let workspace = caller.workspace(Role::Provision)?;
    let make = async {
        let WithSlug { slug, settings: AgentSettings { name, trusted_backend } } = body.value;
        let there = agent::get(&state.store, workspace, &slug).await;
        super::must_be_free(there, "agent", &slug)?;
        let new = NewAgent { name, trusted_backend };
        let (row, is_new) = agent::put(caller.store(), workspace, &slug, new).await?;
        Ok(Created::new(AgentView::from(row), is_new))
    };
    create(&caller, key, &body.bytes, make).await
}

/// An agent, by id or slug
#[utoipa::path(get, path = "/v1/agents/{agent}", tag = "set-up", security(("key" = [])),
    params(("agent" = String, Path, description = "Id or slug")), responses((status = 200, body = AgentView)))]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    PathId(name): PathId,
) -> Answer<Json<AgentView>> {
    let row = agent::get(&state.store, caller.workspace(Role::Provision)?, &name).await?;
    Ok(Json(row.into()))
}

/// Make the agent of this slug, or change it
#[utoipa::path(put, path = "/v1/agents/{agent}", tag = "set-up", security(("key" = [])),
    params(("agent" = String, Path, description = "Slug")), request_body = AgentSettings,
    responses((status = 200, body = AgentView), (status = 201, body = AgentView)))]
async fn put(
    caller: Caller,
    PathId(slug): PathId,
    body: Body<AgentSettings>,
) -> Answer<Created<AgentView>> {
    let AgentSettings { name, trusted_backend } = body.value;
    let workspace = caller.workspace(Role::Provision)?;
    let new = NewAgent { name, trusted_backend };
    let (row, is_new) = agent::put(caller.store(), workspace, &slug, new).await?;
    Ok(Created::new(row.into(), is_new))
}

/// Disable an agent and revoke its keys; its records stay
#[utoipa::path(delete, path = "/v1/agents/{agent}", tag = "set-up", security(("key" = [])),
    params(("agent" = String, Path, description = "Id or slug")), responses((status = 204)))]
async fn delete(caller: Caller, PathId(name): PathId) -> Answer<StatusCode> {
    agent::disable(caller.store(), caller.workspace(Role::Provision)?, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whose key, once the agent is known to be this workspace's.
async fn owner(state: &AppState, caller: &Caller, name: &str) -> Answer<Owner> {
    let row = agent::get(&state.store, caller.workspace(Role::Provision)?, name).await?;
    Ok(Owner::Agent { workspace: row.workspace_id, agent: row.id })
}

/// The agent's keys, revoked ones too
#[utoipa::path(get, path = "/v1/agents/{agent}/keys", tag = "set-up", security(("key" = [])),
    params(("agent" = String, Path, description = "Id or slug"), Part),
    responses((status = 200, body = List<KeyView>)))]
async fn list_keys(
    State(state): State<AppState>,
    caller: Caller,
    PathId(name): PathId,
    QueryOf(part): QueryOf<Part>,
) -> Answer<Json<List<KeyView>>> {
    let owner = owner(&state, &caller, &name).await?;
    let page = api_key::list(&state.store, &owner, &part.query()?).await?;
    Ok(Json(List::of(page, KeyView::from)))
}

/// Make an agent's key; it is shown once
#[utoipa::path(post, path = "/v1/agents/{agent}/keys", tag = "set-up", security(("key" = [])),
    params(("agent" = String, Path, description = "Id or slug")), request_body = NewKey,
    responses((status = 201, body = NewKeyView)))]
async fn add_key(
    State(state): State<AppState>,
    caller: Caller,
    PathId(name): PathId,
    key: IdempotencyKey,
    body: Body<NewKey>,
) -> Answer<Response> {
    let owner = owner(&state, &caller, &name).await?;
    let make = keys::make(&caller, owner, body.value);
    create(&caller, key, &body.bytes, make).await
}

/// Revoke an agent's key; nothing is released to it any more
#[utoipa::path(delete, path = "/v1/agents/{agent}/keys/{id}", tag = "set-up", security(("key" = [])),
    params(("agent" = String, Path, description = "Id or slug"), ("id" = String, Path, description = "`key_…`")),
    responses((status = 204)))]
async fn revoke_key(
    State(state): State<AppState>,
    caller: Caller,
    Path((name, id)): Path<(String, String)>,
) -> Answer<StatusCode> {
    let owner = owner(&state, &caller, &name).await?;
    api_key::revoke(caller.store(), &owner, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

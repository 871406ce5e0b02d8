//! `/v1/workspaces` and the workspaces' keys.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use hub::{
    offboarding::{self, Closing, Receipts},
    workspace::{
        self, NewWorkspace, Workspace,
        api_key::{self, Owner, Role},
    },
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

/// A tenant.
#[derive(Serialize, ToSchema)]
struct WorkspaceView {
    #[schema(example = "ws_01k9x2q7b3n5v8z0c4d6f1g2h3")]
    id: String,
    #[schema(example = "chatty")]
    slug: String,
    name: String,
    /// `active`, `closing` or `closed`.
    status: String,
    return_urls: Vec<String>,
    created_at: Time,
    updated_at: Time,
}

impl From<Workspace> for WorkspaceView {
    fn from(row: Workspace) -> Self {
        Self {
            id: row.id,
            slug: row.slug,
            name: row.name,
            status: row.status,
            return_urls: row.return_urls.0,
            created_at: Time::of(row.created_at),
            updated_at: Time::of(row.updated_at),
        }
    }
}

/// What a workspace is set to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Chatty Inc.", "return_urls": ["https://chatty.example/linked"] }))]
struct WorkspaceSettings {
    /// What people read, also on the connect page.
    name: String,
    /// Where a connect session may send the browser back to; one that ends in `/` allows what is below it.
    #[serde(default)]
    return_urls: Vec<String>,
}

/// All workspaces
#[utoipa::path(get, path = "/v1/workspaces", tag = "platform", security(("key" = [])), params(Part),
    responses((status = 200, body = List<WorkspaceView>)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    QueryOf(part): QueryOf<Part>,
) -> Answer<Json<List<WorkspaceView>>> {
    caller.platform(Role::Provision)?;
    let page = workspace::list(&state.store, &part.query()?).await?;
    Ok(Json(List::of(page, WorkspaceView::from)))
}

/// Make a workspace
#[utoipa::path(post, path = "/v1/workspaces", tag = "platform", security(("key" = [])),
    request_body = WithSlug<WorkspaceSettings>, responses((status = 201, body = WorkspaceView)))]
async fn add(
    State(state): State<AppState>,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<WithSlug<WorkspaceSettings>>,
) -> Answer<Response> {
    caller.platform(Role::Provision)?;
    let make = async {
        let WithSlug { slug, settings: WorkspaceSettings { name, return_urls } } = body.value;
        let there = workspace::get(&state.store, &slug).await;
        super::must_be_free(there, "workspace", &slug)?;
        let new = NewWorkspace { name, return_urls };
        let (row, is_new) = workspace::put(caller.store(), &slug, new).await?;
        Ok(Created::new(WorkspaceView::from(row), is_new))
    };
    create(&caller, key, &body.bytes, make).await
}

/// A workspace, by id or slug
#[utoipa::path(get, path = "/v1/workspaces/{workspace}", tag = "platform", security(("key" = [])),
    params(("workspace" = String, Path, description = "Id or slug")),
    responses((status = 200, body = WorkspaceView)))]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    PathId(name): PathId,
) -> Answer<Json<WorkspaceView>> {
    Ok(Json(of_caller(&state, &caller, &name).await?.into()))
}

/// Make a workspace of this slug, or change it
#[utoipa::path(put, path = "/v1/workspaces/{workspace}", tag = "platform", security(("key" = [])),
    params(("workspace" = String, Path, description = "Slug")), request_body = WorkspaceSettings,
    responses((status = 200, body = WorkspaceView), (status = 201, body = WorkspaceView)))]
async fn put(
    caller: Caller,
    PathId(slug): PathId,
    body: Body<WorkspaceSettings>,
) -> Answer<Created<WorkspaceView>> {
    caller.platform(Role::Provision)?;
    let WorkspaceSettings { name, return_urls } = body.value;
    let (row, is_new) =
        workspace::put(caller.store(), &slug, NewWorkspace { name, return_urls }).await?;
    Ok(Created::new(row.into(), is_new))
}

/// A workspace on its way out.
#[derive(Serialize, ToSchema)]
struct ClosingView {
    workspace: WorkspaceView,
    /// When the key is destroyed at the latest; null once it is.
    deadline: Option<Time>,
    receipts: ReceiptsView,
}

/// What became of the grants at the providers, counted.
#[derive(Serialize, ToSchema)]
struct ReceiptsView {
    /// The provider ended it.
    revoked: u64,
    /// The provider has not answered yet.
    pending: u64,
    /// The provider offers no revocation; the token dies of age.
    unsupported: u64,
    /// Revoking would have ended other connections of the same client and account.
    withheld: u64,
    /// The provider would not, or the time was over.
    failed: u64,
}

impl From<Closing> for ClosingView {
    fn from(closing: Closing) -> Self {
        let Receipts { revoked, pending, unsupported, withheld, failed } = closing.receipts;
        Self {
            workspace: closing.workspace.into(),
            deadline: closing.deadline.map(Time::from),
            receipts: ReceiptsView { revoked, pending, unsupported, withheld, failed },
        }
    }
}

/// Close a workspace: hand-outs stop at once, grants are ended at the providers, then its key is destroyed
///
/// Ask again for how far it is: `closing` until every provider has answered, or for a day at most; then `closed`, and
/// all that was sealed for it can't be read by anyone any more. The audit chain stays, and verifies.
#[utoipa::path(delete, path = "/v1/workspaces/{workspace}", tag = "platform", security(("key" = [])),
    params(("workspace" = String, Path, description = "Id or slug")),
    responses((status = 202, body = ClosingView)))]
async fn delete(caller: Caller, PathId(name): PathId) -> Answer<(StatusCode, Json<ClosingView>)> {
    caller.platform(Role::Provision)?;
    let closing = offboarding::close(caller.store(), &name).await?;
    Ok((StatusCode::ACCEPTED, Json(closing.into())))
}

/// The workspace in the path, if it is this caller's to see: another one is as absent as none.
async fn of_caller(state: &AppState, caller: &Caller, name: &str) -> Answer<Workspace> {
    if let Owner::Platform(_) = &caller.principal().owner {
        caller.platform(Role::Provision)?;
        return Ok(workspace::get(&state.store, name).await?);
    }
    let own = workspace::get(&state.store, caller.workspace(Role::Provision)?).await?;
    if own.id == name || own.slug == name {
        return Ok(own);
    }
    Err(hub::Error::not_found("workspace").into())
}

/// The workspace's keys, revoked ones too
#[utoipa::path(get, path = "/v1/workspaces/{workspace}/keys", tag = "platform", security(("key" = [])),
    params(("workspace" = String, Path, description = "Id or slug"), Part),
    responses((status = 200, body = List<KeyView>)))]
async fn list_keys(
    State(state): State<AppState>,
    caller: Caller,
    PathId(name): PathId,
    QueryOf(part): QueryOf<Part>,
) -> Answer<Json<List<KeyView>>> {
    let owner = Owner::Workspace(of_caller(&state, &caller, &name).await?.id);
    let page = api_key::list(&state.store, &owner, &part.query()?).await?;
    Ok(Json(List::of(page, KeyView::from)))
}

/// Make a workspace's key; it is shown once
#[utoipa::path(post, path = "/v1/workspaces/{workspace}/keys", tag = "platform", security(("key" = [])),
    params(("workspace" = String, Path, description = "Id or slug")), request_body = NewKey,
    responses((status = 201, body = NewKeyView)))]
async fn add_key(
    State(state): State<AppState>,
    caller: Caller,
    PathId(name): PathId,
    key: IdempotencyKey,
    body: Body<NewKey>,
) -> Answer<Response> {
    let owner = Owner::Workspace(of_caller(&state, &caller, &name).await?.id);
    let make = keys::make(&caller, owner, body.value);
    create(&caller, key, &body.bytes, make).await
}

/// Revoke a workspace's key; nothing is done for it any more
#[utoipa::path(delete, path = "/v1/workspaces/{workspace}/keys/{id}", tag = "platform", security(("key" = [])),
    params(("workspace" = String, Path, description = "Id or slug"), ("id" = String, Path, description = "`key_…`")),
    responses((status = 204)))]
async fn revoke_key(
    State(state): State<AppState>,
    caller: Caller,
    Path((name, id)): Path<(String, String)>,
) -> Answer<StatusCode> {
    let owner = Owner::Workspace(of_caller(&state, &caller, &name).await?.id);
    api_key::revoke(caller.store(), &owner, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! `/v1/platform-keys`

use axum::{Json, extract::State, http::StatusCode, response::Response};
use base::Timestamp;
use hub::workspace::api_key::{self, Owner, Role};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    super::view::{List, Part},
    keys::{self, KeyView, NewKey, NewKeyView, RoleName},
};
use crate::{
    http::{Body, Caller, IdempotencyKey, PathId, QueryOf, create},
    problem::Answer,
    state::AppState,
};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(revoke))
}

/// What a platform key is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "chat back end", "roles": ["sessions", "agent"] }))]
struct NewPlatformKey {
    /// What people read.
    name: String,
    /// What it may do; at least one.
    roles: Vec<RoleName>,
    /// When it stops working; left out = it doesn't.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// The platform's keys
#[utoipa::path(get, path = "/v1/platform-keys", tag = "platform", security(("key" = [])), params(Part),
    responses((status = 200, body = List<KeyView>)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    QueryOf(part): QueryOf<Part>,
) -> Answer<Json<List<KeyView>>> {
    caller.platform(Role::Provision)?;
    let owner = Owner::Platform(Vec::new());
    let page = api_key::list(&state.store, &owner, &part.query()?).await?;
    Ok(Json(List::of(page, KeyView::from)))
}

/// Make a platform key; it is shown once
#[utoipa::path(post, path = "/v1/platform-keys", tag = "platform", security(("key" = [])),
    request_body = NewPlatformKey, responses((status = 201, body = NewKeyView)))]
async fn add(caller: Caller, key: IdempotencyKey, body: Body<NewPlatformKey>) -> Answer<Response> {
    caller.platform(Role::Provision)?;
    let make = async {
        let NewPlatformKey { name, roles, expires_at } = body.value;
        if roles.is_empty() {
            let detail = "Name at least one of the roles provision, sessions, agent, import.";
            return Err(hub::Error::invalid("roles_required", detail).into());
        }
        let owner = Owner::Platform(roles.into_iter().map(Into::into).collect());
        keys::make(&caller, owner, NewKey::new(name, expires_at)).await
    };
    create(&caller, key, &body.bytes, make).await
}

/// Revoke a platform key; nothing is released to it any more
#[utoipa::path(delete, path = "/v1/platform-keys/{id}", tag = "platform", security(("key" = [])),
    params(("id" = String, Path, description = "`key_…`")), responses((status = 204)))]
async fn revoke(caller: Caller, PathId(id): PathId) -> Answer<StatusCode> {
    caller.platform(Role::Provision)?;
    api_key::revoke(caller.store(), &Owner::Platform(Vec::new()), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! `/v1/integrations`: a workspace's use of a provider.

use std::collections::BTreeMap;

use axum::{Json, extract::State, http::StatusCode, response::Response};
use hub::{
    integration::{self, ClientChoice, Integration, NewIntegration},
    workspace::api_key::Role,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::super::view::{List, Part, Secret, Time, WithSlug};
use crate::{
    http::{Body, Caller, Created, IdempotencyKey, PathId, QueryOf, create},
    problem::Answer,
    state::AppState,
};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(get, put, delete))
}

/// A workspace's use of a provider.
#[derive(Serialize, ToSchema)]
struct IntegrationView {
    #[schema(example = "int_01k9x2q7b3n5v8z0c4d6f1g2h3")]
    id: String,
    slug: String,
    provider: String,
    /// The version of a workspace's own provider.
    provider_version: Option<i64>,
    /// The client's id; null where the provider takes keys.
    client: Option<String>,
    /// What people are asked to grant.
    scopes: Vec<String>,
    /// Answers to the manifest's inputs.
    settings: BTreeMap<String, String>,
    status: String,
    created_at: Time,
    updated_at: Time,
}

impl From<Integration> for IntegrationView {
    fn from(row: Integration) -> Self {
        Self {
            id: row.id,
            slug: row.slug,
            provider: row.provider,
            provider_version: row.provider_version,
            client: row.client_id,
            scopes: row.scopes.0,
            settings: row.settings.0,
            status: row.status,
            created_at: Time::of(row.created_at),
            updated_at: Time::of(row.updated_at),
        }
    }
}

/// What an integration is set to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "provider": "acme", "client": "acme", "scopes": ["crm.contacts.read"] }))]
struct IntegrationSettings {
    /// The provider's slug; fixed once made.
    provider: String,
    /// A client by slug or id: the workspace's own, else one that the platform shares.
    client: Option<String>,
    /// A client that comes with the integration: its id at the provider.
    client_id: Option<String>,
    /// Its secret.
    #[schema(value_type = Option<String>, write_only)]
    client_secret: Option<Secret>,
    /// What people are asked to grant; left out = the provider's defaults. Changing it forces nobody.
    scopes: Option<Vec<String>>,
    /// Answers to the provider's inputs: `issuer`, `subdomain`, …
    #[serde(default)]
    settings: BTreeMap<String, String>,
}

impl IntegrationSettings {
    fn read(self) -> Answer<NewIntegration> {
        let client = match (self.client, self.client_id) {
            (Some(_), Some(_)) => {
                let detail = "Give `client`, or `client_id` and `client_secret`, not both.";
                return Err(hub::Error::invalid("client_ambiguous", detail).into());
            }
            (Some(name), None) => ClientChoice::Named(name),
            (None, Some(client_id)) => ClientChoice::Inline {
                client_id,
                client_secret: self.client_secret.map(|secret| secret.0),
            },
            (None, None) => ClientChoice::None,
        };
        Ok(NewIntegration {
            provider: self.provider,
            client,
            scopes: self.scopes,
            settings: self.settings,
        })
    }
}

/// The workspace's integrations
#[utoipa::path(get, path = "/v1/integrations", tag = "set-up", security(("key" = [])), params(Part),
    responses((status = 200, body = List<IntegrationView>)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    QueryOf(part): QueryOf<Part>,
) -> Answer<Json<List<IntegrationView>>> {
    let workspace = caller.workspace(Role::Provision)?;
    let page = integration::list(&state.store, workspace, &part.query()?).await?;
    Ok(Json(List::of(page, IntegrationView::from)))
}

/// Make an integration
#[utoipa::path(post, path = "/v1/integrations", tag = "set-up", security(("key" = [])),
    request_body = WithSlug<IntegrationSettings>, responses((status = 201, body = IntegrationView)))]
async fn add(
    State(state): State<AppState>,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<WithSlug<IntegrationSettings>>,
) -> Answer<Response> {
    let workspace = caller.workspace(Role::Provision)?;
    let make = async {
        let WithSlug { slug, settings } = body.value;
        let there = integration::get(&state.store, workspace, &slug).await;
        super::must_be_free(there, "integration", &slug)?;
        let new = settings.read()?;
        let (row, is_new) =
            integration::put(caller.store(), &state.registry, workspace, &slug, new).await?;
        Ok(Created::new(IntegrationView::from(row), is_new))
    };
    Box::pin(create(&caller, key, &body.bytes, make)).await
}

/// An integration, by id or slug
#[utoipa::path(get, path = "/v1/integrations/{integration}", tag = "set-up", security(("key" = [])),
    params(("integration" = String, Path, description = "Id or slug")),
    responses((status = 200, body = IntegrationView)))]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    PathId(name): PathId,
) -> Answer<Json<IntegrationView>> {
    let row = integration::get(&state.store, caller.workspace(Role::Provision)?, &name).await?;
    Ok(Json(row.into()))
}

/// Make the integration of this slug, or change it
#[utoipa::path(put, path = "/v1/integrations/{integration}", tag = "set-up", security(("key" = [])),
    params(("integration" = String, Path, description = "Slug")), request_body = IntegrationSettings,
    responses((status = 200, body = IntegrationView), (status = 201, body = IntegrationView)))]
async fn put(
    State(state): State<AppState>,
    caller: Caller,
    PathId(slug): PathId,
    body: Body<IntegrationSettings>,
) -> Answer<Created<IntegrationView>> {
    let workspace = caller.workspace(Role::Provision)?;
    let new = body.value.read()?;
    let (row, is_new) =
        integration::put(caller.store(), &state.registry, workspace, &slug, new).await?;
    Ok(Created::new(row.into(), is_new))
}

/// Remove an integration that has no connections
#[utoipa::path(delete, path = "/v1/integrations/{integration}", tag = "set-up", security(("key" = [])),
    params(("integration" = String, Path, description = "Id or slug")), responses((status = 204)))]
async fn delete(caller: Caller, PathId(name): PathId) -> Answer<StatusCode> {
    integration::delete(caller.store(), caller.workspace(Role::Provision)?, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

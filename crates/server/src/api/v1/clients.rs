//! `/v1/clients`: OAuth clients of a workspace, or of the platform for its workspaces to share.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use hub::client::{self, Client, NewClient, Owner};
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
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(get, put, patch, delete))
        .routes(routes!(test))
}

/// An OAuth client registered at a provider, without its secret.
#[derive(Serialize, ToSchema)]
struct ClientView {
    #[schema(example = "cli_01k9x2q7b3n5v8z0c4d6f1g2h3")]
    id: String,
    slug: String,
    provider: String,
    client_id: String,
    /// Whether a secret is kept.
    has_secret: bool,
    /// The redirect URI to register at the provider, exactly so.
    redirect_uri: String,
    /// Whether that is a URL of the platform's own, which forwards to the hub's.
    forwards: bool,
    /// The most that integrations may ask for with it; empty = no ceiling.
    scopes: Vec<String>,
    /// `workspace` or `platform`.
    owner: &'static str,
    /// `active`, or `suspended` where the provider refuses it.
    status: String,
    status_reason: Option<String>,
    /// Until when the former secret is tried too.
    former_secret_until: Option<Time>,
    created_at: Time,
    updated_at: Time,
}

fn view(state: &AppState, row: Client) -> ClientView {
    let now = state.store.now().millis();
    let hubs = state.registry.callback_url(&row.id);
    ClientView {
        has_secret: row.secret_sealed.is_some(),
        forwards: row.redirect_uri.is_some(),
        redirect_uri: row.redirect_uri.unwrap_or(hubs),
        owner: if row.owner_id == hub::store::SYSTEM { "platform" } else { "workspace" },
        id: row.id,
        slug: row.slug,
        provider: row.provider,
        client_id: row.client_id,
        scopes: row.scopes.0,
        status: row.status,
        status_reason: row.status_reason,
        former_secret_until: row.former_until.filter(|until| *until > now).map(Time::of),
        created_at: Time::of(row.created_at),
        updated_at: Time::of(row.updated_at),
    }
}

/// What a client is set to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "provider": "acme", "client_id": "acme-demo", "client_secret": "acme-demo-secret" }))]
struct ClientSettings {
    /// The provider's slug; fixed once made.
    provider: String,
    /// The id at the provider.
    client_id: String,
    /// The secret at the provider, or the private key as PEM where its clients sign assertions (`client_auth` is
    /// `private_key_jwt`). Where they show a certificate (`client_certificate`) it stands with its private key, as PEM,
    /// below the secret's line, if there is a secret. Left out at a change, the one there is stays.
    #[schema(value_type = Option<String>, write_only)]
    client_secret: Option<Secret>,
    /// A URL of the platform's own that forwards the query unchanged; left out = the hub's.
    redirect_uri: Option<String>,
    /// The most that integrations may ask for with it. A platform's client needs it.
    #[serde(default)]
    scopes: Vec<String>,
}

impl From<ClientSettings> for NewClient {
    fn from(settings: ClientSettings) -> Self {
        Self {
            provider: settings.provider,
            client_id: settings.client_id,
            client_secret: settings.client_secret.map(|secret| secret.0),
            redirect_uri: settings.redirect_uri,
            scopes: settings.scopes,
        }
    }
}

/// The workspace's clients; the platform's own where a platform key names no workspace
#[utoipa::path(get, path = "/v1/clients", tag = "set-up", security(("key" = [])), params(Part),
    responses((status = 200, body = List<ClientView>)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    QueryOf(part): QueryOf<Part>,
) -> Answer<Json<List<ClientView>>> {
    let page = client::list(&state.store, caller.client_owner()?, &part.query()?).await?;
    Ok(Json(List::of(page, |row| view(&state, row))))
}

/// Make a client
#[utoipa::path(post, path = "/v1/clients", tag = "set-up", security(("key" = [])),
    request_body = WithSlug<ClientSettings>, responses((status = 201, body = ClientView)))]
async fn add(
    State(state): State<AppState>,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<WithSlug<ClientSettings>>,
) -> Answer<Response> {
    let owner = caller.client_owner()?;
    let make = async {
        let WithSlug { slug, settings } = body.value;
        super::must_be_free(client::get(&state.store, owner, &slug).await, "client", &slug)?;
        let (row, is_new) =
            client::put(caller.store(), &state.registry, owner, &slug, settings.into()).await?;
        Ok(Created::new(view(&state, row), is_new))
    };
    create(&caller, key, &body.bytes, make).await
}

/// A client, by id or slug
#[utoipa::path(get, path = "/v1/clients/{client}", tag = "set-up", security(("key" = [])),
    params(("client" = String, Path, description = "Id or slug")), responses((status = 200, body = ClientView)))]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    PathId(name): PathId,
) -> Answer<Json<ClientView>> {
    let row = client::get(&state.store, caller.client_owner()?, &name).await?;
    Ok(Json(view(&state, row)))
}

/// Make the client of this slug, or change it
#[utoipa::path(put, path = "/v1/clients/{client}", tag = "set-up", security(("key" = [])),
    params(("client" = String, Path, description = "Slug")), request_body = ClientSettings,
    responses((status = 200, body = ClientView), (status = 201, body = ClientView)))]
async fn put(
    State(state): State<AppState>,
    caller: Caller,
    PathId(slug): PathId,
    body: Body<ClientSettings>,
) -> Answer<Created<ClientView>> {
    let owner: Owner<'_> = caller.client_owner()?;
    let (row, is_new) =
        client::put(caller.store(), &state.registry, owner, &slug, body.value.into()).await?;
    Ok(Created::new(view(&state, row), is_new))
}

/// A new secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSecret {
    /// The secret at the provider.
    #[schema(value_type = String, write_only)]
    client_secret: Secret,
}

/// Change the secret; the former one is tried for another 24 hours
#[utoipa::path(patch, path = "/v1/clients/{client}", tag = "set-up", security(("key" = [])),
    params(("client" = String, Path, description = "Id or slug")), request_body = NewSecret,
    responses((status = 200, body = ClientView)))]
async fn patch(
    State(state): State<AppState>,
    caller: Caller,
    PathId(name): PathId,
    body: Body<NewSecret>,
) -> Answer<Json<ClientView>> {
    let owner = caller.client_owner()?;
    let row = client::change_secret(
        caller.store(),
        &state.registry,
        owner,
        &name,
        body.value.client_secret.0,
    )
    .await?;
    Ok(Json(view(&state, row)))
}

/// Remove a client that no integration uses
#[utoipa::path(delete, path = "/v1/clients/{client}", tag = "set-up", security(("key" = [])),
    params(("client" = String, Path, description = "Id or slug")), responses((status = 204)))]
async fn delete(caller: Caller, PathId(name): PathId) -> Answer<StatusCode> {
    client::delete(caller.store(), caller.client_owner()?, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lift a suspension: the next refresh tries the client again
#[utoipa::path(post, path = "/v1/clients/{client}/test", tag = "set-up", security(("key" = [])),
    params(("client" = String, Path, description = "Id or slug")), responses((status = 200, body = ClientView)))]
async fn test(
    State(state): State<AppState>,
    caller: Caller,
    PathId(name): PathId,
) -> Answer<Json<ClientView>> {
    let row = client::lift_suspension(caller.store(), caller.client_owner()?, &name).await?;
    Ok(Json(view(&state, row)))
}

//! `/v1/connections`: linked accounts, never their credentials.

use axum::{Json, extract::State, http::StatusCode};
use hub::{
    connection::{self, Connection, Filter, Health, Label, Receipt, Status},
    end_user,
    integration::{self, App},
    workspace::api_key::Role,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::super::view::{List, Time};
use crate::{
    http::{Body, Caller, PathId, QueryOf},
    problem::Answer,
    state::AppState,
};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, patch, delete))
        .routes(routes!(test))
}

/// The account at the provider.
#[derive(Serialize, ToSchema)]
pub(super) struct AccountView {
    /// The provider's id of it.
    pub(super) id: String,
    /// What people read.
    #[schema(example = "ana@acme.example")]
    pub(super) label: String,
}

impl From<Label> for AccountView {
    fn from(label: Label) -> Self {
        Self { id: label.id, label: label.label }
    }
}

/// Whose it is.
#[derive(Serialize, ToSchema)]
struct OwnerView {
    /// `end_user` or `workspace`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The platform's own id of the person; null once they are erased.
    id: Option<String>,
}

/// A linked account.
#[derive(Serialize, ToSchema)]
pub(super) struct ConnectionView {
    #[schema(example = "con_01k9x2q7b3n5v8z0c4d6f1g2h3")]
    id: String,
    /// The integration's id.
    integration: String,
    owner: OwnerView,
    account: Option<AccountView>,
    /// `pending`, `active`, `held`, `disabled` or `revoked`.
    status: &'static str,
    /// `healthy`, `failing`, `expiring` or `reauthorization_required`.
    health: &'static str,
    /// Why, in plain words.
    health_reason: Option<String>,
    /// The provider's own error code.
    provider_code: Option<String>,
    /// What the credential can do.
    scopes: Vec<String>,
    /// When the access token ends; the hub renews it before.
    access_expires_at: Option<Time>,
    /// When the refresh token ends, where that is known.
    refresh_expires_at: Option<Time>,
    refreshed_at: Option<Time>,
    /// Of an ended connection: what became of the grant at the provider.
    receipt: Option<ReceiptName>,
    created_at: Time,
    updated_at: Time,
}

/// What became of a grant at the provider.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ReceiptName {
    /// The provider ended it.
    Revoked,
    /// The provider has not answered yet.
    Pending,
    /// The provider offers no revocation; the token dies of age.
    Unsupported,
    /// Revoking would end other connections of the same client and account.
    Withheld,
    /// The provider would not, after many attempts.
    Failed,
}

impl From<Receipt> for ReceiptName {
    fn from(receipt: Receipt) -> Self {
        match receipt {
            Receipt::Revoked => Self::Revoked,
            Receipt::Pending => Self::Pending,
            Receipt::Unsupported => Self::Unsupported,
            Receipt::Withheld => Self::Withheld,
            Receipt::Failed => Self::Failed,
        }
    }
}

async fn owner(state: &AppState, row: &Connection) -> Answer<OwnerView> {
    let Some(id) = &row.end_user_id else {
        return Ok(OwnerView { kind: "workspace", id: None });
    };
    let person = end_user::get(&state.store, &row.workspace_id, id).await?;
    let profile = match end_user::profile(&state.store, &person).await {
        // Erased: the account is nobody's any more.
        Err(error) if error.kind == hub::Kind::NotFound => None,
        found => opened(found, row),
    };
    Ok(OwnerView { kind: "end_user", id: profile.map(|profile| profile.id) })
}

/// One value that does not open must not hide a whole list: it is told to the operator, and missing here.
fn opened<T>(found: hub::Result<T>, row: &Connection) -> Option<T> {
    found
        .inspect_err(|error| {
            tracing::error!(connection = %row.id, %error, "what is sealed of a connection does not open");
        })
        .ok()
}

/// A connection as the API shows it.
pub(super) async fn view(state: &AppState, row: Connection) -> Answer<ConnectionView> {
    let receipt = if row.status == Status::Revoked {
        connection::receipt(&state.store, &row.workspace_id, &row.id).await?
    } else {
        None
    };
    let account = opened(connection::label(&state.store, &row).await, &row).flatten();
    let account = account.map(AccountView::from);
    let ended = row.status == Status::Revoked;
    Ok(ConnectionView {
        owner: owner(state, &row).await?,
        account,
        integration: row.integration_id,
        status: match row.status {
            Status::Pending => "pending",
            Status::Active => "active",
            Status::Held => "held",
            Status::Disabled => "disabled",
            Status::Revoked => "revoked",
        },
        health: match row.health {
            Health::Healthy => "healthy",
            Health::Failing => "failing",
            Health::Expiring => "expiring",
            Health::ReauthorizationRequired => "reauthorization_required",
        },
        // Of an ended connection the row keeps the receipt there.
        health_reason: row.health_reason.filter(|_| !ended),
        provider_code: row.provider_code,
        scopes: row.scopes.0,
        access_expires_at: row.expires_at.map(Time::of),
        refresh_expires_at: row.refresh_expires_at.map(Time::of),
        refreshed_at: row.refreshed_at.map(Time::of),
        receipt: receipt.map(Into::into),
        created_at: Time::of(row.created_at),
        updated_at: Time::of(row.updated_at),
        id: row.id,
    })
}

/// Which connections.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Only of this person, by the platform's own id.
    end_user: Option<String>,
    /// Only of this integration, by id or slug.
    integration: Option<String>,
    /// Only those that were granted less than their integration asks for.
    #[serde(default)]
    missing_scopes: bool,
    /// The `next_cursor` of the part before.
    cursor: Option<String>,
    /// 1 to 200; 50 where it is left out.
    limit: Option<u64>,
}

/// The workspace's connections
#[utoipa::path(get, path = "/v1/connections", tag = "connect", security(("key" = [])), params(Which),
    responses((status = 200, body = List<ConnectionView>)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    QueryOf(which): QueryOf<Which>,
) -> Answer<Json<List<ConnectionView>>> {
    let workspace = caller.workspace(Role::Provision)?;
    let query = hub::page::PageQuery::new(which.cursor, which.limit)?;
    let mut filter = Filter { missing_scopes: which.missing_scopes, ..Filter::default() };
    if let Some(name) = &which.integration {
        filter.integration = Some(integration::get(&state.store, workspace, name).await?.id);
    }
    if let Some(subject) = &which.end_user {
        let found = end_user::find(&state.store, workspace, subject).await?;
        // A person whom the hub never met has no connections.
        filter.end_user = Some(found.map_or_else(String::new, |person| person.id));
    }
    let page = connection::list(&state.store, workspace, &filter, &query).await?;
    let mut items = Vec::with_capacity(page.items.len());
    for row in page.items {
        items.push(view(&state, row).await?);
    }
    let page = hub::page::Page { items, next_cursor: page.next_cursor };
    Ok(Json(List::of(page, |item| item)))
}

/// A connection
#[utoipa::path(get, path = "/v1/connections/{connection}", tag = "connect", security(("key" = [])),
    params(("connection" = String, Path, description = "`con_…`")),
    responses((status = 200, body = ConnectionView)))]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    PathId(id): PathId,
) -> Answer<Json<ConnectionView>> {
    let row = connection::get(&state.store, caller.workspace(Role::Provision)?, &id).await?;
    Ok(Json(view(&state, row).await?))
}

/// Whether a connection may be used.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Switch {
    /// false: nothing is handed out until it is true again; the grant at the provider stays.
    enabled: bool,
}

/// Switch a connection off, or on again
#[utoipa::path(patch, path = "/v1/connections/{connection}", tag = "connect", security(("key" = [])),
    params(("connection" = String, Path, description = "`con_…`")), request_body = Switch,
    responses((status = 200, body = ConnectionView)))]
async fn patch(
    State(state): State<AppState>,
    caller: Caller,
    PathId(id): PathId,
    body: Body<Switch>,
) -> Answer<Json<ConnectionView>> {
    let workspace = caller.workspace(Role::Provision)?;
    let row = connection::set_enabled(caller.store(), workspace, &id, body.value.enabled).await?;
    Ok(Json(view(&state, row).await?))
}

/// End a connection: nothing is handed out any more, and the provider is asked to end the grant
///
/// The receipt says what became of it there; ask again while it is `pending`.
#[utoipa::path(delete, path = "/v1/connections/{connection}", tag = "connect", security(("key" = [])),
    params(("connection" = String, Path, description = "`con_…`")),
    responses((status = 202, body = ConnectionView)))]
async fn delete(
    State(state): State<AppState>,
    caller: Caller,
    PathId(id): PathId,
) -> Answer<(StatusCode, Json<ConnectionView>)> {
    let workspace = caller.workspace(Role::Provision)?;
    let row = connection::get(&state.store, workspace, &id).await?;
    let found = integration::get(&state.store, workspace, &row.integration_id).await?;
    let app = App::load(&state.store, &state.registry, found).await?;
    connection::disconnect(caller.store(), workspace, &id, &app).await?;
    let row = connection::get(&state.store, workspace, &id).await?;
    Ok((StatusCode::ACCEPTED, Json(view(&state, row).await?)))
}

/// Ask the provider now whether a connection works
///
/// Refreshes where it must, and asks whose account it is; the answer is in `health`.
#[utoipa::path(post, path = "/v1/connections/{connection}/test", tag = "connect", security(("key" = [])),
    params(("connection" = String, Path, description = "`con_…`")),
    responses((status = 200, body = ConnectionView)))]
async fn test(
    State(state): State<AppState>,
    caller: Caller,
    PathId(id): PathId,
) -> Answer<Json<ConnectionView>> {
    let workspace = caller.workspace(Role::Provision)?;
    let row = hub::refresh::test(&state.refresher, workspace, &id).await?;
    Ok(Json(view(&state, row).await?))
}

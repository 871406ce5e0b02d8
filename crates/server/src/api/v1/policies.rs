//! `/v1/policies`

use axum::{Json, extract::State, http::StatusCode, response::Response};
use hub::{
    policy::{self, Form, OwnerKind, Policy, Rule},
    workspace::api_key::Role,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::super::view::{List, Part, Time, WithSlug};
use crate::{
    http::{Body, Caller, Created, IdempotencyKey, PathId, QueryOf, create},
    problem::Answer,
    state::AppState,
};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(get, put, delete))
}

/// In what form access leaves the hub.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum FormName {
    /// The provider's token, narrowed by the provider to the scopes.
    NarrowedToken,
    /// The provider's token with all that it can do.
    WholeToken,
}

impl From<FormName> for Form {
    fn from(name: FormName) -> Self {
        match name {
            FormName::NarrowedToken => Self::NarrowedToken,
            FormName::WholeToken => Self::WholeToken,
        }
    }
}

impl From<Form> for FormName {
    fn from(form: Form) -> Self {
        match form {
            Form::NarrowedToken => Self::NarrowedToken,
            Form::WholeToken => Self::WholeToken,
        }
    }
}

/// On whose connections.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum OwnerName {
    /// The end user's own.
    EndUser,
    /// Those that the workspace shares.
    Workspace,
}

impl From<OwnerName> for OwnerKind {
    fn from(name: OwnerName) -> Self {
        match name {
            OwnerName::EndUser => Self::EndUser,
            OwnerName::Workspace => Self::Workspace,
        }
    }
}

impl From<OwnerKind> for OwnerName {
    fn from(kind: OwnerKind) -> Self {
        match kind {
            OwnerKind::EndUser => Self::EndUser,
            OwnerKind::Workspace => Self::Workspace,
        }
    }
}

/// A rule of who may do what.
#[derive(Serialize, ToSchema)]
struct PolicyView {
    #[schema(example = "pol_01k9x2q7b3n5v8z0c4d6f1g2h3")]
    id: String,
    slug: String,
    /// Ids of agents.
    agents: Vec<String>,
    /// Ids of integrations.
    integrations: Vec<String>,
    scopes: Vec<String>,
    forms: Vec<FormName>,
    actions: Vec<String>,
    owners: Vec<OwnerName>,
    enabled: bool,
    created_at: Time,
    updated_at: Time,
}

impl From<Policy> for PolicyView {
    fn from(row: Policy) -> Self {
        let rule = row.rule.0;
        Self {
            id: row.id,
            slug: row.slug,
            agents: rule.agents,
            integrations: rule.integrations,
            scopes: rule.scopes,
            forms: rule.forms.into_iter().map(Into::into).collect(),
            actions: rule.actions,
            owners: rule.owners.into_iter().map(Into::into).collect(),
            enabled: row.enabled,
            created_at: Time::of(row.created_at),
            updated_at: Time::of(row.updated_at),
        }
    }
}

fn yes() -> bool {
    true
}

fn of_end_user() -> Vec<OwnerName> {
    vec![OwnerName::EndUser]
}

/// What a policy allows. Nothing is allowed without one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "agents": ["helper"], "integrations": ["acme"], "scopes": ["crm.contacts.read"],
    "forms": ["narrowed_token"], "actions": ["contacts.search"], "owners": ["end_user"] }))]
struct PolicySettings {
    /// Agents, by slug or id.
    agents: Vec<String>,
    /// Integrations, by slug or id.
    integrations: Vec<String>,
    /// Scopes; `*` = all that the integration asks for.
    scopes: Vec<String>,
    /// Forms in which access may leave; left out = no token leaves.
    #[serde(default)]
    forms: Vec<FormName>,
    /// Actions that may be run with these scopes: names, `contacts.*`, or `*`; left out = none.
    #[serde(default)]
    actions: Vec<String>,
    /// On whose connections; left out = the end user's own.
    #[serde(default = "of_end_user")]
    owners: Vec<OwnerName>,
    /// Whether it counts.
    #[serde(default = "yes")]
    enabled: bool,
}

impl PolicySettings {
    fn rule(self) -> (Rule, bool) {
        let rule = Rule {
            agents: self.agents,
            integrations: self.integrations,
            scopes: self.scopes,
            forms: self.forms.into_iter().map(Into::into).collect(),
            actions: self.actions,
            owners: self.owners.into_iter().map(Into::into).collect(),
        };
        (rule, self.enabled)
    }
}

/// The workspace's policies
#[utoipa::path(get, path = "/v1/policies", tag = "set-up", security(("key" = [])), params(Part),
    responses((status = 200, body = List<PolicyView>)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    QueryOf(part): QueryOf<Part>,
) -> Answer<Json<List<PolicyView>>> {
    let page =
        policy::list(&state.store, caller.workspace(Role::Provision)?, &part.query()?).await?;
    Ok(Json(List::of(page, PolicyView::from)))
}

/// Make a policy
#[utoipa::path(post, path = "/v1/policies", tag = "set-up", security(("key" = [])), request_body = WithSlug<PolicySettings>,
    responses((status = 201, body = PolicyView)))]
async fn add(
    State(state): State<AppState>,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<WithSlug<PolicySettings>>,
) -> Answer<Response> {
    let workspace = caller.workspace(Role::Provision)?;
    let make = async {
        let WithSlug { slug, settings } = body.value;
        let there = policy::get(&state.store, workspace, &slug).await;
        super::must_be_free(there, "policy", &slug)?;
        let (rule, enabled) = settings.rule();
        let (row, is_new) = policy::put(caller.store(), workspace, &slug, rule, enabled).await?;
        Ok(Created::new(PolicyView::from(row), is_new))
    };
    create(&caller, key, &body.bytes, make).await
}

/// A policy, by id or slug
#[utoipa::path(get, path = "/v1/policies/{policy}", tag = "set-up", security(("key" = [])),
    params(("policy" = String, Path, description = "Id or slug")), responses((status = 200, body = PolicyView)))]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    PathId(name): PathId,
) -> Answer<Json<PolicyView>> {
    let row = policy::get(&state.store, caller.workspace(Role::Provision)?, &name).await?;
    Ok(Json(row.into()))
}

/// Make the policy of this slug, or change it
#[utoipa::path(put, path = "/v1/policies/{policy}", tag = "set-up", security(("key" = [])),
    params(("policy" = String, Path, description = "Slug")), request_body = PolicySettings,
    responses((status = 200, body = PolicyView), (status = 201, body = PolicyView)))]
async fn put(
    caller: Caller,
    PathId(slug): PathId,
    body: Body<PolicySettings>,
) -> Answer<Created<PolicyView>> {
    let workspace = caller.workspace(Role::Provision)?;
    let (rule, enabled) = body.value.rule();
    let (row, is_new) = policy::put(caller.store(), workspace, &slug, rule, enabled).await?;
    Ok(Created::new(row.into(), is_new))
}

/// Remove a policy; from this commit on nothing is released on its strength
#[utoipa::path(delete, path = "/v1/policies/{policy}", tag = "set-up", security(("key" = [])),
    params(("policy" = String, Path, description = "Id or slug")), responses((status = 204)))]
async fn delete(caller: Caller, PathId(name): PathId) -> Answer<StatusCode> {
    policy::delete(caller.store(), caller.workspace(Role::Provision)?, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

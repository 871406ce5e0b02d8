//! `/v1/actions`: what can be done with which provider, and doing it for an agent.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use connector::{Action, Effect, manifest::Needs};
use hub::{
    action::{Came, Done, Told, perform},
    integration, provider,
    release::Parts,
    workspace::api_key::Role,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::super::view::RequestView;
use super::token::{ConnectRequiredView, EndUser, SelectionRequiredView, bounded, target};
use crate::{
    http::{Begun, Body, Caller, IdempotencyKey, PathId, QueryOf, begin},
    problem::{Answer, Problem},
    state::AppState,
};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(run))
}

/// Which actions.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Search {
    /// Only those that this provider can do.
    provider: Option<String>,
    /// Only those that this integration's provider can do, by slug or id.
    integration: Option<String>,
    /// `crm`, `calendar`, `support` or `commerce`.
    category: Option<String>,
    /// `false` leaves the schemas out.
    schemas: Option<bool>,
}

/// What an action does to the account.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum EffectName {
    /// It looks.
    Read,
    /// It adds or changes.
    Write,
    /// It takes away or calls off.
    Destructive,
}

/// The scopes that an action needs with one provider.
#[derive(Serialize, ToSchema)]
struct NeedsView {
    /// All of these.
    #[schema(example = json!(["crm.contacts.read"]))]
    all_of: Vec<String>,
    /// And one of these, where there are any.
    any_of: Vec<String>,
}

impl From<&Needs> for NeedsView {
    fn from(needs: &Needs) -> Self {
        match needs {
            Needs::All(all) => Self { all_of: all.clone(), any_of: Vec::new() },
            Needs::Any { any_of } => Self { all_of: Vec::new(), any_of: any_of.clone() },
        }
    }
}

/// An action.
#[derive(Serialize, ToSchema)]
struct ActionView {
    #[schema(example = "contacts.search")]
    name: &'static str,
    #[schema(example = "Find contacts")]
    title: &'static str,
    #[schema(value_type = String, example = "crm")]
    category: connector::Category,
    effect: EffectName,
    /// The providers that can do it, and the scopes that it needs there.
    providers: BTreeMap<String, NeedsView>,
    /// What it takes: JSON Schema (2020-12).
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<Value>,
    /// What it gives: JSON Schema (2020-12).
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Value>,
}

/// The actions.
#[derive(Serialize, ToSchema)]
struct ActionsView {
    items: Vec<ActionView>,
}

fn view(action: &Action, providers: BTreeMap<String, NeedsView>, schemas: bool) -> ActionView {
    ActionView {
        name: action.name,
        title: action.title,
        category: action.category,
        effect: match action.effect {
            Effect::Read => EffectName::Read,
            Effect::Write => EffectName::Write,
            Effect::Destructive => EffectName::Destructive,
        },
        providers,
        input: schemas.then(|| action.input_schema().to_value()),
        output: schemas.then(|| action.output_schema().to_value()),
    }
}

/// What can be done, and with which provider
#[utoipa::path(get, path = "/v1/actions", tag = "actions", security(("key" = [])), params(Search),
    responses((status = 200, body = ActionsView)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    QueryOf(search): QueryOf<Search>,
) -> Answer<Json<ActionsView>> {
    let (workspace, _) = caller.workspace_or_agent(Role::Agent)?;
    let mut slug = search.provider;
    if let Some(name) = &search.integration {
        let found = integration::get(&state.store, workspace, name).await?.provider;
        if slug.as_ref().is_some_and(|slug| *slug != found) {
            return Ok(Json(ActionsView { items: Vec::new() }));
        }
        slug = Some(found);
    }
    let mut known = provider::list(&state.store, &state.registry, workspace).await?;
    known.retain(|found| slug.as_ref().is_none_or(|slug| found.connector.manifest().slug == *slug));
    let mut items = Vec::new();
    for action in connector::actions() {
        let category = serde_json::to_value(action.category).unwrap_or_default();
        if search.category.as_ref().is_some_and(|wanted| category != **wanted) {
            continue;
        }
        let able = known.iter().filter_map(|found| {
            let needs = action.needs(found.connector.as_ref())?;
            Some((found.connector.manifest().slug.clone(), needs.into()))
        });
        let providers: BTreeMap<_, _> = able.collect();
        if !providers.is_empty() {
            items.push(view(action, providers, search.schemas.unwrap_or(true)));
        }
    }
    Ok(Json(ActionsView { items }))
}

/// What to do. Names exactly one of `provider`, `integration` and `connection`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "provider": "acme", "end_user": { "id": "u1" }, "input": { "email": "lea@example.com" },
    "reason": "look up the caller" }))]
struct ActionRequest {
    /// A provider's slug: any integration with it.
    provider: Option<String>,
    /// An integration, by slug or id.
    integration: Option<String>,
    /// A connection.
    connection: Option<String>,
    /// For whom; left out = a connection that the workspace shares.
    end_user: Option<EndUser>,
    /// What the action takes, as its schema in `GET /v1/actions` says.
    #[schema(value_type = Object)]
    input: Value,
    /// Show the request that would be sent, without the credential; nothing is changed.
    #[serde(default)]
    dry_run: bool,
    /// Why, in the agent's own words: kept in the audit record.
    reason: Option<String>,
    /// Where the browser goes if the person has to link first; one of the workspace's.
    return_url: Option<String>,
}

/// The answer. All of these are expected states; faults are problems.
#[derive(Serialize, ToSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
enum ActionResponse {
    /// It was done.
    Done(DoneView),
    /// What would be sent.
    DryRun(DryRunView),
    /// A person must link first, or again.
    ConnectRequired(Box<ConnectRequiredView>),
    /// There are several accounts: ask again with one `connection`.
    SelectionRequired(SelectionRequiredView),
}

/// It was done.
#[derive(Serialize, ToSchema)]
struct DoneView {
    /// As the action's schema says; null where the answer is given again for an `Idempotency-Key`.
    #[schema(value_type = Object)]
    output: Value,
    #[schema(example = "con_01k9x2q7b3n5v8z0c4d6f1g2h3")]
    connection: String,
    /// The record of this.
    #[schema(example = "rel_01k9x2q7b3n5v8z0c4d6f1g2h3")]
    release: String,
}

/// What would be sent.
#[derive(Serialize, ToSchema)]
struct DryRunView {
    request: RequestView,
    connection: String,
    release: String,
}

impl From<Told> for ActionResponse {
    fn from(told: Told) -> Self {
        match told {
            Told::ConnectRequired(required) => Self::ConnectRequired(Box::new((*required).into())),
            Told::SelectionRequired(choices) => {
                Self::SelectionRequired(SelectionRequiredView::of(choices))
            }
            Told::Ran(ran) => {
                let (connection, release) = (ran.connection, ran.release);
                match ran.came {
                    Came::Output(output) => Self::Done(DoneView { output, connection, release }),
                    Came::Sketch(sketch) => {
                        Self::DryRun(DryRunView { request: sketch.into(), connection, release })
                    }
                }
            }
        }
    }
}

fn read(name: &str, request: ActionRequest) -> Answer<Done> {
    let action = Action::named(name).ok_or_else(|| {
        let name: String = name.chars().take(64).collect();
        let detail = format!("There is no action `{name}`. GET /v1/actions lists them.");
        hub::Error::new(hub::Kind::NotFound, "action_unknown", detail)
    })?;
    Ok(Done {
        action,
        target: target(request.provider, request.integration, request.connection)?,
        end_user: request.end_user.map(|user| user.id),
        input: request.input,
        dry_run: request.dry_run,
        reason: bounded(request.reason)?,
        return_url: request.return_url,
    })
}

/// Do something with a person's account
///
/// A policy decides, the release is durable before anything is sent, and what became of it is recorded. What changes something
/// is sent once. With an `Idempotency-Key`, a request that is sent again does nothing more: the output is not kept, so it is null
/// in that answer.
#[utoipa::path(post, path = "/v1/actions/{name}", tag = "actions", security(("key" = [])),
    params(("name" = String, Path, description = "The action's name")), request_body = ActionRequest,
    responses((status = 200, body = ActionResponse)))]
async fn run(
    State(state): State<AppState>,
    caller: Caller,
    PathId(name): PathId,
    key: IdempotencyKey,
    body: Body<ActionRequest>,
) -> Answer<Response> {
    let wish = read(&name, body.value)?;
    let store = caller.store().clone();
    let ticket = match begin(&caller, key, &body.bytes).await? {
        Begun::Unkeyed => None,
        Begun::Fresh(ticket) => Some(ticket),
        Begun::Replay(response) => return Ok(response),
    };
    let parts = Parts {
        store: &state.store,
        registry: &state.registry,
        refresher: &state.refresher,
        writer: &state.writer,
    };
    let told = perform(&parts, &caller.asker(), &wish).await;
    let answer = told.map(ActionResponse::from).map_err(Problem::from);
    if let Some(ticket) = ticket {
        match kept(&answer)? {
            Some((status, text)) => ticket.finish(&store, status, &text).await?,
            None => ticket.forget(&store).await?,
        }
    }
    Ok(Json(answer?).into_response())
}

/// What is answered when it is asked again: that it was done, or that it may have been. Outputs tell of
/// people, and are not kept.
fn kept(answer: &Answer<ActionResponse>) -> Answer<Option<(u16, String)>> {
    let text = |value: Value| value.to_string();
    Ok(match answer {
        Ok(done @ ActionResponse::Done(_)) => {
            let mut value = serde_json::to_value(done).map_err(hub::Error::internal)?;
            value["output"] = Value::Null;
            Some((StatusCode::OK.as_u16(), text(value)))
        }
        Err(problem) if problem.is("provider_unavailable") => {
            let value = serde_json::to_value(problem).map_err(hub::Error::internal)?;
            Some((StatusCode::SERVICE_UNAVAILABLE.as_u16(), text(value)))
        }
        _ => None,
    })
}

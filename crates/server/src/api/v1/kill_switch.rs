//! `/v1/kill-switch`: everything of an agent, a client, a provider or a workspace stops at once.

use axum::{Json, http::StatusCode};
use hub::{
    client::Owner as ClientOwner,
    offboarding::{self, Target},
    workspace::api_key::Role,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    http::{Body, Caller},
    problem::Answer,
    state::AppState,
};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(kill))
}

/// What is to stop: exactly one of the four.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "agent": "support-bot", "revoke": false }))]
struct KillSwitch {
    /// An agent, by id or slug: disabled, its keys revoked.
    agent: Option<String>,
    /// The workspace's own client, by id or slug: suspended, its connections switched off. With a platform key that
    /// names no workspace: the platform's client, in every workspace that uses it.
    client: Option<String>,
    /// A provider: its connections are switched off.
    provider: Option<String>,
    /// `true`: all connections of the workspace are switched off.
    #[serde(default)]
    workspace: bool,
    /// End the grants at the providers too. Of an agent: those of every connection that it was ever handed. What is
    /// ended must be linked again by its people.
    #[serde(default)]
    revoke: bool,
}

/// What stopped.
#[derive(Serialize, ToSchema)]
struct KilledView {
    /// How many connections were switched off, or are being ended.
    connections: u64,
    /// Whether their grants are being ended; each connection's `receipt` says what became of its own.
    revoking: bool,
}

fn target(body: &KillSwitch) -> Answer<Target<'_>> {
    let named = [
        body.agent.as_deref().map(Target::Agent),
        body.client.as_deref().map(Target::Client),
        body.provider.as_deref().map(Target::Provider),
        body.workspace.then_some(Target::Workspace),
    ];
    let mut named = named.into_iter().flatten();
    match (named.next(), named.next()) {
        (Some(one), None) => Ok(one),
        _ => Err(hub::Error::invalid(
            "target_invalid",
            "Name exactly one of `agent`, `client`, `provider` and `workspace`.",
        )
        .into()),
    }
}

/// Stop everything of an agent, a client, a provider or the whole workspace
///
/// No release commits after this answer. Without `revoke` what was switched off can be switched on again: connections
/// with `PATCH /v1/connections/{connection}`, a client with `POST /v1/clients/{client}/test`, an agent with `PUT`.
#[utoipa::path(post, path = "/v1/kill-switch", tag = "set-up", security(("key" = [])),
    request_body = KillSwitch, responses((status = 202, body = KilledView)))]
async fn kill(caller: Caller, body: Body<KillSwitch>) -> Answer<(StatusCode, Json<KilledView>)> {
    let body = body.value;
    let (store, what) = (caller.store(), target(&body)?);
    let done =
        if let (ClientOwner::Platform, Target::Client(shared)) = (caller.client_owner()?, what) {
            offboarding::kill_shared(store, shared, body.revoke).await?
        } else {
            let workspace = caller.workspace(Role::Provision)?;
            offboarding::kill(store, workspace, what, body.revoke).await?
        };
    let view = KilledView { connections: done.connections, revoking: done.revoking };
    Ok((StatusCode::ACCEPTED, Json(view)))
}

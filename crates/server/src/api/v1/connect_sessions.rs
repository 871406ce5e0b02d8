//! `/v1/connect-sessions`: permission to link, opened as a hosted page.

use std::time::Duration;

use axum::{Json, extract::State};
use hub::{
    end_user::Profile,
    session::{self, Fault, Intent, NewOwner, NewSession, Session, Status},
    workspace::api_key::Role,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    super::view::Time,
    connections::{self, ConnectionView},
};
use crate::{
    http::{Body, Caller, Created, PathId, QueryOf},
    problem::Answer,
    state::AppState,
};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(add)).routes(routes!(get)).routes(routes!(complete))
}

/// The longest that a poll waits, in seconds.
const LONGEST_WAIT: u64 = 25;

/// A person, by the platform's own id.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EndUser {
    /// The platform's own id of the person.
    #[schema(example = "u1")]
    id: String,
    /// What the connect page greets them with.
    name: Option<String>,
    /// Shown on the connect page, so that people see whose account is linked.
    email: Option<String>,
}

/// Whose the connection becomes, where it is not the person's.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SharedOwner {
    /// `workspace`: a team's shared account.
    #[serde(rename = "type")]
    kind: SharedOwnerKind,
}

/// The only other owner.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SharedOwnerKind {
    /// The workspace.
    Workspace,
}

/// What a session is for.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum IntentName {
    /// Link an account.
    #[default]
    Add,
    /// Link the same account again.
    Reconnect,
}

/// What a session is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "end_user": { "id": "u1", "email": "ana@chatty.example" }, "integrations": ["acme"],
    "return_url": "https://chatty.example/linked" }))]
struct NewConnectSession {
    /// The person who links; the session completes for nobody else.
    end_user: EndUser,
    /// Left out = the connection becomes the person's own.
    owner: Option<SharedOwner>,
    /// What may be linked, by slug or id; left out = all of the workspace's.
    #[serde(default)]
    integrations: Vec<String>,
    /// Only these scopes; left out = all of the integration's.
    scopes: Option<Vec<String>>,
    #[serde(default)]
    intent: IntentName,
    /// With `reconnect`: the connection to renew.
    connection: Option<String>,
    /// One of the workspace's `return_urls`; left out = the first of them.
    return_url: Option<String>,
}

/// A session as it is made.
#[derive(Serialize, ToSchema)]
struct NewSessionView {
    #[schema(example = "ses_01k9x2q7b3n5v8z0c4d6f1g2h3")]
    id: String,
    /// Opens the page: for the browser SDK.
    token: String,
    /// The page to send the person to.
    url: String,
    expires_at: Time,
}

/// How far a session is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SessionStatus {
    /// Nobody has opened it.
    Open,
    /// A browser is at it.
    Linking,
    /// Finished at the provider; waits to be completed.
    Pending,
    /// The connection is there.
    Completed,
    /// It ended without one.
    Failed,
    /// Its time ran out.
    Expired,
}

impl From<Status> for SessionStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Open => Self::Open,
            Status::Linking => Self::Linking,
            Status::Pending => Self::Pending,
            Status::Completed => Self::Completed,
            Status::Failed => Self::Failed,
            Status::Expired => Self::Expired,
        }
    }
}

/// A connect session.
#[derive(Serialize, ToSchema)]
struct SessionView {
    #[schema(example = "ses_01k9x2q7b3n5v8z0c4d6f1g2h3")]
    id: String,
    status: SessionStatus,
    /// Why it failed: `denied`, `provider_unavailable`, `admin_required`, `wrong_account` or `wrong_end_user`.
    error: Option<&'static str>,
    /// `add` or `reconnect`.
    intent: &'static str,
    /// What may be linked; ids.
    integrations: Vec<String>,
    /// What was picked.
    integration: Option<String>,
    /// What was really granted.
    granted_scopes: Option<Vec<String>>,
    /// The connection it led to.
    connection: Option<String>,
    return_url: String,
    expires_at: Time,
    created_at: Time,
}

impl From<Session> for SessionView {
    fn from(row: Session) -> Self {
        Self {
            id: row.id,
            status: row.status.into(),
            error: row.error.map(|fault| match fault {
                Fault::Denied => "denied",
                Fault::ProviderUnavailable => "provider_unavailable",
                Fault::AdminRequired => "admin_required",
                Fault::WrongAccount => "wrong_account",
                Fault::WrongEndUser => "wrong_end_user",
            }),
            intent: match row.intent {
                Intent::Add => "add",
                Intent::Reconnect => "reconnect",
            },
            integrations: row.integrations.0,
            integration: row.integration_id,
            granted_scopes: row.granted.map(|scopes| scopes.0),
            connection: row.result_connection_id,
            return_url: row.return_url,
            expires_at: Time::of(row.expires_at),
            created_at: Time::of(row.created_at),
        }
    }
}

/// Open a connect session for one person
#[utoipa::path(post, path = "/v1/connect-sessions", tag = "connect", security(("key" = [])),
    request_body = NewConnectSession, responses((status = 201, body = NewSessionView)))]
async fn add(
    State(state): State<AppState>,
    caller: Caller,
    body: Body<NewConnectSession>,
) -> Answer<Created<NewSessionView>> {
    let workspace = caller.workspace(Role::Sessions)?;
    let asked = body.value;
    let new = NewSession {
        end_user: Profile {
            id: asked.end_user.id,
            name: asked.end_user.name,
            email: asked.end_user.email,
        },
        owner: match asked.owner {
            None => NewOwner::EndUser,
            Some(SharedOwner { kind: SharedOwnerKind::Workspace }) => NewOwner::Workspace,
        },
        integrations: asked.integrations,
        scopes: asked.scopes,
        intent: match asked.intent {
            IntentName::Add => Intent::Add,
            IntentName::Reconnect => Intent::Reconnect,
        },
        connection: asked.connection,
        return_url: asked.return_url,
        created_by: caller.principal().key.clone(),
        agent: None,
    };
    let made = session::create(caller.store(), workspace, new).await?;
    let view = NewSessionView {
        url: format!("{}/connect/{}", state.registry.public_url(), made.token),
        token: made.token,
        expires_at: Time::of(made.row.expires_at),
        id: made.row.id,
    };
    Ok(Created::new(view, true))
}

/// How long to wait.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wait {
    /// Seconds to wait for a change, at most 25.
    #[serde(default)]
    wait: u64,
}

/// A connect session; with `wait`, once it has moved on or the time is over
#[utoipa::path(get, path = "/v1/connect-sessions/{session}", tag = "connect", security(("key" = [])),
    params(("session" = String, Path, description = "`ses_…`"), Wait),
    responses((status = 200, body = SessionView)))]
async fn get(
    State(state): State<AppState>,
    caller: Caller,
    PathId(id): PathId,
    QueryOf(Wait { wait }): QueryOf<Wait>,
) -> Answer<Json<SessionView>> {
    let (workspace, agent) = caller.workspace_or_agent(Role::Sessions)?;
    let end = tokio::time::Instant::now() + Duration::from_secs(wait.min(LONGEST_WAIT));
    let first = session::get(&state.store, workspace, &id).await?;
    // Another agent's session is as absent as none.
    if agent.is_some() && first.agent_id.as_deref() != agent {
        return Err(hub::Error::not_found("connect session").into());
    }
    let moves = |status| matches!(status, Status::Open | Status::Linking | Status::Pending);
    let mut row = first.clone();
    while moves(row.status) && row.status == first.status && tokio::time::Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(250)).await;
        row = session::get(&state.store, workspace, &id).await?;
    }
    Ok(Json(row.into()))
}

/// Who is signed in at the browser that came back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignedIn {
    /// The platform's own id of the person *who is signed in in that browser*, never one looked up by session.
    #[schema(example = "u1")]
    id: String,
}

/// What the browser brought.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Complete {
    /// `code` of the return URL; good once, for 5 minutes.
    code: String,
    end_user: SignedIn,
}

/// A completed session.
#[derive(Serialize, ToSchema)]
struct CompletedView {
    session: SessionView,
    connection: ConnectionView,
}

/// Complete a link with the code that the finishing browser carried
///
/// Another person than the one the session was made for: 409 `wrong_end_user`, and the credential is discarded.
#[utoipa::path(post, path = "/v1/connect-sessions/{session}/complete", tag = "connect", security(("key" = [])),
    params(("session" = String, Path, description = "`ses_…`")), request_body = Complete,
    responses((status = 200, body = CompletedView)))]
async fn complete(
    State(state): State<AppState>,
    caller: Caller,
    PathId(id): PathId,
    body: Body<Complete>,
) -> Answer<Json<CompletedView>> {
    let workspace = caller.workspace(Role::Sessions)?;
    let Complete { code, end_user } = body.value;
    let done = session::complete(
        caller.store(),
        &state.registry,
        caller.principal(),
        workspace,
        &id,
        &code,
        &end_user.id,
    )
    .await?;
    let connection = connections::view(&state, done.connection).await?;
    Ok(Json(CompletedView { session: done.session.into(), connection }))
}

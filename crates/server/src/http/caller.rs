//! Who calls: the API key, the workspace in which it acts, the agent for which it asks.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use hub::{
    Error,
    client::Owner as ClientOwner,
    release::Asker,
    store::{Actor, ActorKind, SYSTEM, Store},
    workspace::api_key::{self, Owner, Principal, Role},
};

use super::{layers::request_id, limits::Knock};
use crate::{
    problem::{Answer, Problem},
    state::AppState,
};

/// A caller whose key was right.
pub(crate) struct Caller {
    principal: Principal,
    agent: Option<String>,
    store: Store,
    reads: bool,
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Answer<Option<&'a str>> {
    match headers.get(name) {
        None => Ok(None),
        Some(value) => match value.to_str() {
            Ok(text) if (1..=200).contains(&text.len()) => Ok(Some(text)),
            _ => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "header_invalid",
                format!("The header `{name}` must be 1 to 200 ASCII characters."),
            )),
        },
    }
}

/// The key: `Authorization: Bearer vk_…` (RFC 6750, section 2.1).
fn bearer(headers: &HeaderMap) -> &str {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some((scheme, key)) = value.and_then(|value| value.split_once(' ')) else { return "" };
    if scheme.eq_ignore_ascii_case("bearer") { key.trim() } else { "" }
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let key = bearer(&parts.headers);
        let workspace = text(&parts.headers, "x-valetkey-workspace")?;
        let agent = text(&parts.headers, "x-valetkey-agent")?.map(str::to_owned);
        let source = parts.extensions.get().copied().unwrap_or_default();
        let standing = parts.extensions.get().cloned().unwrap_or_default();
        let knock = Knock { source, key, agent: agent.as_deref(), standing: &standing };
        let look = api_key::authenticate(&state.store, key, workspace);
        let principal = state.limits.admit(knock, look).await?;
        let store = state.store.by(actor(&principal));
        let reads = parts.method.is_safe();
        Ok(Self { principal, agent, store, reads })
    }
}

fn lacks_role(role: Role) -> Error {
    let word = match role {
        Role::Provision => "provision",
        Role::Sessions => "sessions",
        Role::Agent => "agent",
        Role::Import => "import",
    };
    Error::forbidden(
        "role_missing",
        format!(
            "This needs a platform key with the role `{word}`, or (inside a workspace) the workspace's own key."
        ),
    )
}

/// The caller as the audit chain names it.
fn actor(principal: &Principal) -> Actor {
    let kind = match principal.owner {
        Owner::Platform(_) => ActorKind::PlatformKey,
        Owner::Workspace(_) => ActorKind::WorkspaceKey,
        Owner::Agent { .. } => ActorKind::AgentKey,
    };
    Actor { kind, id: Some(principal.key.clone()), request_id: Some(request_id()) }
}

impl Caller {
    /// The database, for what this caller does: the chain names the caller for it.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The key as the hub knows it.
    pub(crate) fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Only the platform, in this role.
    pub(crate) fn platform(&self, role: Role) -> Answer<()> {
        match &self.principal.owner {
            Owner::Platform(roles) if roles.contains(&role) => Ok(()),
            _ => Err(lacks_role(role).into()),
        }
    }

    /// The workspace in which a workspace's key, or a platform key with this role, acts. One that is closing
    /// can be looked at, no more.
    pub(crate) fn workspace(&self, role: Role) -> Answer<&str> {
        let workspace = self.any_workspace(role)?;
        match self.principal.workspace_status.as_deref() {
            Some("closing" | "closed") if !self.reads => Err(Error::conflict(
                "workspace_closing",
                "This workspace is closing, or closed; nothing in it can be changed.",
            )
            .into()),
            _ => Ok(workspace),
        }
    }

    fn any_workspace(&self, role: Role) -> Answer<&str> {
        match &self.principal.owner {
            Owner::Workspace(own) => Ok(own),
            Owner::Platform(roles) if roles.contains(&role) => {
                self.principal.workspace.as_deref().ok_or_else(|| {
                    Error::invalid(
                        "workspace_required",
                        "A platform key acts in a workspace here: name it, by id or slug, in `X-Valetkey-Workspace`.",
                    )
                    .into()
                })
            }
            Owner::Platform(_) => Err(lacks_role(role).into()),
            Owner::Agent { .. } => Err(Error::forbidden(
                "agent_key",
                "An agent's key only asks for access. Use the workspace's key, or the platform's.",
            )
            .into()),
        }
    }

    /// Whose clients this caller sees: a workspace's, or the platform's where it names none.
    pub(crate) fn client_owner(&self) -> Answer<ClientOwner<'_>> {
        match (&self.principal.owner, &self.principal.workspace) {
            (Owner::Platform(roles), None) if roles.contains(&Role::Provision) => {
                Ok(ClientOwner::Platform)
            }
            _ => Ok(ClientOwner::Workspace(self.workspace(Role::Provision)?)),
        }
    }

    /// Whose audit chain this caller reads: a workspace's, or the platform's where it names none.
    pub(crate) fn chain(&self) -> Answer<&str> {
        Ok(match self.client_owner()? {
            ClientOwner::Platform => SYSTEM,
            ClientOwner::Workspace(workspace) => workspace,
        })
    }

    /// The workspace and, for an agent's key, that agent: for what an agent may see of its own.
    pub(crate) fn workspace_or_agent(&self, role: Role) -> Answer<(&str, Option<&str>)> {
        match &self.principal.owner {
            Owner::Agent { workspace, agent } => Ok((workspace, Some(agent))),
            _ => Ok((self.workspace(role)?, None)),
        }
    }

    /// The caller as one who asks for access.
    pub(crate) fn asker(self) -> Asker {
        Asker { principal: self.principal, named_agent: self.agent, request_id: request_id() }
    }
}

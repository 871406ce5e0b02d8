//! Making a session.

use std::time::Duration;

use base::{SessionId, constant_time_eq};
use data_encoding::BASE64URL_NOPAD;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::{
    Intent, Session, Status,
    entity::{ActiveModel, Column, Entity},
};
use crate::{
    Error, Result, connection,
    end_user::{self, Profile},
    integration,
    store::{Json, Store},
    workspace,
};

/// Whose a connection becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewOwner {
    /// The person's who links it.
    EndUser,
    /// The workspace's: a team's shared account.
    Workspace,
}

/// What a session is to be.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The person who links.
    pub end_user: Profile,
    /// Whose it becomes.
    pub owner: NewOwner,
    /// What may be linked, by id or slug; empty = all of the workspace's.
    pub integrations: Vec<String>,
    /// Only these scopes; none = all of the integration's.
    pub scopes: Option<Vec<String>>,
    /// What it is for.
    pub intent: Intent,
    /// The connection to renew.
    pub connection: Option<String>,
    /// Where the browser goes at the end; none = the workspace's first return URL.
    pub return_url: Option<String>,
    /// The key that makes it.
    pub created_by: String,
    /// The agent whose ask makes it.
    pub agent: Option<String>,
}

/// A session and what opens it.
pub struct Made {
    /// The row.
    pub row: Session,
    /// What the link carries.
    pub token: String,
}

const LIFE: Duration = Duration::from_mins(30);

/// What opens a session's page: its id and a keyed digest of it, so that nothing is kept to be stolen.
pub fn token_of(store: &Store, session: &str) -> String {
    let mac = store.keys().digest("connect-token", session.as_bytes());
    format!("{session}.{}", BASE64URL_NOPAD.encode(&mac))
}

/// The session id in a token, if the token is ours.
pub(super) fn read_token<'a>(store: &Store, token: &'a str) -> Option<&'a str> {
    if token.len() > 128 {
        return None;
    }
    let (session, _) = token.split_once('.')?;
    session.parse::<SessionId>().ok()?;
    constant_time_eq(token_of(store, session).as_bytes(), token.as_bytes()).then_some(session)
}

/// Makes a session, or returns the one that is open for the same ask of the same agent.
pub async fn create(store: &Store, workspace: &str, new: NewSession) -> Result<Made> {
    let tenant = workspace::get(store, workspace).await?;
    if tenant.status != "active" {
        return Err(Error::conflict("workspace_closing", "This workspace is being closed."));
    }
    let return_url = choose_return_url(&tenant, new.return_url.as_deref())?;
    let integrations = choose_integrations(store, workspace, &new).await?;
    let person = end_user::ensure(store, workspace, &new.end_user).await?;
    let owner = match new.owner {
        NewOwner::EndUser => Some(person.id.as_str()),
        NewOwner::Workspace => None,
    };
    let owner_key = connection::owner_key(owner).to_owned();
    if let Some(connection) = &new.connection {
        let found = connection::get(store, workspace, connection).await?;
        if found.owner_key != owner_key {
            return Err(Error::not_found("connection"));
        }
    }
    let ask = serde_json::to_vec(&(
        &new.agent,
        &person.id,
        &owner_key,
        &integrations,
        &new.scopes,
        &new.connection,
        &return_url,
    ))?;
    let ask_digest = new.agent.as_ref().map(|_| store.keys().digest("connect-ask", &ask).to_vec());
    if let Some(digest) = &ask_digest
        && let Some(row) = open_ask(store, workspace, digest).await?
    {
        return Ok(Made { token: token_of(store, &row.id), row });
    }
    let now = store.now();
    let row = Session {
        id: SessionId::new(store.clock(), store.rng()).into(),
        workspace_id: workspace.to_owned(),
        created_by: new.created_by,
        agent_id: new.agent,
        owner_key,
        end_user_id: Some(person.id),
        integrations: Json(integrations),
        scopes: new.scopes.map(Json),
        intent: new.intent,
        connection_id: new.connection,
        return_url,
        ask_digest,
        status: Status::Open,
        error: None,
        browser_digest: None,
        state_digest: None,
        integration_id: None,
        generation: 1,
        flow_sealed: None,
        pending_sealed: None,
        granted: None,
        code_digest: None,
        code_expires_at: None,
        result_connection_id: None,
        expires_at: now.plus(LIFE).millis(),
        created_at: now.millis(),
        updated_at: now.millis(),
    };
    let row = ActiveModel::from(row).reset_all().insert(store.write()).await?;
    Ok(Made { token: token_of(store, &row.id), row })
}

async fn open_ask(store: &Store, workspace: &str, digest: &[u8]) -> Result<Option<Session>> {
    Ok(Entity::find()
        .filter(Column::WorkspaceId.eq(workspace))
        .filter(Column::AskDigest.eq(digest.to_vec()))
        .filter(Column::Status.is_in([Status::Open, Status::Linking, Status::Pending]))
        // Enough time left to go through it.
        .filter(Column::ExpiresAt.gt(store.now().plus(Duration::from_mins(5)).millis()))
        .order_by_desc(Column::Id)
        .one(store.read())
        .await?)
}

fn choose_return_url(tenant: &workspace::Workspace, asked: Option<&str>) -> Result<String> {
    match asked {
        Some(url) if tenant.allows_return(url) => Ok(url.to_owned()),
        Some(_) => Err(Error::invalid(
            "return_url_not_allowed",
            "`return_url` is not one of the workspace's `return_urls`, or has what programs read differently: blanks, backslashes, encoded slashes, a user, a fragment, a `session` or `code` of its own. Add it there, and write it plainly: the browser carries a code to it.",
        )),
        None => tenant.return_urls.0.first().cloned().ok_or_else(|| {
            Error::invalid(
                "return_url_required",
                "The workspace has no `return_urls` yet, and a link must end somewhere. Set one on the workspace.",
            )
        }),
    }
}

async fn choose_integrations(
    store: &Store,
    workspace: &str,
    new: &NewSession,
) -> Result<Vec<String>> {
    let mut found = Vec::new();
    if let Some(connection) = &new.connection {
        let row = connection::get(store, workspace, connection).await?;
        return Ok(vec![row.integration_id]);
    }
    if new.integrations.is_empty() {
        found.extend(integration::all(store, workspace).await?);
    }
    for name in new.integrations.iter().take(100) {
        let one = integration::get(store, workspace, name).await.map_err(|_| {
            let name: String = name.chars().take(64).collect();
            Error::invalid(
                "integration_unknown",
                format!("This workspace has no integration `{name}`."),
            )
        })?;
        found.push(one);
    }
    if found.is_empty() {
        return Err(Error::invalid(
            "integration_missing",
            "This workspace has no integration to link. Add one with PUT /v1/integrations/{slug}.",
        ));
    }
    if let Some(scopes) = &new.scopes {
        let known = |scope: &String| found.iter().any(|one| one.scopes.0.contains(scope));
        if let Some(scope) = scopes.iter().find(|scope| !known(scope)) {
            let scope: String = scope.chars().take(200).collect();
            return Err(Error::invalid(
                "scope_unknown",
                format!("None of the session's integrations asks for the scope `{scope}`."),
            ));
        }
    }
    Ok(found.into_iter().map(|one| one.id).collect())
}

/// The workspace's session of this id.
pub async fn get(store: &Store, workspace: &str, id: &str) -> Result<Session> {
    let missing = || Error::not_found("connect session");
    id.parse::<SessionId>().map_err(|_| missing())?;
    Entity::find()
        .filter(Column::WorkspaceId.eq(workspace))
        .filter(Column::Id.eq(id))
        .one(store.read())
        .await?
        .ok_or_else(missing)
}

//! The token call with a way out: where a person is needed, a connect session.

use base::Timestamp;
use serde::Serialize;

use super::{Intent, NewOwner, NewSession, Status, create};
use crate::{
    Result,
    audit::Writer,
    end_user::Profile,
    policy::OwnerKind,
    provider::Registry,
    refresh::Refresher,
    release::{self, Asked, Asker, Choice, ConnectReason, Issued, Missing, TokenAsk},
    store::Store,
};

/// Who can put it right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FixableBy {
    /// The end user, by linking.
    EndUser,
    /// The workspace's owner.
    Workspace,
}

/// A person must link first, or again.
pub struct ConnectRequired {
    /// Why.
    pub reason: ConnectReason,
    /// Scopes to be granted.
    pub missing_scopes: Vec<String>,
    /// Who can put it right.
    pub fixable_by: FixableBy,
    /// The page to open, and the session behind it.
    pub session: Option<OpenSession>,
    /// For a person.
    pub message: String,
}

/// A session to open.
pub struct OpenSession {
    /// `ses_…`
    pub id: String,
    /// The page.
    pub url: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// The answer to a token call.
pub enum Answer {
    /// Access.
    Issued(Box<Issued>),
    /// A person must link.
    ConnectRequired(Box<ConnectRequired>),
    /// Which account?
    SelectionRequired(Vec<Choice>),
}

/// Answers a token call.
pub async fn token(
    store: &Store,
    registry: &Registry,
    writer: &Writer,
    refresher: &Refresher,
    asker: &Asker,
    ask: &TokenAsk,
    return_url: Option<&str>,
) -> Result<Answer> {
    match release::release(store, registry, writer, refresher, asker, ask).await? {
        Asked::Issued(issued) => Ok(Answer::Issued(issued)),
        Asked::Choose(choices) => Ok(Answer::SelectionRequired(choices)),
        Asked::Missing(missing) => {
            let required = connect(store, registry, asker, ask, return_url, *missing).await?;
            Ok(Answer::ConnectRequired(Box::new(required)))
        }
    }
}

/// What to tell where a person is needed: a session to open, if an end user can put it right.
pub(crate) async fn connect(
    store: &Store,
    registry: &Registry,
    asker: &Asker,
    ask: &TokenAsk,
    return_url: Option<&str>,
    missing: Missing,
) -> Result<ConnectRequired> {
    let (OwnerKind::EndUser, Some(subject)) = (missing.owner, &ask.end_user) else {
        return Ok(ConnectRequired {
            message: "The workspace's owner must link this app for the workspace; no end user can."
                .to_owned(),
            reason: missing.reason,
            missing_scopes: missing.missing_scopes,
            fixable_by: FixableBy::Workspace,
            session: None,
        });
    };
    let intent = if missing.connection.is_some() { Intent::Reconnect } else { Intent::Add };
    let new = NewSession {
        end_user: Profile::of_id(subject),
        owner: NewOwner::EndUser,
        integrations: vec![missing.integration.id.clone()],
        // All that the integration asks for: asking for less now would ask again tomorrow.
        scopes: None,
        intent,
        connection: missing.connection,
        return_url: return_url.map(str::to_owned),
        created_by: asker.principal.key.clone(),
        agent: Some(missing.agent),
    };
    let made = match create(store, &missing.integration.workspace_id, new).await {
        Ok(made) => made,
        Err(error) if error.code == "return_url_required" => {
            return Ok(ConnectRequired {
                message: error.detail,
                reason: missing.reason,
                missing_scopes: missing.missing_scopes,
                fixable_by: FixableBy::Workspace,
                session: None,
            });
        }
        Err(error) => return Err(error),
    };
    let reason = if made.row.status == Status::Pending {
        ConnectReason::ConfirmationPending
    } else {
        missing.reason
    };
    Ok(ConnectRequired {
        message: message(reason, &missing.integration.slug),
        reason,
        missing_scopes: missing.missing_scopes,
        fixable_by: FixableBy::EndUser,
        session: Some(OpenSession {
            url: format!("{}/connect/{}", registry.public_url(), made.token),
            expires_at: Timestamp::from_millis(made.row.expires_at),
            id: made.row.id,
        }),
    })
}

fn message(reason: ConnectReason, app: &str) -> String {
    match reason {
        ConnectReason::NotConnected => {
            format!("Ask the person to open the link and connect {app}; then ask again.")
        }
        ConnectReason::MissingScopes => {
            format!(
                "{app} is connected with less than is needed. Ask the person to open the link and allow more."
            )
        }
        ConnectReason::ReauthorizationRequired => {
            format!(
                "{app} has ended the access. Ask the person to open the link and connect again."
            )
        }
        ConnectReason::ConfirmationPending => {
            format!(
                "{app} was connected a moment ago and waits for the platform's confirmation. Ask again shortly."
            )
        }
    }
}

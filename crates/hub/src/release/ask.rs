//! The token call's order: decide, read, commit the release, unseal, answer.

use base::Timestamp;
use connector::Action;

use super::{
    hand_out::{self, Issued, Ready},
    select::{self, Choice, Missing, Selected, Selection},
    signed::Request,
};
use crate::{
    Error, Kind, Result,
    agent::{self, Model as Agent},
    audit::{Draft, Outcome, Personal, Release, Subject, WriteError, Writer},
    end_user,
    policy::{Denied, Form},
    provider::Registry,
    refresh::Refresher,
    store::Store,
    workspace::api_key::{self, Owner, Principal, Role},
};

/// What the ask is for; exactly one.
#[derive(Clone, Debug)]
pub enum Target {
    /// Any integration with this provider.
    Provider(String),
    /// This integration, by id or slug.
    Integration(String),
    /// This connection.
    Connection(String),
}

/// A question for access.
#[derive(Clone, Debug)]
pub struct TokenAsk {
    /// For what.
    pub target: Target,
    /// For whom, by the platform's own id; none = a connection of the workspace.
    pub end_user: Option<String>,
    /// Which scopes; none = all that is allowed.
    pub scopes: Option<Vec<String>>,
    /// In which form; none = the narrowest that is allowed.
    pub form: Option<Form>,
    /// How long the token must still be good.
    pub min_ttl: std::time::Duration,
    /// Why, in the agent's own words.
    pub reason: Option<String>,
    /// To run this, in the place of a token: `scopes` and `form` say nothing then.
    pub action: Option<&'static Action>,
    /// What is about to be sent, where each request is signed (OAuth 1.0a): there is no token to give.
    pub request: Option<Request>,
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Asker {
    /// The key that was presented, and the epoch that belongs to it.
    pub principal: Principal,
    /// The agent as which a platform key asks, by slug.
    pub named_agent: Option<String>,
    /// For the audit record.
    pub request_id: String,
}

/// The form of a release for an action, as the chain names it.
const ACTION: &str = "action";

/// The answer, before a connect session is put to it.
pub enum Asked {
    /// Access.
    Issued(Box<Issued>),
    /// A person must link first, or again.
    Missing(Box<Missing>),
    /// There are several accounts: which?
    Choose(Vec<Choice>),
}

/// How far a question came, before anything is unsealed for its answer.
pub(crate) enum Reached {
    /// The release of this id is durable: the credential may be used.
    Released(Box<Ready>, String),
    /// A person must link first, or again.
    Missing(Box<Missing>),
    /// There are several accounts: which?
    Choose(Vec<Choice>),
}

/// How often a question is decided again because the workspace changed under it.
const ATTEMPTS: usize = 8;

/// The parts that a hand-out needs.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    /// The database.
    pub store: &'a Store,
    /// The providers.
    pub registry: &'a Registry,
    /// Refreshes.
    pub refresher: &'a Refresher,
    /// The one writer.
    pub writer: &'a Writer,
}

/// Answers one question. The release is durable before the credential is unsealed for the answer.
pub async fn release(
    store: &Store,
    registry: &Registry,
    writer: &Writer,
    refresher: &Refresher,
    asker: &Asker,
    ask: &TokenAsk,
) -> Result<Asked> {
    let parts = Parts { store, registry, refresher, writer };
    Ok(match reach(&parts, asker, ask).await? {
        Reached::Released(ready, release) => {
            Asked::Issued(Box::new(hand_out::unseal(&parts, *ready, release, ask).await?))
        }
        Reached::Missing(missing) => Asked::Missing(missing),
        Reached::Choose(choices) => Asked::Choose(choices),
    })
}

/// Decides, finds the connection, makes it fresh and records the release.
pub(crate) async fn reach(parts: &Parts<'_>, asker: &Asker, ask: &TokenAsk) -> Result<Reached> {
    let mut principal = asker.principal.clone();
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            // The key may be what was revoked.
            principal = api_key::again(parts.store, &principal).await?;
        }
        match attempt_once(parts, asker, &principal, ask).await? {
            Some(answer) => return Ok(answer),
            None => tokio::task::yield_now().await,
        }
    }
    Err(WriteError::EpochMoved.into())
}

/// None = the workspace changed meanwhile; nothing was released.
async fn attempt_once(
    parts: &Parts<'_>,
    asker: &Asker,
    principal: &Principal,
    ask: &TokenAsk,
) -> Result<Option<Reached>> {
    let (workspace, agent) = agent_of(parts.store, principal, asker.named_agent.as_deref()).await?;
    let end_user = match &ask.end_user {
        None => None,
        Some(_) if !agent.trusted_backend => {
            return Err(Error::forbidden(
                "end_user_not_vouched",
                "Only an agent marked `trusted_backend` may say by id whom it asks for.",
            ));
        }
        Some(subject) => end_user::find(parts.store, &workspace, subject).await?,
    };
    let who = Who { workspace, agent, end_user: end_user.map(|row| row.id) };
    let record = Record { parts, asker, principal, who: &who, ask };
    match select::select(parts, &who, ask).await? {
        Selection::Denied { denied, integration, provider } => {
            record.denial(&denied, &integration, &provider).await
        }
        Selection::Choose(choices) => Ok(Some(Reached::Choose(choices))),
        Selection::Missing(missing) => Ok(Some(Reached::Missing(missing))),
        Selection::Use(selected) => record.hand_out(*selected).await,
    }
}

/// Who asks for whom.
pub(super) struct Who {
    pub(super) workspace: String,
    pub(super) agent: Agent,
    pub(super) end_user: Option<String>,
}

/// The agent that a key speaks for: its own, or the one that a platform key with the role names.
async fn agent_of(
    store: &Store,
    principal: &Principal,
    named: Option<&str>,
) -> Result<(String, Agent)> {
    let not_an_agent = || {
        Error::forbidden(
            "not_an_agent",
            "Tokens are handed to agents: use an agent's key, or a platform key with the role `agent` that names one.",
        )
    };
    let workspace = principal.workspace.clone().ok_or_else(not_an_agent)?;
    if principal.workspace_status.as_deref() != Some("active") {
        return Err(Error::conflict(
            "workspace_closing",
            "This workspace is being closed; nothing is handed out any more.",
        ));
    }
    let agent = match (&principal.owner, named) {
        (Owner::Agent { agent, .. }, _) => agent::get(store, &workspace, agent).await?,
        (Owner::Platform(roles), Some(slug)) if roles.contains(&Role::Agent) => {
            agent::get(store, &workspace, slug).await?
        }
        _ => return Err(not_an_agent()),
    };
    if agent.status != "active" {
        return Err(Error::forbidden("agent_disabled", "This agent is disabled."));
    }
    Ok((workspace, agent))
}

struct Record<'a> {
    parts: &'a Parts<'a>,
    asker: &'a Asker,
    principal: &'a Principal,
    who: &'a Who,
    ask: &'a TokenAsk,
}

impl Record<'_> {
    async fn hand_out(&self, selected: Selected) -> Result<Option<Reached>> {
        let ready = match hand_out::prepare(self.parts, selected, self.ask).await? {
            hand_out::Prepared::Ready(ready) => ready,
            hand_out::Prepared::Missing(missing) => return Ok(Some(Reached::Missing(missing))),
            hand_out::Prepared::Denied { denied, integration, provider } => {
                return self.denial(&denied, &integration, &provider).await;
            }
        };
        let subject = Subject {
            workspace: &self.who.workspace,
            agent: Some(&self.who.agent.id),
            connection: Some(&ready.row.id),
            end_user: self.who.end_user.as_deref(),
        };
        let what = Release {
            integration: &ready.app.integration.id,
            provider: &ready.app.integration.provider,
            scopes: &ready.scopes,
            form: Some(ready.granted.form.map_or(ACTION, Form::word)),
            action: self.ask.action.map(|action| action.name),
            policy: Some(&ready.granted.policy),
            generation: Some(ready.row.generation),
            key: &self.principal.key,
        };
        let draft = self.draft(Outcome::Released, subject, &what).await?;
        let release = draft.id().to_owned();
        // A refresh on the way moves the epoch; what was decided before it is decided again.
        match self.parts.writer.append(draft, Some(self.principal.epoch)).await {
            Ok(_) => {}
            Err(WriteError::EpochMoved) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        Ok(Some(Reached::Released(ready, release)))
    }

    /// A refusal is recorded too; it waits for the commit, so that what the caller hears is kept.
    async fn denial(
        &self,
        denied: &Denied,
        integration: &str,
        provider: &str,
    ) -> Result<Option<Reached>> {
        let none = Vec::new();
        let subject = Subject {
            workspace: &self.who.workspace,
            agent: Some(&self.who.agent.id),
            connection: None,
            end_user: self.who.end_user.as_deref(),
        };
        let what = Release {
            integration,
            provider,
            scopes: match self.ask.action {
                Some(_) => &denied.scopes,
                None => self.ask.scopes.as_ref().unwrap_or(&none),
            },
            form: match self.ask.action {
                Some(_) => Some(ACTION),
                None => self.ask.form.map(Form::word),
            },
            action: self.ask.action.map(|action| action.name),
            policy: denied.policy.as_deref(),
            generation: None,
            key: &self.principal.key,
        };
        let draft = self.draft(Outcome::Denied, subject, &what).await?;
        self.parts.writer.append(draft, None).await?;
        let detail =
            format!("{} Ask the workspace's owner for a policy that allows it.", denied.why);
        Err(Error::new(Kind::Forbidden, "policy_denied", detail)
            .with("policy", denied.policy.clone())
            .with("denied_scopes", denied.scopes.clone()))
    }

    async fn draft(
        &self,
        outcome: Outcome,
        subject: Subject<'_>,
        what: &Release<'_>,
    ) -> Result<Draft> {
        let personal = Personal { reason: self.ask.reason.as_deref() };
        let request_id = &self.asker.request_id;
        Draft::release(self.parts.store, outcome, subject, what, &personal, request_id).await
    }
}

/// Whether a token that ends then is still good for so long.
pub(super) fn lasts(expires_at: Option<i64>, now: Timestamp, ttl: std::time::Duration) -> bool {
    expires_at.is_none_or(|end| now.plus(ttl) < Timestamp::from_millis(end))
}

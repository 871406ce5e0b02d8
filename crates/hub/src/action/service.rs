//! An action from question to answer: decide, record, run, record.

use connector::{Action, Effect, ErrorKind};
use serde_json::Value;

use super::{
    fault,
    run::{Came, MOST, Run},
};
use crate::{
    Error, Result,
    refresh::{Freshness, can_renew},
    release::{Asker, Choice, Missing, Parts, Reached, Ready, Target, TokenAsk, reach},
    session::{self, ConnectRequired},
};

/// What an agent wants done.
#[derive(Clone, Debug)]
pub struct Done {
    /// Which action.
    pub action: &'static Action,
    /// With what.
    pub target: Target,
    /// For whom, by the platform's own id; none = a connection of the workspace.
    pub end_user: Option<String>,
    /// What the action takes.
    pub input: Value,
    /// Only say what would be sent.
    pub dry_run: bool,
    /// Why, in the agent's own words.
    pub reason: Option<String>,
    /// Where the browser goes if the person has to link first.
    pub return_url: Option<String>,
}

/// What an action gave.
#[derive(Debug)]
pub struct Ran {
    /// Its output, or what would be sent.
    pub came: Came,
    /// The connection.
    pub connection: String,
    /// The record.
    pub release: String,
}

/// The answer.
pub enum Told {
    /// It was done, or shown.
    Ran(Box<Ran>),
    /// A person must link.
    ConnectRequired(Box<ConnectRequired>),
    /// Which account?
    SelectionRequired(Vec<Choice>),
}

/// Runs an action. Nothing is sent before its release is durable, and what became of it is recorded.
///
/// What changes something is sent once. What only looks is sent once more where the provider says that the
/// token has ended, after that token was renewed.
pub async fn perform(parts: &Parts<'_>, asker: &Asker, wish: &Done) -> Result<Told> {
    if let Err(error) = wish.action.check(&wish.input) {
        let detail = format!(
            "The input is none of `{}`: {}. GET /v1/actions has its schema. Nothing was sent.",
            wish.action.name, error.message
        );
        return Err(Error::invalid("action_input_invalid", detail));
    }
    let ask = TokenAsk {
        target: wish.target.clone(),
        end_user: wish.end_user.clone(),
        scopes: None,
        form: None,
        min_ttl: MOST,
        reason: wish.reason.clone(),
        action: Some(wish.action),
        request: None,
    };
    let once_more = wish.action.effect == Effect::Read;
    match attempt(parts, asker, wish, &ask).await? {
        Attempt::Told(told) => Ok(told),
        Attempt::Ended(ready, said) => {
            let name = ready.app.connector.manifest().display_name.clone();
            let renewed = renewed(parts, &ready).await?;
            if !renewed {
                return missing(parts, asker, wish, &ask, ready.ended()).await;
            }
            if !once_more {
                return Err(fault::answer(&name, &said));
            }
            match attempt(parts, asker, wish, &ask).await? {
                Attempt::Told(told) => Ok(told),
                Attempt::Ended(ready, _) => missing(parts, asker, wish, &ask, ready.ended()).await,
            }
        }
    }
}

enum Attempt {
    Told(Told),
    /// The provider says that the token has ended.
    Ended(Box<Ready>, connector::Error),
}

async fn attempt(parts: &Parts<'_>, asker: &Asker, wish: &Done, ask: &TokenAsk) -> Result<Attempt> {
    let (ready, release) = match reach(parts, asker, ask).await? {
        Reached::Released(ready, release) => (ready, release),
        Reached::Choose(choices) => return Ok(Attempt::Told(Told::SelectionRequired(choices))),
        Reached::Missing(gap) => {
            return missing(parts, asker, wish, ask, *gap).await.map(Attempt::Told);
        }
    };
    let run = Run {
        store: parts.store.clone(),
        registry: parts.registry.clone(),
        writer: parts.writer.clone(),
        row: ready.row.clone(),
        app: ready.app.clone(),
        scopes: ready.scopes.clone(),
        agent: ready.agent.clone(),
        release: release.clone(),
        request_id: asker.request_id.clone(),
        action: wish.action,
        input: wish.input.clone(),
        dry: wish.dry_run,
    };
    let came = match run.detached().await? {
        Ok(came) => came,
        Err(said) if said.kind == ErrorKind::Reauthorize => {
            return Ok(Attempt::Ended(ready, said));
        }
        Err(said) => {
            let name = &ready.app.connector.manifest().display_name;
            return Err(fault::answer(name, &said).with("release", release));
        }
    };
    let ran = Ran { came, connection: ready.row.id.clone(), release };
    Ok(Attempt::Told(Told::Ran(Box::new(ran))))
}

/// Whether the connection has a newer credential now. A token that can't be renewed in time is no reason to
/// link again: that is an error of its own.
async fn renewed(parts: &Parts<'_>, ready: &Ready) -> Result<bool> {
    if !can_renew(&ready.row, ready.app.connector.manifest(), parts.store.now()) {
        return Ok(false);
    }
    match parts.refresher.ensure(&ready.row).await? {
        Freshness::Row(row) => Ok(row.generation != ready.row.generation),
        Freshness::Later(after) => Err(Error::unavailable(
            "provider_unavailable",
            "The provider ended the token early, and it could not be renewed in time. Ask again later.",
            after,
        )),
    }
}

async fn missing(
    parts: &Parts<'_>,
    asker: &Asker,
    wish: &Done,
    ask: &TokenAsk,
    gap: Missing,
) -> Result<Told> {
    let (store, registry) = (parts.store, parts.registry);
    let return_url = wish.return_url.as_deref();
    let required = session::connect(store, registry, asker, ask, return_url, gap).await?;
    Ok(Told::ConnectRequired(Box::new(required)))
}

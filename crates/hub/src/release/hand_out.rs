//! From a decision to a credential in the asker's hands.

use std::time::Duration;

use base::{ExposeSecret, SecretString, Timestamp};
use connector::{Apply, Credential, ErrorKind};

use super::{
    ask::{Parts, TokenAsk, lasts},
    select::{ConnectReason, Missing, Selected},
    signed,
};
use crate::{
    Error, Result, client,
    connection::{self, Connection, Health, State, Status, Stored},
    integration::{App, with_secrets},
    policy::{Denied, Form, Granted, OwnerKind},
    refresh::{Freshness, can_renew},
};

/// Ready to be recorded.
pub(crate) struct Ready {
    pub(crate) row: Connection,
    pub(crate) app: App,
    pub(super) granted: Granted,
    /// What the token can really do, or what the action may use of it.
    pub(crate) scopes: Vec<String>,
    /// Who asked, and for whom.
    pub(crate) agent: String,
    narrowed: Option<Stored>,
}

impl Ready {
    /// The provider says that the grant has ended.
    pub(crate) fn ended(self) -> Missing {
        again(self.row, &self.app, self.granted, self.agent)
    }
}

pub(super) enum Prepared {
    Ready(Box<Ready>),
    Missing(Box<Missing>),
    /// What was allowed does not open what is to be sent.
    Denied {
        denied: Denied,
        integration: String,
        provider: String,
    },
}

/// What an agent is given.
pub struct Issued {
    /// The token, where the credential is one token.
    pub access_token: Option<SecretString>,
    /// As the provider calls it.
    pub token_type: String,
    /// How to place the credential in a request.
    pub apply: Apply,
    /// When it ends; none = it does not.
    pub expires_at: Option<Timestamp>,
    /// What it can do.
    pub scopes: Vec<String>,
    /// In which form.
    pub form: Form,
    /// Where the provider's API is.
    pub api_base: Option<String>,
    /// The connection.
    pub connection: String,
    /// The record.
    pub release: String,
}

/// Makes sure that the credential is good for long enough, as far as that can be had.
pub(super) async fn prepare(
    parts: &Parts<'_>,
    selected: Selected,
    ask: &TokenAsk,
) -> Result<Prepared> {
    let Selected { mut row, app, granted, agent } = selected;
    if !lasts(row.expires_at, parts.store.now(), to_be_had(&row, ask.min_ttl)) {
        let is_renewable = row.due_at.is_some();
        let can_refresh = can_renew(&row, app.connector.manifest(), parts.store.now());
        let outcome = if can_refresh { Some(parts.refresher.ensure(&row).await?) } else { None };
        let mut wait = Duration::from_secs(5);
        match outcome {
            Some(Freshness::Row(newer)) => row = *newer,
            Some(Freshness::Later(after)) => wait = after,
            None => {}
        }
        if row.status != Status::Active {
            return Err(Error::conflict(
                "connection_disabled",
                "The connection was switched off meanwhile.",
            ));
        }
        let dead = row.state == State::Reauth || row.health == Health::ReauthorizationRequired;
        // A still-valid token is handed out, whatever became of the refresh.
        if !lasts(row.expires_at, parts.store.now(), Duration::ZERO) {
            if dead || !is_renewable {
                return Ok(Prepared::Missing(Box::new(again(row, &app, granted, agent))));
            }
            return Err(unavailable(parts, &row, &app, wait).await?);
        }
    }
    let mut scopes = match granted.form {
        // A signature can do no more than what it is given for.
        Some(Form::WholeToken) if !signed::is_signed(&app) => row.scopes.0.clone(),
        Some(_) | None => granted.scopes.clone(),
    };
    scopes.sort();
    if let Some(denied) = signed::check(parts, &row, &app, &granted, &scopes, ask).await? {
        let (integration, provider) = (app.integration.id, app.integration.provider);
        return Ok(Prepared::Denied { denied, integration, provider });
    }
    let narrowed = match granted.form {
        // What is signed for one request alone needs no other token.
        Some(Form::NarrowedToken) if !signed::is_signed(&app) => {
            Some(narrow(parts, &row, &app, &scopes).await?)
        }
        Some(_) | None => None,
    };
    Ok(Prepared::Ready(Box::new(Ready { row, app, granted, scopes, agent, narrowed })))
}

/// How much of a wish can be met: one for longer than this provider's tokens live would else cause one
/// refresh after another.
fn to_be_had(row: &Connection, wish: Duration) -> Duration {
    let at = |millis| Timestamp::from_millis(millis);
    match (row.refreshed_at, row.expires_at) {
        (Some(from), Some(end)) if at(from).until(at(end)) <= wish => {
            at(from).until(at(end)) * 9 / 10
        }
        _ => wish,
    }
}

fn again(row: Connection, app: &App, granted: Granted, agent: String) -> Missing {
    Missing {
        reason: ConnectReason::ReauthorizationRequired,
        missing_scopes: Vec::new(),
        integration: app.integration.clone(),
        scopes: granted.scopes,
        owner: if row.end_user_id.is_some() { OwnerKind::EndUser } else { OwnerKind::Workspace },
        connection: Some(row.id),
        agent,
    }
}

/// What to say where a token has ended and no other is to be had now.
async fn unavailable(
    parts: &Parts<'_>,
    row: &Connection,
    app: &App,
    wait: Duration,
) -> Result<Error> {
    // Read again: the refresh that has just failed may be what suspended it.
    let client = match &app.client {
        Some(client) => Some(client::get_any(parts.store, &client.id).await?),
        None => None,
    };
    if client.is_some_and(|client| client.status == "suspended") {
        return Ok(Error::conflict(
            "client_suspended",
            "The provider refuses this integration's client. Its owner must correct it; nobody has to link again.",
        ));
    }
    let now = parts.store.now();
    let quiet = now.until(Timestamp::from_millis(row.quiet_until));
    let why = row.health_reason.as_deref().unwrap_or("it does not answer in time");
    Ok(Error::unavailable(
        "provider_unavailable",
        format!(
            "{} could not renew the access now: {why}. The connection is kept; try again later.",
            app.connector.manifest().display_name
        ),
        wait.max(quiet).max(Duration::from_secs(1)),
    ))
}

/// Asks the provider for a token of fewer scopes (RFC 6749, section 6).
async fn narrow(
    parts: &Parts<'_>,
    row: &Connection,
    app: &App,
    scopes: &[String],
) -> Result<Stored> {
    let stored = connection::open_credential(parts.store, row).await?;
    let tokens = match &stored.credential {
        Credential::OAuth(tokens) if app.connector.manifest().can_narrow() => tokens,
        _ => {
            return Err(Error::conflict(
                "cannot_narrow",
                format!(
                    "{} gives no narrower tokens. Ask for the form `whole_token`, where a policy allows it.",
                    app.connector.manifest().display_name
                ),
            ));
        }
    };
    let inputs = app.inputs(&stored.inputs)?;
    let endpoints = app.endpoints(parts.store, parts.registry, &inputs).await?;
    let clients = app.oauth_clients(parts.store, parts.registry).await?;
    let narrowed = with_secrets(&clients, |client| {
        oauth::narrow(
            parts.registry.outbound(),
            parts.store.now(),
            app.connector.as_ref(),
            &endpoints,
            client,
            tokens,
            scopes,
        )
    })
    .await
    .map_err(|error| narrow_failed(app, &error))?;
    let truly = narrowed.scopes.clone().unwrap_or_default();
    if truly.iter().any(|scope| !scopes.contains(scope)) {
        return Err(Error::unavailable(
            "provider_did_not_narrow",
            "The provider was asked for a narrower token and gave a wider one; it was not handed out.",
            Duration::from_mins(1),
        ));
    }
    Ok(Stored { inputs: stored.inputs.clone(), credential: Credential::OAuth(narrowed) })
}

fn narrow_failed(app: &App, error: &oauth::Error) -> Error {
    let wait = match error.kind() {
        ErrorKind::RateLimited(Some(after)) => after,
        _ => Duration::from_secs(5),
    };
    Error::unavailable(
        "provider_unavailable",
        format!(
            "{} did not give a narrower token: {error}.",
            app.connector.manifest().display_name
        ),
        wait,
    )
}

/// After the release is durable: opens the credential and says how to place it.
pub(super) async fn unseal(
    parts: &Parts<'_>,
    ready: Ready,
    release: String,
    ask: &TokenAsk,
) -> Result<Issued> {
    let Ready { row, app, granted, scopes, narrowed, .. } = ready;
    let stored = match narrowed {
        Some(stored) => stored,
        None => connection::open_credential(parts.store, &row).await?,
    };
    let form =
        granted.form.ok_or_else(|| Error::internal("a release for an action is no token"))?;
    let manifest = app.connector.manifest();
    let inputs = app.inputs(&stored.inputs)?;
    let mut apply = manifest.apply(&stored.credential);
    let (access_token, token_type, expires_at) = match &stored.credential {
        Credential::OAuth(tokens) => (
            Some(SecretString::from(tokens.access.expose_secret().to_owned())),
            tokens.token_type.clone(),
            tokens.expires_at,
        ),
        Credential::OAuth1(_) if signed::is_signed(&app) => {
            apply = signed::sign(parts, &app, &stored, form, &scopes, ask).await?;
            // It is good for this one request, and by its time only for a short while.
            (None, "OAuth".to_owned(), Some(parts.store.now()))
        }
        Credential::OAuth1(_) | Credential::Keys(_) => (None, "custom".to_owned(), None),
    };
    Ok(Issued {
        apply,
        api_base: manifest.api_base(&inputs, &stored.credential).map(|url| url.to_string()),
        access_token,
        token_type,
        expires_at,
        scopes,
        form,
        connection: row.id,
        release,
    })
}

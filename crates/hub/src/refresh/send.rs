//! One refresh at the provider, under a lease.

use std::time::Duration;

use base::Timestamp;
use connector::{AuthKind, Credential, ErrorKind, TokenSet};

use crate::{
    Result,
    connection::{Connection, Stored, open_credential},
    integration::{self, App},
    provider::Registry,
    store::Store,
};

/// What came of it.
pub(super) enum Outcome {
    /// A new credential.
    Fresh { stored: Stored, app: Box<App> },
    /// The provider says that this refresh token will never work again.
    Dead { code: Option<String>, message: String },
    /// The provider refuses our client, with its former secret too.
    ClientRefused { client: String, message: String },
    /// It may work later.
    Later { after: Option<Duration>, message: String, code: Option<String>, certainly_unsent: bool },
}

/// The longest a provider may take to answer.
const LIMITS: outbound::Limits = outbound::Limits {
    connect: Duration::from_secs(5),
    total: Duration::from_secs(10),
    max_body: 64 * 1024,
};

fn later(message: impl Into<String>, certainly_unsent: bool) -> Outcome {
    Outcome::Later { after: None, message: message.into(), code: None, certainly_unsent }
}

/// Sends the refresh. No retries: the row's quiet time decides when it may be sent again.
pub(super) async fn send(store: &Store, registry: &Registry, row: &Connection) -> Outcome {
    match try_send(store, registry, row).await {
        Ok(outcome) => outcome,
        // Our own failure, before anything was sent.
        Err(error) => {
            tracing::warn!(connection = %row.id, %error, "a refresh could not be prepared");
            later(error.detail, true)
        }
    }
}

async fn try_send(store: &Store, registry: &Registry, row: &Connection) -> Result<Outcome> {
    let integration = integration::get(store, &row.workspace_id, &row.integration_id).await?;
    let app = App::load(store, registry, integration).await?;
    let stored = open_credential(store, row).await?;
    let Credential::OAuth(tokens) = &stored.credential else {
        return Ok(later("This credential does not expire.", true));
    };
    let inputs = app.inputs(&stored.inputs)?;
    let endpoints = app.endpoints(store, registry, &inputs).await?;
    let clients = app.oauth_clients(store, registry).await?;
    let mut refused = None;
    for client in &clients {
        let now = store.now();
        let answer = if app.connector.manifest().auth.kind == AuthKind::Oauth2ClientCredentials {
            let scopes = &app.integration.scopes.0;
            oauth::client_credentials(
                registry.outbound(),
                now,
                app.connector.as_ref(),
                &endpoints,
                client,
                scopes,
            )
            .await
        } else {
            refresh(registry, now, &app, &endpoints, client, tokens).await
        };
        match answer {
            Ok(fresh) => {
                let stored =
                    Stored { inputs: stored.inputs.clone(), credential: Credential::OAuth(fresh) };
                return Ok(Outcome::Fresh { stored, app: Box::new(app) });
            }
            Err(error) if error.kind() == ErrorKind::ClientConfig => refused = Some(error),
            Err(error) => return Ok(classify(&error)),
        }
    }
    let message = refused.map_or_else(String::new, |error| error.to_string());
    let client = app.client.map(|client| client.id).unwrap_or_default();
    Ok(Outcome::ClientRefused { client, message })
}

async fn refresh(
    registry: &Registry,
    now: Timestamp,
    app: &App,
    endpoints: &oauth::Endpoints,
    client: &oauth::Client,
    tokens: &TokenSet,
) -> Result<TokenSet, oauth::Error> {
    let connector = app.connector.as_ref();
    let request = oauth::refresh::request(connector, endpoints, client, tokens, None)?;
    let reply = registry.outbound().send(request, LIMITS).await?;
    oauth::refresh::read(connector, now, tokens, &reply)
}

fn classify(error: &oauth::Error) -> Outcome {
    let code = error.provider_code().map(str::to_owned);
    let message = error.to_string();
    match error.kind() {
        ErrorKind::Reauthorize => Outcome::Dead { code, message },
        ErrorKind::RateLimited(after) => {
            Outcome::Later { after, message, code, certainly_unsent: false }
        }
        _ => Outcome::Later {
            after: None,
            message,
            code,
            certainly_unsent: !error.may_have_been_received(),
        },
    }
}

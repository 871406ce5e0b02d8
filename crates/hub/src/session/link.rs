//! From "Continue" to the provider's answer.

use std::collections::BTreeMap;

use base::{ExposeSecret, SecretString, constant_time_eq};
use connector::{AuthKind, Credential, Inputs};
use oauth::CallbackError;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use serde::{Deserialize, Serialize};
use url::Url;
use vault::Place;

use super::{
    Fault, Session, Status,
    entity::{Column, Entity},
    finish, signed,
};
use crate::{
    Error, Result,
    connection::Stored,
    integration::{self, App},
    provider::Registry,
    store::{SYSTEM, Store},
};

/// Where the browser goes next.
pub enum Start {
    /// To the provider.
    Provider(Url),
    /// Nowhere: no provider page is needed, and the session is pending.
    Finished,
}

/// What must survive the way to the provider and back.
#[derive(Serialize, Deserialize)]
pub(super) struct Flow {
    #[serde(flatten)]
    pub(super) proof: Proof,
    pub(super) inputs: BTreeMap<String, String>,
}

/// With what the answer becomes a credential.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Proof {
    /// OAuth 2.0.
    Code { pkce_verifier: String, nonce: Option<String> },
    /// OAuth 1.0a: the temporary credentials.
    Temporary { token: String, token_secret: String },
}

fn flow_place(row: &Session, generation: i64) -> Place<'_> {
    Place {
        workspace: &row.workspace_id,
        row: &row.id,
        field: "flow",
        generation: u64::try_from(generation).unwrap_or(0),
    }
}

fn state_digest(store: &Store, state: &str) -> Vec<u8> {
    store.keys().digest("oauth-state", state.as_bytes()).to_vec()
}

pub(super) async fn app_of(store: &Store, registry: &Registry, row: &Session) -> Result<App> {
    let id = row.integration_id.as_deref().or(match row.integrations.0.as_slice() {
        [only] => Some(only.as_str()),
        _ => None,
    });
    let id = id.ok_or_else(|| Error::conflict("nothing_picked", "Pick an app first."))?;
    let found = integration::get(store, &row.workspace_id, id).await?;
    App::load(store, registry, found).await
}

/// The scopes that this session asks for at the provider.
pub(super) fn wanted_scopes(row: &Session, app: &App) -> Vec<String> {
    let all = &app.integration.scopes.0;
    match &row.scopes {
        // Fewer than the integration's only where the session says so.
        Some(only) => all.iter().filter(|scope| only.0.contains(scope)).cloned().collect(),
        None => all.clone(),
    }
}

pub(super) fn check_linking(row: &Session) -> Result<()> {
    match row.status {
        Status::Linking | Status::Failed => Ok(()),
        _ => Err(Error::conflict(
            "session_over",
            "This link has been finished already. Go back to where you came from.",
        )),
    }
}

/// Starts: sends the browser to the provider, or asks the provider directly where no person is needed.
pub async fn start(
    store: &Store,
    registry: &Registry,
    row: &Session,
    answers: &BTreeMap<String, String>,
) -> Result<Start> {
    check_linking(row)?;
    let app = app_of(store, registry, row).await?;
    let inputs = app.inputs(answers)?;
    if let Some(client) = &app.client {
        // It may have been lowered since the integration was made.
        integration::check_ceiling(client, &wanted_scopes(row, &app))?;
    }
    match app.connector.manifest().auth.kind {
        AuthKind::Oauth2Code => to_provider(store, registry, row, &app, &inputs, answers).await,
        AuthKind::Oauth1 => signed::to_provider(store, registry, row, &app, &inputs, answers).await,
        AuthKind::Oauth2ClientCredentials => {
            let endpoints = app.endpoints(store, registry, &inputs).await?;
            let clients = app.oauth_clients(store, registry).await?;
            let scopes = wanted_scopes(row, &app);
            let tokens = integration::with_secrets(&clients, |client| {
                oauth::client_credentials(
                    registry.outbound(),
                    store.now(),
                    app.connector.as_ref(),
                    &endpoints,
                    client,
                    &scopes,
                )
            })
            .await
            .map_err(|error| provider_failed(&app, &error))?;
            let stored = Stored { inputs: answers.clone(), credential: Credential::OAuth(tokens) };
            finish_with(store, registry, row, &app, stored, &inputs).await?;
            Ok(Start::Finished)
        }
        AuthKind::ApiKey | AuthKind::Basic | AuthKind::SessionExchange | AuthKind::JwtBearer => {
            Err(Error::invalid("key_required", "This app is linked with a key: fill in the form."))
        }
    }
}

/// With what a person is sent to the provider.
pub(super) struct Asked {
    pub(super) endpoints: oauth::Endpoints,
    pub(super) clients: Vec<oauth::Client>,
    pub(super) scopes: Vec<String>,
    pub(super) options: oauth::AuthorizeOptions,
}

/// With a client that workspaces share the provider is made to ask again: another workspace's yes is none.
pub(super) async fn asked(
    store: &Store,
    registry: &Registry,
    row: &Session,
    app: &App,
    inputs: &Inputs,
) -> Result<Asked> {
    let shared = app.client.as_ref().is_some_and(|client| client.owner_id == SYSTEM);
    Ok(Asked {
        endpoints: app.endpoints(store, registry, inputs).await?,
        clients: app.oauth_clients(store, registry).await?,
        scopes: wanted_scopes(row, app),
        options: oauth::AuthorizeOptions { force_consent: shared, ..Default::default() },
    })
}

async fn to_provider(
    store: &Store,
    registry: &Registry,
    row: &Session,
    app: &App,
    inputs: &Inputs,
    answers: &BTreeMap<String, String>,
) -> Result<Start> {
    let asked = asked(store, registry, row, app, inputs).await?;
    let authorization = integration::with_secrets(&asked.clients, |client| {
        oauth::authorize(
            registry.outbound(),
            store.rng(),
            app.connector.as_ref(),
            &asked.endpoints,
            client,
            &asked.scopes,
            &asked.options,
        )
    })
    .await
    .map_err(|error| provider_failed(app, &error))?;
    let proof = Proof::Code {
        pkce_verifier: authorization.pkce_verifier.expose_secret().to_owned(),
        nonce: authorization.nonce.as_ref().map(|nonce| nonce.expose_secret().to_owned()),
    };
    let flow = Flow { proof, inputs: answers.clone() };
    keep_flow(store, row, app, &authorization.state, &flow).await?;
    Ok(Start::Provider(authorization.url))
}

/// Keeps what the way back needs, sealed; what an attempt before left is gone.
pub(super) async fn keep_flow(
    store: &Store,
    row: &Session,
    app: &App,
    state: &SecretString,
    flow: &Flow,
) -> Result<()> {
    let generation = row.generation + 1;
    let text = zeroize::Zeroizing::new(serde_json::to_vec(flow)?);
    let sealed = store.keys().seal(&flow_place(row, generation), &text).await?;
    let state = state_digest(store, state.expose_secret());
    let done = Entity::update_many()
        .col_expr(Column::StateDigest, Expr::value(state))
        .col_expr(Column::FlowSealed, Expr::value(sealed))
        .col_expr(Column::Generation, Expr::value(generation))
        .col_expr(Column::IntegrationId, Expr::value(app.integration.id.clone()))
        .col_expr(Column::Status, Expr::value(Status::Linking))
        .col_expr(Column::Error, Expr::value(None::<String>))
        .col_expr(Column::UpdatedAt, Expr::value(store.now().millis()))
        .filter(Column::Id.eq(row.id.as_str()))
        .filter(Column::Generation.eq(row.generation))
        .exec(store.write())
        .await?;
    if done.rows_affected == 0 {
        return Err(Error::conflict(
            "session_busy",
            "This link is open twice. Reload the page and continue.",
        ));
    }
    Ok(())
}

pub(super) fn provider_failed(app: &App, error: &oauth::Error) -> Error {
    tracing::warn!(integration = %app.integration.id, %error, "the provider refused or failed");
    Error::unavailable(
        "provider_unavailable",
        format!("{} can't be linked now: {error}.", app.connector.manifest().display_name),
        std::time::Duration::from_secs(10),
    )
}

/// The provider's answer, in the browser that was sent there. `client` is the one in the redirect URI.
pub async fn callback(
    store: &Store,
    registry: &Registry,
    row: &Session,
    client: &str,
    query: &[(String, String)],
) -> Result<()> {
    let refused = || {
        Error::new(
            crate::Kind::Invalid,
            "state_invalid",
            "This answer does not belong to a link that this browser started, or was used already. Start again from the link you were given.",
        )
    };
    let mut states = query.iter().filter(|(name, _)| name == "state").map(|(_, value)| value);
    let (Some(state), None) = (states.next(), states.next()) else { return Err(refused()) };
    let expected = row.state_digest.as_deref().ok_or_else(refused)?;
    if state.len() > 512 || !constant_time_eq(expected, &state_digest(store, state)) {
        return Err(refused());
    }
    let app = app_of(store, registry, row).await?;
    if app.client.as_ref().map(|client| client.id.as_str()) != Some(client) {
        return Err(refused());
    }
    let flow = take_flow(store, row, expected).await?.ok_or_else(refused)?;
    let inputs = app.inputs(&flow.inputs)?;
    let endpoints = app.endpoints(store, registry, &inputs).await?;
    let clients = app.oauth_clients(store, registry).await?;
    let way = Way { store, registry, app: &app, endpoints: &endpoints, clients: &clients };
    let brought = match flow.proof {
        Proof::Code { pkce_verifier, nonce } => way.code(row, query, pkce_verifier, nonce).await,
        Proof::Temporary { token, token_secret } => way.verifier(query, token, token_secret).await,
    };
    let credential = match brought {
        Ok(credential) => credential,
        Err(Broken::Refused(error)) => return fail(store, row, &error).await,
        Err(Broken::Stranger) => return Err(refused()),
        Err(Broken::Failed(error)) => {
            tracing::warn!(session = %row.id, %error, "the answer could not be exchanged");
            finish::failed(store, row, Fault::ProviderUnavailable).await?;
            return Err(provider_failed(&app, &error));
        }
    };
    let stored = Stored { inputs: flow.inputs, credential };
    finish_with(store, registry, row, &app, stored, &inputs).await
}

/// What an answer is exchanged with.
pub(super) struct Way<'a> {
    pub(super) store: &'a Store,
    pub(super) registry: &'a Registry,
    pub(super) app: &'a App,
    pub(super) endpoints: &'a oauth::Endpoints,
    pub(super) clients: &'a [oauth::Client],
}

/// Why an answer brought no credential.
pub(super) enum Broken {
    /// The provider, or the person there, says no.
    Refused(CallbackError),
    /// It is about another attempt than this one.
    Stranger,
    /// It could not be exchanged.
    Failed(oauth::Error),
}

impl Way<'_> {
    /// A code becomes tokens.
    async fn code(
        &self,
        row: &Session,
        query: &[(String, String)],
        pkce_verifier: String,
        nonce: Option<String>,
    ) -> Result<Credential, Broken> {
        let (app, endpoints) = (self.app, self.endpoints);
        let manifest = app.connector.manifest();
        let answer = oauth::read_callback(manifest, endpoints, self.clients, query)
            .map_err(Broken::Refused)?;
        let flow_secrets = oauth::FlowSecrets {
            pkce_verifier: SecretString::from(pkce_verifier),
            nonce: nonce.map(SecretString::from),
        };
        // A provider that refuses the client has not looked at the code.
        let mut tokens = integration::with_secrets(self.clients, |client| {
            oauth::exchange(
                self.registry.outbound(),
                self.store.now(),
                app.connector.as_ref(),
                endpoints,
                client,
                &answer,
                &flow_secrets,
            )
        })
        .await
        .map_err(Broken::Failed)?;
        // A reply without scopes means: as asked (RFC 6749, section 5.1).
        tokens.scopes.get_or_insert_with(|| wanted_scopes(row, app));
        Ok(Credential::OAuth(tokens))
    }
}

/// Takes what the attempt left, once: a replayed answer finds nothing.
async fn take_flow(store: &Store, row: &Session, state: &[u8]) -> Result<Option<Flow>> {
    let Some(sealed) = &row.flow_sealed else { return Ok(None) };
    let done = Entity::update_many()
        .col_expr(Column::StateDigest, Expr::value(None::<Vec<u8>>))
        .col_expr(Column::FlowSealed, Expr::value(None::<Vec<u8>>))
        .filter(Column::Id.eq(row.id.as_str()))
        .filter(Column::StateDigest.eq(state.to_vec()))
        .filter(Column::Generation.eq(row.generation))
        .exec(store.write())
        .await?;
    if done.rows_affected == 0 {
        return Ok(None);
    }
    let text = store.keys().open_sealed(&flow_place(row, row.generation), sealed).await?;
    Ok(Some(serde_json::from_slice(&text)?))
}

async fn fail(store: &Store, row: &Session, error: &CallbackError) -> Result<()> {
    let fault = match error {
        CallbackError::Denied(_) => Fault::Denied,
        CallbackError::AdminRequired(_) => Fault::AdminRequired,
        _ => Fault::ProviderUnavailable,
    };
    tracing::info!(session = %row.id, %error, "the provider sent the browser back without a grant");
    finish::failed(store, row, fault).await
}

/// Asks whose account it is, and keeps what came until the platform completes the session.
pub(super) async fn finish_with(
    store: &Store,
    registry: &Registry,
    row: &Session,
    app: &App,
    stored: Stored,
    inputs: &Inputs,
) -> Result<()> {
    let account = app.identify(store, registry, inputs, &stored.credential).await;
    let account = match account {
        Ok(account) => account,
        Err(error) => {
            finish::failed(store, row, Fault::ProviderUnavailable).await?;
            return Err(error);
        }
    };
    finish::pending(store, row, app, account, stored).await
}

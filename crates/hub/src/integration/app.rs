//! An integration ready for use: its connector, its answers, its client.

use std::{collections::BTreeMap, fmt::Display, sync::Arc};

use connector::{
    Account, Api, AuthKind, Connector, Credential, ErrorKind, Inputs, oauth1::Signing,
};
use oauth::Endpoints;

use super::Integration;
use crate::{
    Error, Result,
    client::{self, Client},
    provider::{self, Registry},
    store::Store,
};

/// All that is needed to speak with the provider on behalf of an integration.
#[derive(Clone)]
pub struct App {
    /// The integration.
    pub integration: Integration,
    /// The connector.
    pub connector: Arc<dyn Connector>,
    /// The client, where the provider knows clients.
    pub client: Option<Client>,
}

/// Asks the provider with the present secret, and while it refuses the client, with a former one:
/// `clients` as [`App::oauth_clients`] gives them.
pub async fn with_secrets<'a, T, Fut>(
    clients: &'a [oauth::Client],
    ask: impl Fn(&'a oauth::Client) -> Fut,
) -> Result<T, oauth::Error>
where
    Fut: Future<Output = Result<T, oauth::Error>>,
{
    let (first, former) = clients.split_first().expect("an app has one client at least");
    let mut answer = ask(first).await;
    for client in former {
        match answer {
            Err(error) if error.kind() == ErrorKind::ClientConfig => answer = ask(client).await,
            _ => break,
        }
    }
    answer
}

impl App {
    /// Loads what belongs to an integration.
    pub async fn load(
        store: &Store,
        registry: &Registry,
        integration: Integration,
    ) -> Result<Self> {
        let found = provider::find(
            store,
            registry,
            &integration.workspace_id,
            &integration.provider,
            integration.provider_version,
        )
        .await?;
        let client = match &integration.client_id {
            Some(id) => Some(client::get_any(store, id).await?),
            None => None,
        };
        Ok(Self { integration, connector: found.connector, client })
    }

    /// The integration's settings together with what was answered on the connect page.
    pub fn inputs(&self, answered: &BTreeMap<String, String>) -> Result<Inputs> {
        let mut all = answered.clone();
        // The workspace's settings win: whoever links does not change where secrets go.
        all.extend(self.integration.settings.0.clone());
        self.connector.manifest().check_inputs(&all).map_err(|error| {
            Error::invalid("input_invalid", error.to_string()).with("input", error.input)
        })
    }

    /// Where the provider's OAuth server listens.
    pub async fn endpoints(
        &self,
        store: &Store,
        registry: &Registry,
        inputs: &Inputs,
    ) -> Result<Endpoints> {
        registry.endpoints(self.connector.as_ref(), inputs, store.now()).await
    }

    /// The client as the OAuth engine takes it: with the present secret, then with a former one that
    /// is still tried. Never none.
    pub async fn oauth_clients(
        &self,
        store: &Store,
        registry: &Registry,
    ) -> Result<Vec<oauth::Client>> {
        if !self.connector.manifest().auth.kind.has_a_client() {
            // What a person filled in is exchanged without one.
            return Ok(vec![oauth::Client {
                client_id: String::new(),
                client_secret: None,
                redirect_uri: String::new(),
                auth: None,
                proof: proof(store),
                certificate: None,
            }]);
        }
        let client = self.client.as_ref().ok_or_else(|| {
            Error::conflict("client_missing", "This integration has no OAuth client.")
        })?;
        if client.status == "suspended" {
            return Err(suspended(client));
        }
        let redirect_uri =
            client.redirect_uri.clone().unwrap_or_else(|| registry.callback_url(&client.id));
        let proof = proof(store);
        let with = |client_secret| oauth::Client {
            client_id: client.client_id.clone(),
            client_secret,
            redirect_uri: redirect_uri.clone(),
            auth: None,
            proof: proof.clone(),
            certificate: None,
        };
        let secrets = client::secrets(store, client).await?;
        let manifest = self.connector.manifest();
        if manifest.client.certificate {
            let apart = |secret| oauth::take_apart(manifest, secret).ok();
            let all: Vec<_> = secrets.iter().filter_map(apart).collect();
            if all.is_empty() {
                return Err(certificate_missing());
            }
            let shown = |(secret, certificate)| oauth::Client {
                certificate: Some(certificate),
                ..with(secret)
            };
            return Ok(all.into_iter().map(shown).collect());
        }
        if secrets.is_empty() {
            return Ok(vec![with(None)]);
        }
        Ok(secrets.into_iter().map(|secret| with(Some(secret))).collect())
    }

    /// The API with a connection's answers and credential, ready to be called.
    pub async fn api(
        &self,
        store: &Store,
        registry: &Registry,
        answered: &BTreeMap<String, String>,
        credential: &Credential,
    ) -> Result<Api> {
        let manifest = self.connector.manifest();
        let inputs = self.inputs(answered)?;
        let outbound = registry.outbound().clone();
        let api = Api::new(outbound, manifest, &inputs, credential).map_err(|error| {
            Error::conflict("connection_unusable", format!("{}: {error}.", manifest.display_name))
        })?;
        self.as_client(store, registry, api).await
    }

    /// The API as the provider knows our client there: by what signs requests, or by a certificate.
    async fn as_client(&self, store: &Store, registry: &Registry, api: Api) -> Result<Api> {
        if !self.connector.manifest().client.certificate {
            return self.signing(store, registry, api).await;
        }
        // The present one: a token may be bound to it (RFC 8705, section 3).
        let clients = self.oauth_clients(store, registry).await?;
        Ok(api.showing(clients.into_iter().next().and_then(|client| client.certificate)))
    }

    /// The API with what signs its requests, where the provider wants them signed (OAuth 1.0a): the client,
    /// with its present secret and those former ones that are still tried.
    async fn signing(&self, store: &Store, registry: &Registry, api: Api) -> Result<Api> {
        if !self.connector.manifest().signs_requests() {
            return Ok(api);
        }
        let clients = self.oauth_clients(store, registry).await?;
        let mut secrets = clients.iter().filter_map(|client| client.client_secret.clone());
        let found = clients.first().map(|client| client.client_id.clone()).zip(secrets.next());
        let (client_id, client_secret) = found.ok_or_else(|| {
            Error::conflict(
                "client_secret_missing",
                "This app's requests are signed with the client's secret, and the client has none. Its owner can enter it.",
            )
        })?;
        let (clock, rng) = store.sources();
        let former = secrets.collect();
        Ok(api.signing(Signing { client_id, client_secret, former, clock, rng }))
    }

    /// What a person entered is not what the provider takes.
    pub(crate) fn refused(&self, error: &dyn Display) -> Error {
        let name = &self.connector.manifest().display_name;
        let text =
            format!("{name} does not accept this: {error}. Check what you entered and try again.");
        Error::invalid("credential_refused", text)
    }

    /// Asks the provider whose account a credential opens.
    pub async fn identify(
        &self,
        store: &Store,
        registry: &Registry,
        inputs: &Inputs,
        credential: &Credential,
    ) -> Result<Account> {
        let manifest = self.connector.manifest();
        let name = &manifest.display_name;
        let oauth =
            matches!(manifest.auth.kind, AuthKind::Oauth2Code | AuthKind::Oauth2ClientCredentials);
        let userinfo = match credential {
            Credential::OAuth(tokens) if oauth => {
                let endpoints = self.endpoints(store, registry, inputs).await?;
                endpoints.after(&tokens.captured).userinfo.clone()
            }
            _ => None,
        };
        let api = Api::new(registry.outbound().clone(), manifest, inputs, credential)
            .map_err(|error| Error::invalid("provider_refused", format!("{name}: {error}.")))?
            .with_userinfo(userinfo);
        let api = self.as_client(store, registry, api).await?;
        self.connector.identify(&api).await.map_err(|error| match error.kind {
            ErrorKind::Reauthorize | ErrorKind::Denied | ErrorKind::Invalid => self.refused(&error),
            _ => Error::unavailable(
                "provider_unavailable",
                format!("{name} did not say whose account this is: {error}. Try again shortly."),
                std::time::Duration::from_secs(10),
            ),
        })
    }
}

fn certificate_missing() -> Error {
    Error::conflict(
        "client_certificate_missing",
        "This app wants to be shown a certificate, and the client has none, or one that can't be read. Its owner can enter it.",
    )
}

/// What assertions are signed with, besides a key.
pub(crate) fn proof(store: &Store) -> oauth::Proof {
    let (clock, rng) = store.sources();
    oauth::Proof::Signed { clock, rng }
}

fn suspended(client: &Client) -> Error {
    Error::conflict(
        "client_suspended",
        format!(
            "The client `{}` is suspended: {}. Correct it, then POST /v1/clients/{}/test.",
            client.slug,
            client.status_reason.as_deref().unwrap_or("the provider refuses it"),
            client.id
        ),
    )
}

//! A manifest tried before it is used: what the hub would send with it. Only what is public is asked for, a
//! discovery document; nothing is kept.

use std::{collections::BTreeMap, sync::Arc};

use base::{ExposeSecret, SecretString};
use bytes::Bytes;
use connector::{
    Api, AuthKind, Connector, Credential, Declarative, Inputs, Manifest, Sketch, TokenSet,
    oauth1::TokenPair,
};
use http::Request;
use oauth::{
    AuthorizeOptions, CallbackAnswer, Client, Endpoints, FlowSecrets, Proof,
    oauth1::{self, Temporary},
};
use serde_json::Value;

use super::{Found, Registry, service};
use crate::{Error, Result, store::Store};

/// One request of many, in the order in which they come.
#[derive(Debug)]
pub struct Step {
    /// `request_token`, `authorize`, `token`, `refresh`, `introspect`, `revoke` or `identify`.
    pub name: &'static str,
    /// What would be sent, or why that can't be told yet: a value that only the provider tells.
    pub request: std::result::Result<Sketch, String>,
}

/// What a manifest would do.
pub struct DryRun {
    /// The provider as it would be.
    pub found: Found,
    /// What would be sent.
    pub steps: Vec<Step>,
}

/// What stands in the place of what only a real link has.
const CLIENT_ID: &str = "CLIENT_ID";
const CLIENT_SECRET: &str = "CLIENT_SECRET";

/// Says what the hub would send with this manifest and these settings. Reads and writes no row.
pub async fn dry_run(
    store: &Store,
    registry: &Registry,
    manifest: &str,
    settings: &BTreeMap<String, String>,
) -> Result<DryRun> {
    let manifest = service::read(registry, manifest)?;
    let inputs = manifest.check_inputs(settings).map_err(|error| {
        Error::invalid("input_invalid", format!("{error}. Name it in `settings`."))
            .with("input", error.input)
    })?;
    let connector: Arc<dyn Connector> = Arc::new(Declarative::new(manifest));
    let endpoints = registry.endpoints(connector.as_ref(), &inputs, store.now()).await?;
    let found = Found { connector: connector.clone(), version: None };
    let trial = Trial { store, registry, connector, inputs, endpoints };
    Ok(DryRun { found, steps: trial.steps().await })
}

struct Trial<'a> {
    store: &'a Store,
    registry: &'a Registry,
    connector: Arc<dyn Connector>,
    inputs: Inputs,
    endpoints: Endpoints,
}

type Told<T> = std::result::Result<T, String>;

impl Trial<'_> {
    fn manifest(&self) -> &Manifest {
        self.connector.manifest()
    }

    async fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut step = |name, request| steps.push(Step { name, request });
        match self.manifest().auth.kind {
            AuthKind::Oauth2Code => {
                step("authorize", self.authorize().await);
                step("token", self.code());
                step("refresh", self.refresh());
            }
            AuthKind::Oauth2ClientCredentials => step("token", self.client_credentials()),
            AuthKind::Oauth1 => {
                step("request_token", self.temporary());
                step("authorize", self.authorize_temporary());
                step("token", self.verifier());
            }
            AuthKind::SessionExchange | AuthKind::JwtBearer => step("token", self.filled_in()),
            AuthKind::ApiKey | AuthKind::Basic => {}
        }
        if self.manifest().urls.introspect.is_some() {
            step("introspect", self.introspect());
        }
        if self.manifest().can_revoke() {
            step("revoke", self.revoke());
        }
        if let Some(request) = self.identify().await.transpose() {
            step("identify", request);
        }
        steps
    }

    fn client(&self) -> Client {
        Client {
            client_id: CLIENT_ID.to_owned(),
            client_secret: Some(CLIENT_SECRET.into()),
            redirect_uri: self.registry.callback_url("CLIENT"),
            auth: None,
            proof: Proof::Shown("CLIENT_ASSERTION"),
            certificate: None,
        }
    }

    fn credential(&self) -> Credential {
        match self.manifest().auth.kind {
            AuthKind::Oauth2Code
            | AuthKind::Oauth2ClientCredentials
            | AuthKind::SessionExchange
            | AuthKind::JwtBearer => Credential::OAuth(tokens()),
            AuthKind::Oauth1 => Credential::OAuth1(TokenPair {
                token: "TOKEN".into(),
                secret: "TOKEN_SECRET".into(),
                captured: BTreeMap::new(),
            }),
            AuthKind::ApiKey | AuthKind::Basic => {
                let secret = self.manifest().inputs.iter().filter(|input| input.secret);
                let stands = |name: &str| SecretString::from(name.to_uppercase());
                Credential::Keys(
                    secret.map(|input| (input.name.clone(), stands(&input.name))).collect(),
                )
            }
        }
    }

    /// What is sent of what a person fills in.
    fn filled_in(&self) -> Told<Sketch> {
        let secrets = self.manifest().inputs.iter().filter(|input| input.secret);
        let secrets: Vec<_> =
            secrets.map(|input| (input.name.as_str(), input.name.to_uppercase())).collect();
        let secrets = secrets.iter().map(|(name, stands)| (*name, stands.as_str()));
        let open = self.inputs.as_map().iter().map(|(name, text)| (name.as_str(), text.as_str()));
        let filled_in = open.chain(secrets).collect();
        let (manifest, endpoints) = (self.manifest(), &self.endpoints);
        if manifest.auth.kind == AuthKind::SessionExchange {
            return sent(oauth::session::request(manifest, endpoints, &filled_in));
        }
        let (proof, scopes) = (Proof::Shown("ASSERTION"), &manifest.authorize.default_scopes);
        sent(oauth::jwt_bearer::request(manifest, endpoints, &proof, &filled_in, scopes))
    }

    async fn authorize(&self) -> Told<Sketch> {
        // A pushed request would be sent: the plain one says the same.
        let endpoints = Endpoints { par: None, par_required: false, ..self.endpoints.clone() };
        let authorization = oauth::authorize(
            self.registry.outbound(),
            self.store.rng(),
            self.connector.as_ref(),
            &endpoints,
            &self.client(),
            &self.manifest().authorize.default_scopes,
            &AuthorizeOptions::default(),
        )
        .await
        .map_err(told)?;
        Ok(page(authorization.url.into()))
    }

    fn temporary(&self) -> Told<Sketch> {
        let (now, rng) = (self.store.now(), self.store.rng());
        let (endpoints, client) = (&self.endpoints, self.client());
        let begun = oauth1::temporary_request(now, rng, self.manifest(), endpoints, &client);
        sent(begun.map(|(request, _)| request))
    }

    fn authorize_temporary(&self) -> Told<Sketch> {
        let scopes = &self.manifest().authorize.default_scopes;
        let (options, token) = (AuthorizeOptions::default(), "TEMPORARY_TOKEN".into());
        oauth1::authorize_url(self.manifest(), &self.endpoints, scopes, &options, &token)
            .map(|url| page(url.into()))
            .map_err(told)
    }

    fn verifier(&self) -> Told<Sketch> {
        let (now, rng) = (self.store.now(), self.store.rng());
        let temporary =
            Temporary { token: "TEMPORARY_TOKEN".into(), secret: "TEMPORARY_SECRET".into() };
        let (endpoints, client, verifier) = (&self.endpoints, self.client(), "VERIFIER".into());
        let manifest = self.manifest();
        sent(oauth1::token_request(now, rng, manifest, endpoints, &client, &temporary, &verifier))
    }

    fn code(&self) -> Told<Sketch> {
        let answer = CallbackAnswer { code: "CODE".into(), captured: BTreeMap::new() };
        let flow = FlowSecrets { pkce_verifier: "CODE_VERIFIER".into(), nonce: None };
        let (endpoints, client) = (&self.endpoints, self.client());
        sent(oauth::exchange_request(self.manifest(), endpoints, &client, &answer, &flow))
    }

    fn client_credentials(&self) -> Told<Sketch> {
        let scopes = &self.manifest().authorize.default_scopes;
        sent(oauth::client_credentials_request(
            self.manifest(),
            &self.endpoints,
            &self.client(),
            scopes,
        ))
    }

    fn refresh(&self) -> Told<Sketch> {
        let (endpoints, client, tokens) = (&self.endpoints, self.client(), tokens());
        sent(oauth::refresh::request(self.connector.as_ref(), endpoints, &client, &tokens, None))
    }

    fn introspect(&self) -> Told<Sketch> {
        let (endpoints, client, tokens) = (&self.endpoints, self.client(), tokens());
        maybe_sent(oauth::introspect_request(self.manifest(), endpoints, &client, &tokens))
    }

    fn revoke(&self) -> Told<Sketch> {
        let (endpoints, client, tokens) = (&self.endpoints, self.client(), tokens());
        maybe_sent(oauth::revoke_request(self.manifest(), endpoints, &client, &tokens))
    }

    /// None where nothing is asked.
    async fn identify(&self) -> Told<Option<Sketch>> {
        let credential = self.credential();
        let outbound = self.registry.outbound().clone();
        let api = Api::new(outbound, self.manifest(), &self.inputs, &credential)
            .map_err(told)?
            .with_userinfo(self.endpoints.userinfo.clone());
        let sketch =
            connector::sketch_identify(self.connector.as_ref(), api).await.map_err(told)?;
        // It holds no secret, and where the credential goes is what one wants to see.
        Ok(sketch.map(|mut sketch| {
            let placed = self.manifest().apply(&credential);
            if self.manifest().signs_requests() {
                let signed = "OAuth …, signed with CLIENT_SECRET and TOKEN_SECRET".to_owned();
                sketch.headers.insert("authorization".to_owned(), signed);
            }
            if placed.path.is_some()
                && let Ok(url) = url::Url::parse(&sketch.url)
            {
                let base = self.manifest().api_base(&self.inputs, &credential);
                sketch.url = placed.in_path(base.as_ref(), url).into();
            }
            for (name, value) in placed.headers {
                sketch.headers.insert(name, readable(value.expose_secret()));
            }
            for (name, value) in placed.query {
                let and = if sketch.url.contains('?') { '&' } else { '?' };
                sketch.url = format!("{}{and}{name}={}", sketch.url, value.expose_secret());
            }
            sketch
        }))
    }
}

fn tokens() -> TokenSet {
    let refresh = Some("REFRESH_TOKEN".into());
    TokenSet { refresh, ..TokenSet::bearer("ACCESS_TOKEN") }
}

/// Where the browser goes.
fn page(url: String) -> Sketch {
    Sketch { method: "GET".to_owned(), url, headers: BTreeMap::new(), body: Value::Null }
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn sent(request: std::result::Result<Request<Bytes>, oauth::Error>) -> Told<Sketch> {
    request.map(|request| shown(&request)).map_err(told)
}

fn maybe_sent(request: std::result::Result<Option<Request<Bytes>>, oauth::Error>) -> Told<Sketch> {
    match request {
        Ok(Some(request)) => Ok(shown(&request)),
        Ok(None) => Err("there is no address for it".to_owned()),
        Err(error) => Err(told(error)),
    }
}

fn shown(request: &Request<Bytes>) -> Sketch {
    let headers = request.headers().iter().map(|(name, value)| {
        (name.as_str().to_owned(), readable(&String::from_utf8_lossy(value.as_bytes())))
    });
    let body = request.body();
    let form = || -> Value {
        let fields = url::form_urlencoded::parse(body).into_owned();
        fields.map(|(name, value)| (name, Value::from(value))).collect()
    };
    Sketch {
        method: request.method().to_string(),
        url: request.uri().to_string(),
        headers: headers.collect(),
        body: match serde_json::from_slice(body) {
            Ok(json) => json,
            Err(_) if body.is_empty() => Value::Null,
            Err(_) => form(),
        },
    }
}

/// HTTP Basic as a person reads it: `Basic base64(CLIENT_ID:CLIENT_SECRET)`.
fn readable(value: &str) -> String {
    let decoded = value
        .strip_prefix("Basic ")
        .and_then(|text| data_encoding::BASE64.decode(text.as_bytes()).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.map_or_else(|| value.to_owned(), |pair| format!("Basic base64({pair})"))
}

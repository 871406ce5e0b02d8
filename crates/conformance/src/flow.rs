//! A connector in use: the engine between it and the provider in this process.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use base::{ExposeSecret, ManualClock, SecretString, SeededRng, Timestamp};
use connector::{
    Account, Api, AuthKind, Credential, Inputs, TokenSet,
    manifest::{CallbackVerify, Capture},
};
use oauth::{
    Authorization, AuthorizeOptions, CallbackAnswer, CallbackError, Client, Endpoints, FlowSecrets,
    Proof,
};
use outbound::{Limits, Outbound};
use url::form_urlencoded;

use crate::{
    Subject,
    fixture::Fixture,
    keys,
    peer::{Answer, Peer},
    signed,
};

/// When it is.
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);

/// A client's secret with everything in it that an encoding can get wrong.
pub(crate) const SECRET: &str = "s3&c+r%e?t:=/ ü";

/// A code that is as difficult.
pub(crate) const CODE: &str = "c0&d+e%2F?:=/";

/// What the token endpoint may take, as in the engine.
const TOKEN: Limits =
    Limits { connect: Duration::from_secs(5), total: Duration::from_secs(10), max_body: 64 * 1024 };

pub(crate) struct Flow<'a> {
    pub(crate) subject: &'a Subject,
    pub(crate) peer: Peer,
    pub(crate) outbound: Outbound,
    pub(crate) inputs: Inputs,
    pub(crate) endpoints: Endpoints,
    pub(crate) client: Client,
}

impl<'a> Flow<'a> {
    /// Finds the endpoints; nothing is linked yet.
    pub(crate) async fn start(subject: &'a Subject) -> Self {
        let peer = Peer::default();
        if subject.manifest().issuer.is_some() {
            peer.discoverable(subject.fixture("discovery").body);
        }
        let outbound = peer.outbound();
        let inputs = subject.inputs();
        let endpoints = oauth::endpoints(&outbound, subject.manifest(), &inputs, NOW)
            .await
            .unwrap_or_else(|error| panic!("the endpoints are not found: {error}"));
        peer.at(&endpoints);
        let (client_secret, certificate) = keys::client(subject.manifest());
        let client = Client {
            client_id: "cl:ient&1".to_owned(),
            client_secret,
            certificate,
            redirect_uri: "https://hub.example/oauth/callback/cli_1".to_owned(),
            auth: None,
            proof: Proof::Signed {
                clock: Arc::new(ManualClock::at(NOW)),
                rng: Arc::new(SeededRng::new(3)),
            },
        };
        Self { subject, peer, outbound, inputs, endpoints, client }
    }

    pub(crate) async fn authorize(&self, seed: u64, options: &AuthorizeOptions) -> Authorization {
        let rng = SeededRng::new(seed);
        let (connector, scopes) = (self.subject.connector.as_ref(), self.subject.scopes());
        oauth::authorize(
            &self.outbound,
            &rng,
            connector,
            &self.endpoints,
            &self.client,
            &scopes,
            options,
        )
        .await
        .unwrap_or_else(|error| panic!("no authorization begins: {error}"))
    }

    /// Links, with this reply of the token endpoint.
    pub(crate) async fn link(&self, reply: Answer) -> Result<TokenSet, oauth::Error> {
        let connector = self.subject.connector.as_ref();
        if self.subject.manifest().auth.kind.is_exchanged() {
            return self.exchanged(reply).await;
        }
        self.peer.oauth(reply);
        if !self.subject.has_a_browser() {
            let scopes = self.subject.scopes();
            let (endpoints, client) = (&self.endpoints, &self.client);
            return oauth::client_credentials(
                &self.outbound,
                NOW,
                connector,
                endpoints,
                client,
                &scopes,
            )
            .await;
        }
        let begun = self.authorize(1, &AuthorizeOptions::default()).await;
        let answer = self.callback(&begun);
        let flow = FlowSecrets { pkce_verifier: begun.pkce_verifier, nonce: begun.nonce };
        if let Some(nonce) = &flow.nonce {
            let secret = keys::secret(self.subject.manifest());
            self.peer.signs_in(&self.client, &secret, nonce.expose_secret(), NOW);
        }
        oauth::exchange(
            &self.outbound,
            NOW,
            connector,
            &self.endpoints,
            &self.client,
            &answer,
            &flow,
        )
        .await
    }

    /// What the browser brings back.
    fn callback(&self, begun: &Authorization) -> CallbackAnswer {
        let callback = &self.subject.manifest().callback;
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut query =
            vec![pair(&callback.code_param, CODE), pair("state", begun.state.expose_secret())];
        query.extend(self.endpoints.issuer.as_ref().map(|issuer| pair("iss", issuer)));
        let told: BTreeMap<String, String> = self.subject.read("callback").unwrap_or_default();
        let value = |name| told.get(name).map_or("captured", String::as_str);
        let captured = callback.capture.values().map(Capture::from);
        query.extend(captured.map(|parameter| pair(parameter, value(parameter))));
        if callback.verify == CallbackVerify::HmacQuery {
            let unsigned = self.read(&query);
            assert!(unsigned.is_err(), "a callback that is not signed brings no code");
            query.push(("hmac".to_owned(), signature(&query)));
        }
        self.read(&query).unwrap_or_else(|error| panic!("a good callback is refused: {error}"))
    }

    fn read(&self, query: &[(String, String)]) -> Result<CallbackAnswer, CallbackError> {
        let clients = std::slice::from_ref(&self.client);
        oauth::read_callback(self.subject.manifest(), &self.endpoints, clients, query)
    }

    /// Links with the good fixture.
    pub(crate) async fn linked(&self) -> TokenSet {
        let good = Answer::from(self.subject.fixture("token_ok"));
        self.link(good)
            .await
            .unwrap_or_else(|error| panic!("token_ok.json gives no tokens: {error}"))
    }

    /// Refreshes as the hub does, in two halves.
    pub(crate) async fn refresh(
        &self,
        former: &TokenSet,
        reply: Answer,
    ) -> Result<TokenSet, oauth::Error> {
        self.peer.oauth(reply);
        let connector = self.subject.connector.as_ref();
        let request =
            oauth::refresh::request(connector, &self.endpoints, &self.client, former, None)?;
        let reply = self.outbound.send(request, TOKEN).await?;
        oauth::refresh::read(connector, NOW, former, &reply)
    }

    /// Asks whose account it is, with this answer of the API.
    pub(crate) async fn identify(
        &self,
        credential: &Credential,
        answer: Answer,
    ) -> Result<Account, connector::Error> {
        self.peer.api(answer);
        let api = self.api(credential)?.with_userinfo(self.endpoints.userinfo.clone());
        self.subject.connector.identify(&api).await
    }

    /// Exchanges what a person fills in, as it is or what is signed with it.
    pub(crate) async fn exchanged(&self, reply: Answer) -> Result<TokenSet, oauth::Error> {
        self.peer.oauth(reply);
        let connector = self.subject.connector.as_ref();
        let (outbound, endpoints, inputs) = (&self.outbound, &self.endpoints, &self.inputs);
        if self.subject.manifest().auth.kind == AuthKind::SessionExchange {
            return oauth::session::begin(outbound, NOW, connector, endpoints, inputs).await;
        }
        let (proof, scopes) = (&self.client.proof, self.subject.scopes());
        oauth::jwt_bearer::begin(outbound, NOW, connector, endpoints, proof, inputs, &scopes).await
    }

    /// The API with this credential.
    pub(crate) fn api(&self, credential: &Credential) -> Result<Api, connector::Error> {
        let (manifest, outbound) = (self.subject.manifest(), self.outbound.clone());
        let api = Api::new(outbound, manifest, &self.inputs, credential)?;
        let api = api.showing(self.client.certificate.clone());
        Ok(if manifest.signs_requests() { api.signing(signed::signing(1)) } else { api })
    }

    /// A credential, made as when a person links.
    pub(crate) async fn credential(&self) -> Credential {
        if self.subject.manifest().auth.kind == AuthKind::Oauth1 {
            return signed::linked(self.subject).await.credential;
        }
        if self.subject.is_oauth() {
            return Credential::OAuth(self.linked().await);
        }
        if self.subject.manifest().auth.kind.is_exchanged() {
            let good = Answer::from(self.subject.fixture("token_ok"));
            let begun = self.exchanged(good).await;
            return Credential::OAuth(begun.unwrap_or_else(|error| panic!("no token: {error}")));
        }
        self.subject
            .manifest()
            .credential_from(&self.inputs)
            .unwrap_or_else(|error| panic!("the secret inputs make no credential: {error}"))
    }
}

/// As the provider signs a callback.
fn signature(query: &[(String, String)]) -> String {
    let mut sorted = query.to_vec();
    sorted.sort();
    let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(sorted).finish();
    connector::hmac_sha256_hex(&SecretString::from(SECRET), &text)
}

/// Answers that are none, and a name for each.
pub(crate) fn troubles() -> BTreeMap<&'static str, Answer> {
    let huge = Fixture::json(200, "x".repeat(2 * 1024 * 1024).into());
    BTreeMap::from([
        ("500", Answer::from(Fixture::json(500, serde_json::json!({"message": "sorry"})))),
        ("502 with HTML", Answer::from(Fixture::html(502))),
        ("503 without a body", Answer::from(Fixture::json(503, serde_json::Value::Null))),
        ("200 with HTML", Answer::from(Fixture::html(200))),
        ("a body larger than allowed", Answer::from(huge)),
        ("a timeout", Answer::Silence),
    ])
}

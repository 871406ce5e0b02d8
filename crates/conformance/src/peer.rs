//! A provider in this process.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
};

use base::Timestamp;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, Method, Request, Response};
use oauth::Endpoints;
use outbound::{ClientCertificate, Outbound};
use serde_json::{Value, json};
use sha2::Sha256;
use url::{Url, form_urlencoded};

use crate::fixture::Fixture;

/// A request as the provider got it.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) shows_a_certificate: bool,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("our headers are ASCII"))
    }

    /// The body's fields, be it a form or JSON; without a body those of the query. A name that is there
    /// twice fails the test.
    /// The fields; none where there is no body and no query.
    pub(crate) fn fields_if_any(&self) -> BTreeMap<String, String> {
        let is_empty = self.body.is_empty() && self.url.query().is_none();
        if is_empty { BTreeMap::new() } else { self.fields() }
    }

    pub(crate) fn fields(&self) -> BTreeMap<String, String> {
        if self.body.is_empty() {
            return unique(self.url.query_pairs().into_owned());
        }
        if self.header("content-type") == Some("application/json") {
            return serde_json::from_slice(&self.body).expect("a JSON object of texts");
        }
        assert_eq!(self.header("content-type"), Some("application/x-www-form-urlencoded"));
        unique(form_urlencoded::parse(&self.body).into_owned())
    }
}

/// Parameters by name; a name that is there twice fails the test (RFC 6749, section 3.1).
pub(crate) fn unique(pairs: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    for (name, value) in pairs {
        assert!(!fields.contains_key(&name), "`{name}` is there twice");
        fields.insert(name, value);
    }
    fields
}

/// How the provider answers.
#[derive(Clone)]
pub(crate) enum Answer {
    Reply(Box<Fixture>),
    /// Never.
    Silence,
}

impl From<Fixture> for Answer {
    fn from(fixture: Fixture) -> Self {
        Self::Reply(Box::new(fixture))
    }
}

/// What an `id_token` must say.
struct IdToken {
    issuer: String,
    client_id: String,
    secret: String,
    nonce: String,
    now: Timestamp,
}

#[derive(Default)]
struct State {
    discovery: Option<Value>,
    endpoints: Endpoints,
    oauth: Option<Answer>,
    api: Option<Answer>,
    /// Before `api`, one by one.
    api_in_turn: VecDeque<Answer>,
    id_token: Option<IdToken>,
    seen: Vec<Seen>,
}

/// A provider that answers as told and remembers what it was asked.
#[derive(Clone, Default)]
pub(crate) struct Peer(Arc<Mutex<State>>);

impl Peer {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no check panics while it holds this")
    }

    pub(crate) fn outbound(&self) -> Outbound {
        let peer = self.clone();
        Outbound::in_process(move |request: Request<Bytes>| {
            let answer = peer.answer(&request);
            async move {
                match answer {
                    Some(response) => response,
                    None => std::future::pending().await,
                }
            }
        })
    }

    /// Serves this discovery document, with keys by which our own `id_token`s hold.
    pub(crate) fn discoverable(&self, mut document: Value) {
        if let Some(Value::Array(algorithms)) =
            document.get_mut("id_token_signing_alg_values_supported")
            && !algorithms.contains(&json!("HS256"))
        {
            algorithms.push(json!("HS256"));
        }
        self.state().discovery = Some(document);
    }

    pub(crate) fn at(&self, endpoints: &Endpoints) {
        self.state().endpoints = endpoints.clone();
    }

    /// What the OAuth server answers from now on.
    pub(crate) fn oauth(&self, answer: Answer) {
        self.state().oauth = Some(answer);
    }

    /// What the API answers from now on.
    pub(crate) fn api(&self, answer: Answer) {
        self.state().api = Some(answer);
    }

    /// What the API answers, one by one; more than these it is not asked.
    pub(crate) fn api_in_turn(&self, answers: Vec<Answer>) {
        let mut state = self.state();
        (state.api, state.api_in_turn) = (None, answers.into());
    }

    /// The requests after the first so many.
    pub(crate) fn since(&self, before: usize) -> Vec<Seen> {
        self.state().seen[before..].to_vec()
    }

    /// Puts an `id_token` into good replies.
    pub(crate) fn signs_in(
        &self,
        client: &oauth::Client,
        secret: &str,
        nonce: &str,
        now: Timestamp,
    ) {
        let mut state = self.state();
        let issuer =
            state.endpoints.issuer.clone().unwrap_or_else(|| "https://a.example".to_owned());
        state.id_token = Some(IdToken {
            issuer,
            client_id: client.client_id.clone(),
            secret: secret.to_owned(),
            nonce: nonce.to_owned(),
            now,
        });
    }

    /// All requests there were.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state().seen.clone()
    }

    /// The token request: the last, but for the trade of what it brought.
    pub(crate) fn token_request(&self, is_traded: bool) -> Seen {
        let seen = self.seen();
        let last = seen.len().checked_sub(1 + usize::from(is_traded));
        last.and_then(|at| seen.get(at).cloned()).expect("a token request was sent")
    }

    /// The last request.
    pub(crate) fn last(&self) -> Seen {
        self.seen().pop().expect("a request was sent")
    }

    /// None = silence.
    fn answer(&self, request: &Request<Bytes>) -> Option<Response<Bytes>> {
        let url = Url::parse(&request.uri().to_string()).expect("a request has a whole URL");
        let seen = Seen {
            method: request.method().clone(),
            url: url.clone(),
            headers: request.headers().clone(),
            body: request.body().clone(),
            shows_a_certificate: ClientCertificate::of(request).is_some(),
        };
        let mut state = self.state();
        if state.endpoints.introspect.as_ref().is_some_and(|own| leads(own, &url)) {
            // It follows each new token, and does not tell: what the manifest assumes counts.
            return Some(Fixture::json(200, json!({ "active": true })).response());
        }
        state.seen.push(seen);
        if let Some(document) = &state.discovery {
            if url.path().contains("/.well-known/") {
                return Some(Fixture::json(200, document.clone()).response());
            }
            if document.get("jwks_uri").and_then(Value::as_str) == Some(url.as_str()) {
                return Some(Fixture::json(200, json!({"keys": []})).response());
            }
        }
        let Endpoints { token, refresh, exchange, revoke, .. } = &state.endpoints;
        let is_oauth =
            [token, refresh, exchange, revoke].into_iter().flatten().any(|own| leads(own, &url));
        let next = if is_oauth { None } else { state.api_in_turn.pop_front() };
        let answer =
            next.or_else(|| if is_oauth { state.oauth.clone() } else { state.api.clone() });
        match &answer {
            None => panic!("a request that no check expects: {} {}", request.method(), url.path()),
            Some(Answer::Silence) => None,
            Some(Answer::Reply(fixture)) => Some(state.signed(fixture, is_oauth).response()),
        }
    }
}

/// Whether a request leads to an endpoint, whatever was put into its URL.
fn leads(own: &Url, url: &Url) -> bool {
    let waits = own.as_str().find("%7B").map(|at| &own.as_str()[..at]);
    let mut plain = url.clone();
    if own.query().is_none() {
        plain.set_query(None);
    }
    waits.map_or(*own == plain, |start| url.as_str().starts_with(start))
}

impl State {
    fn signed(&self, fixture: &Fixture, is_oauth: bool) -> Fixture {
        let mut fixture = fixture.clone();
        if let (true, 200, Some(id_token), Value::Object(body)) =
            (is_oauth, fixture.status, &self.id_token, &mut fixture.body)
        {
            body.insert("id_token".to_owned(), Value::from(id_token.sign()));
        }
        fixture
    }
}

impl IdToken {
    /// HS256 with the client's secret (OpenID Connect Core, section 10.1).
    fn sign(&self) -> String {
        let claims = json!({
            "iss": self.issuer, "aud": self.client_id, "sub": "7f1c3a52", "nonce": self.nonce,
            "iat": self.now.secs(), "exp": self.now.secs() + 300,
        });
        let header = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
        let claims = BASE64_URL_SAFE_NO_PAD.encode(claims.to_string());
        let signed = format!("{header}.{claims}");
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes())
            .expect("HMAC takes keys of any length");
        mac.update(signed.as_bytes());
        let signature = BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        format!("{signed}.{signature}")
    }
}

//! A provider in this process: an authorization server and an API that do as they are told.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;
use http::{Request, Response, header};
use outbound::{ClientCertificate, Outbound};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

/// How its OAuth server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// As it should.
    Works,
    /// 503 to everything.
    Down,
    /// Every refresh token is dead.
    Ended,
    /// 429 to token requests: none for two minutes.
    Busy,
    /// Nobody's access token is known any more.
    Forgetful,
}

struct State {
    mood: Mood,
    /// The client secrets that it knows.
    secrets: Vec<String>,
    /// How long its access tokens live, in seconds.
    lifetime: u64,
    /// What it grants, where that is not what it was asked for.
    grants: Option<Vec<String>>,
    /// Whether it gives narrower tokens where it is asked to.
    narrows: bool,
    /// How long it takes to answer a token request.
    pause: Duration,
    /// Holds back the next token request.
    gate: Option<Arc<Gate>>,
    made: u64,
    exchanged: usize,
    /// The client secret of each refresh that was asked for.
    refreshed: Vec<String>,
    revoked: Vec<String>,
    /// The requests about contacts that it was sent.
    asked: Vec<String>,
    /// Access tokens that it has ended before their time.
    ended: Vec<String>,
    /// What it does with refresh tokens.
    refresh: RefreshTokens,
    /// The access tokens with which it was asked whose they are.
    identified: Vec<String>,
    /// When a token ends, in seconds, as it tells where it is asked.
    tells_end: Option<i64>,
    /// What the assertions said that it was sent in the place of a code.
    asserted: Vec<Value>,
    /// Where it was shown a certificate.
    certified: Vec<String>,
}

/// What comes with a new access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefreshTokens {
    /// The same one again.
    Same,
    /// Another one each time.
    Rotate,
    /// None with a refresh: the former one stays good.
    Unsaid,
    /// None ever.
    None,
}

/// Holds a request back until the test lets it through.
pub(crate) struct Gate {
    arrived: Semaphore,
    open: Semaphore,
}

impl Gate {
    /// Resolves when a request stands before the gate.
    pub(crate) async fn arrived(&self) {
        self.arrived.acquire().await.unwrap().forget();
    }

    pub(crate) fn open(&self) {
        self.open.add_permits(1);
    }
}

/// The provider. A code's text is the account that the person at the browser has there.
#[derive(Clone)]
pub(crate) struct Acme(Arc<Mutex<State>>);

/// The client secret that everybody begins with.
pub(crate) const SECRET: &str = "acme-secret-1";

impl Acme {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            mood: Mood::Works,
            secrets: vec![SECRET.to_owned()],
            lifetime: 3600,
            grants: None,
            narrows: true,
            pause: Duration::ZERO,
            gate: None,
            made: 0,
            exchanged: 0,
            refreshed: Vec::new(),
            revoked: Vec::new(),
            asked: Vec::new(),
            ended: Vec::new(),
            refresh: RefreshTokens::Same,
            identified: Vec::new(),
            tells_end: None,
            asserted: Vec::new(),
            certified: Vec::new(),
        })))
    }

    pub(crate) fn outbound(&self) -> Outbound {
        let this = self.clone();
        Outbound::in_process(move |request: Request<Bytes>| {
            let this = this.clone();
            async move { this.answer(request).await }
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(crate) fn is(&self, mood: Mood) {
        self.state().mood = mood;
    }

    pub(crate) fn knows_secrets(&self, secrets: &[&str]) {
        self.state().secrets = secrets.iter().map(|text| (*text).to_owned()).collect();
    }

    /// From now on it grants these scopes, whatever it is asked for.
    pub(crate) fn grants_only(&self, scopes: &[&str]) {
        self.state().grants = Some(scopes.iter().map(|text| (*text).to_owned()).collect());
    }

    pub(crate) fn does_not_narrow(&self) {
        self.state().narrows = false;
    }

    pub(crate) fn takes(&self, pause: Duration) {
        self.state().pause = pause;
    }

    /// Holds back the next token request.
    pub(crate) fn hold(&self) -> Arc<Gate> {
        let gate = Arc::new(Gate { arrived: Semaphore::new(0), open: Semaphore::new(0) });
        self.state().gate = Some(gate.clone());
        gate
    }

    /// How many codes it has exchanged.
    pub(crate) fn exchanged(&self) -> usize {
        self.state().exchanged
    }

    /// The client secrets of the refreshes that it was asked for, in their order.
    pub(crate) fn refreshed(&self) -> Vec<String> {
        self.state().refreshed.clone()
    }

    /// The tokens that it was told to end, in their order.
    pub(crate) fn revoked(&self) -> Vec<String> {
        self.state().revoked.clone()
    }

    /// The requests about contacts that it was sent, in their order: method and path.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.state().asked.clone()
    }

    /// Asked when a token ends, it tells this.
    pub(crate) fn tells_end(&self, end: base::Timestamp) {
        self.state().tells_end = Some(end.secs());
    }

    pub(crate) fn gives(&self, refresh: RefreshTokens) {
        self.state().refresh = refresh;
    }

    /// The access tokens with which it was asked whose they are, in their order.
    pub(crate) fn identified(&self) -> Vec<String> {
        self.state().identified.clone()
    }

    /// The claims of the assertions that it was sent in the place of a code, in their order.
    pub(crate) fn asserted(&self) -> Vec<Value> {
        self.state().asserted.clone()
    }

    /// The paths of the requests on which it was shown a certificate, since this was last asked.
    pub(crate) fn certified(&self) -> Vec<String> {
        std::mem::take(&mut self.state().certified)
    }

    /// Ends an access token before its time.
    pub(crate) fn ends(&self, token: &str) {
        self.state().ended.push(token.to_owned());
    }

    async fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        let path = request.uri().path().to_owned();
        let form: BTreeMap<String, String> =
            url::form_urlencoded::parse(request.body()).into_owned().collect();
        if path == "/oauth/token" {
            let (pause, gate) = {
                let mut state = self.state();
                (state.pause, state.gate.take())
            };
            if let Some(gate) = gate {
                gate.arrived.add_permits(1);
                gate.open.acquire().await.unwrap().forget();
            }
            tokio::time::sleep(pause).await;
        }
        let mut state = self.state();
        if ClientCertificate::of(&request).is_some() {
            state.certified.push(path.clone());
        }
        let (status, body) = match path.as_str() {
            "/oauth/token" => state.token(&form),
            "/oauth/revoke" => state.revoke(&form),
            "/oauth/introspect" => state.introspect(&form),
            "/api/v1/me" => state.me(&request),
            "/api/v1/contacts" => state.contacts(&request),
            _ => (404, Value::Null),
        };
        let mut reply = Response::builder().status(status);
        if status == 429 {
            reply = reply.header(header::RETRY_AFTER, "120");
        }
        reply
            .header(header::CONTENT_TYPE, "application/json")
            .body(Bytes::from(body.to_string()))
            .unwrap()
    }
}

fn field<'a>(form: &'a BTreeMap<String, String>, name: &str) -> &'a str {
    form.get(name).map_or("", String::as_str)
}

/// The claims of an assertion; who signed it is looked at elsewhere.
fn claims(assertion: &str) -> Value {
    let text = assertion.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64URL_NOPAD.decode(text.as_bytes()).unwrap()).unwrap()
}

impl State {
    fn token(&mut self, form: &BTreeMap<String, String>) -> (u16, Value) {
        let grant = field(form, "grant_type");
        let narrow = form.get("scope").filter(|_| grant == "refresh_token");
        if grant == "refresh_token" && narrow.is_none() {
            self.refreshed.push(field(form, "client_secret").to_owned());
        }
        if self.mood == Mood::Down {
            return (503, json!("down for maintenance"));
        }
        if self.mood == Mood::Busy {
            return (429, json!({ "error": "slow_down" }));
        }
        if !self.knows(form) {
            return (401, json!({ "error": "invalid_client" }));
        }
        let account = match grant {
            "authorization_code" => {
                self.exchanged += 1;
                field(form, "code")
            }
            "client_credentials" => "service",
            _ if self.mood == Mood::Ended => {
                return (400, json!({ "error": "invalid_grant" }));
            }
            "urn:ietf:params:oauth:grant-type:jwt-bearer" => {
                self.asserted.push(claims(field(form, "assertion")));
                self.asserted.last().unwrap()["sub"].as_str().unwrap()
            }
            _ => field(form, "refresh_token").trim_start_matches("refresh."),
        };
        let account = account.split('.').next().unwrap_or_default().to_owned();
        self.made += 1;
        let kind = if narrow.is_some() { "narrow" } else { "access" };
        let mut reply = json!({
            "access_token": format!("{kind}.{account}.{}", self.made),
            "token_type": "Bearer",
            "expires_in": self.lifetime,
        });
        match (self.refresh, grant) {
            (RefreshTokens::Same, _) | (RefreshTokens::Unsaid, "authorization_code") => {
                reply["refresh_token"] = format!("refresh.{account}").into();
            }
            (RefreshTokens::Rotate, _) => {
                reply["refresh_token"] = format!("refresh.{account}.{}", self.made).into();
            }
            (RefreshTokens::Unsaid | RefreshTokens::None, _) => {}
        }
        let all = "crm.contacts.read crm.contacts.write";
        let scope = match (&self.grants, narrow) {
            (_, Some(_)) if !self.narrows => Some(all.to_owned()),
            (_, Some(narrow)) => Some(narrow.clone()),
            (Some(only), None) => Some(only.join(" ")),
            (None, None) => None,
        };
        if let Some(scope) = scope {
            reply["scope"] = scope.into();
        }
        (200, reply)
    }

    fn knows(&self, form: &BTreeMap<String, String>) -> bool {
        self.secrets.iter().any(|known| known == field(form, "client_secret"))
    }

    fn revoke(&mut self, form: &BTreeMap<String, String>) -> (u16, Value) {
        if self.mood == Mood::Down {
            return (503, json!("down for maintenance"));
        }
        if !self.knows(form) {
            return (401, json!({ "error": "invalid_client" }));
        }
        self.revoked.push(field(form, "token").to_owned());
        (200, json!({}))
    }

    /// RFC 7662: until when a token is good, in the hub's own time.
    fn introspect(&self, form: &BTreeMap<String, String>) -> (u16, Value) {
        match self.tells_end {
            Some(end) if self.knows(form) => (200, json!({ "active": true, "exp": end })),
            _ => (503, json!("down for maintenance")),
        }
    }

    fn contacts(&mut self, request: &Request<Bytes>) -> (u16, Value) {
        self.asked.push(format!("{} {}", request.method(), request.uri().path()));
        if self.mood == Mood::Down {
            return (503, json!("down for maintenance"));
        }
        let token = request.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
        let token = token.and_then(|token| token.strip_prefix("Bearer ")).unwrap_or_default();
        if !token.starts_with("access.") || self.ended.iter().any(|ended| ended == token) {
            return (401, json!({ "error": "invalid_token" }));
        }
        let lea = json!({ "id": "cnt_1", "name": "Lea Roth", "email": "lea@acme.example" });
        match request.method().as_str() {
            "POST" => (201, lea),
            _ => (200, json!({ "items": [lea], "next_cursor": null })),
        }
    }

    fn me(&mut self, request: &Request<Bytes>) -> (u16, Value) {
        if self.mood == Mood::Down {
            return (503, json!("down for maintenance"));
        }
        let token = request.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
        let token = token.and_then(|token| token.strip_prefix("Bearer ")).unwrap_or_default();
        self.identified.push(token.to_owned());
        let known = self.mood != Mood::Forgetful && !self.ended.iter().any(|ended| ended == token);
        match token.strip_prefix("access.").filter(|_| known) {
            Some(rest) => {
                let account = rest.split('.').next().unwrap_or_default();
                let email = format!("{account}@acme.example");
                (200, json!({ "id": account, "email": email }))
            }
            None => (401, json!({ "error": "unauthorized" })),
        }
    }
}

//! A playground, and a client and a person who use it.

use std::time::Duration;

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use playground::{Clock, Config, router};
use serde_json::Value;
use tower::ServiceExt;
use url::{Url, form_urlencoded};

pub(crate) const ALL: &str = "crm.contacts.read crm.contacts.write calendar.events.read \
    calendar.events.write support.tickets.read support.tickets.write";
pub(crate) const CALLBACK: &str = "http://localhost:8080/oauth/callback/cli_1";
/// The verifier and challenge of RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub(crate) type Form<'a> = &'a [(&'a str, &'a str)];

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    pub(crate) fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// A parameter of the address to which the browser is sent.
    pub(crate) fn sent_back(&self, name: &str) -> Option<String> {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.text());
        let url = Url::parse(self.header(header::LOCATION)).unwrap();
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    pub(crate) fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_default().to_owned()
    }

    /// The value of the page's hidden field.
    pub(crate) fn hidden(&self) -> String {
        let text = self.text();
        let (_, rest) = text.split_once("name=\"request\" value=\"").expect("the consent page");
        rest.split_once('"').unwrap().0.to_owned()
    }

    pub(crate) fn field(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_default().to_owned()
    }
}

/// A playground that lives as long as the test.
pub(crate) struct Acme {
    router: Router,
    clock: Clock,
}

impl Acme {
    pub(crate) fn start() -> Self {
        let config = Config { clock: Clock::standing(), ..Config::default() };
        let clock = config.clock.clone();
        Self { router: router(config), clock }
    }

    pub(crate) fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// The answer with its body unread.
    pub(crate) async fn open(&self, request: Request<Body>) -> axum::response::Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.open(request).await.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, form: Form<'_>) -> Answer {
        self.send(posted(path, form)).await
    }

    /// Tells it how to behave.
    pub(crate) async fn order(&self, behaviour: Value) {
        let request =
            Request::put("/_playground/behaviour").body(Body::from(behaviour.to_string()));
        let answer = self.send(request.unwrap()).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    }

    /// What the log says happened, in order.
    pub(crate) async fn log(&self) -> Vec<String> {
        let log = self.get("/_playground/log").await.json();
        let kinds = log.as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap());
        kinds.map(str::to_owned).collect()
    }

    /// Opens the consent page.
    pub(crate) async fn ask(&self, client: &str, scope: &str) -> Answer {
        self.get(&authorize(&[("client_id", client), ("scope", scope)])).await
    }

    /// Ana says yes to these scopes; the code.
    pub(crate) async fn code(&self, client: &str, scopes: &str) -> String {
        let page = self.ask(client, ALL).await;
        let answer = self.decide(&page.hidden(), scopes, "allow").await;
        answer.sent_back("code").expect("a code")
    }

    /// Submits the consent form.
    pub(crate) async fn decide(&self, request: &str, scopes: &str, decision: &str) -> Answer {
        let mut form =
            vec![("request", request), ("account", "ana@acme.example"), ("decision", decision)];
        form.extend(scopes.split_whitespace().map(|scope| ("scope", scope)));
        self.post("/oauth/authorize", &form).await
    }

    pub(crate) async fn exchange(&self, client: &str, code: &str, verifier: &str) -> Answer {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", verifier),
        ];
        self.as_client(client, "/oauth/token", &form).await
    }

    /// Access and refresh token, from a consent to these scopes.
    pub(crate) async fn link(&self, client: &str, scopes: &str) -> (String, String) {
        let code = self.code(client, scopes).await;
        let answer = self.exchange(client, &code, VERIFIER).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        (answer.field("access_token"), answer.field("refresh_token"))
    }

    pub(crate) async fn refresh(&self, client: &str, token: &str, more: Form<'_>) -> Answer {
        let form = [&[("grant_type", "refresh_token"), ("refresh_token", token)], more].concat();
        self.as_client(client, "/oauth/token", &form).await
    }

    /// Posts a form with the client's id and secret in it.
    pub(crate) async fn as_client(&self, client: &str, path: &str, form: Form<'_>) -> Answer {
        let secret = format!("{client}-secret");
        let form = [form, &[("client_id", client), ("client_secret", &secret)]].concat();
        self.post(path, &form).await
    }

    pub(crate) async fn is_active(&self, client: &str, token: &str) -> bool {
        let answer = self.as_client(client, "/oauth/introspect", &[("token", token)]).await;
        answer.json()["active"].as_bool().unwrap()
    }

    pub(crate) async fn api(&self, token: &str, path: &str) -> Answer {
        self.call(token, Method::GET, path, &Value::Null).await
    }

    pub(crate) async fn call(
        &self,
        token: &str,
        method: Method,
        path: &str,
        json: &Value,
    ) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {token}"));
        let body = if json.is_null() { Body::empty() } else { Body::from(json.to_string()) };
        self.send(request.body(body).unwrap()).await
    }
}

/// A sound authorization request, with these parameters in place of its own; an empty one is left out.
pub(crate) fn authorize(other: Form<'_>) -> String {
    let usual = [
        ("response_type", "code"),
        ("client_id", "acme-demo"),
        ("redirect_uri", CALLBACK),
        ("scope", ALL),
        ("state", "st&te 1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let kept = usual.iter().filter(|(name, _)| other.iter().all(|(key, _)| key != name));
    let pairs = kept.chain(other).filter(|(_, value)| !value.is_empty());
    format!("/oauth/authorize?{}", encoded(pairs))
}

pub(crate) fn posted(path: &str, form: Form<'_>) -> Request<Body> {
    Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(encoded(form.iter())))
        .unwrap()
}

fn encoded<'a>(pairs: impl Iterator<Item = &'a (&'a str, &'a str)>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

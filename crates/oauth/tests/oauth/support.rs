//! A provider in this process, and what it was asked.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use base::{ExposeSecret, SecretString, SeededRng, Timestamp};
use bytes::Bytes;
use connector::{Connector, Declarative, Manifest, TokenSet};
use http::{HeaderMap, Request, Response, header};
use oauth::{Client, Endpoints, Proof};
use outbound::Outbound;

/// A secret with everything in it that an encoding can get wrong.
pub(crate) const SECRET: &str = "s&c+r%e?t: ü=/";

pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);

/// One request as the provider got it.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Seen {
    /// The form's fields; a name that is there twice fails the test.
    pub(crate) fn form(&self) -> BTreeMap<String, String> {
        fields(self.body.as_bytes())
    }

    /// The query's parameters.
    pub(crate) fn query(&self) -> BTreeMap<String, String> {
        fields(self.url.split_once('?').map_or("", |(_, query)| query).as_bytes())
    }

    /// The JSON of the body.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

pub(crate) fn fields(text: &[u8]) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(text) {
        let former = fields.insert(name.into_owned(), value.into_owned());
        assert!(former.is_none(), "a field is there twice");
    }
    fields
}

/// A provider that answers as told and remembers what it was asked.
pub(crate) struct Provider {
    pub(crate) outbound: Outbound,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Provider {
    pub(crate) fn answering(
        answer: impl Fn(&Seen) -> Response<Bytes> + Send + Sync + 'static,
    ) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let outbound = Outbound::in_process(move |request: Request<Bytes>| {
            let one = Seen {
                method: request.method().to_string(),
                url: request.uri().to_string(),
                headers: request.headers().clone(),
                body: String::from_utf8(request.body().to_vec()).unwrap(),
            };
            let reply = answer(&one);
            log.lock().unwrap().push(one);
            async move { reply }
        });
        Self { outbound, seen }
    }

    /// One that gives everybody this JSON.
    pub(crate) fn saying(status: u16, body: &'static str) -> Self {
        Self::answering(move |_| json(status, body))
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The only request there was.
    pub(crate) fn only(&self) -> Seen {
        let seen = self.seen();
        assert_eq!(
            seen.len(),
            1,
            "requests: {:?}",
            seen.iter().map(|one| &one.url).collect::<Vec<_>>()
        );
        seen.into_iter().next().unwrap()
    }
}

pub(crate) fn reply(status: u16, content_type: &str, body: impl Into<Bytes>) -> Response<Bytes> {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, content_type)
        .body(body.into())
        .unwrap()
}

pub(crate) fn json(status: u16, body: impl Into<Bytes>) -> Response<Bytes> {
    reply(status, "application/json; charset=utf-8", body)
}

/// A manifest with plain endpoints and, behind them, these sections.
pub(crate) fn connector(sections: &str) -> Declarative {
    manifest(&format!(
        r#"
        [urls]
        authorize = "https://login.example.com/authorize"
        token = "https://login.example.com/token"
        revoke = "https://login.example.com/revoke"
        {sections}
        "#
    ))
}

/// A manifest of these keys and sections, behind what every one has.
pub(crate) fn manifest(rest: &str) -> Declarative {
    of_kind("oauth2_code", rest)
}

/// The same, linked in this way.
pub(crate) fn of_kind(kind: &str, rest: &str) -> Declarative {
    let text = format!(
        r#"
        slug = "testling"
        display_name = "Testling"
        category = "crm"
        auth = {{ kind = "{kind}" }}
        {rest}
        "#
    );
    Declarative::new(Manifest::parse(&text).unwrap())
}

/// The endpoints of a manifest that asks nothing and discovers nothing.
pub(crate) async fn endpoints(connector: &Declarative) -> Endpoints {
    let nobody = Provider::saying(500, "");
    let inputs = connector.manifest().check_inputs(&BTreeMap::new()).unwrap();
    let found =
        oauth::endpoints(&nobody.outbound, connector.manifest(), &inputs, NOW).await.unwrap();
    assert!(nobody.seen().is_empty());
    found
}

pub(crate) fn client() -> Client {
    Client {
        client_id: "id:1".to_owned(),
        client_secret: Some(SECRET.into()),
        redirect_uri: "https://hub.example.com/oauth/callback/cli_1".to_owned(),
        auth: None,
        proof: Proof::None,
        certificate: None,
    }
}

pub(crate) fn rng() -> SeededRng {
    SeededRng::new(7)
}

pub(crate) fn tokens() -> TokenSet {
    TokenSet {
        refresh: Some("old-refresh".into()),
        expires_at: Some(NOW),
        refresh_expires_at: Some(NOW),
        scopes: Some(strings(&["a", "b"])),
        captured: BTreeMap::from([("site".to_owned(), "one".to_owned())]),
        ..TokenSet::bearer("old-access")
    }
}

pub(crate) fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

pub(crate) fn exposed(secret: Option<&SecretString>) -> Option<&str> {
    secret.map(ExposeSecret::expose_secret)
}

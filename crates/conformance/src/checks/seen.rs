//! What the provider sees, for tests that compare it with a table of their own.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::HeaderMap;
use oauth::AuthorizeOptions;
use serde_json::{Value, json};
use url::Url;

use crate::{Subject, fixture::Fixture, flow::Flow, peer::Answer};

/// A request as the provider got it.
pub struct Request {
    /// The whole URL.
    pub url: Url,
    /// Its headers.
    pub headers: HeaderMap,
    /// The fields of its body or query; none of a request to the API.
    pub fields: BTreeMap<String, String>,
    /// Where the browser was sent before, if it was.
    pub begun: Option<Url>,
}

/// Where the browser is sent.
pub async fn authorization(subject: &Subject) -> Url {
    let flow = Flow::start(subject).await;
    flow.authorize(1, &AuthorizeOptions::default()).await.url
}

/// The token request when a person links, or when the client asks for itself.
pub async fn token(subject: &Subject) -> Request {
    let flow = Flow::start(subject).await;
    flow.linked().await;
    let seen = flow.peer.token_request(subject.manifest().token.exchange.is_some());
    // Linking begins with the same randomness.
    let begun = if subject.has_a_browser() { Some(authorization(subject).await) } else { None };
    Request { fields: seen.fields(), url: seen.url, headers: seen.headers, begun }
}

/// Header and claims of an assertion, whoever signed it.
pub fn parts(assertion: &str) -> (Value, Value) {
    let part = |at: usize| {
        let text = assertion.split('.').nth(at).expect("a JWT has three parts");
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).expect("base64url");
        serde_json::from_slice(&bytes).expect("JSON")
    };
    (part(0), part(1))
}

/// A request to the path `/x` of the API with the credential of a person who just linked; none where the
/// manifest does not say where the API is.
pub async fn api(subject: &Subject) -> Option<Request> {
    subject.manifest().api.base.as_ref()?;
    let flow = Flow::start(subject).await;
    let credential = flow.credential().await;
    flow.peer.api(Answer::from(Fixture::json(200, json!({}))));
    let api =
        flow.api(&credential).unwrap_or_else(|error| panic!("the API can't be called: {error}"));
    api.get("/x").await.unwrap_or_else(|error| panic!("a good answer is none: {error}"));
    let seen = flow.peer.last();
    Some(Request { url: seen.url, headers: seen.headers, fields: BTreeMap::new(), begun: None })
}

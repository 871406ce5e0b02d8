//! Requests as anybody sends them, and answers as anybody sees them.

use std::sync::OnceLock;

use reqwest::{
    Client, Method,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde_json::Value;

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The status code.
    pub(crate) status: u16,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) body: Vec<u8>,
}

/// A request under way to be sent.
pub(crate) struct Request {
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Request {
    /// A request without headers or body.
    pub(crate) fn new(method: &str, url: impl Into<String>) -> Self {
        let method = method.parse().unwrap();
        Self { method, url: url.into(), headers: HeaderMap::new(), body: Vec::new() }
    }

    /// Adds a header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().unwrap();
        self.headers.append(name, HeaderValue::from_str(value).unwrap());
        self
    }

    /// Sets the body.
    pub(crate) fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }

    /// Sets the body to JSON.
    pub(crate) fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// Sets the body to a form.
    pub(crate) fn form(self, fields: &[(String, String)]) -> Self {
        let body =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.body("application/x-www-form-urlencoded", body)
    }

    /// Sends it. Redirects are not followed.
    pub(crate) async fn send(self) -> Reply {
        let (method, url) = (self.method.clone(), self.url.clone());
        self.try_send().await.unwrap_or_else(|error| panic!("{method} {url}: {error:?}"))
    }

    /// Sends it where nobody may listen.
    pub(crate) async fn try_send(self) -> Result<Reply, reqwest::Error> {
        let request = client().request(self.method, self.url).headers(self.headers);
        let response = request.body(self.body).send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await?.to_vec();
        Ok(Reply { status, headers, body })
    }
}

#[allow(clippy::disallowed_methods, reason = "tests talk to the binary like anybody else")]
fn client() -> &'static Client {
    static CLIENT: OnceLock<Client> = OnceLock::new();
    CLIENT.get_or_init(|| {
        rustls::crypto::ring::default_provider().install_default().ok();
        Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .resolve("localhost", ([127, 0, 0, 1], 0).into())
            // A kept connection would belong to the runtime of one test, which ends before the others.
            .pool_max_idle_per_host(0)
            .build()
            .unwrap()
    })
}

impl Reply {
    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{} without JSON: {}", self.status, self.text()))
    }

    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The JSON of an answer that must be good.
    pub(crate) fn ok(&self) -> Value {
        assert!((200..300).contains(&self.status), "{}: {}", self.status, self.text());
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    /// The problem of an answer that must be one: it says what happened and what to do (RFC 9457).
    pub(crate) fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        let content_type = self.header("content-type").unwrap_or_default();
        assert!(
            content_type.starts_with("application/problem+json"),
            "{content_type}: {}",
            self.text()
        );
        let problem = self.json();
        assert_eq!(problem["status"], status, "{problem}");
        for member in ["type", "title", "detail"] {
            let text = problem[member].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "a problem without `{member}`: {problem}");
        }
        problem
    }
}

/// The stable code at the end of a problem's `type`.
pub(crate) fn code(problem: &Value) -> String {
    let kind = problem["type"].as_str().unwrap_or_default();
    kind.rsplit(['/', ':', '#']).next().unwrap_or_default().to_owned()
}

/// The first text anywhere in `json` that starts so.
pub(crate) fn find(json: &Value, start: &str) -> Option<String> {
    match json {
        Value::String(text) if text.starts_with(start) => Some(text.clone()),
        Value::Array(list) => list.iter().find_map(|one| find(one, start)),
        Value::Object(members) => members.values().find_map(|one| find(one, start)),
        _ => None,
    }
}

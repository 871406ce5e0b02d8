//! A small client of JSON APIs, over the hub's own way out.

use std::time::Duration;

use base::{ExposeSecret, SecretString};
use bytes::Bytes;
use http::{Method, Request, Response, header};
use outbound::{Limits, Outbound};
use serde_json::Value;

use super::{DemoError, failed};

/// Longer than the longest poll.
pub(super) const LIMITS: Limits = Limits {
    connect: Duration::from_secs(5),
    total: Duration::from_secs(35),
    max_body: 1024 * 1024,
};

/// A way out that reaches this machine only.
pub(super) fn outbound() -> Result<Outbound, DemoError> {
    let allow = ["localhost", "127.0.0.1"].map(str::to_owned).to_vec();
    let config = outbound::Config { allow, user_agent: "valetkey-demo".to_owned() };
    Outbound::network(&config).map_err(|error| failed(error.to_string()))
}

/// The hub, seen with one key.
pub(super) struct Hub {
    outbound: Outbound,
    url: String,
    key: SecretString,
    workspace: Option<&'static str>,
}

impl Hub {
    pub(super) fn new(
        outbound: &Outbound,
        url: &str,
        key: SecretString,
        workspace: Option<&'static str>,
    ) -> Self {
        Self { outbound: outbound.clone(), url: url.to_owned(), key, workspace }
    }

    /// One call; an answer that is no success is an error that says what the hub said.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, DemoError> {
        let bearer = format!("Bearer {}", self.key.expose_secret());
        let mut request = Request::builder()
            .method(method.clone())
            .uri(format!("{}{path}", self.url))
            .header(header::AUTHORIZATION, bearer);
        if let Some(workspace) = self.workspace {
            request = request.header("x-valetkey-workspace", workspace);
        }
        let bytes = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Bytes::from(body.to_string())
            }
            None => Bytes::new(),
        };
        let request = request.body(bytes).map_err(|error| failed(error.to_string()))?;
        let answer = self.outbound.send(request, LIMITS).await.map_err(|error| {
            failed(format!(
                "The hub does not answer ({error}). Start it with `make run` in another terminal."
            ))
        })?;
        let status = answer.status();
        let value = json(&answer);
        if status.is_success() {
            return Ok(value);
        }
        let detail = value["detail"].as_str().unwrap_or("no detail was given");
        Err(failed(format!("{method} {path} was answered with {status}: {detail}")))
    }
}

/// A body as JSON; null where it is none.
pub(super) fn json(answer: &Response<Bytes>) -> Value {
    serde_json::from_slice(answer.body()).unwrap_or(Value::Null)
}

/// Text at a place of an answer that must have it.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, DemoError> {
    value[name].as_str().ok_or_else(|| failed(format!("The answer has no `{name}`: {value}")))
}

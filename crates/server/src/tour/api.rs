//! Calls to the hub's public API, and to Acme's.

use std::{fmt, time::Duration};

use base::{ExposeSecret, SecretString};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use outbound::{Limits, Outbound};
use serde_json::Value;

use super::Failure;

/// A client that reaches this machine only.
pub(super) fn outbound() -> Result<Outbound, Failure> {
    let config = outbound::Config {
        allow: ["localhost", "127.0.0.0/8", "::1"].map(str::to_owned).to_vec(),
        user_agent: concat!("valetkey-demo/", env!("CARGO_PKG_VERSION")).to_owned(),
    };
    Outbound::network(&config).map_err(|error| Failure::new(format!("The demo: {error}."), ""))
}

/// As whom a call is made.
#[derive(Clone, Copy)]
pub(super) enum Caller<'a> {
    /// The platform, in no workspace.
    Platform(&'a SecretString),
    /// The platform, in the workspace of this slug.
    In(&'a SecretString, &'a str),
    /// An agent.
    Agent(&'a SecretString),
}

/// The hub, as its users reach it.
#[derive(Clone)]
pub(super) struct Hub {
    out: Outbound,
    base: String,
}

/// A call that did not work.
#[derive(Debug)]
pub(super) struct Refused {
    /// What was called: method and path.
    call: String,
    pub(super) why: Why,
}

/// Why it did not.
#[derive(Debug)]
pub(super) enum Why {
    /// Nobody answered.
    Silent(outbound::Error),
    /// The hub said no (RFC 9457).
    Problem {
        status: StatusCode,
        code: String,
        detail: String,
        /// When to come back.
        retry_after: Option<Duration>,
    },
}

impl Hub {
    /// `base` is the public URL, without a slash at its end.
    pub(super) fn new(out: Outbound, base: impl Into<String>) -> Self {
        Self { out, base: base.into() }
    }

    /// The public URL.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Whether it is ready for requests.
    pub(super) async fn is_ready(&self) -> bool {
        let request = Request::get(format!("{}/readyz", self.base)).body(Bytes::new());
        let Ok(request) = request else { return false };
        let answer = self.out.send(request, limits(Duration::from_secs(3))).await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Makes one call; its answer is the JSON of a success.
    pub(super) async fn call(
        &self,
        caller: Caller<'_>,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Refused> {
        let shown = format!("{method} {}", path.split('?').next().unwrap_or(path));
        let refused = |why| Refused { call: shown, why };
        let request = request(caller, method, format!("{}{path}", self.base), body);
        let request = request.map_err(|_| {
            refused(Why::Silent(outbound::Error::InvalidUrl("a part of the call is no plain text")))
        })?;
        // Above the longest `wait` of a poll.
        let answer = self.out.send(request, limits(Duration::from_secs(35))).await;
        match answer {
            Err(error) => Err(refused(Why::Silent(error))),
            Ok(answer) if answer.status().is_success() => Ok(json(&answer)),
            Ok(answer) => Err(refused(problem(&answer))),
        }
    }
}

fn limits(total: Duration) -> Limits {
    Limits { total, ..Limits::default() }
}

fn request(
    caller: Caller<'_>,
    method: Method,
    url: String,
    body: Option<&Value>,
) -> Result<Request<Bytes>, http::Error> {
    let (key, workspace) = match caller {
        Caller::Platform(key) | Caller::Agent(key) => (key, None),
        Caller::In(key, workspace) => (key, Some(workspace)),
    };
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", key.expose_secret()))?;
    bearer.set_sensitive(true);
    let mut request =
        Request::builder().method(method).uri(url).header(header::AUTHORIZATION, bearer);
    if let Some(workspace) = workspace {
        request = request.header("x-valetkey-workspace", workspace);
    }
    match body {
        None => request.body(Bytes::new()),
        Some(body) => request
            .header(header::CONTENT_TYPE, "application/json")
            .body(Bytes::from(body.to_string())),
    }
}

/// What an answer says; null where it is no JSON.
pub(super) fn json(answer: &Response<Bytes>) -> Value {
    serde_json::from_slice(answer.body()).unwrap_or_default()
}

fn problem(answer: &Response<Bytes>) -> Why {
    let said = json(answer);
    let text = |name: &str| said[name].as_str().map(str::to_owned);
    let after = answer.headers().get(header::RETRY_AFTER);
    Why::Problem {
        status: answer.status(),
        code: text("code").unwrap_or_else(|| "no code".to_owned()),
        detail: text("detail").unwrap_or_else(|| "It did not say why.".to_owned()),
        retry_after: after
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs),
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::Silent(error) => write!(f, "{} was not answered: {error}.", self.call),
            Why::Problem { status, code, detail, .. } => {
                write!(f, "{} was answered {} ({code}): {detail}", self.call, status.as_u16())
            }
        }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        let what = refused.to_string();
        match refused.why {
            Why::Silent(_) => Self::not_running(what),
            Why::Problem { status: StatusCode::UNAUTHORIZED, .. } => Self::new(
                what,
                "If the data folder is from another hub, stop `make run`, remove the folder, and start anew.",
            ),
            Why::Problem { .. } => Self::new(what, "The hub's own log, at `make run`, may say more."),
        }
    }
}

/// A text in an answer that must have it.
pub(super) fn text<'a>(answer: &'a Value, pointer: &str) -> Result<&'a str, Failure> {
    answer.pointer(pointer).and_then(Value::as_str).ok_or_else(|| {
        Failure::new(
            format!("The hub's answer has no `{}`.", pointer.trim_start_matches('/')),
            "Is another program, or another version, listening there?",
        )
    })
}

/// A list of texts in an answer; what is missing is empty.
pub(super) fn texts(answer: &Value, pointer: &str) -> Vec<String> {
    let list = answer.pointer(pointer).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

//! Misbehaviour on order: what a provider in trouble answers.

use std::{io, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::stream;
use serde::{Deserialize, Serialize};

/// The longest delay that can be ordered.
const MAX_DELAY: Duration = Duration::from_mins(10);
/// How much of a huge body there is, and in what pieces.
const HUGE: u64 = 10 * 1024 * 1024 * 1024;
const PIECE: &[u8] = &[b'a'; 64 * 1024];
/// How long a slow body lasts, at a byte a second.
const SLOW_BYTES: u64 = 60;

/// What is wrong with the answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// Nothing.
    #[default]
    Normal,
    /// The request is carried out, then the connection closes without an answer.
    DropAfterRotating,
    #[serde(rename = "status_429")]
    Status429,
    #[serde(rename = "status_500")]
    Status500,
    #[serde(rename = "status_503")]
    Status503,
    /// A web page with status 200.
    Html,
    /// JSON that breaks off, with status 200.
    Garbage,
    /// 10 GiB, until the peer hangs up.
    HugeBody,
    /// A byte a second, for a minute.
    Slowloris,
    /// `expires_in` is an hour; the token ends when it always does.
    LieExpiry,
    /// Carried out without replacing the refresh token, and without one in the answer.
    OmitRefreshToken,
    /// Refused, though nothing is wrong with the grant.
    InvalidGrant,
    /// Refused, though nothing is wrong with the client.
    InvalidClient,
}

/// Which answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum On {
    /// `/oauth/token`.
    #[default]
    Token,
    /// `/oauth/revoke`.
    Revoke,
    /// `/api/v1`.
    Api,
    /// All of these.
    All,
}

/// The order, as `PUT /_playground/behaviour` takes it. What is left out is normal.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Behaviour {
    /// How long each answer waits after the work is done.
    pub(crate) token_delay_ms: u64,
    /// So many requests are first answered 503.
    pub(crate) fail_next: u32,
    pub(crate) mode: Mode,
    /// `Retry-After` of 429 and 503.
    pub(crate) retry_after_s: Option<u64>,
    /// How long access tokens live.
    pub(crate) access_ttl_s: Option<u64>,
    /// Only this client's requests.
    pub(crate) for_client: Option<String>,
    /// How many requests this applies to; none: until it is changed.
    pub(crate) count: Option<u32>,
    /// Whose answers; left out: the token endpoint's.
    pub(crate) on: On,
}

/// How one request is to be answered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Order {
    pub(crate) mode: Mode,
    pub(crate) delay: Duration,
    pub(crate) retry_after_s: Option<u64>,
    pub(crate) access_ttl: Option<Duration>,
}

impl Behaviour {
    /// How the next request of `client` is to be answered; counts it.
    pub(crate) fn take(&mut self, on: On, client: &str) -> Order {
        let covered = self.on == On::All || self.on == on;
        if !covered || self.for_client.as_deref().is_some_and(|only| only != client) {
            return Order::default();
        }
        if self.count == Some(0) {
            *self = Self::default();
            return Order::default();
        }
        let mut order = Order {
            mode: self.mode,
            delay: Duration::from_millis(self.token_delay_ms).min(MAX_DELAY),
            retry_after_s: self.retry_after_s,
            access_ttl: self.access_ttl_s.map(Duration::from_secs),
        };
        if self.fail_next > 0 {
            self.fail_next -= 1;
            order.mode = Mode::Status503;
        }
        if let Some(left) = &mut self.count {
            *left -= 1;
        }
        order
    }
}

impl Order {
    /// Waits as ordered.
    pub(crate) async fn wait(&self) {
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
    }

    /// The answer that takes the place of any other, if this mode has one.
    pub(crate) fn instead(&self) -> Option<Response> {
        match self.mode {
            Mode::Status429 => Some(self.status(StatusCode::TOO_MANY_REQUESTS, "rate_limited")),
            Mode::Status500 => Some(self.status(StatusCode::INTERNAL_SERVER_ERROR, "server_error")),
            Mode::Status503 => {
                Some(self.status(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable"))
            }
            Mode::Html => Some(body("text/html; charset=utf-8", MAINTENANCE.into())),
            Mode::Garbage => Some(body("application/json", GARBAGE.into())),
            Mode::HugeBody => Some(body("application/json", huge())),
            Mode::Slowloris => Some(body("application/json", slow())),
            Mode::Normal
            | Mode::DropAfterRotating
            | Mode::LieExpiry
            | Mode::OmitRefreshToken
            | Mode::InvalidGrant
            | Mode::InvalidClient => None,
        }
    }

    fn status(&self, status: StatusCode, error: &str) -> Response {
        let json = axum::Json(serde_json::json!({
            "error": error,
            "error_description": "Acme was told to answer so by /_playground/behaviour.",
        }));
        let mut answer = (status, json).into_response();
        if let Some(after) = self.retry_after_s.filter(|_| error != "server_error") {
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(after));
        }
        answer
    }
}

const MAINTENANCE: &str = "<!doctype html><title>Acme</title><h1>Back in a minute</h1>\
    <p>Acme is being looked after. Please come back soon.</p>";
const GARBAGE: &[u8] = b"{\"access_token\": \"acme_at_\xff\xfe\x00, \"expires_in\": [[[";

fn body(kind: &'static str, body: Body) -> Response {
    ([(header::CONTENT_TYPE, kind)], body).into_response()
}

/// What a peer sees that hangs up without a word: the HTTP server closes the connection when a body
/// fails before its first byte, and has sent nothing by then.
pub(crate) fn hang_up() -> Response {
    let failed = Err::<Bytes, _>(io::Error::other("told to hang up by /_playground/behaviour"));
    Response::new(Body::from_stream(stream::iter([failed])))
}

fn huge() -> Body {
    let pieces = HUGE / PIECE.len() as u64;
    Body::from_stream(stream::iter(
        (0..pieces).map(|_| Ok::<_, io::Error>(Bytes::from_static(PIECE))),
    ))
}

fn slow() -> Body {
    Body::from_stream(stream::unfold(0, |sent| async move {
        if sent == SLOW_BYTES {
            return None;
        }
        if sent > 0 {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Some((
            Ok::<_, io::Error>(Bytes::from_static(if sent == 0 { b"{" } else { b" " })),
            sent + 1,
        ))
    }))
}

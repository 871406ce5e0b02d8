//! What holds for every request: an id, a line in the log, safe headers, a bound on how many.

use std::{
    any::Any,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base::{OsRng, Rng};
use data_encoding::BASE64URL_NOPAD;
use tokio::sync::Semaphore;
use tracing::Instrument;

use crate::problem::Problem;

tokio::task_local! {
    static REQUEST_ID: String;
}

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The id of the request that this task answers.
pub(crate) fn request_id() -> String {
    REQUEST_ID.try_with(Clone::clone).unwrap_or_default()
}

fn fresh() -> String {
    let mut bytes = [0_u8; 12];
    OsRng.fill(&mut bytes);
    format!("req_{}", BASE64URL_NOPAD.encode(&bytes))
}

/// Gives the request an id, and logs it with the route's pattern: never its path or query, which may
/// hold a secret.
pub(super) async fn trace(request: Request, next: Next) -> Response {
    let id = fresh();
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "-".to_owned(), |path| path.as_str().to_owned());
    let span = tracing::info_span!("request", %id);
    let answered = async {
        let started = Instant::now();
        let mut response = REQUEST_ID.scope(id.clone(), next.run(request)).await;
        let ms = started.elapsed().as_millis();
        tracing::info!(%method, route, status = response.status().as_u16(), ms, "answered");
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(HEADER, value);
        }
        response
    };
    answered.instrument(span).await
}

/// Headers that every answer has unless its handler says otherwise.
pub(super) async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let defaults = [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ];
    for (name, value) in defaults {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Headers of which two would be two answers to one question.
const ONCE: [HeaderName; 7] = [
    header::HOST,
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    header::ORIGIN,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("x-valetkey-agent"),
    HeaderName::from_static("x-valetkey-workspace"),
];

/// Refuses a request that says twice who calls, where or for whom: a proxy before the hub might go by the
/// one and the hub by the other (RFC 9110, section 5.3; of `Host` RFC 9112, section 3.2).
pub(super) async fn unambiguous(request: Request, next: Next) -> Response {
    let twice = |name: &&HeaderName| request.headers().get_all(*name).iter().nth(1).is_some();
    if let Some(name) = ONCE.iter().find(twice) {
        return Problem::new(
            StatusCode::BAD_REQUEST,
            "header_repeated",
            format!(
                "The header `{name}` is there more than once, so nothing was done. Send it once."
            ),
        )
        .into_response();
    }
    next.run(request).await
}

/// The longest that a request may take: a body's 30 s and a poll's 25 s, or the token call's wait for a refresh.
const LONGEST: Duration = Duration::from_mins(1);

/// What takes too long is given up, and says so.
pub(super) async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(LONGEST, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too_slow",
            "The hub did not finish this within 60 seconds. Look whether it was done before you ask again, or send \
             it with the same Idempotency-Key.",
        )
        .after(1)
        .into_response(),
    }
}

/// How many requests may be under way.
#[derive(Clone)]
pub(super) struct Gate(Arc<Semaphore>);

impl Gate {
    pub(super) fn new(most: usize) -> Self {
        Self(Arc::new(Semaphore::new(most)))
    }
}

/// Beyond the bound a request is told at once to come back.
pub(super) async fn gate(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let Ok(_place) = gate.0.try_acquire() else {
        let hub = hub::Error::unavailable(
            "too_busy",
            "The hub has too many requests under way. Nothing was done; try again shortly.",
            Duration::from_secs(1),
        );
        return Problem::from(hub).into_response();
    };
    next.run(request).await
}

/// What a panic in a handler answers.
pub(super) fn answer_panic(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!(request_id = request_id(), "a handler panicked");
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "The hub failed at this. The log has the cause under this request id.",
    )
    .into_response()
}

/// The API's documentation is a page with scripts of its own: from this server, and nowhere else.
pub(crate) async fn swagger_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                  img-src 'self' data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'";
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

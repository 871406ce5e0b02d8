//! A small client of JSON APIs, over the hub's own way out.

use std::time::Duration;

use base::{ExposeSecret, SecretString};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use outbound::{Limits, Outbound};
use serde_json::Value;

use super::{DemoError, failed};

/// Longer than the longest poll.
pub(super) const LIMITS: Limits = Limits {
    connect: Duration::from_secs(5),
    total: Duration::from_secs(35),
    max_body: 1024 * 1024,
};
/// How long the hub may take to start.
const START: Duration = Duration::from_secs(30);
/// How often something that asks to come back is asked, and the longest pause before it is.
const MOST_TRIES: usize = 5;
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A way out that reaches this machine only.
pub(super) fn outbound() -> Result<Outbound, DemoError> {
    let allow = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    let config = outbound::Config { allow, user_agent: "valetkey-demo".to_owned() };
    Outbound::network(&config).map_err(|error| failed(error.to_string()))
}

/// Waits until the hub at this address says that it is ready.
pub(super) async fn ready(outbound: &Outbound, hub: &str) -> Result<(), DemoError> {
    let asking = async {
        loop {
            let request = Request::get(format!("{hub}/readyz")).body(Bytes::new());
            let request = request.map_err(|error| failed(error.to_string()))?;
            let answer = outbound.send(request, LIMITS).await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(START, asking).await.unwrap_or_else(|_| {
        let seconds = START.as_secs();
        Err(failed(format!(
            "The hub at {hub} was not ready after {seconds} s. Start it with `make run`, or see what it logs."
        )))
    })
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

    /// Where it is.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// One call; an answer that is no success is an error that says what the hub said.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, DemoError> {
        let (status, value) = self.ask(&method, path, body).await?;
        if status.is_success() { Ok(value) } else { Err(refused(&method, path, status, &value)) }
    }

    /// What is at a path, if anything is.
    pub(super) async fn find(&self, path: &str) -> Result<Option<Value>, DemoError> {
        let (status, value) = self.ask(&Method::GET, path, None).await?;
        match status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Ok(Some(value)),
            status => Err(refused(&Method::GET, path, status, &value)),
        }
    }

    /// Asks, and asks again as long as the hub says that it did nothing and when to come back.
    async fn ask(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Value), DemoError> {
        let mut tries = 1;
        loop {
            let request = self.request(method, path, body)?;
            let answer = self.outbound.send(request, LIMITS).await.map_err(|error| {
                failed(format!(
                    "The hub at {} does not answer ({error}). Start it with `make run` in another terminal.",
                    self.url
                ))
            })?;
            match come_back_after(&answer) {
                Some(pause) if tries < MOST_TRIES => tokio::time::sleep(pause).await,
                _ => return Ok((answer.status(), json(&answer))),
            }
            tries += 1;
        }
    }

    fn request(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Request<Bytes>, DemoError> {
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
        request.body(bytes).map_err(|error| failed(error.to_string()))
    }
}

/// When to ask again: only where nothing was done and the answer names a time.
fn come_back_after(answer: &Response<Bytes>) -> Option<Duration> {
    if answer.status() != StatusCode::SERVICE_UNAVAILABLE {
        return None;
    }
    let seconds = answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_PAUSE))
}

fn refused(method: &Method, path: &str, status: StatusCode, answer: &Value) -> DemoError {
    let detail = answer["detail"].as_str().unwrap_or("no detail was given");
    failed(format!("{method} {path} was answered with {status}: {detail}"))
}

/// A body as JSON; null where it is none.
pub(super) fn json(answer: &Response<Bytes>) -> Value {
    serde_json::from_slice(answer.body()).unwrap_or(Value::Null)
}

/// Text at a place of an answer that must have it.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, DemoError> {
    // Not the answer itself: it may hold a token.
    value[name].as_str().ok_or_else(|| failed(format!("The answer has no `{name}`.")))
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    /// A hub that is too busy at first, and how often it was asked.
    fn busy(times: usize, retry_after: Option<&'static str>) -> (Hub, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let outbound = Outbound::in_process(move |_: Request<Bytes>| {
            let mut answer = Response::new(Bytes::from_static(b"{\"detail\":\"Too busy.\"}"));
            if count.fetch_add(1, Ordering::SeqCst) < times {
                *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                if let Some(after) = retry_after {
                    answer.headers_mut().insert(header::RETRY_AFTER, after.parse().unwrap());
                }
            }
            async { answer }
        });
        (Hub::new(&outbound, "http://hub", "vk_platform_x".to_owned().into(), None), asked)
    }

    #[test]
    fn there_is_a_way_out() {
        outbound().unwrap();
    }

    #[tokio::test]
    async fn a_hub_that_says_when_to_come_back_is_asked_again() {
        let (hub, asked) = busy(2, Some("0"));
        hub.call(Method::GET, "/v1/x", None).await.unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_hub_that_stays_too_busy_is_left_alone_in_the_end() {
        let (hub, asked) = busy(usize::MAX, Some("0"));
        let error = hub.call(Method::GET, "/v1/x", None).await.unwrap_err();
        assert!(error.to_string().contains("503"), "{error}");
        assert!(error.to_string().contains("Too busy."), "{error}");
        assert_eq!(asked.load(Ordering::SeqCst), MOST_TRIES);
    }

    #[tokio::test]
    async fn a_failure_that_names_no_time_is_not_asked_again() {
        let (hub, asked) = busy(1, None);
        assert!(hub.call(Method::POST, "/v1/x", None).await.is_err());
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }
}

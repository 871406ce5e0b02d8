//! What a caller is told of its limits: the fields of draft-ietf-httpapi-ratelimit-headers.

use std::{
    fmt::Write,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue, StatusCode},
    middleware::Next,
    response::Response,
};

use super::{
    buckets::Taken,
    rate::{Rate, seconds},
};
use crate::problem::Problem;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// The two fields of one answer, as they grow with each limit that was looked at.
#[derive(Default)]
struct Fields {
    policy: String,
    limit: String,
}

/// How the caller of one request stands.
#[derive(Clone, Default)]
pub(crate) struct Standing(Arc<Mutex<Fields>>);

impl Standing {
    /// Adds a limit, by its name.
    pub(super) fn tell(&self, name: &str, rate: Rate, taken: Taken) {
        let mut fields = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Fields { policy, limit } = &mut *fields;
        for list in [&mut *policy, &mut *limit] {
            if !list.is_empty() {
                list.push_str(", ");
            }
        }
        // To a text nothing fails to be written.
        let _ = write!(policy, "\"{name}\";q={};w={}", rate.burst, seconds(rate.window()));
        let _ = write!(limit, "\"{name}\";r={};t={}", taken.remaining, seconds(taken.full_in));
    }

    fn write(&self, response: &mut Response) {
        let fields = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, text) in [(POLICY, &fields.policy), (LIMIT, &fields.limit)] {
            if !text.is_empty()
                && let Ok(value) = HeaderValue::from_str(text)
            {
                response.headers_mut().insert(name, value);
            }
        }
    }
}

/// Writes the fields of those limits that were looked at.
pub(in crate::http) async fn tell(mut request: Request, next: Next) -> Response {
    let standing = Standing::default();
    request.extensions_mut().insert(standing.clone());
    let mut response = next.run(request).await;
    standing.write(&mut response);
    response
}

/// 429, and which limit it is.
pub(super) fn refuse(limit: &str, wait: Duration, why: &str) -> Problem {
    let detail = format!(
        "{why} Nothing was done. Try again in {} s; Retry-After says so too.",
        seconds(wait)
    );
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail)
        .with("limit", limit)
        .after(seconds(wait))
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    #[test]
    fn each_limit_stands_in_both_fields() {
        let standing = Standing::default();
        let rate = |text| Rate::read(text).unwrap().unwrap();
        let full_in = Duration::from_millis(860);
        standing.tell(
            "agent",
            rate("50/s,burst=100"),
            Taken { refused: None, remaining: 57, full_in },
        );
        standing.tell(
            "workspace",
            rate("500/s"),
            Taken { refused: None, remaining: 499, full_in: Duration::ZERO },
        );
        let mut response = ().into_response();
        standing.write(&mut response);
        assert_eq!(response.headers()[POLICY], "\"agent\";q=100;w=2, \"workspace\";q=500;w=1");
        assert_eq!(response.headers()[LIMIT], "\"agent\";r=57;t=1, \"workspace\";r=499;t=1");
    }

    #[test]
    fn without_a_limit_there_is_no_field() {
        let mut response = ().into_response();
        Standing::default().write(&mut response);
        assert!(response.headers().is_empty());
    }
}

//! How much may still be asked, as an answer tells it.

use std::time::Duration;

use base::Timestamp;
use http::HeaderMap;
use serde_json::Value;

use crate::{
    Manifest,
    manifest::{RateSpec, ResetUnit},
    matcher,
};

/// What an answer tells of the provider's limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateInfo {
    /// Whether this request was refused because too much was asked.
    pub limited: bool,
    /// How many requests are left.
    pub remaining: Option<u64>,
    /// How many there may be in a window.
    pub limit: Option<u64>,
    /// How long until there are more again, at most an hour.
    pub wait: Option<Duration>,
}

impl Manifest {
    /// What an answer of the API tells of its limits; none where it tells nothing.
    ///
    /// `now` is for moments that are told as such, unless the answer has a `Date` of its own.
    pub fn rate(
        &self,
        status: u16,
        headers: &HeaderMap,
        body: &Value,
        now: Option<Timestamp>,
    ) -> Option<RateInfo> {
        read(&self.api.rate, status, headers, body, now)
    }
}

pub(crate) fn read(
    spec: &RateSpec,
    status: u16,
    headers: &HeaderMap,
    body: &Value,
    now: Option<Timestamp>,
) -> Option<RateInfo> {
    let remaining = number(headers, spec.remaining.as_deref());
    let limit = number(headers, spec.limit.as_deref());
    let told = matcher::wait_in(headers, &spec.retry_after, now);
    let by_status = spec.statuses.contains(&status)
        && (status == 429 || remaining == Some(0) || told.is_some());
    let limited =
        by_status || spec.body_match.iter().any(|known| matcher::fits(known, status, body));
    let wait = told.or_else(|| until_reset(spec, headers, now));
    let info = RateInfo { limited, remaining, limit, wait };
    (info != RateInfo::default()).then_some(info)
}

fn text<'a>(headers: &'a HeaderMap, name: Option<&str>) -> Option<&'a str> {
    headers.get(name?)?.to_str().ok().map(str::trim)
}

fn number(headers: &HeaderMap, name: Option<&str>) -> Option<u64> {
    // Some write `95/100`, some `95.0`.
    let digits = text(headers, name)?.split(['/', '.', ',', ';']).next()?;
    digits.trim().parse().ok()
}

fn until_reset(spec: &RateSpec, headers: &HeaderMap, now: Option<Timestamp>) -> Option<Duration> {
    let written = text(headers, spec.reset.as_deref())?;
    let number = || written.split('.').next()?.parse::<u64>().ok();
    let until = |at: Timestamp| Some(matcher::sent_at(headers).or(now)?.until(at));
    let whole = |number: u64| i64::try_from(number).ok();
    let wait = match spec.reset_unit {
        ResetUnit::Seconds => Some(Duration::from_secs(number()?)),
        ResetUnit::Milliseconds => Some(Duration::from_millis(number()?)),
        ResetUnit::UnixSeconds => until(Timestamp::from_secs(whole(number()?)?)),
        ResetUnit::UnixMilliseconds => until(Timestamp::from_millis(whole(number()?)?)),
        ResetUnit::Rfc3339 => until(Timestamp::parse_rfc3339(written)?),
    }?;
    Some(wait.min(matcher::MOST_WAIT))
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};
    use serde_json::json;

    use super::*;

    /// 2026-11-18T11:06:40Z.
    const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);

    fn rate(spec: &str, status: u16, headers: &[(&str, &str)], body: &Value) -> Option<RateInfo> {
        let manifest = Manifest::parse(&format!(
            "slug = \"x\"\ndisplay_name = \"X\"\ncategory = \"crm\"\nauth.kind = \"oauth2_code\"\n\
             issuer = \"https://x.example\"\n[api.rate]\n{spec}"
        ));
        let headers = headers.iter().map(|(name, value)| {
            (HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap())
        });
        manifest.unwrap().rate(status, &headers.collect(), body, Some(NOW))
    }

    fn wait(spec: &str, headers: &[(&str, &str)]) -> Option<u64> {
        rate(spec, 429, headers, &Value::Null)?.wait.map(|wait| wait.as_secs())
    }

    #[test]
    fn what_is_left_is_read_from_the_headers_that_the_manifest_names() {
        let spec = "remaining = 'X-RateLimit-Remaining'\nlimit = 'X-RateLimit-Limit'";
        let headers = [("x-ratelimit-remaining", "41"), ("x-ratelimit-limit", "100")];
        let info = rate(spec, 200, &headers, &Value::Null).unwrap();
        assert_eq!((info.limited, info.remaining, info.limit), (false, Some(41), Some(100)));
        assert_eq!(rate(spec, 200, &[], &Value::Null), None);
    }

    #[test]
    fn a_moment_is_read_as_it_is_written() {
        let reset = |unit: &str, value: &str| {
            wait(&format!("reset = 'x-reset'\nreset_unit = '{unit}'"), &[("x-reset", value)])
        };
        assert_eq!(reset("seconds", "7"), Some(7));
        assert_eq!(reset("milliseconds", "7000"), Some(7));
        assert_eq!(reset("unix_seconds", "1795000060"), Some(60));
        assert_eq!(reset("unix_milliseconds", "1795000060000"), Some(60));
        assert_eq!(reset("rfc3339", "2026-11-18T11:07:40Z"), Some(60));
        assert_eq!(reset("unix_seconds", "1794999999"), Some(0));
        assert_eq!(reset("seconds", "99999999"), Some(3600), "it is bounded");
        assert_eq!(reset("seconds", "soon"), None);
    }

    #[test]
    fn how_long_to_wait_is_read_from_its_own_header_first() {
        let spec = "reset = 'x-reset'\nretry_after = 'X-Wait'";
        assert_eq!(wait(spec, &[("x-wait", "3"), ("x-reset", "9")]), Some(3));
        assert_eq!(wait(spec, &[("retry-after", "3"), ("x-reset", "9")]), Some(9));
        assert_eq!(wait("", &[("retry-after", "3")]), Some(3));
    }

    #[test]
    fn a_status_that_means_other_things_too_needs_a_sign() {
        let spec = "remaining = 'x-left'\nstatuses = [403, 429]";
        let limited = |status, headers: &[_]| {
            rate(spec, status, headers, &Value::Null).is_some_and(|info| info.limited)
        };
        assert!(limited(429, &[]));
        assert!(limited(403, &[("x-left", "0")]));
        assert!(limited(403, &[("retry-after", "5")]));
        assert!(!limited(403, &[("x-left", "12")]));
        assert!(!limited(403, &[]));
        assert!(!limited(500, &[("x-left", "0")]));
    }

    #[test]
    fn a_body_can_say_so_too() {
        let spec = "body_match = [{ path = 'code', equals = 'too_many' }]";
        assert!(rate(spec, 200, &[], &json!({"code": "too_many"})).unwrap().limited);
        assert_eq!(rate(spec, 200, &[], &json!({"code": "fine"})), None);
    }
}

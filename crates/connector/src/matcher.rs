//! What an error reply means.

use std::time::Duration;

use base::Timestamp;
use http::{HeaderMap, header};
use regex::{Regex, RegexBuilder};
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc2822};

use crate::{
    ErrorKind, ErrorReply, Manifest, input, json,
    manifest::{Matcher, ReplyPaths},
    token,
};

/// The longest wait that is believed.
pub(crate) const MOST_WAIT: Duration = Duration::from_hours(1);

/// The longest provider code, in bytes.
const MOST_CODE: usize = 100;

/// The manifest's matchers, else RFC 6749, section 5.2.
///
/// Only definitive evidence ends a grant: whatever looks like the server's trouble may pass.
pub(crate) fn classify(manifest: &Manifest, reply: &ErrorReply<'_>) -> ErrorKind {
    let limited = || ErrorKind::RateLimited(retry_after(reply.headers, Some(reply.now)));
    if let Some(kind) = by_manifest(manifest, reply.status, reply.body) {
        return if kind == ErrorKind::Unavailable && reply.status == 429 {
            limited()
        } else {
            kind
        };
    }
    match reply.status {
        429 => return limited(),
        500.. => return ErrorKind::Unavailable,
        _ => {}
    }
    let code = rfc_code(&manifest.token.reply, reply.body);
    match code.as_deref() {
        Some("invalid_grant") => ErrorKind::Reauthorize,
        Some("invalid_client" | "unauthorized_client") => ErrorKind::ClientConfig,
        Some("invalid_scope" | "invalid_request" | "unsupported_grant_type") => ErrorKind::Invalid,
        _ => ErrorKind::Unavailable,
    }
}

/// What the manifest's matchers say, if any fits.
pub(crate) fn by_manifest(manifest: &Manifest, status: u16, body: &Value) -> Option<ErrorKind> {
    let errors = &manifest.errors;
    [
        (&errors.dead, ErrorKind::Reauthorize),
        (&errors.transient, ErrorKind::Unavailable),
        (&errors.config, ErrorKind::ClientConfig),
    ]
    .into_iter()
    .find_map(|(matchers, kind)| {
        matchers.iter().any(|matcher| fits(matcher, status, body)).then_some(kind)
    })
}

pub(crate) fn fits(matcher: &Matcher, status: u16, body: &Value) -> bool {
    if matcher.status.is_some_and(|expected| expected != status) {
        return false;
    }
    let Some(path) = &matcher.path else { return matcher.status.is_some() };
    let Some(found) = json::at(body, path).filter(|value| !value.is_null()) else { return false };
    if matcher.equals.is_none() && matcher.matches.is_none() {
        return true;
    }
    let Some(text) = json::text_of(found) else { return false };
    matcher.equals.as_ref().is_none_or(|expected| *expected == text)
        && matcher.matches.as_deref().is_none_or(|pattern| {
            // It compiled when the manifest was checked.
            compile(pattern).is_ok_and(|regex| regex.is_match(&text))
        })
}

/// A matcher's regular expression, bounded in size.
pub(crate) fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).size_limit(input::MOST_PATTERN).build()
}

fn rfc_code(paths: &ReplyPaths, body: &Value) -> Option<String> {
    let text = |path: &str| json::at(body, path)?.as_str().map(str::to_owned);
    text("error").or_else(|| paths.error_path.as_deref().and_then(text))
}

/// How long to wait (RFC 9110, section 10.2.3), at most an hour. A date counts from the reply's own,
/// where it has one: the two clocks need not agree.
pub(crate) fn retry_after(headers: &HeaderMap, now: Option<Timestamp>) -> Option<Duration> {
    wait_in(headers, header::RETRY_AFTER.as_str(), now)
}

/// The same, from a header of this name.
pub(crate) fn wait_in(headers: &HeaderMap, name: &str, now: Option<Timestamp>) -> Option<Duration> {
    let text = headers.get(name)?.to_str().ok()?.trim();
    let wait = if let Ok(seconds) = text.parse::<u64>() {
        Duration::from_secs(seconds)
    } else if let Some(wait) = fraction(text) {
        wait
    } else {
        sent_at(headers).or(now)?.until(date(text)?)
    };
    Some(wait.min(MOST_WAIT))
}

/// When an answer was sent, by its own clock.
pub(crate) fn sent_at(headers: &HeaderMap) -> Option<Timestamp> {
    date(headers.get(header::DATE)?.to_str().ok()?.trim())
}

fn date(text: &str) -> Option<Timestamp> {
    let at = OffsetDateTime::parse(text, &Rfc2822).ok()?;
    Some(Timestamp::from_secs(at.unix_timestamp()))
}

/// Seconds with a fraction, as Shopify writes them: `2.0`.
fn fraction(text: &str) -> Option<Duration> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds = text.parse::<f64>().ok().filter(|_| digits)?;
    Duration::try_from_secs_f64(seconds.min(MOST_WAIT.as_secs_f64())).ok()
}

/// The provider's own error code, at most 100 visible characters. Never a sentence, which might quote
/// what was sent, and never anything that looks like a token.
pub fn provider_code(manifest: &Manifest, body: &Value) -> Option<String> {
    let paths = &manifest.token.reply;
    let own = paths.error_path.as_deref();
    let common =
        ["error", "error.code", "error.type", "error.status", "code", "errorCode", "errors.0.code"];
    let found = own
        .into_iter()
        .chain(common)
        .find_map(|path| json::text_at(body, path).filter(|text| !text.is_empty()))?;
    let is_token = token::parts(paths, body).chain([body]).any(|part| {
        let tokens = paths.access.iter().chain(&paths.refresh).map(String::as_str);
        tokens
            .chain(["id_token"])
            .filter_map(|path| json::text_at(part, path))
            .any(|token| token == found)
    });
    (!is_token && is_code(&found)).then_some(found)
}

/// Codes are words, and numbers behind them; in tokens, UUIDs too, letters and digits are mixed.
pub(crate) fn is_code(text: &str) -> bool {
    let separator = |c: char| matches!(c, '_' | '-' | '.' | ':' | '/');
    let word = |run: &str| {
        let number = run.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        run.len() <= 40 && number.bytes().all(|byte| byte.is_ascii_digit())
    };
    text.len() <= MOST_CODE
        && text.bytes().filter(u8::is_ascii_digit).count() <= 8
        && text.split(separator).all(word)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);

    fn manifest(more: &str) -> Manifest {
        Manifest::parse(&format!(
            "slug = \"x\"\ndisplay_name = \"X\"\ncategory = \"crm\"\nauth.kind = \"oauth2_code\"\n\
             issuer = \"https://x.example\"\n{more}"
        ))
        .unwrap()
    }

    fn kind(more: &str, status: u16, headers: &HeaderMap, body: &Value) -> ErrorKind {
        classify(&manifest(more), &ErrorReply { status, headers, body, now: NOW })
    }

    #[test]
    fn the_standard_codes_mean_what_the_standard_says() {
        use ErrorKind::{ClientConfig, Invalid, RateLimited, Reauthorize, Unavailable};
        let error = |code: &str| json!({ "error": code });
        let table = [
            (400, error("invalid_grant"), Reauthorize),
            (401, error("invalid_grant"), Reauthorize),
            (200, error("invalid_grant"), Reauthorize),
            (401, error("invalid_client"), ClientConfig),
            (400, error("unauthorized_client"), ClientConfig),
            (400, error("invalid_scope"), Invalid),
            (400, error("invalid_request"), Invalid),
            (400, error("unsupported_grant_type"), Invalid),
            (400, error("temporarily_unavailable"), Unavailable),
            (400, error("slow_down"), Unavailable),
            (400, error("anything_else"), Unavailable),
            (429, error("invalid_grant"), RateLimited(None)),
            // A server in trouble says many things.
            (500, error("invalid_grant"), Unavailable),
            (503, Value::Null, Unavailable),
            (401, Value::Null, Unavailable),
            (403, json!({"message": "no"}), Unavailable),
            (200, json!([1]), Unavailable),
            (302, Value::Null, Unavailable),
        ];
        for (status, body, expected) in table {
            assert_eq!(kind("", status, &HeaderMap::new(), &body), expected, "{status} {body}");
        }
    }

    #[test]
    fn the_manifest_knows_better_than_the_standard() {
        let more = "errors.dead = [{ path = \"err.code\", equals = \"17\" }, { status = 410 }]\n\
                    errors.transient = [{ status = 400, path = \"error_description\", matches = \"(?i)try again\" }]\n\
                    errors.config = [{ path = \"app_missing\" }]\n";
        let none = HeaderMap::new();
        assert_eq!(kind(more, 200, &none, &json!({"err": {"code": 17}})), ErrorKind::Reauthorize);
        assert_eq!(kind(more, 200, &none, &json!({"err": {"code": 18}})), ErrorKind::Unavailable);
        assert_eq!(kind(more, 410, &none, &Value::Null), ErrorKind::Reauthorize);
        let busy = json!({"error": "invalid_grant", "error_description": "Busy. Try Again."});
        assert_eq!(kind(more, 400, &none, &busy), ErrorKind::Unavailable);
        assert_eq!(kind(more, 401, &none, &busy), ErrorKind::Reauthorize);
        assert_eq!(kind(more, 400, &none, &json!({"app_missing": {}})), ErrorKind::ClientConfig);
        assert_eq!(kind(more, 400, &none, &json!({"app_missing": null})), ErrorKind::Unavailable);
    }

    #[test]
    fn the_wait_is_read_in_both_forms_and_bounded() {
        let wait = |value: &str, date: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, HeaderValue::from_str(value).unwrap());
            if let Some(date) = date {
                headers.insert(header::DATE, HeaderValue::from_str(date).unwrap());
            }
            match kind("", 429, &headers, &Value::Null) {
                ErrorKind::RateLimited(wait) => wait.map(|wait| wait.as_secs()),
                other => panic!("{other:?}"),
            }
        };
        // NOW is 2026-11-18T11:06:40Z.
        assert_eq!(wait("7", None), Some(7));
        assert_eq!(wait("Wed, 18 Nov 2026 11:07:40 GMT", None), Some(60));
        let skewed = Some("Wed, 18 Nov 2026 11:07:30 GMT");
        assert_eq!(wait("Wed, 18 Nov 2026 11:07:40 GMT", skewed), Some(10));
        assert_eq!(wait("Wed, 18 Nov 2020 11:07:40 GMT", None), Some(0));
        assert_eq!(wait("999999999", None), Some(3600));
        assert_eq!(wait("Wed, 18 Nov 2099 11:07:40 GMT", None), Some(3600));
        assert_eq!(wait("-1", None), None);
        assert_eq!(wait("soon", None), None);
    }

    #[test]
    fn a_code_is_told_and_nothing_that_might_be_a_token() {
        let code = |body: Value| provider_code(&manifest(""), &body);
        for (body, expected) in [
            (json!({"error": "invalid_grant"}), "invalid_grant"),
            (json!({"error": {"code": 190, "message": "x"}}), "190"),
            (json!({"code": "AADSTS70008"}), "AADSTS70008"),
            (json!({"errors": [{"code": "E-1.2:3"}]}), "E-1.2:3"),
        ] {
            assert_eq!(code(body).as_deref(), Some(expected));
        }
        for body in [
            json!({"error": "Bad token s3cret"}),
            json!({"error": "a".repeat(41)}),
            json!({"error": "abc_".repeat(30)}),
            json!({"error": "8f14e45f-ceea-467d-9b5b-3c2f1a0d7e66"}),
            json!({"error": "1234567890"}),
            json!({"error": "4f1a9c0b7d6e4f1a9c0b7d6e4f1a9c0b"}),
            json!({"error": "short", "access_token": "short"}),
            json!({"error": ""}),
            json!({"message": "x"}),
            json!("x"),
        ] {
            assert_eq!(code(body.clone()), None, "{body}");
        }
    }

    #[test]
    fn a_wait_is_read_in_seconds_with_a_fraction_too_and_nothing_else_passes_for_one() {
        let wait = |text| {
            let headers =
                HeaderMap::from_iter([(header::RETRY_AFTER, HeaderValue::from_static(text))]);
            retry_after(&headers, Some(NOW))
        };
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("2.5"), Some(Duration::from_millis(2500)));
        assert_eq!(wait("99999999999999999999999.0"), Some(MOST_WAIT));
        for text in ["-2.0", "1e3", "inf", "NaN", ".", "1.2.3"] {
            assert_eq!(wait(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_random_token_passes_for_a_code(token in "[A-Za-z0-9]{43}") {
            prop_assert_eq!(provider_code(&manifest(""), &json!({ "error": token })), None);
        }

        #[test]
        fn any_retry_after_is_read_without_a_panic(text in "[ -~]{0,40}") {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, HeaderValue::from_str(&text).unwrap())]);
            prop_assert!(retry_after(&headers, Some(NOW)).is_none_or(|wait| wait <= MOST_WAIT));
        }
    }
}

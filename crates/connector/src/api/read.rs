//! What an answer of the API means.

use std::time::Duration;

use base::{ExposeSecret, SecretString, Timestamp};
use serde_json::Value;

use super::Answer;
use crate::{
    Error, ErrorKind, json,
    manifest::{ApiErrors, ApiMeaning, RateSpec},
    matcher, oauth1, rate,
};

/// The longest message of a provider that is passed on, in characters.
const MOST_MESSAGE: usize = 300;

/// Where providers commonly say what is wrong.
const MESSAGES: [&str; 12] = [
    "message",
    "error.message",
    "error_description",
    "errors.0.message",
    "errors.0.detail",
    "errors.0.title",
    "errors.0",
    "0.message",
    "description",
    "detail",
    "error",
    "title",
];

/// What is wrong with an answer, if anything is.
pub(crate) fn wrong(
    errors: &ApiErrors,
    rate: &RateSpec,
    now: Option<Timestamp>,
    answer: &Answer,
    secrets: &[&SecretString],
) -> Option<Error> {
    let status = answer.status;
    let rate = rate::read(rate, status, &answer.headers, &answer.body, now).unwrap_or_default();
    let limited = rate.limited.then_some(ErrorKind::RateLimited(rate.wait));
    let known = by_matchers(errors, status, &answer.body, rate.wait).or(limited);
    if known.is_none() && (200..300).contains(&status) {
        return answer.garbled.then(|| {
            Error::new(
                ErrorKind::Unavailable,
                format!("the API answered with something that is no JSON ({status})"),
            )
        });
    }
    let kind = known.unwrap_or_else(|| by_status(answer));
    let error = Error::new(kind, format!("the API {} ({status})", what(kind)));
    Some(error.with_code(code(errors, &answer.body)).with_provider_message(message(
        errors,
        &answer.body,
        secrets,
    )))
}

/// What the errors of a GraphQL answer mean.
pub(super) fn graphql(body: &Value, errors: &ApiErrors, secrets: &[&SecretString]) -> Error {
    let code = json::text_at(body, "errors.0.extensions.code");
    let message = message(errors, body, secrets);
    let kind = match code.as_deref() {
        Some("THROTTLED" | "RATELIMITED") => ErrorKind::RateLimited(None),
        Some("ACCESS_DENIED" | "FORBIDDEN") => ErrorKind::Denied,
        Some("UNAUTHENTICATED" | "AUTHENTICATION_ERROR") => ErrorKind::Reauthorize,
        Some("INTERNAL_SERVER_ERROR") => ErrorKind::Unavailable,
        _ => ErrorKind::Invalid,
    };
    let error = Error::new(kind, format!("the API {}", what(kind)));
    error.with_code(code.filter(|code| matcher::is_code(code))).with_provider_message(message)
}

fn what(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Reauthorize => "no longer accepts the credential",
        ErrorKind::Denied => "does not allow this with the credential",
        ErrorKind::NotFound => "knows no such record",
        ErrorKind::Conflict => "says that this conflicts with what is there",
        ErrorKind::Invalid => "refused the request",
        ErrorKind::RateLimited(_) => "was asked too often",
        ErrorKind::Unsupported => "does not offer this",
        ErrorKind::ClientConfig => "refuses our client",
        ErrorKind::Unavailable => "did not answer as it should",
    }
}

fn by_matchers(
    errors: &ApiErrors,
    status: u16,
    body: &Value,
    wait: Option<Duration>,
) -> Option<ErrorKind> {
    let fitting =
        errors.matchers.iter().find(|known| matcher::fits(&known.matcher(), status, body))?;
    Some(match fitting.means {
        ApiMeaning::Reauthorize => ErrorKind::Reauthorize,
        ApiMeaning::RateLimited => ErrorKind::RateLimited(wait),
        ApiMeaning::Unavailable => ErrorKind::Unavailable,
        ApiMeaning::Denied => ErrorKind::Denied,
        ApiMeaning::NotFound => ErrorKind::NotFound,
        ApiMeaning::Conflict => ErrorKind::Conflict,
        ApiMeaning::Invalid => ErrorKind::Invalid,
        ApiMeaning::Unsupported => ErrorKind::Unsupported,
    })
}

fn by_status(answer: &Answer) -> ErrorKind {
    match answer.status {
        // A request that is signed wrong is refused alike: only a word on the token ends it.
        401 => oauth1::problem_in(&answer.headers)
            .and_then(oauth1::problem_kind)
            .unwrap_or(ErrorKind::Reauthorize),
        402 | 403 => ErrorKind::Denied,
        404 | 410 => ErrorKind::NotFound,
        409 | 412 => ErrorKind::Conflict,
        400 | 405 | 406 | 413 | 414 | 415 | 422 => ErrorKind::Invalid,
        429 => ErrorKind::RateLimited(matcher::retry_after(&answer.headers, None)),
        _ => ErrorKind::Unavailable,
    }
}

fn code(errors: &ApiErrors, body: &Value) -> Option<String> {
    let common = [
        "error.code",
        "error.type",
        "error.status",
        "error",
        "code",
        "category",
        "errorCode",
        "errors.0.code",
        "0.errorCode",
    ];
    let own = errors.code.iter().map(String::as_str);
    let mut found = own.chain(common).filter_map(|path| json::text_at(body, path));
    found.find(|text| !text.is_empty() && matcher::is_code(text))
}

/// The provider's own sentence, for a person: one line, and none where the credential is in it.
fn message(errors: &ApiErrors, body: &Value, secrets: &[&SecretString]) -> Option<String> {
    let own = errors.message.iter().map(String::as_str);
    let found = own.chain(MESSAGES).find_map(|path| {
        json::at(body, path)?.as_str().map(str::trim).filter(|text| !text.is_empty())
    })?;
    let words = secrets.iter().flat_map(|secret| secret.expose_secret().split(' '));
    let leaks = words.filter(|word| word.len() >= 6).any(|word| found.contains(word));
    let line: String =
        found.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST_MESSAGE).collect();
    let words = line.split(' ').map(|word| if is_token_like(word) { "…" } else { word });
    let line = words.collect::<Vec<_>>().join(" ");
    (!leaks).then_some(line)
}

/// Whether a word may be a token of whoever: long, and letters and digits mixed.
fn is_token_like(word: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| word.as_bytes().iter().any(kind);
    word.len() >= 16
        && !word.contains('@')
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_alphabetic)
}

#[cfg(test)]
mod tests {
    use base::SecretString;
    use http::HeaderMap;
    use serde_json::json;

    use super::*;

    fn told(body: Value) -> Option<String> {
        let token = SecretString::from("Bearer t0k3n-of-ana");
        let answer = Answer { status: 409, headers: HeaderMap::new(), body, garbled: false };
        let error =
            wrong(&ApiErrors::default(), &RateSpec::default(), None, &answer, &[&token]).unwrap();
        assert_eq!(error.kind, ErrorKind::Conflict);
        error.provider_message
    }

    #[test]
    fn the_providers_sentence_is_passed_on_as_one_line() {
        let body = json!({"message": "Contact already exists.\nExisting ID: 151"});
        assert_eq!(told(body).as_deref(), Some("Contact already exists. Existing ID: 151"));
        let body = json!({"errors": [{"detail": "ana@acme1234567.example is taken"}]});
        assert_eq!(told(body).as_deref(), Some("ana@acme1234567.example is taken"));
        assert_eq!(told(json!({"message": "x".repeat(1000)})).map(|line| line.len()), Some(300));
    }

    #[test]
    fn no_token_is_in_the_providers_sentence() {
        assert_eq!(told(json!({"message": "the token t0k3n-of-ana is odd"})), None);
        let body = json!({"message": "refresh 1//0gAbCdEfGhIjKlMnOp first"});
        assert_eq!(told(body).as_deref(), Some("refresh … first"));
    }
}

//! Replies of token endpoints: whose, with which status, and the body.
//!
//! What is read is bounded and survives its bytes; a refresh never loses the refresh token; what is
//! refused is refused without repeating a token.

use std::time::Duration;

use base::{ExposeSecret, SecretString};
use bytes::Bytes;
use connector::{Credential, Manifest, TokenSet, json};
use http::{HeaderValue, Response, header};
use serde_json::Value;

use crate::providers::{self, NOW, choice};

const STATUSES: [u16; 8] = [200, 201, 204, 302, 400, 401, 429, 503];
/// Set where the body is a form; and where there is a `Retry-After`, which is then the body's beginning.
const FORM: u8 = 0x08;
const WAIT: u8 = 0x40;
const MOST_TOKEN: usize = 16 * 1024;
const CENTURY: Duration = Duration::from_hours(36_525 * 24);

pub(crate) fn run(data: &[u8]) {
    let [who, how, body @ ..] = data else { return };
    let all = providers::all();
    let connector = &*all[choice(*who, all.len())];
    let reply = reply(*how, body);
    match oauth::refresh::read(connector, NOW, &former(), &reply) {
        Ok(tokens) => good(connector.manifest(), tokens),
        Err(error) => {
            let code = error.provider_code().unwrap_or_default();
            silent(connector.manifest(), body, &error.to_string(), code);
        }
    }
}

fn reply(how: u8, body: &[u8]) -> Response<Bytes> {
    let mut reply = Response::new(Bytes::copy_from_slice(body));
    let status = STATUSES[usize::from(how) % STATUSES.len()];
    *reply.status_mut() = http::StatusCode::from_u16(status).expect("those above are statuses");
    let kind =
        if how & FORM == 0 { "application/json" } else { "application/x-www-form-urlencoded" };
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    let wait = HeaderValue::from_bytes(&body[..body.len().min(40)]);
    if let Ok(wait) = wait
        && how & WAIT != 0
    {
        reply.headers_mut().insert(header::RETRY_AFTER, wait);
    }
    reply
}

/// What was there before the refresh.
fn former() -> TokenSet {
    TokenSet {
        refresh: Some(SecretString::from("former-refresh")),
        expires_at: Some(NOW),
        scopes: Some(vec!["former".to_owned()]),
        ..TokenSet::bearer("former-access")
    }
}

fn good(manifest: &Manifest, tokens: TokenSet) {
    assert!(tokens.refresh.is_some(), "a refresh lost the refresh token");
    for token in [Some(&tokens.access), tokens.refresh.as_ref(), tokens.id_token.as_ref()] {
        let Some(token) = token.map(ExposeSecret::expose_secret) else { continue };
        assert!((1..=MOST_TOKEN).contains(&token.len()), "a token of {} bytes", token.len());
        assert!(token.bytes().all(|byte| byte.is_ascii_graphic()), "a token that no header takes");
    }
    assert!(tokens.token_type.len() <= 50, "a token type of {} bytes", tokens.token_type.len());
    for end in [tokens.expires_at, tokens.refresh_expires_at].into_iter().flatten() {
        assert!(NOW.until(end) <= CENTURY, "a token that ends in more than a hundred years");
    }
    let scopes = tokens.scopes.as_deref().unwrap_or_default();
    // Twice the most of a reply: a connector may add what one implies.
    assert!(scopes.len() <= 2000, "{} scopes", scopes.len());
    for scope in scopes {
        assert!((1..=300).contains(&scope.len()), "a scope of {} bytes", scope.len());
        assert!(!scope.chars().any(char::is_control), "a control character in a scope");
    }
    for (name, value) in &tokens.captured {
        assert!((1..=2000).contains(&value.len()), "`{name}` has {} bytes", value.len());
        assert!(!value.chars().any(char::is_control), "a control character in `{name}`");
    }
    survives(manifest, &Credential::OAuth(tokens));
}

/// The credential is the same after sealing, and can be sent.
fn survives(manifest: &Manifest, credential: &Credential) {
    let bytes = credential.to_bytes();
    let again = Credential::from_bytes(&bytes).expect("what was written can be read");
    assert!(*again.to_bytes() == *bytes, "a credential is another after it was kept");
    for (name, value) in manifest.apply(&again).headers {
        let sent = HeaderValue::from_bytes(value.expose_secret().as_bytes());
        assert!(sent.is_ok(), "the credential can't be sent as `{name}`");
    }
}

/// No token of the reply stands in what is said about it.
fn silent(manifest: &Manifest, body: &[u8], said: &str, code: &str) {
    assert!(said.len() <= 1000, "an error of {} bytes", said.len());
    assert!(code.len() <= 100, "a code of {} bytes", code.len());
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let paths = &manifest.token.reply;
    let said = said.replace(code, "");
    for path in paths.access.iter().chain(&paths.refresh).map(String::as_str).chain(["id_token"]) {
        let Some(token) = json::text_at(&body, path).filter(|token| !token.is_empty()) else {
            continue;
        };
        assert!(token != code, "a token passes for the provider's code");
        // A short one, or a word, may stand in any sentence.
        let telling = token.len() >= 12
            && token.bytes().any(|byte| byte.is_ascii_digit())
            && token.bytes().all(|byte| byte.is_ascii_graphic());
        assert!(!telling || !said.contains(&token), "an error repeats a token");
    }
}

//! Token replies, read as the manifest says.

use std::{collections::BTreeMap, time::Duration};

use base::{SecretString, Timestamp};
use http::HeaderMap;
use serde_json::Value;

use crate::{
    Error, ErrorKind, Manifest, json,
    manifest::{Capture, ExpiresUnit, ReplyPaths},
    matcher,
};

/// The longest token, in bytes.
pub(crate) const MOST_TOKEN: usize = 16 * 1024;

/// The longest lifetime that is believed: a hundred years. Anything longer has no end.
pub const MOST_LIFETIME: Duration = Duration::from_hours(100 * 8_766);
const MOST_LIFETIME_S: f64 = MOST_LIFETIME.as_secs_f64();

/// The most scopes of a reply, and the longest.
const MOST_SCOPES: usize = 1000;
const MOST_SCOPE: usize = 300;

/// The longest captured value, in bytes.
const MOST_CAPTURED: usize = 2000;

/// The tokens of a grant. Does not print them.
#[derive(Debug)]
pub struct TokenSet {
    /// The access token: visible ASCII, at most 16 KiB, like the others.
    pub access: SecretString,
    /// The refresh token.
    pub refresh: Option<SecretString>,
    /// The ID token (OpenID Connect Core, section 2), not verified here.
    pub id_token: Option<SecretString>,
    /// As the provider writes it; `Bearer` where it does not say.
    pub token_type: String,
    /// When the access token ends; none = not known to end.
    pub expires_at: Option<Timestamp>,
    /// When the refresh token ends; none = not known to end.
    pub refresh_expires_at: Option<Timestamp>,
    /// What was granted; none = the reply did not say.
    pub scopes: Option<Vec<String>>,
    /// Values to keep, by their name in templates.
    pub captured: BTreeMap<String, String>,
}

base::lacks!(TokenSet: std::fmt::Display, Clone, serde::Serialize);

impl TokenSet {
    /// A bearer token (RFC 6750) of which nothing else is known.
    pub fn bearer(access: impl Into<SecretString>) -> Self {
        Self {
            access: access.into(),
            refresh: None,
            id_token: None,
            token_type: "Bearer".to_owned(),
            expires_at: None,
            refresh_expires_at: None,
            scopes: None,
            captured: BTreeMap::new(),
        }
    }
}

/// A good reply of the token endpoint.
#[derive(Clone, Copy)]
pub struct TokenReply<'a> {
    /// Its body.
    pub body: &'a Value,
    /// When it came.
    pub now: Timestamp,
}

/// A bad reply of the token endpoint.
#[derive(Clone, Copy)]
pub struct ErrorReply<'a> {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body; `Null` where it was no JSON.
    pub body: &'a Value,
    /// When it came.
    pub now: Timestamp,
}

/// The parts of a reply that may hold a token each.
pub(crate) fn parts<'a>(paths: &'a ReplyPaths, body: &'a Value) -> impl Iterator<Item = &'a Value> {
    let part = move |path: &'a String| match path.as_str() {
        "" => Some(body),
        path => json::at(body, path),
    };
    paths.tokens.iter().filter_map(part).chain(paths.tokens.is_empty().then_some(body))
}

/// The part of a reply that tells of the one token that counts; `Null` where none of them has one.
pub fn token_part<'a>(manifest: &'a Manifest, body: &'a Value) -> &'a Value {
    let paths = &manifest.token.reply;
    let holds_one = |part: &&Value| text(part, &paths.access).is_some();
    parts(paths, body).find(holds_one).unwrap_or(&Value::Null)
}

/// Reads a good reply by the manifest's paths.
pub(crate) fn parse(manifest: &Manifest, reply: &TokenReply<'_>) -> Result<TokenSet, Error> {
    let paths = &manifest.token.reply;
    let whole = reply.body;
    let reply = &TokenReply { body: token_part(manifest, whole), ..*reply };
    let body = reply.body;
    let access = token(body, &paths.access, "access token")?.ok_or_else(|| {
        unreadable("the reply has no access token where the manifest looks for it".to_owned())
    })?;
    Ok(TokenSet {
        access,
        refresh: token(body, &paths.refresh, "refresh token")?,
        id_token: token(body, &["id_token".to_owned()], "ID token")?,
        token_type: json::first_text(body, &paths.token_type)
            .filter(|kind| kind.len() <= 50 && kind.bytes().all(|byte| byte.is_ascii_graphic()))
            .unwrap_or_else(|| "Bearer".to_owned()),
        expires_at: access_end(manifest, reply),
        refresh_expires_at: refresh_end(manifest, reply),
        scopes: scopes(manifest, body),
        captured: captured(manifest, whole),
    })
}

pub(crate) fn unreadable(message: String) -> Error {
    Error::new(ErrorKind::Unavailable, message)
}

/// The first text that is not empty.
fn text<'a>(body: &'a Value, paths: &[String]) -> Option<&'a str> {
    paths.iter().find_map(|path| json::at(body, path)?.as_str().filter(|text| !text.is_empty()))
}

pub(crate) fn token(
    body: &Value,
    paths: &[String],
    what: &str,
) -> Result<Option<SecretString>, Error> {
    let Some(token) = text(body, paths) else { return Ok(None) };
    if token.len() > MOST_TOKEN {
        return Err(unreadable(format!("the reply's {what} is longer than {MOST_TOKEN} bytes")));
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(unreadable(format!("the reply's {what} has characters that no token has")));
    }
    Ok(Some(SecretString::from(token)))
}

/// The first number, be it written as one or as text.
fn number(body: &Value, paths: &[String]) -> Option<f64> {
    paths.iter().find_map(|path| {
        let number = match json::at(body, path)? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.filter(|number| number.is_finite())
    })
}

/// In seconds.
fn scaled(number: f64, unit: ExpiresUnit) -> f64 {
    match unit {
        ExpiresUnit::Seconds => number,
        ExpiresUnit::Milliseconds => number / 1000.0,
    }
}

enum End {
    At(Timestamp),
    Never,
    Unsaid,
}

impl End {
    fn after(now: Timestamp, seconds: Option<f64>) -> Self {
        match seconds {
            None => Self::Unsaid,
            // Some write -1 where they mean nothing.
            Some(seconds) if seconds < 0.0 => Self::Unsaid,
            Some(seconds) if seconds > MOST_LIFETIME_S => Self::Never,
            Some(seconds) => Self::At(now.plus(Duration::from_secs_f64(seconds))),
        }
    }

    fn or(self, now: Timestamp, fallback: Option<u64>) -> Option<Timestamp> {
        match self {
            Self::At(at) => Some(at),
            Self::Never => None,
            Self::Unsaid => fallback.map(|seconds| now.plus(Duration::from_secs(seconds))),
        }
    }
}

fn access_end(manifest: &Manifest, reply: &TokenReply<'_>) -> Option<Timestamp> {
    let paths = &manifest.token.reply;
    // A manifest that names the absolute time wants it.
    let end = match absolute(paths, reply) {
        End::Unsaid => {
            let seconds = number(reply.body, &paths.expires_in);
            End::after(reply.now, seconds.map(|number| scaled(number, paths.expires_unit)))
        }
        end => end,
    };
    end.or(reply.now, manifest.lifetime.access_s)
}

fn absolute(paths: &ReplyPaths, reply: &TokenReply<'_>) -> End {
    let believed = |at| reply.now.until(at).as_secs_f64() <= MOST_LIFETIME_S;
    if let Some(at) = text(reply.body, &paths.expires_at).and_then(Timestamp::parse_rfc3339) {
        return if believed(at) { End::At(at) } else { End::Never };
    }
    let Some(number) = number(reply.body, &paths.expires_at) else { return End::Unsaid };
    let since_1970 = scaled(number, paths.expires_unit);
    if since_1970 <= 0.0 {
        return End::Unsaid;
    }
    match End::after(Timestamp::default(), Some(since_1970)) {
        End::At(at) if believed(at) => End::At(at),
        _ => End::Never,
    }
}

fn refresh_end(manifest: &Manifest, reply: &TokenReply<'_>) -> Option<Timestamp> {
    let paths = &manifest.token.reply;
    let seconds = number(reply.body, &paths.refresh_expires_in)
        .map(|number| scaled(number, paths.expires_unit))
        // Nobody gives a refresh token that is over already; 0 is how Keycloak says "no end".
        .filter(|seconds| *seconds > 0.0);
    End::after(reply.now, seconds).or(reply.now, manifest.lifetime.refresh_s)
}

/// None also where it is empty: there is no grant of nothing (RFC 6749, section 3.3).
fn scopes(manifest: &Manifest, body: &Value) -> Option<Vec<String>> {
    let paths = &manifest.token.reply.scope;
    let found = paths.iter().find_map(|path| match json::at(body, path)? {
        Value::String(text) => Some(split(manifest, text)),
        Value::Array(list) => Some(list.iter().filter_map(Value::as_str).collect()),
        _ => None,
    })?;
    let mut scopes: Vec<String> = Vec::new();
    for scope in found.into_iter().map(str::trim) {
        let sound = (1..=MOST_SCOPE).contains(&scope.len()) && !scope.chars().any(char::is_control);
        if sound && !scopes.iter().any(|known| known == scope) && scopes.len() < MOST_SCOPES {
            scopes.push(scope.to_owned());
        }
    }
    Some(scopes).filter(|scopes| !scopes.is_empty())
}

fn split<'a>(manifest: &Manifest, text: &'a str) -> Vec<&'a str> {
    let asked = manifest.authorize.scope_separator.as_str();
    match manifest.token.reply.scope_separator.as_deref() {
        Some(separator) => text.split(separator).collect(),
        // The standard's space: some answer with commas nevertheless.
        None if asked == " " => text.split([' ', ',']).collect(),
        None => text.split(asked).collect(),
    }
}

pub(crate) fn captured(manifest: &Manifest, body: &Value) -> BTreeMap<String, String> {
    let keep = |(name, capture): (&String, &Capture)| {
        let value = json::text_at(body, capture.from())?;
        (is_captured(&value) && capture.fits(&value)).then(|| (name.clone(), value))
    };
    manifest.token.capture.iter().filter_map(keep).collect()
}

/// Whether a value may be kept for templates.
fn is_captured(value: &str) -> bool {
    (1..=MOST_CAPTURED).contains(&value.len()) && !value.chars().any(char::is_control)
}

/// Whether a reply of the token endpoint is an error, whatever its status says: it is not 2xx, names an
/// error, does not say that it is fine where the manifest expects that, fits one of the manifest's
/// matchers, or has no access token.
pub fn is_error(manifest: &Manifest, status: u16, body: &Value) -> bool {
    let paths = &manifest.token.reply;
    let named = paths.error_path.as_deref().and_then(|path| json::at(body, path));
    let ok = paths.ok_path.as_deref().is_none_or(|path| json::at(body, path).is_some_and(is_true));
    !(200..300).contains(&status)
        || !ok
        || named.is_some_and(says_something)
        || matcher::by_manifest(manifest, status, body).is_some()
        || text(token_part(manifest, body), &paths.access).is_none()
}

/// `"error": ""`, `0`, `false` and `null` are how some say that there is none.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Number(number) => number.as_f64() != Some(0.0),
        _ => true,
    }
}

/// Whether something true stands there: the text `false` is none.
fn is_true(value: &Value) -> bool {
    says_something(value) && value.as_str() != Some("false")
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;

//! Whether an event comes from the provider.

use std::{borrow::Cow, fmt::Write as _, time::Duration};

use base::{ExposeSecret, SecretString, Timestamp, constant_time_eq};
use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use sha1::Sha1;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{
    Manifest,
    manifest::{TimestampUnit, WebhookAlgorithm, WebhookEncoding, WebhookKey, WebhookSpec},
};

/// The most signatures that one event may carry.
const MOST_PARTS: usize = 20;
/// The longest header that is read, in bytes.
const MOST_HEADER: usize = 2000;

/// An event as it came.
#[derive(Clone, Copy)]
pub struct Delivery<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// The URL that the provider called, as it knows it.
    pub url: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body as it came, byte by byte.
    pub body: &'a [u8],
}

/// Why an event is not believed. Holds nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// The manifest does not say how events are signed.
    #[error("the manifest does not say how this provider signs its events")]
    Undeclared,
    /// A header is missing, or there more than once.
    #[error("the header `{0}` must be there once")]
    Header(String),
    /// A header can't be read.
    #[error("the header `{0}` is not as this provider writes it")]
    Malformed(String),
    /// It is too old, or from the future.
    #[error("the event is not of now; it may be an old one, sent again")]
    Stale,
    /// The secret is no key.
    #[error("the secret is not of the form that this provider gives; copy it again")]
    Secret,
    /// The signature is not that of this event and secret.
    #[error("the signature does not hold; check the secret")]
    Signature,
}

impl Manifest {
    /// Checks an event's signature and time. Signatures are compared in constant time.
    pub fn verify_webhook(
        &self,
        secret: &SecretString,
        event: &Delivery<'_>,
        now: Timestamp,
    ) -> Result<(), WebhookError> {
        let spec = self.webhook.as_ref().ok_or(WebhookError::Undeclared)?;
        let header = only(event.headers, &spec.header)?;
        let parts: Vec<&str> = match &spec.separator {
            Some(separator) => header.split(separator.as_str()).map(str::trim).collect(),
            None => vec![header],
        };
        let malformed = || WebhookError::Malformed(spec.header.clone());
        if parts.len() > MOST_PARTS {
            return Err(malformed());
        }
        let time = time(spec, event, &parts)?;
        if let Some((text, source)) = time {
            check_time(spec, text, source, now)?;
        }
        let id = spec.id_header.as_deref().map(|name| only(event.headers, name)).transpose()?;
        let signed = signed(spec, event, time.map(|(text, _)| text), id).ok_or_else(malformed)?;
        let key = key(spec, secret)?;
        let expected = signature(spec, &key, &signed);
        let mut given = parts.iter().filter_map(|part| part.strip_prefix(spec.prefix.as_str()));
        let holds = |given: &str| {
            let given: Cow<'_, str> = match spec.encoding {
                WebhookEncoding::Hex => given.to_ascii_lowercase().into(),
                WebhookEncoding::Base64 => given.into(),
            };
            constant_time_eq(expected.as_bytes(), given.as_bytes())
        };
        if given.any(holds) { Ok(()) } else { Err(WebhookError::Signature) }
    }
}

fn only<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, WebhookError> {
    let mut all = headers.get_all(name).iter();
    let (Some(value), None) = (all.next(), all.next()) else {
        return Err(WebhookError::Header(name.to_owned()));
    };
    let text = value.to_str().ok().filter(|text| text.len() <= MOST_HEADER);
    text.map(str::trim).ok_or_else(|| WebhookError::Malformed(name.to_owned()))
}

/// The time as it is written, and the header that it is from.
fn time<'a>(
    spec: &'a WebhookSpec,
    event: &Delivery<'a>,
    parts: &[&'a str],
) -> Result<Option<(&'a str, &'a str)>, WebhookError> {
    if let Some(prefix) = &spec.timestamp_prefix {
        let found = parts.iter().find_map(|part| part.strip_prefix(prefix.as_str()));
        let malformed = || WebhookError::Malformed(spec.header.clone());
        return found.map(|text| Some((text, spec.header.as_str()))).ok_or_else(malformed);
    }
    let Some(name) = &spec.timestamp_header else { return Ok(None) };
    only(event.headers, name).map(|text| Some((text, name.as_str())))
}

fn check_time(
    spec: &WebhookSpec,
    text: &str,
    source: &str,
    now: Timestamp,
) -> Result<(), WebhookError> {
    let number = || text.parse::<i64>().ok();
    let at = match spec.timestamp_unit {
        TimestampUnit::Seconds => number().map(Timestamp::from_secs),
        TimestampUnit::Milliseconds => number().map(Timestamp::from_millis),
        TimestampUnit::Rfc3339 => Timestamp::parse_rfc3339(text),
    };
    let at = at.ok_or_else(|| WebhookError::Malformed(source.to_owned()))?;
    let apart = now.until(at).max(at.until(now));
    let near = apart <= Duration::from_secs(u64::from(spec.tolerance_s));
    if near { Ok(()) } else { Err(WebhookError::Stale) }
}

/// What the provider signed; none where something of it is missing.
fn signed(
    spec: &WebhookSpec,
    event: &Delivery<'_>,
    time: Option<&str>,
    id: Option<&str>,
) -> Option<Vec<u8>> {
    let template = spec.signed_template.as_str();
    let mut out = Vec::with_capacity(template.len() + event.body.len() + 200);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.extend_from_slice(before.as_bytes());
        let (name, tail) = after.split_once('}')?;
        let part = match name {
            "body" => event.body,
            "timestamp" => time?.as_bytes(),
            "id" => id?.as_bytes(),
            "method" => event.method.as_bytes(),
            "url" => event.url.as_bytes(),
            _ => return None,
        };
        out.extend_from_slice(part);
        rest = tail;
    }
    out.extend_from_slice(rest.as_bytes());
    Some(out)
}

fn key(spec: &WebhookSpec, secret: &SecretString) -> Result<Zeroizing<Vec<u8>>, WebhookError> {
    let secret = secret.expose_secret();
    let text = secret.strip_prefix(spec.key_prefix.as_str()).ok_or(WebhookError::Secret)?;
    let key = match spec.key {
        WebhookKey::Text => text.as_bytes().to_vec(),
        WebhookKey::Base64 => BASE64_STANDARD.decode(text).map_err(|_| WebhookError::Secret)?,
    };
    // Everybody has the empty key.
    if key.is_empty() { Err(WebhookError::Secret) } else { Ok(Zeroizing::new(key)) }
}

fn signature(spec: &WebhookSpec, key: &[u8], signed: &[u8]) -> String {
    let digest = match spec.algorithm {
        WebhookAlgorithm::HmacSha256 => hmac_sha256(key, signed),
        WebhookAlgorithm::HmacSha1 => hmac_sha1(key, signed),
    };
    match spec.encoding {
        WebhookEncoding::Hex => hex(&digest),
        WebhookEncoding::Base64 => BASE64_STANDARD.encode(digest),
    }
}

/// In lower case.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// HMAC (RFC 2104) with SHA-256.
pub(crate) fn hmac_sha256(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

/// HMAC with SHA-1.
pub(crate) fn hmac_sha1(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

/// The HMAC-SHA256 of a text in hex, in lower case: how some providers sign a callback's query.
pub fn hmac_sha256_hex(key: &SecretString, text: &str) -> String {
    hex(&hmac_sha256(key.expose_secret().as_bytes(), text.as_bytes()))
}

#[cfg(test)]
#[path = "webhook_tests.rs"]
mod tests;

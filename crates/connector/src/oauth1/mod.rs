//! OAuth 1.0a (RFC 5849): who signs, and how a request is signed.

mod base_string;
mod reply;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use base::{Clock, ExposeSecret, Rng, SecretString, Timestamp, random_token};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderValue, Method, header};
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

pub use reply::read_pair;

use base_string::encode;

use crate::{ErrorKind, manifest::Oauth1Signature, webhook};

/// A token and its secret. Does not print them.
#[derive(Debug)]
pub struct TokenPair {
    /// Names the grant: sent with each request.
    pub token: SecretString,
    /// Signs together with the client's: never sent, but by `PLAINTEXT`. May be empty.
    pub secret: SecretString,
    /// Values to keep, by their name in templates.
    pub captured: BTreeMap<String, String>,
}

base::lacks!(TokenPair: std::fmt::Display, Clone, serde::Serialize);

/// What signs a request.
#[derive(Clone, Copy)]
pub struct Signer<'a> {
    /// The client's name, which the RFC calls consumer key.
    pub client_id: &'a str,
    /// The client's secret.
    pub client_secret: &'a SecretString,
    /// The token and its secret; none before there are any.
    pub token: Option<(&'a SecretString, &'a SecretString)>,
    /// How.
    pub signature: Oauth1Signature,
}

/// When a request is signed, and what makes it unlike all others (RFC 5849, section 3.3).
pub struct Once {
    at: Timestamp,
    nonce: String,
}

impl Once {
    /// Now, with a fresh nonce.
    pub fn new(now: Timestamp, rng: &dyn Rng) -> Self {
        Self { at: now, nonce: random_token(rng) }
    }
}

impl Signer<'_> {
    /// The `Authorization` header of this one request (RFC 5849, section 3.5.1).
    ///
    /// `form` are the fields of a form-encoded body, and `more` what else OAuth says in this request, such as
    /// `oauth_verifier`.
    pub fn authorize(
        &self,
        method: &Method,
        url: &Url,
        form: &[(String, String)],
        more: &[(&str, &str)],
        once: &Once,
    ) -> HeaderValue {
        let at = once.at.secs().to_string();
        let mut said = vec![
            ("oauth_consumer_key", self.client_id),
            ("oauth_nonce", &once.nonce),
            ("oauth_signature_method", self.signature.name()),
            ("oauth_timestamp", &at),
            ("oauth_version", "1.0"),
        ];
        said.extend(self.token.map(|(token, _)| ("oauth_token", token.expose_secret())));
        said.extend(more);
        let signature = self.sign(method, url, form, &said);
        said.push(("oauth_signature", signature.as_str()));
        let mut text = String::from("OAuth ");
        for (index, (name, value)) in said.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let _ = write!(text, "{comma}{}=\"{}\"", encode(name), encode(value));
        }
        let mut value = HeaderValue::try_from(text).expect("what is encoded may stand in a header");
        value.set_sensitive(true);
        value
    }

    /// The signature, not encoded yet (RFC 5849, sections 3.4.2 and 3.4.4). `said` is what OAuth says in the
    /// request but the signature.
    fn sign(
        &self,
        method: &Method,
        url: &Url,
        form: &[(String, String)],
        said: &[(&str, &str)],
    ) -> Zeroizing<String> {
        let token_secret = self.token.map_or("", |(_, secret)| secret.expose_secret());
        let key = Zeroizing::new(format!(
            "{}&{}",
            encode(self.client_secret.expose_secret()),
            encode(token_secret)
        ));
        let text = || base_string::of(method, url, form, said);
        Zeroizing::new(match self.signature {
            Oauth1Signature::HmacSha1 => {
                BASE64_STANDARD.encode(webhook::hmac_sha1(key.as_bytes(), text().as_bytes()))
            }
            Oauth1Signature::HmacSha256 => {
                BASE64_STANDARD.encode(webhook::hmac_sha256(key.as_bytes(), text().as_bytes()))
            }
            Oauth1Signature::Plaintext => return key,
        })
    }
}

/// With what the requests of an API are signed: the client and the sources that a signature needs. The
/// token comes from the credential.
#[derive(Clone)]
pub struct Signing {
    /// The client's name.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: SecretString,
    /// Former ones, which may be the ones that the provider still knows: tried where a signature is refused.
    pub former: Vec<SecretString>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where nonces come from.
    pub rng: Arc<dyn Rng>,
}

impl Signing {
    /// The secret of this turn: the present one, then the former ones.
    pub(crate) fn secret(&self, turn: usize) -> Option<&SecretString> {
        [&self.client_secret].into_iter().chain(&self.former).nth(turn)
    }

    /// The header of one request, by this secret of the client's; a form-encoded body is signed too (RFC 5849,
    /// section 3.4.1.3).
    pub(crate) fn header(
        &self,
        client_secret: &SecretString,
        signature: Oauth1Signature,
        pair: (&SecretString, &SecretString),
        request: (&Method, &Url, &HeaderMap, &[u8]),
    ) -> HeaderValue {
        let (method, url, headers, body) = request;
        let signer =
            Signer { client_id: &self.client_id, client_secret, token: Some(pair), signature };
        let form: Vec<_> = if is_form(headers) {
            form_urlencoded::parse(body).into_owned().collect()
        } else {
            Vec::new()
        };
        let once = Once::new(self.clock.now(), self.rng.as_ref());
        signer.authorize(method, url, &form, &[], &once)
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// What a provider's word in `oauth_problem` means: an extension of OAuth 1.0 that many servers speak.
///
/// Only a word on the token itself ends a grant: a clock that is wrong, or a client that is refused, would
/// else cost all of them.
pub fn problem_kind(word: &str) -> Option<ErrorKind> {
    Some(match word {
        "token_expired" | "token_revoked" | "token_rejected" => ErrorKind::Reauthorize,
        "consumer_key_unknown"
        | "consumer_key_rejected"
        | "consumer_key_refused"
        | "signature_invalid"
        | "signature_method_rejected" => ErrorKind::ClientConfig,
        "permission_denied" | "permission_unknown" | "user_refused" => ErrorKind::Denied,
        "nonce_used" | "timestamp_refused" | "additional_authorization_required" => {
            ErrorKind::Unavailable
        }
        "parameter_absent" | "parameter_rejected" | "version_rejected" | "token_used"
        | "verifier_invalid" => ErrorKind::Invalid,
        _ => return None,
    })
}

/// The word in `oauth_problem` of a `WWW-Authenticate` header.
pub fn problem_in(headers: &HeaderMap) -> Option<&str> {
    let texts = headers.get_all(header::WWW_AUTHENTICATE).iter().filter_map(|v| v.to_str().ok());
    texts.flat_map(|text| text.split([',', ' '])).find_map(|part| {
        let word = part.trim().strip_prefix("oauth_problem=")?.trim_matches('"');
        let sound = !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        sound.then_some(word)
    })
}

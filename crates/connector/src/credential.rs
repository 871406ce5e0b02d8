//! A credential: how it is kept, and how it is placed in a request.

use std::collections::BTreeMap;

use base::{ExposeSecret, SecretString, Timestamp};
use base64::{Engine, prelude::BASE64_STANDARD};
use percent_encoding::{AsciiSet, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use url::Url;
use zeroize::{Zeroize, Zeroizing};

use crate::{
    InputError, Inputs, Manifest, TokenSet, api, input,
    manifest::{CredentialSpec, Placement},
    oauth1::TokenPair,
    template,
};

/// What opens an account. Does not print its secrets.
#[derive(Debug)]
pub enum Credential {
    /// Tokens of an OAuth grant.
    OAuth(TokenSet),
    /// A token and its secret, of OAuth 1.0a.
    OAuth1(TokenPair),
    /// Secret inputs by name: an API key, or a user and a password.
    Keys(BTreeMap<String, SecretString>),
}

base::lacks!(Credential: std::fmt::Display, Clone, Serialize);
base::lacks!(SecretString: Serialize);

/// The bytes are no credential that this version reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Written by a newer version.
    #[error(
        "the credential has format {0}, newer than this version of the hub reads; upgrade the hub"
    )]
    Newer(u32),
    /// Not a credential.
    #[error("the credential is malformed")]
    Malformed,
}

const FORMAT: u32 = 1;
/// With tokens of OAuth 1.0a in it, which versions before did not read.
const FORMAT_OAUTH1: u32 = 2;

/// The format: JSON. Timestamps are milliseconds since the Unix epoch.
#[derive(Serialize)]
struct Wire<'a> {
    format: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    oauth: Option<OAuthWire<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<BTreeMap<&'a str, &'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    oauth1: Option<PairWire<&'a str>>,
}

#[derive(Serialize, Deserialize)]
struct PairWire<S> {
    token: S,
    secret: S,
    captured: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
struct OAuthWire<S> {
    access: S,
    refresh: Option<S>,
    id_token: Option<S>,
    token_type: S,
    expires_at: Option<i64>,
    refresh_expires_at: Option<i64>,
    scopes: Option<Vec<String>>,
    captured: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}

#[derive(Deserialize)]
struct ReadWire {
    oauth: Option<OAuthWire<String>>,
    keys: Option<BTreeMap<String, String>>,
    oauth1: Option<PairWire<String>>,
}

impl Credential {
    /// For sealing. Wiped when dropped.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let empty = Wire { format: FORMAT, oauth: None, keys: None, oauth1: None };
        let wire = match self {
            Self::OAuth(tokens) => Wire { oauth: Some(oauth_wire(tokens)), ..empty },
            Self::OAuth1(pair) => {
                Wire { format: FORMAT_OAUTH1, oauth1: Some(pair_wire(pair)), ..empty }
            }
            Self::Keys(keys) => {
                let keys = keys.iter().map(|(name, key)| (name.as_str(), key.expose_secret()));
                Wire { keys: Some(keys.collect()), ..empty }
            }
        };
        // Large enough not to move while it is written: old places would not be wiped.
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.size_hint()));
        serde_json::to_writer(&mut *bytes, &wire).expect("texts and numbers are JSON");
        bytes
    }

    /// After opening.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CredentialError> {
        let malformed = |_| CredentialError::Malformed;
        let Format { format } = serde_json::from_slice(bytes).map_err(malformed)?;
        if format > FORMAT_OAUTH1 {
            return Err(CredentialError::Newer(format));
        }
        let wire: ReadWire = serde_json::from_slice(bytes).map_err(malformed)?;
        match (wire.oauth, wire.keys, wire.oauth1) {
            (Some(oauth), None, None) => Ok(Self::OAuth(tokens_of(oauth))),
            (None, None, Some(pair)) if format == FORMAT_OAUTH1 => Ok(Self::OAuth1(TokenPair {
                token: SecretString::from(pair.token),
                secret: SecretString::from(pair.secret),
                captured: pair.captured,
            })),
            (None, Some(keys), None) => {
                let keys = keys.into_iter().map(|(name, key)| (name, SecretString::from(key)));
                Ok(Self::Keys(keys.collect()))
            }
            _ => Err(CredentialError::Malformed),
        }
    }

    fn size_hint(&self) -> usize {
        let secret = |secret: &SecretString| secret.expose_secret().len();
        let texts = match self {
            Self::OAuth(tokens) => {
                let optional = |token: &Option<SecretString>| token.as_ref().map_or(0, secret);
                let captured =
                    tokens.captured.iter().map(|(name, value)| name.len() + value.len() + 8);
                let scopes = tokens.scopes.iter().flatten().map(|scope| scope.len() + 4);
                secret(&tokens.access)
                    + optional(&tokens.refresh)
                    + optional(&tokens.id_token)
                    + tokens.token_type.len()
                    + captured.sum::<usize>()
                    + scopes.sum::<usize>()
            }
            Self::OAuth1(pair) => {
                let captured =
                    pair.captured.iter().map(|(name, value)| name.len() + value.len() + 8);
                secret(&pair.token) + secret(&pair.secret) + captured.sum::<usize>()
            }
            Self::Keys(keys) => keys.iter().map(|(name, key)| name.len() + secret(key) + 8).sum(),
        };
        // Twice: a quote or backslash takes two bytes.
        2 * texts + 512
    }
}

fn oauth_wire(tokens: &TokenSet) -> OAuthWire<&str> {
    OAuthWire {
        access: tokens.access.expose_secret(),
        refresh: tokens.refresh.as_ref().map(ExposeSecret::expose_secret),
        id_token: tokens.id_token.as_ref().map(ExposeSecret::expose_secret),
        token_type: &tokens.token_type,
        expires_at: tokens.expires_at.map(Timestamp::millis),
        refresh_expires_at: tokens.refresh_expires_at.map(Timestamp::millis),
        scopes: tokens.scopes.clone(),
        captured: tokens.captured.clone(),
    }
}

fn pair_wire(pair: &TokenPair) -> PairWire<&str> {
    PairWire {
        token: pair.token.expose_secret(),
        secret: pair.secret.expose_secret(),
        captured: pair.captured.clone(),
    }
}

fn tokens_of(wire: OAuthWire<String>) -> TokenSet {
    TokenSet {
        access: SecretString::from(wire.access),
        refresh: wire.refresh.map(SecretString::from),
        id_token: wire.id_token.map(SecretString::from),
        token_type: wire.token_type,
        expires_at: wire.expires_at.map(Timestamp::from_millis),
        refresh_expires_at: wire.refresh_expires_at.map(Timestamp::from_millis),
        scopes: wire.scopes,
        captured: wire.captured,
    }
}

/// How to place a credential in a request. The API's fixed headers are not part of it.
#[derive(Clone, Debug, Default)]
pub struct Apply {
    /// Headers by name, in lower case.
    pub headers: BTreeMap<String, SecretString>,
    /// Query parameters by name, not encoded.
    pub query: BTreeMap<String, SecretString>,
    /// What stands in the path, encoded and with a `/` before it: between the API's base and what is asked.
    pub path: Option<SecretString>,
}

impl Apply {
    /// Whether nothing is placed.
    pub fn is_empty(&self) -> bool {
        self.headers.is_empty() && self.query.is_empty() && self.path.is_none()
    }

    /// The URL with what stands in the path. One that is not below the API's base stays without.
    pub fn in_path(&self, base: Option<&Url>, mut url: Url) -> Url {
        let Some((base, part)) = base.zip(self.path.as_ref()) else { return url };
        let Some(rest) = api::below(base, &url) else { return url };
        let root = base.path().trim_end_matches('/');
        let path = Zeroizing::new(format!("{root}{}{rest}", part.expose_secret()));
        url.set_path(&path);
        url
    }
}

impl Manifest {
    /// How to place this credential in a request; empty where it lacks what the manifest places, and
    /// where requests are signed one by one.
    pub fn apply(&self, credential: &Credential) -> Apply {
        if self.signs_requests() {
            return Apply::default();
        }
        let values = values_of(credential);
        let bearer = CredentialSpec {
            place: Placement::Header,
            name: None,
            template: None,
            user: None,
            password: None,
            headers: BTreeMap::new(),
        };
        let spec = self.api.credential.as_ref().unwrap_or(&bearer);
        let Some(value) = placed(spec, &values) else { return Apply::default() };
        let name = spec.name.as_deref().unwrap_or("authorization");
        let mut apply = Apply::default();
        for (name, text) in &spec.headers {
            let Some(value) = template::fill_raw(text, &values) else { return Apply::default() };
            apply.headers.insert(name.to_ascii_lowercase(), value.into());
        }
        match spec.place {
            Placement::Path => match in_a_path(&value) {
                Some(part) => {
                    apply.path = Some(part);
                    None
                }
                None => return Apply::default(),
            },
            Placement::Header => apply.headers.insert(name.to_ascii_lowercase(), value),
            Placement::Query => apply.query.insert(name.to_owned(), value),
            Placement::Basic => apply.headers.insert("authorization".to_owned(), value),
        };
        apply
    }

    /// Makes a credential of the secret inputs; each that is required or placed must be there.
    pub fn credential_from(&self, inputs: &Inputs) -> Result<Credential, InputError> {
        let placed = self.api.credential.as_ref().map(CredentialSpec::names).unwrap_or_default();
        let mut keys = BTreeMap::new();
        for wanted in self.inputs.iter().filter(|input| input.secret) {
            match inputs.secret(&wanted.name) {
                Some(secret) => {
                    keys.insert(wanted.name.clone(), secret.clone());
                }
                None if wanted.required || self.is_token(wanted, &placed) => {
                    return Err(input::missing(wanted));
                }
                None => {}
            }
        }
        Ok(Credential::Keys(keys))
    }

    fn is_token(&self, input: &crate::Input, placed: &[&str]) -> bool {
        let only = self.inputs.iter().filter(|other| other.secret).count() == 1;
        only || placed.contains(&input.name.as_str())
    }
}

impl CredentialSpec {
    /// The template of a header or parameter.
    pub(crate) fn text(&self) -> &str {
        let authorization =
            self.name.as_deref().is_none_or(|name| name.eq_ignore_ascii_case("authorization"));
        match &self.template {
            Some(template) => template,
            None if self.place == Placement::Header && authorization => "Bearer {token}",
            None => "{token}",
        }
    }

    /// What its templates name.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut texts: Vec<&str> = self.headers.values().map(String::as_str).collect();
        if self.place == Placement::Basic {
            texts.extend([&self.user, &self.password].into_iter().filter_map(Option::as_deref));
        } else {
            texts.push(self.text());
        }
        texts.into_iter().flat_map(template::names).collect()
    }
}

/// What no segment of a path may hold as it is (RFC 3986, section 3.3).
const SEGMENT: &AsciiSet =
    &template::UNRESERVED.remove(b':').remove(b'@').remove(b'+').remove(b',').remove(b'=');

/// A part of a path, with a `/` before it; none where it would be another place.
fn in_a_path(value: &SecretString) -> Option<SecretString> {
    let value = value.expose_secret();
    if value.is_empty() || template::is_dots(value) {
        return None;
    }
    let encoded = utf8_percent_encode(value, SEGMENT).to_string();
    Some(SecretString::from(format!("/{encoded}")))
}

/// What the templates are filled with: `token` is the access token, or the only key.
fn values_of(credential: &Credential) -> BTreeMap<&str, &str> {
    match credential {
        Credential::OAuth(tokens) => {
            let captured =
                tokens.captured.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            captured.chain([("token", tokens.access.expose_secret())]).collect()
        }
        Credential::OAuth1(pair) => {
            let captured =
                pair.captured.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let both = [
                ("token", pair.token.expose_secret()),
                ("token_secret", pair.secret.expose_secret()),
            ];
            captured.chain(both).collect()
        }
        Credential::Keys(keys) => {
            let only = keys.values().next().filter(|_| keys.len() == 1);
            let named = keys.iter().map(|(name, key)| (name.as_str(), key.expose_secret()));
            only.map(|key| ("token", key.expose_secret())).into_iter().chain(named).collect()
        }
    }
}

fn placed(spec: &CredentialSpec, values: &BTreeMap<&str, &str>) -> Option<SecretString> {
    if spec.place != Placement::Basic {
        return template::fill_raw(spec.text(), values).map(SecretString::from);
    }
    let mut pair = template::fill_raw(spec.user.as_deref()?, values)?;
    let mut password = template::fill_raw(spec.password.as_deref().unwrap_or_default(), values)?;
    pair.reserve_exact(1 + password.len());
    pair.push(':');
    pair.push_str(&password);
    let mut text = String::with_capacity(6 + pair.len().div_ceil(3) * 4);
    text.push_str("Basic ");
    BASE64_STANDARD.encode_string(&pair, &mut text);
    pair.zeroize();
    password.zeroize();
    Some(SecretString::from(text))
}

#[cfg(test)]
#[path = "credential_tests.rs"]
mod tests;

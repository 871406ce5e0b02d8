//! A credential: how it is kept, and how it is placed in a request.

use std::collections::BTreeMap;

use base::{ExposeSecret, SecretString, Timestamp};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::{
    InputError, Inputs, Manifest, TokenSet, input,
    manifest::{CredentialSpec, Placement},
    template,
};

/// What opens an account. Does not print its secrets.
#[derive(Debug)]
pub enum Credential {
    /// Tokens of an OAuth grant.
    OAuth(TokenSet),
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

/// The format: JSON. Timestamps are milliseconds since the Unix epoch.
#[derive(Serialize)]
struct Wire<'a> {
    format: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    oauth: Option<OAuthWire<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<BTreeMap<&'a str, &'a str>>,
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
}

impl Credential {
    /// For sealing. Wiped when dropped.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let wire = match self {
            Self::OAuth(tokens) => {
                Wire { format: FORMAT, oauth: Some(oauth_wire(tokens)), keys: None }
            }
            Self::Keys(keys) => {
                let keys = keys.iter().map(|(name, key)| (name.as_str(), key.expose_secret()));
                Wire { format: FORMAT, oauth: None, keys: Some(keys.collect()) }
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
        if format > FORMAT {
            return Err(CredentialError::Newer(format));
        }
        let wire: ReadWire = serde_json::from_slice(bytes).map_err(malformed)?;
        match (wire.oauth, wire.keys) {
            (Some(oauth), None) => Ok(Self::OAuth(tokens_of(oauth))),
            (None, Some(keys)) => {
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
}

impl Manifest {
    /// How to place this credential in a request; empty where it lacks what the manifest places.
    pub fn apply(&self, credential: &Credential) -> Apply {
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

/// What the templates are filled with: `token` is the access token, or the only key.
fn values_of(credential: &Credential) -> BTreeMap<&str, &str> {
    match credential {
        Credential::OAuth(tokens) => {
            let captured =
                tokens.captured.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            captured.chain([("token", tokens.access.expose_secret())]).collect()
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn manifest(credential: &str) -> Manifest {
        Manifest::parse(&format!(
            "slug = \"x\"\ndisplay_name = \"X\"\ncategory = \"crm\"\nauth.kind = \"api_key\"\n\
             api.credential = {{ {credential} }}\n\
             [[inputs]]\nname = \"user\"\nlabel = \"User\"\nsecret = true\n\
             [[inputs]]\nname = \"key\"\nlabel = \"Key\"\nsecret = true\n"
        ))
        .unwrap()
    }

    fn keys(pairs: &[(&str, &str)]) -> Credential {
        let pair = |(name, key): &(&str, &str)| ((*name).to_owned(), SecretString::from(*key));
        Credential::Keys(pairs.iter().map(pair).collect())
    }

    fn header(apply: &Apply, name: &str) -> Option<String> {
        apply.headers.get(name).map(|value| value.expose_secret().to_owned())
    }

    #[test]
    fn several_secrets_stand_in_a_header_each_and_none_is_sent_alone() {
        let both = manifest(
            "in = \"header\", name = \"X-User\", template = \"{user}\", headers = { X-Key = \"k {key}\" }",
        );
        let apply = both.apply(&keys(&[("user", "u"), ("key", "s")]));
        assert_eq!(header(&apply, "x-user").as_deref(), Some("u"));
        assert_eq!(header(&apply, "x-key").as_deref(), Some("k s"));
        assert!(both.apply(&keys(&[("user", "u")])).headers.is_empty());
        let missing = both.credential_from(&both.check_inputs(&BTreeMap::new()).unwrap());
        assert_eq!(missing.unwrap_err().input, "user");
    }

    fn tokens() -> TokenSet {
        TokenSet {
            refresh: Some("rt\"\\".into()),
            expires_at: Some(Timestamp::from_millis(1_795_000_000_123)),
            scopes: Some(vec!["a".to_owned()]),
            captured: BTreeMap::from([("host".to_owned(), "h".to_owned())]),
            ..TokenSet::bearer("at")
        }
    }

    #[test]
    fn an_oauth_token_is_a_bearer_token_unless_the_manifest_says_otherwise() {
        let text = "slug = \"x\"\ndisplay_name = \"X\"\ncategory = \"crm\"\nauth.kind = \"oauth2_code\"\n\
                    issuer = \"https://x.example\"\n";
        let credential = Credential::OAuth(tokens());
        let plain = Manifest::parse(text).unwrap();
        assert_eq!(
            header(&plain.apply(&credential), "authorization").as_deref(),
            Some("Bearer at")
        );
        let own = format!("{text}api.credential = {{ in = \"header\", name = \"X-Token\" }}\n");
        let own = Manifest::parse(&own).unwrap();
        assert_eq!(header(&own.apply(&credential), "x-token").as_deref(), Some("at"));
    }

    #[test]
    fn a_key_is_placed_as_its_template_says() {
        let manifest =
            manifest("in = \"header\", name = \"Authorization\", template = \"Key {user}/{key}\"");
        let apply = manifest.apply(&keys(&[("user", "u"), ("key", "a b+c")]));
        assert_eq!(header(&apply, "authorization").as_deref(), Some("Key u/a b+c"));
    }

    #[test]
    fn a_user_and_a_password_are_basic() {
        let manifest = manifest("in = \"basic\", user = \"{user}\", password = \"{key}\"");
        // The example of RFC 7617, section 2.
        let apply = manifest.apply(&keys(&[("user", "Aladdin"), ("key", "open sesame")]));
        let expected = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
        assert_eq!(header(&apply, "authorization").as_deref(), Some(expected));
    }

    #[test]
    fn a_credential_without_what_is_placed_is_not_placed_by_half() {
        let manifest = manifest("in = \"query\", name = \"q\", template = \"{user}{key}\"");
        let apply = manifest.apply(&keys(&[("key", "k")]));
        assert!(apply.headers.is_empty() && apply.query.is_empty());
    }

    #[test]
    fn tokens_survive_their_bytes() {
        let bytes = Credential::OAuth(tokens()).to_bytes();
        let Credential::OAuth(read) = Credential::from_bytes(&bytes).unwrap() else {
            panic!("OAuth")
        };
        let expected = tokens();
        assert_eq!(read.access.expose_secret(), "at");
        assert_eq!(read.refresh.unwrap().expose_secret(), "rt\"\\");
        assert_eq!(read.expires_at, expected.expires_at);
        assert_eq!((read.scopes, read.captured), (expected.scopes, expected.captured));
    }

    #[test]
    fn a_newer_format_is_told_apart_from_rubbish() {
        let newer = Credential::from_bytes(br#"{"format":2,"new":1}"#).unwrap_err();
        assert_eq!(newer, CredentialError::Newer(2));
        for rubbish in
            [&b""[..], b"{}", b"[]", br#"{"format":1}"#, br#"{"format":1,"keys":{"a":1}}"#]
        {
            assert_eq!(Credential::from_bytes(rubbish).unwrap_err(), CredentialError::Malformed);
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?} {:?}", Credential::OAuth(tokens()), keys(&[("key", "s3cret")]));
        assert!(
            !shown.contains("s3cret") && !shown.contains("\"at\"") && !shown.contains("rt"),
            "{shown}"
        );
    }

    proptest! {
        #[test]
        fn keys_survive_their_bytes_and_the_buffer_never_moves(name in "[a-z]{1,20}", key in "\\PC{0,200}") {
            let credential = keys(&[(&name, &key)]);
            let bytes = credential.to_bytes();
            prop_assert!(bytes.len() <= credential.size_hint());
            let Credential::Keys(read) = Credential::from_bytes(&bytes).unwrap() else { panic!("keys") };
            prop_assert_eq!(read[&name].expose_secret(), key);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Credential::from_bytes(&bytes);
        }
    }
}

//! Getting in: inputs, endpoints, the authorization request.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::AssertionSpec;
use crate::{InputError, input};

/// How one gets in.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthSpec {
    /// The kind.
    pub kind: AuthKind,
}

/// The kinds of getting in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthKind {
    /// Authorization code (RFC 6749, section 4.1).
    Oauth2Code,
    /// Client credentials (RFC 6749, section 4.4).
    Oauth2ClientCredentials,
    /// A key that a person pastes.
    ApiKey,
    /// A user and a password (RFC 7617).
    Basic,
    /// OAuth 1.0a: each request is signed (RFC 5849).
    Oauth1,
    /// What a person fills in is exchanged for a token, and again when that ends: a sign-in by API, the
    /// password grant (RFC 6749, section 4.3).
    SessionExchange,
    /// What is signed with a key that a person fills in is exchanged for a token, and anew when that ends: an
    /// assertion in the place of a code (RFC 7523, section 2.1).
    JwtBearer,
}

impl AuthKind {
    /// Whether a person fills in a secret, on the connect page.
    pub fn is_filled_in(self) -> bool {
        self.is_exchanged() || matches!(self, Self::ApiKey | Self::Basic)
    }

    /// Whether what a person fills in is exchanged for a token, again and again: then it is kept where a
    /// refresh token is.
    pub fn is_exchanged(self) -> bool {
        matches!(self, Self::SessionExchange | Self::JwtBearer)
    }

    /// Whether the provider knows clients: then an integration has one.
    pub fn has_a_client(self) -> bool {
        matches!(self, Self::Oauth2Code | Self::Oauth2ClientCredentials | Self::Oauth1)
    }
}

/// Something that must be known before linking.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The name in templates.
    pub name: String,
    /// What the form says.
    pub label: String,
    /// Where to find it.
    #[serde(default)]
    pub help: Option<String>,
    /// Whether it is sealed and never shown again.
    #[serde(default)]
    pub secret: bool,
    /// Whether it can't be left out.
    #[serde(default)]
    pub required: bool,
    /// An anchored regular expression.
    #[serde(default)]
    pub pattern: Option<String>,
    /// The only values there are.
    #[serde(default, rename = "enum")]
    pub one_of: Vec<String>,
    /// What counts where it is left out.
    #[serde(default)]
    pub default: Option<String>,
    /// What the address goes on with behind the answer, such as `.example.com`: shown behind the field, and
    /// taken off an answer that has it.
    #[serde(default)]
    pub suffix: Option<String>,
    /// What sort of text.
    #[serde(default)]
    pub kind: InputKind,
}

impl Input {
    /// Checks one answer.
    pub fn check(&self, value: &str) -> Result<(), InputError> {
        input::check_one(self, value)
    }

    /// The longest answer, in characters.
    pub fn most_chars(&self) -> usize {
        if self.kind == InputKind::PrivateKey { 8192 } else { 2000 }
    }
}

/// What sort of text an input is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InputKind {
    /// Any.
    #[default]
    Text,
    /// A host name.
    Host,
    /// A whole URL.
    Url,
    /// A region: give `enum`.
    Region,
    /// A private key, PKCS#8 as PEM, of several lines: the one that `assertion.key` names.
    PrivateKey,
}

/// The authorization request.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Authorize {
    /// Fixed parameters.
    pub params: BTreeMap<String, String>,
    /// Parameters that the provider calls otherwise.
    pub rename: BTreeMap<String, String>,
    /// Parameters of the standard that the provider does not take: `response_type`, `redirect_uri`.
    pub omit: Vec<String>,
    /// The parameter of the scopes.
    pub scope_param: String,
    /// The parameter of those scopes that say `user = true`.
    pub user_scope_param: Option<String>,
    /// What stands between scopes.
    pub scope_separator: String,
    /// Whether the app's registration fixes the scopes: then none are sent.
    pub scopes_on_app: bool,
    /// Scopes without which no refresh token comes; asked for and shown always.
    pub offline_scopes: Vec<String>,
    /// What an integration asks for unless it says otherwise.
    pub default_scopes: Vec<String>,
    /// Parameters that make the provider ask again.
    pub consent_params: BTreeMap<String, String>,
    /// Whether PKCE is sent.
    pub pkce: Pkce,
}

impl Default for Authorize {
    fn default() -> Self {
        Self {
            params: BTreeMap::new(),
            rename: BTreeMap::new(),
            omit: Vec::new(),
            scope_param: "scope".to_owned(),
            user_scope_param: None,
            scope_separator: " ".to_owned(),
            scopes_on_app: false,
            offline_scopes: Vec::new(),
            default_scopes: Vec::new(),
            consent_params: BTreeMap::new(),
            pkce: Pkce::Send,
        }
    }
}

/// Whether PKCE (RFC 7636, S256) is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pkce {
    /// Always, and a discovered server that says it knows other methods only is not used.
    Required,
    /// Always; a server that does not know it ignores it.
    #[default]
    Send,
    /// Only where a server chokes on it, and says so in its documentation. Then the client needs a secret.
    Never,
}

/// What comes back with the browser.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Callback {
    /// The parameter of the code.
    pub code_param: String,
    /// Values to keep: name in templates = query parameter, or `{ from, pattern }`. One that does not fit
    /// its pattern is an error.
    pub capture: BTreeMap<String, Capture>,
    /// How the provider signs it.
    pub verify: CallbackVerify,
}

/// A value to keep.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Capture {
    /// Where it is.
    From(String),
    /// Where it is, and what it must be.
    Checked(CheckedCapture),
}

/// A value to keep if it is as it must be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckedCapture {
    /// Where it is: a query parameter, or a path in the reply.
    pub from: String,
    /// An anchored regular expression.
    pub pattern: String,
}

impl Capture {
    /// Where it is.
    pub fn from(&self) -> &str {
        match self {
            Self::From(from) => from,
            Self::Checked(checked) => &checked.from,
        }
    }

    /// What it must be.
    pub fn pattern(&self) -> Option<&str> {
        match self {
            Self::From(_) => None,
            Self::Checked(checked) => Some(&checked.pattern),
        }
    }

    /// Whether the whole of a value fits.
    pub fn fits(&self, value: &str) -> bool {
        self.pattern().is_none_or(|pattern| input::fits(pattern, value))
    }
}

/// How a callback is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallbackVerify {
    /// It is not.
    #[default]
    None,
    /// The parameter `hmac` is the HMAC-SHA256 in hex, with the client's secret, of all others in the order
    /// of their names. Checked before anything is sent.
    HmacQuery,
}

impl Default for Callback {
    fn default() -> Self {
        Self {
            code_param: "code".to_owned(),
            capture: BTreeMap::new(),
            verify: CallbackVerify::None,
        }
    }
}

/// How the client identifies itself at the token endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClientSpec {
    /// With what.
    pub auth: ClientAuth,
    /// What the body calls the client's id. The authorization request has `authorize.rename`.
    pub id_param: String,
    /// What the body calls the client's secret.
    pub secret_param: String,
    /// For `auth = "header"`: the header, a template over `client_id` and `client_secret`.
    pub header: Option<HeaderSpec>,
    /// For `auth = "private_key_jwt"`: the assertion.
    pub assertion: Option<AssertionSpec>,
    /// Whether the client shows a certificate in TLS (mutual TLS), to the OAuth server and to the API. The client's
    /// secret is then PEM: the certificate, its chain, and its private key; where there is a secret besides, that
    /// stands on a line before them. `auth = "mtls"` has no other secret.
    pub certificate: bool,
}

impl Default for ClientSpec {
    fn default() -> Self {
        Self {
            auth: ClientAuth::default(),
            id_param: "client_id".to_owned(),
            secret_param: "client_secret".to_owned(),
            header: None,
            assertion: None,
            certificate: false,
        }
    }
}

/// A header with a template.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeaderSpec {
    /// Its name.
    pub name: String,
    /// What stands there.
    pub template: String,
}

/// What becomes of the client's secret (RFC 6749, section 2.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// In the body.
    #[default]
    Post,
    /// In the `Authorization` header.
    Basic,
    /// In a header of the provider's own: `client.header`.
    Header,
    /// It stays: it is a private key (PKCS#8, PEM), and signs an assertion (RFC 7523, section 2.2): `client.assertion`.
    PrivateKeyJwt,
    /// There is none, but a certificate that is shown in TLS (RFC 8705, section 2): `client.certificate`.
    Mtls,
    /// There is none: a public client.
    None,
}

impl ClientAuth {
    /// Whether the client has a private key and no secret that could be sent.
    pub fn keeps_its_key(self) -> bool {
        matches!(self, Self::PrivateKeyJwt | Self::Mtls)
    }
}

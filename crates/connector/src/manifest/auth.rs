//! Getting in: inputs, endpoints, the authorization request.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{InputError, input};

/// How one gets in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthSpec {
    /// The kind.
    pub kind: AuthKind,
}

/// The kinds of getting in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
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
}

/// Something that must be known before linking.
#[derive(Clone, Debug, Deserialize)]
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
    /// What sort of text.
    #[serde(default)]
    pub kind: InputKind,
}

impl Input {
    /// Checks one answer.
    pub fn check(&self, value: &str) -> Result<(), InputError> {
        input::check_one(self, value)
    }
}

/// What sort of text an input is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
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
}

/// A URL template, with an end where it has one.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum UrlSpec {
    /// For good.
    Plain(String),
    /// Until a date.
    Dated(DatedUrl),
}

/// A URL template that ends.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatedUrl {
    /// The template.
    pub url: String,
    /// The last day on which it is good, `YYYY-MM-DD`.
    pub valid_until: String,
    /// What takes its place from the next day on.
    pub successor: String,
}

impl UrlSpec {
    /// The template that is good on a day, `YYYY-MM-DD`.
    pub fn on(&self, day: &str) -> &str {
        match self {
            Self::Plain(url) => url,
            // ISO dates sort as text.
            Self::Dated(dated) if day > dated.valid_until.as_str() => &dated.successor,
            Self::Dated(dated) => &dated.url,
        }
    }

    /// All templates in it.
    pub fn all(&self) -> Vec<&str> {
        match self {
            Self::Plain(url) => vec![url],
            Self::Dated(dated) => vec![&dated.url, &dated.successor],
        }
    }
}

/// A provider's endpoints.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Urls {
    /// Where the browser goes.
    pub authorize: Option<UrlSpec>,
    /// Where codes become tokens.
    pub token: Option<UrlSpec>,
    /// Where tokens are refreshed, if elsewhere.
    pub refresh: Option<UrlSpec>,
    /// Where grants are ended (RFC 7009).
    pub revoke: Option<UrlSpec>,
    /// Who is it (OpenID Connect Core, section 5.3).
    pub userinfo: Option<UrlSpec>,
}

/// The authorization request.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Authorize {
    /// Fixed parameters.
    pub params: BTreeMap<String, String>,
    /// Parameters that the provider calls otherwise.
    pub rename: BTreeMap<String, String>,
    /// The parameter of the scopes.
    pub scope_param: String,
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
            scope_param: "scope".to_owned(),
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pkce {
    /// Always; a server that does not know it ignores it.
    #[default]
    Send,
    /// Only where a server chokes on it, and says so in its documentation.
    Never,
}

/// What comes back with the browser.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Callback {
    /// The parameter of the code.
    pub code_param: String,
    /// Values to keep: name in templates = query parameter.
    pub capture: BTreeMap<String, String>,
}

impl Default for Callback {
    fn default() -> Self {
        Self { code_param: "code".to_owned(), capture: BTreeMap::new() }
    }
}

/// How the client identifies itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientSpec {
    /// With what.
    #[serde(default)]
    pub auth: ClientAuth,
}

/// How the client's secret is sent (RFC 6749, section 2.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// In the body.
    #[default]
    Post,
    /// In the `Authorization` header.
    Basic,
    /// There is none: a public client.
    None,
}

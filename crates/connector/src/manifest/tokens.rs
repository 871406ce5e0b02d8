//! The token request, its reply, and the end of a grant.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Capture, ClientAuth};

/// The token request and its reply.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TokenSpec {
    /// `POST` unless it says otherwise.
    pub method: TokenMethod,
    /// How the request is written.
    pub encoding: Encoding,
    /// Whether the redirect URI goes with the code.
    pub redirect_uri: RedirectUri,
    /// Fixed parameters.
    pub params: BTreeMap<String, String>,
    /// Parameters that go with the code: name here = name in `callback.capture`.
    pub from_callback: BTreeMap<String, String>,
    /// Fixed headers.
    pub headers: BTreeMap<String, String>,
    /// What is sent once more, at once, to trade the access token for one that lives longer; at
    /// `urls.exchange`, else `urls.token`.
    pub exchange: Option<TokenExchange>,
    /// Where things are in the reply.
    pub reply: ReplyPaths,
    /// Values to keep: name in templates = path in the reply, or `{ from, pattern }`. One that does not fit
    /// its pattern is not kept.
    pub capture: BTreeMap<String, Capture>,
}

/// An access token in the place of a code or a refresh token, as Meta's providers have it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenExchange {
    /// What `grant_type` says.
    pub grant_type: String,
    /// The parameter of the access token.
    #[serde(default = "access_token")]
    pub token_param: String,
    /// None = as the token request.
    #[serde(default)]
    pub method: Option<TokenMethod>,
    /// None = as the token request, and in the query for `GET`.
    #[serde(default)]
    pub encoding: Option<Encoding>,
    /// How the client identifies itself; none = as at the token request.
    #[serde(default)]
    pub client_auth: Option<ClientAuth>,
}

fn access_token() -> String {
    "access_token".to_owned()
}

/// How a request is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// `application/x-www-form-urlencoded`, as RFC 6749 says.
    #[default]
    Form,
    /// JSON.
    Json,
    /// In the URL's query: only where the provider takes nothing else, for secrets stand there too.
    Query,
}

/// The method of a token request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum TokenMethod {
    /// As RFC 6749 says.
    #[default]
    #[serde(rename = "POST")]
    Post,
    /// With `encoding = "query"`.
    #[serde(rename = "GET")]
    Get,
}

/// Whether the redirect URI goes with the code (RFC 6749, section 4.1.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RedirectUri {
    /// Also where `authorize.omit` leaves it out of the authorization request.
    Always,
    /// If it was in the authorization request, as the standard says.
    #[default]
    IfSent,
    /// Never.
    Never,
}

fn one(path: &str) -> Vec<String> {
    vec![path.to_owned()]
}

/// Paths in a token reply; of several the first that leads somewhere counts.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReplyPaths {
    /// Where a reply can hold several tokens, a bot's and a person's: where each is, empty for the reply itself.
    /// The first of them with an access token counts, and what else is read of a token is read there: nothing
    /// of one is joined with another's. Errors and `token.capture` stay with the whole reply.
    pub tokens: Vec<String>,
    /// The access token.
    pub access: Vec<String>,
    /// The refresh token.
    pub refresh: Vec<String>,
    /// How long the access token lives.
    pub expires_in: Vec<String>,
    /// When the access token ends: RFC 3339, or a number since 1970.
    pub expires_at: Vec<String>,
    /// In what these are counted.
    pub expires_unit: ExpiresUnit,
    /// How long the refresh token lives.
    pub refresh_expires_in: Vec<String>,
    /// The scopes: text or a list.
    pub scope: Vec<String>,
    /// What stands between scopes in the reply; none = as in the request.
    pub scope_separator: Option<String>,
    /// The token's type.
    pub token_type: Vec<String>,
    /// A value there means an error, whatever the status.
    pub error_path: Option<String>,
    /// Without a true value there it is an error, whatever the status.
    pub ok_path: Option<String>,
    /// The `Accept` header of token requests.
    pub accept: String,
}

impl Default for ReplyPaths {
    fn default() -> Self {
        Self {
            tokens: Vec::new(),
            access: one("access_token"),
            refresh: one("refresh_token"),
            expires_in: one("expires_in"),
            expires_at: Vec::new(),
            expires_unit: ExpiresUnit::Seconds,
            refresh_expires_in: one("refresh_token_expires_in"),
            scope: one("scope"),
            scope_separator: None,
            token_type: one("token_type"),
            error_path: Some("error".to_owned()),
            ok_path: None,
            accept: "application/json".to_owned(),
        }
    }
}

/// In what lifetimes are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExpiresUnit {
    /// Seconds.
    #[default]
    Seconds,
    /// Milliseconds.
    Milliseconds,
}

/// How long tokens live where the reply does not say.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lifetime {
    /// Of an access token, in seconds.
    pub access_s: Option<u64>,
    /// Of a refresh token, in seconds.
    pub refresh_s: Option<u64>,
    /// After how long unused a refresh token dies, in seconds.
    pub refresh_idle_s: Option<u64>,
    /// How long before its end an access token is refreshed, at least, in seconds; the hub's usual time where
    /// that is more, and never before half of its life.
    pub margin_s: Option<u64>,
    /// How old an access token must be before the provider renews it, in seconds.
    pub min_refresh_interval_s: Option<u64>,
}

/// How refresh tokens behave.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RefreshSpec {
    /// Whether they change, and whether the old one may be sent again. Unknown = strict.
    pub class: RefreshClass,
    /// The access token is sent in the place of a refresh token, which the provider does not have; to
    /// `urls.refresh`, else `urls.exchange`, else `urls.token`.
    pub exchange: Option<TokenExchange>,
    /// None = as the token request.
    pub method: Option<TokenMethod>,
    /// None = as the token request, and in the query for `GET`.
    pub encoding: Option<Encoding>,
    /// How the client identifies itself; none = as at the token request.
    pub client_auth: Option<ClientAuth>,
    /// Whether a refresh may ask for fewer scopes (RFC 6749, section 6).
    pub accepts_scope: bool,
    /// Fixed parameters.
    pub params: BTreeMap<String, String>,
    /// The most refreshes a second with one client; none = the hub's usual pace.
    pub max_per_second: Option<std::num::NonZeroU32>,
}

/// What happens to a refresh token that was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefreshClass {
    /// It stays.
    Static,
    /// It is replaced; the old one works a while longer.
    ReplaySafe,
    /// It is replaced; using the old one may end the whole grant.
    #[default]
    Strict,
}

/// What error replies mean, beyond RFC 6749.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Errors {
    /// The grant is gone for good.
    pub dead: Vec<Matcher>,
    /// It may work later, whatever it looks like.
    pub transient: Vec<Matcher>,
    /// Our client is refused.
    pub config: Vec<Matcher>,
}

/// Fits a reply where everything that is given fits.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Matcher {
    /// The status.
    pub status: Option<u16>,
    /// A path in the reply.
    pub path: Option<String>,
    /// What stands there.
    pub equals: Option<String>,
    /// A regular expression for what stands there.
    pub matches: Option<String>,
}

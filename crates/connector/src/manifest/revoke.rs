//! How a grant is ended.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Encoding, HeaderSpec};

/// How a grant is ended, at `urls.revoke`.
///
/// That URL may name `{token}` and `{client_id}` behind its host, besides the inputs; `{token}` there takes
/// the place of the parameter.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Revoke {
    /// `POST` unless it says otherwise.
    pub method: RevokeMethod,
    /// How the request is authenticated.
    pub auth: RevokeAuth,
    /// For `auth = "header"`: the header, a template over `token`, `access_token`, `client_id` and
    /// `client_secret`. With the secret and without the id, the id stands among the parameters.
    pub header: Option<HeaderSpec>,
    /// Which token is named.
    pub token: RevokeToken,
    /// The parameter that names it; empty = the credential alone tells which grant is meant.
    pub token_param: String,
    /// How the request is written; none = as the token request, and in the query for `GET`.
    pub encoding: Option<Encoding>,
    /// Other parameters: templates over the captured values.
    pub params: BTreeMap<String, String>,
    /// Fixed headers, besides `token.headers`.
    pub headers: BTreeMap<String, String>,
    /// Whether it ends other grants of the same account and client too.
    pub wide: bool,
}

impl Default for Revoke {
    fn default() -> Self {
        Self {
            method: RevokeMethod::default(),
            auth: RevokeAuth::default(),
            header: None,
            token: RevokeToken::default(),
            token_param: "token".to_owned(),
            encoding: None,
            params: BTreeMap::new(),
            headers: BTreeMap::new(),
            wide: false,
        }
    }
}

/// The method of a revocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum RevokeMethod {
    /// As RFC 7009 says.
    #[default]
    Post,
    /// As APIs of resources do.
    Delete,
    /// With the parameters in the query.
    Get,
}

/// How a revocation is authenticated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RevokeAuth {
    /// As at the token endpoint (RFC 7009).
    #[default]
    Client,
    /// With HTTP Basic: the client's id and secret, whatever the token endpoint takes.
    Basic,
    /// With the access token.
    Bearer,
    /// With a header of the provider's own: `revoke.header`.
    Header,
}

/// Which token a revocation names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RevokeToken {
    /// The refresh token where there is one, else the access token.
    #[default]
    Either,
    /// The access token.
    Access,
    /// The refresh token; a grant without one can't be ended.
    Refresh,
}

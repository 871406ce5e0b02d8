//! The provider's API: where it is, how a credential is placed, what its scopes open.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Matcher, RateSpec};

/// The API.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ApiSpec {
    /// Where it is: a template over inputs and captured values.
    pub base: Option<String>,
    /// Host suffixes outside of which no credential is sent; empty = the host of `base` as the
    /// template gives it.
    pub host_allow: Vec<String>,
    /// How the credential is placed; none = a bearer token (RFC 6750).
    pub credential: Option<CredentialSpec>,
    /// Fixed headers, such as a version.
    pub headers: BTreeMap<String, String>,
    /// What its errors mean, beyond their status.
    pub errors: ApiErrors,
    /// How it tells how much may be asked.
    pub rate: RateSpec,
    /// What is asked to see whether a credential is good, where there is no `identity`.
    pub verify: Option<Verify>,
}

/// A request that only a good credential gets an answer to.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// `GET` unless it says otherwise.
    #[serde(default)]
    pub method: Option<String>,
    /// A path of the API, a template.
    pub path: String,
    /// The statuses of a good answer; none = any 2xx.
    #[serde(default)]
    pub ok_status: Vec<u16>,
}

/// What errors of the API mean.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ApiErrors {
    /// The first that fits counts, even with a status of 200; else the status does.
    pub matchers: Vec<ApiMatcher>,
    /// Paths to the sentence for a person, before the common ones.
    pub message: Vec<String>,
    /// Paths to the code, before the common ones.
    pub code: Vec<String>,
}

/// Fits an answer where everything that is given fits.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiMatcher {
    /// The status.
    pub status: Option<u16>,
    /// A path in the answer.
    pub path: Option<String>,
    /// What stands there.
    pub equals: Option<String>,
    /// A regular expression for what stands there.
    pub matches: Option<String>,
    /// What it means.
    pub means: ApiMeaning,
}

impl ApiMatcher {
    pub(crate) fn matcher(&self) -> Matcher {
        let Self { status, path, equals, matches, .. } = self.clone();
        Matcher { status, path, equals, matches }
    }
}

/// What an error of the API means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApiMeaning {
    /// The credential is over for good.
    Reauthorize,
    /// Too much was asked.
    RateLimited,
    /// It may work later.
    Unavailable,
    /// The credential does not allow this.
    Denied,
    /// There is no such record.
    NotFound,
    /// It does not go together with what is there.
    Conflict,
    /// The request was wrong.
    Invalid,
    /// This account's edition or plan does not offer it.
    Unsupported,
}

/// Which scopes an action needs.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Needs {
    /// All of these.
    All(Vec<String>),
    /// One of these is enough.
    Any {
        /// The scopes.
        any_of: Vec<String>,
    },
}

/// How a credential is placed in a request.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialSpec {
    /// Where.
    #[serde(rename = "in")]
    pub place: Placement,
    /// The header's or parameter's name.
    #[serde(default)]
    pub name: Option<String>,
    /// What stands there: a template over `token` and the secret inputs; of OAuth 1.0a also `token_secret`.
    #[serde(default)]
    pub template: Option<String>,
    /// For `basic`: the user, a template.
    #[serde(default)]
    pub user: Option<String>,
    /// For `basic`: the password, a template.
    #[serde(default)]
    pub password: Option<String>,
    /// More headers, where a provider wants several secrets at once: templates like the first.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

/// Where a credential stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Placement {
    /// In a header.
    Header,
    /// In the query.
    Query,
    /// In the path, between `api.base` and what is asked: a part of its own.
    Path,
    /// As HTTP Basic (RFC 7617).
    Basic,
}

/// How to learn whose account it is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// `GET` unless it says otherwise.
    #[serde(default)]
    pub method: Option<String>,
    /// A path of the API, a whole URL template, or `userinfo` for the discovered endpoint.
    pub url: String,
    /// Paths to the account's id.
    pub account_path: Vec<String>,
    /// Paths to the organization that the account is in, where the account's id alone is not unique:
    /// the id is then `organization/account`.
    #[serde(default)]
    pub tenant_path: Vec<String>,
    /// Paths to what people call it.
    #[serde(default)]
    pub label_path: Vec<String>,
}

/// A scope.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScopeSpec {
    /// As the provider writes it.
    pub name: String,
    /// A sentence for a person.
    pub title: String,
    /// What sort of access.
    pub access: Access,
    /// Whether it is asked for in `authorize.user_scope_param`.
    #[serde(default)]
    pub user: bool,
    /// What it opens: `GET /contacts/*`, `POST /graphql query:orders,order` ([`Opens`](crate::Opens)).
    #[serde(default)]
    pub allows: Vec<String>,
}

/// What sort of access a scope gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Looking.
    Read,
    /// Changing.
    Write,
    /// Ruling.
    Admin,
}

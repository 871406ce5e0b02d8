//! The manifest: what data can say of a provider.
//!
//! TOML; unknown keys are errors, so that no key is accepted and ignored.

mod api;
mod assertion;
mod auth;
mod check;
mod facts;
mod oauth1;
mod revoke;
mod schema;
mod session;
mod signals;
mod tokens;
mod urls;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

pub use api::{
    Access, ApiErrors, ApiMatcher, ApiMeaning, ApiSpec, CredentialSpec, Identity, Needs, Placement,
    ScopeSpec, Verify,
};
pub use assertion::{AssertionAlgorithm, AssertionParam, AssertionSpec, GrantSpec};
pub use auth::{
    AuthKind, AuthSpec, Authorize, Callback, CallbackVerify, Capture, CheckedCapture, ClientAuth,
    ClientSpec, HeaderSpec, Input, InputKind, Pkce,
};
pub use check::ManifestError;
pub use facts::{Confidence, Facts};
pub use oauth1::{Oauth1Method, Oauth1Signature, Oauth1Spec};
pub use revoke::{Revoke, RevokeAuth, RevokeMethod, RevokeToken};
pub use schema::schema;
pub use session::{SessionBasic, SessionSpec};
pub use signals::{
    RateSpec, ResetUnit, TimestampUnit, WebhookAlgorithm, WebhookEncoding, WebhookKey, WebhookSpec,
};
pub use tokens::{
    Encoding, Errors, ExpiresUnit, Lifetime, Matcher, RedirectUri, RefreshClass, RefreshSpec,
    ReplyPaths, TokenExchange, TokenMethod, TokenSpec,
};
pub use urls::{Alternative, DatedUrl, UrlSpec, Urls};

use crate::Inputs;

/// A provider as data.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The name in URLs: `a-z`, `0-9`, `-`.
    pub slug: String,
    /// The name for people.
    pub display_name: String,
    /// `crm`, `calendar`, `support`, `commerce`, `identity`, …
    pub category: String,
    /// Where its developers' documentation is.
    #[serde(default)]
    pub docs_url: Option<String>,
    /// How well all this is known; the catalogue's manifests say it.
    #[serde(default)]
    pub facts: Option<Facts>,
    /// How one gets in.
    pub auth: AuthSpec,
    /// What must be known before: a subdomain, an issuer, a key.
    #[serde(default)]
    pub inputs: Vec<Input>,
    /// The issuer's URL, a template: the rest is discovered (OpenID Connect Discovery, RFC 8414).
    #[serde(default)]
    pub issuer: Option<String>,
    /// Its endpoints, templates; they win over what is discovered.
    #[serde(default)]
    pub urls: Urls,
    /// The authorization request.
    #[serde(default)]
    pub authorize: Authorize,
    /// OAuth 1.0a: how requests are signed.
    #[serde(default)]
    pub oauth1: Option<Oauth1Spec>,
    /// What a session is begun with, where `auth.kind` is `session_exchange`; what goes with the assertion, where
    /// it is `jwt_bearer`.
    #[serde(default)]
    pub session: Option<SessionSpec>,
    /// How the assertion is made, where `auth.kind` is `jwt_bearer`.
    #[serde(default)]
    pub assertion: Option<GrantSpec>,
    /// What comes back with the browser.
    #[serde(default)]
    pub callback: Callback,
    /// How the client identifies itself.
    #[serde(default)]
    pub client: ClientSpec,
    /// The token request and its reply.
    #[serde(default)]
    pub token: TokenSpec,
    /// How long tokens live where the reply does not say.
    #[serde(default)]
    pub lifetime: Lifetime,
    /// How refresh tokens behave.
    #[serde(default)]
    pub refresh: RefreshSpec,
    /// What error replies mean.
    #[serde(default)]
    pub errors: Errors,
    /// How a grant is ended.
    #[serde(default)]
    pub revoke: Revoke,
    /// How to learn whose account it is.
    #[serde(default)]
    pub identity: Option<Identity>,
    /// Its API.
    #[serde(default)]
    pub api: ApiSpec,
    /// How its events are signed.
    #[serde(default)]
    pub webhook: Option<WebhookSpec>,
    /// Its scopes.
    #[serde(default)]
    pub scopes: Vec<ScopeSpec>,
    /// The actions that its connector can do, with the scopes that each needs: `"contacts.get" = ["contacts.read"]`,
    /// or `{ any_of = ["contacts.read", "contacts.all"] }`.
    #[serde(default)]
    pub actions: BTreeMap<String, Needs>,
}

impl Manifest {
    /// The largest manifest, in bytes.
    pub const MOST: usize = 64 * 1024;

    /// Reads and checks a manifest; an error says where and what to write instead.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        if text.len() > Self::MOST {
            return Err(ManifestError::new("a manifest has at most 64 KiB"));
        }
        let manifest: Self =
            toml::from_str(text).map_err(|error| ManifestError::of_toml(text, &error))?;
        check::check(&manifest)?;
        Ok(manifest)
    }

    /// Checks answers to the inputs and fills in defaults.
    pub fn check_inputs(
        &self,
        answers: &BTreeMap<String, String>,
    ) -> Result<Inputs, crate::InputError> {
        crate::input::check_all(self, answers)
    }

    /// Whether whoever answers the inputs can choose a host freely: such a provider's client can't be
    /// shared between workspaces.
    pub fn has_free_host(&self) -> bool {
        self.inputs.iter().any(|input| {
            let kind = matches!(input.kind, InputKind::Url | InputKind::Host);
            input.one_of.is_empty()
                && (kind || (check::names_a_host(self, input) && !check::is_one_label(input)))
        })
    }

    /// How requests are signed where that is OAuth 1.0a.
    pub fn oauth1(&self) -> Oauth1Spec {
        self.oauth1.unwrap_or_default()
    }

    /// Whether the API's requests are signed one by one: those of OAuth 1.0a, unless the token is placed as a
    /// key is.
    pub fn signs_requests(&self) -> bool {
        self.auth.kind == AuthKind::Oauth1 && self.api.credential.is_none()
    }

    /// Whether a grant can be ended at the provider.
    pub fn can_revoke(&self) -> bool {
        let oauth =
            matches!(self.auth.kind, AuthKind::Oauth2Code | AuthKind::Oauth2ClientCredentials);
        let named = self.urls.revoke.is_some()
            || self.urls.alternatives.iter().any(|alternative| alternative.revoke.is_some());
        // A discovered server may offer it; the engine finds out.
        oauth && (named || self.issuer.is_some())
    }

    /// Whether the provider gives a narrower access token for the asking, without touching the
    /// refresh token (RFC 6749, section 6).
    pub fn can_narrow(&self) -> bool {
        self.refresh.accepts_scope && self.refresh.class == RefreshClass::Static
    }

    /// The input of this name.
    pub fn input(&self, name: &str) -> Option<&Input> {
        self.inputs.iter().find(|input| input.name == name)
    }

    /// The scope of this name.
    pub fn scope(&self, name: &str) -> Option<&ScopeSpec> {
        self.scopes.iter().find(|scope| scope.name == name)
    }
}

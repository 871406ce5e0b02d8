//! OAuth 1.0a: how requests are signed, and how the two of the dance are sent.

use schemars::JsonSchema;
use serde::Deserialize;

/// OAuth 1.0a (RFC 5849). What it adds to a request always stands in the `Authorization` header
/// (section 3.5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Oauth1Spec {
    /// How requests are signed.
    pub signature: Oauth1Signature,
    /// How temporary credentials are asked for at `urls.request_token`.
    pub request_token_method: Oauth1Method,
    /// How they are exchanged at `urls.token`.
    pub token_method: Oauth1Method,
}

/// How requests are signed (RFC 5849, section 3.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Oauth1Signature {
    /// `HMAC-SHA1`: what nearly all take. No way is known to forge it.
    #[default]
    HmacSha1,
    /// `HMAC-SHA256`: not in the RFC; only where the provider's documentation names it.
    HmacSha256,
    /// `PLAINTEXT`: the secrets themselves, which TLS alone protects. Only where nothing else is taken.
    Plaintext,
}

impl Oauth1Signature {
    /// Its name in `oauth_signature_method`.
    pub fn name(self) -> &'static str {
        match self {
            Self::HmacSha1 => "HMAC-SHA1",
            Self::HmacSha256 => "HMAC-SHA256",
            Self::Plaintext => "PLAINTEXT",
        }
    }
}

/// How a request of the dance is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Oauth1Method {
    /// As RFC 5849 says.
    #[default]
    Post,
    /// Where the provider's documentation says so.
    Get,
}

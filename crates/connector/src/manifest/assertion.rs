//! Signed assertions: a client's (RFC 7523, section 2.2), and one in the place of a code (section 2.1).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// How the client's assertion is made. Its templates are over the open inputs, `client_id` and, where it is
/// discovered, `issuer`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssertionSpec {
    /// How it is signed; the client's secret is a private key for that.
    pub algorithm: AssertionAlgorithm,
    /// Whom it is for (`aud`): a template; none = the token endpoint.
    #[serde(default)]
    pub audience: Option<String>,
    /// Who says it (`iss`): a template; none = `{client_id}`.
    #[serde(default)]
    pub issuer: Option<String>,
    /// Of whom it speaks (`sub`): a template; none = `{client_id}`.
    #[serde(default)]
    pub subject: Option<String>,
    /// Which of its keys signed it (`kid`): a template; none = it does not say.
    #[serde(default)]
    pub key_id: Option<String>,
    /// How long it is good, in seconds.
    #[serde(default = "usual_lifetime")]
    pub lifetime_s: u32,
    /// Where it goes.
    #[serde(default)]
    pub param: AssertionParam,
}

fn usual_lifetime() -> u32 {
    300
}

impl AssertionSpec {
    /// Its templates, with the key of each.
    pub fn templates(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("audience", &self.audience),
            ("issuer", &self.issuer),
            ("subject", &self.subject),
            ("key_id", &self.key_id),
        ]
        .into_iter()
        .filter_map(|(name, template)| Some((name, template.as_deref()?)))
    }
}

/// How the assertion is made that stands in the place of a code (RFC 7523, section 2.1). Its templates are over the
/// open inputs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantSpec {
    /// How it is signed.
    pub algorithm: AssertionAlgorithm,
    /// With what: the secret input that is the private key.
    pub key: String,
    /// Who says it (`iss`): a template.
    pub issuer: String,
    /// Of whom it speaks (`sub`): a template; none, or an input that was left out = it does not say.
    #[serde(default)]
    pub subject: Option<String>,
    /// Whom it is for (`aud`): a template; none = the token endpoint.
    #[serde(default)]
    pub audience: Option<String>,
    /// Which key signed it (`kid`): a template; none, or an input that was left out = it does not say.
    #[serde(default)]
    pub key_id: Option<String>,
    /// How long it is good, in seconds.
    #[serde(default = "usual_lifetime")]
    pub lifetime_s: u32,
    /// What else it says, by the claim's name: templates; with an input that was left out it does not say it.
    #[serde(default)]
    pub claims: BTreeMap<String, String>,
    /// The claim of the scopes; none = they are the parameter `scope` (RFC 7521, section 4.1).
    #[serde(default)]
    pub scope_claim: Option<String>,
}

impl GrantSpec {
    /// All its templates.
    pub fn templates(&self) -> impl Iterator<Item = &str> {
        let more = [&self.subject, &self.audience, &self.key_id].into_iter().flatten();
        [&self.issuer].into_iter().chain(more).chain(self.claims.values()).map(String::as_str)
    }
}

/// How an assertion is signed (RFC 7518, section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum AssertionAlgorithm {
    /// With RSA and SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// With ECDSA, the curve P-256 and SHA-256.
    #[serde(rename = "ES256")]
    Es256,
}

impl AssertionAlgorithm {
    /// Its registered name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}

/// Where an assertion goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AssertionParam {
    /// Into `client_assertion`, with its `client_assertion_type`, as RFC 7523 says.
    #[default]
    ClientAssertion,
    /// Into `client.secret_param`, as if it were the secret.
    ClientSecret,
}

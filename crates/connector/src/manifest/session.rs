//! A session in the place of a key: what a person fills in is exchanged for a token, again and again.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// What is sent to `urls.token`, as `token.method` and `token.encoding` say: templates over the inputs.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SessionSpec {
    /// Parameters.
    pub params: BTreeMap<String, String>,
    /// Headers.
    pub headers: BTreeMap<String, String>,
    /// A user and a password, as HTTP Basic (RFC 7617).
    pub basic: Option<SessionBasic>,
}

/// A user and a password.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionBasic {
    /// The user, a template.
    pub user: String,
    /// The password, a template.
    pub password: String,
}

impl SessionSpec {
    /// All its templates.
    pub fn templates(&self) -> impl Iterator<Item = &str> {
        let basic = self.basic.iter().flat_map(|basic| [&basic.user, &basic.password]);
        self.params.values().chain(self.headers.values()).chain(basic).map(String::as_str)
    }
}

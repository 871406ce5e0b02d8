//! What the provider tells unasked: how much may still be asked, and events.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Matcher;

/// How the API tells how much may be asked.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RateSpec {
    /// The header with how many requests are left.
    pub remaining: Option<String>,
    /// The header with how many there may be in a window.
    pub limit: Option<String>,
    /// The header with when the window begins anew.
    pub reset: Option<String>,
    /// How `reset` is written.
    pub reset_unit: ResetUnit,
    /// The header with how long to wait, in seconds or as a date.
    pub retry_after: String,
    /// Statuses that mean too much was asked. One besides 429 does so only where `remaining` is 0 or the
    /// answer says how long to wait: it means other things too.
    pub statuses: Vec<u16>,
    /// Answers that mean so whatever their status.
    pub body_match: Vec<Matcher>,
}

impl Default for RateSpec {
    fn default() -> Self {
        Self {
            remaining: None,
            limit: None,
            reset: None,
            reset_unit: ResetUnit::default(),
            retry_after: "retry-after".to_owned(),
            statuses: vec![429],
            body_match: Vec::new(),
        }
    }
}

/// How a moment is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResetUnit {
    /// In so many seconds.
    #[default]
    Seconds,
    /// In so many milliseconds.
    Milliseconds,
    /// Seconds since 1970.
    UnixSeconds,
    /// Milliseconds since 1970.
    UnixMilliseconds,
    /// RFC 3339.
    Rfc3339,
}

/// How events are signed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookSpec {
    /// The header of the signature.
    pub header: String,
    /// What stands between several parts of that header; without it, all of it is one.
    #[serde(default)]
    pub separator: Option<String>,
    /// What stands before a signature: `sha256=`. Parts that begin otherwise are none.
    #[serde(default)]
    pub prefix: String,
    /// How it is made.
    #[serde(default)]
    pub algorithm: WebhookAlgorithm,
    /// How it is written.
    #[serde(default)]
    pub encoding: WebhookEncoding,
    /// How the secret becomes a key.
    #[serde(default)]
    pub key: WebhookKey,
    /// What stands before the key in the secret: `whsec_`.
    #[serde(default)]
    pub key_prefix: String,
    /// What is signed, with `body`, and `timestamp`, `id`, `method` and `url` where they are.
    #[serde(default = "body")]
    pub signed_template: String,
    /// The header of the event's id.
    #[serde(default)]
    pub id_header: Option<String>,
    /// The header of the time.
    #[serde(default)]
    pub timestamp_header: Option<String>,
    /// What stands before the time where it is a part of the signature's header: `t=`.
    #[serde(default)]
    pub timestamp_prefix: Option<String>,
    /// How the time is written.
    #[serde(default)]
    pub timestamp_unit: TimestampUnit,
    /// How far the time may be from ours, in seconds.
    #[serde(default = "five_minutes")]
    pub tolerance_s: u32,
}

fn body() -> String {
    "{body}".to_owned()
}

fn five_minutes() -> u32 {
    300
}

/// How a signature is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookAlgorithm {
    /// HMAC (RFC 2104) with SHA-256.
    #[default]
    HmacSha256,
    /// HMAC with SHA-1: old, and still no way is known to forge it.
    HmacSha1,
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookEncoding {
    /// In hex, of either case.
    #[default]
    Hex,
    /// In base64 with padding (RFC 4648, section 4).
    Base64,
}

/// How a secret becomes a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookKey {
    /// Its bytes as they are.
    #[default]
    Text,
    /// What it says in base64.
    Base64,
}

/// How a time is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimestampUnit {
    /// Seconds since 1970.
    #[default]
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
    /// RFC 3339.
    Rfc3339,
}

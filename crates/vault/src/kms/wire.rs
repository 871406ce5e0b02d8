//! What is said to KMS, and what it answers (its JSON protocol, version 1.1).

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::service::wiped;

/// What a wrapped key is bound to. KMS authenticates it and writes it to `CloudTrail`.
#[derive(Serialize)]
pub(super) struct Context<'a> {
    #[serde(rename = "valetkey:workspace")]
    pub(super) workspace: &'a str,
    #[serde(rename = "valetkey:data-key")]
    pub(super) data_key: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Encrypt<'a> {
    pub(super) key_id: &'a str,
    pub(super) plaintext: &'a str,
    pub(super) encryption_context: Context<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Decrypt<'a> {
    pub(super) key_id: &'a str,
    pub(super) ciphertext_blob: &'a str,
    pub(super) encryption_context: Context<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeKey<'a> {
    pub(super) key_id: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Encrypted {
    pub(super) ciphertext_blob: String,
    pub(super) key_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Decrypted {
    #[serde(deserialize_with = "wiped")]
    pub(super) plaintext: Zeroizing<String>,
    pub(super) key_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Described {
    pub(super) key_metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Metadata {
    pub(super) arn: String,
    #[serde(default)]
    pub(super) key_state: String,
    #[serde(default)]
    pub(super) key_usage: String,
    #[serde(default)]
    pub(super) key_spec: String,
}

/// A refusal. KMS writes `message` small or large.
#[derive(Deserialize)]
pub(super) struct Refusal {
    #[serde(rename = "__type", default)]
    kind: String,
    #[serde(alias = "Message", default)]
    pub(super) message: String,
}

impl Refusal {
    /// The error's name without what may stand before and after it.
    pub(super) fn kind(&self) -> &str {
        let name = self.kind.rsplit('#').next().unwrap_or_default();
        name.split(':').next().unwrap_or_default()
    }
}

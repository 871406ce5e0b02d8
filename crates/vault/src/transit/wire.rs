//! What is said to a transit engine, and what it answers.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::service::wiped;

/// What is asked of `encrypt` and `decrypt`. All values are base64, but a ciphertext.
#[derive(Serialize)]
pub(super) struct Ask<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) plaintext: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ciphertext: Option<&'a str>,
    pub(super) associated_data: &'a str,
    /// For keys that are derived; they need one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) context: Option<&'a str>,
}

#[derive(Deserialize)]
pub(super) struct Reply<T> {
    pub(super) data: T,
}

#[derive(Deserialize)]
pub(super) struct Encrypted {
    pub(super) ciphertext: String,
}

#[derive(Deserialize)]
pub(super) struct Decrypted {
    #[serde(deserialize_with = "wiped")]
    pub(super) plaintext: Zeroizing<String>,
}

/// A key, as `keys/NAME` describes it.
#[derive(Deserialize)]
pub(super) struct Described {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) derived: bool,
    pub(super) latest_version: u64,
}

/// The token, as `auth/token/lookup-self` describes it.
#[derive(Deserialize)]
pub(super) struct Lookup {
    /// Seconds that are left; zero says that it never ends.
    #[serde(default)]
    pub(super) ttl: u64,
    #[serde(default)]
    pub(super) renewable: bool,
}

#[derive(Deserialize)]
pub(super) struct Renewed {
    pub(super) auth: Lease,
}

#[derive(Deserialize)]
pub(super) struct Lease {
    #[serde(default)]
    pub(super) lease_duration: u64,
    #[serde(default)]
    pub(super) renewable: bool,
}

/// What went wrong, in the server's words.
#[derive(Deserialize)]
pub(super) struct Errors {
    #[serde(default)]
    pub(super) errors: Vec<String>,
}

/// The version in `vault:v3:…`.
pub(super) fn version(ciphertext: &[u8]) -> Option<u64> {
    let rest = ciphertext.strip_prefix(b"vault:v")?;
    let digits = &rest[..rest.iter().position(|&byte| byte == b':')?];
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|version| *version > 0)
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn a_version_is_read_from_the_prefix_only() {
        assert_eq!(version(b"vault:v12:AAAA"), Some(12));
        for other in ["", "vault:v:AA", "vault:v0:AA", "vault:v1", "bao:v1:AA", "vault:vx:AA"] {
            assert_eq!(version(other.as_bytes()), None, "{other}");
        }
    }
}

//! Secrets that do not print themselves.

pub use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

/// Whether two secrets are equal, in time that depends on their length only.
///
/// Every comparison of keys, codes, states and digests goes through here.
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

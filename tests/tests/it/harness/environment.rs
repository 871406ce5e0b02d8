//! What `make test` tells the tests, and names that no other test has.

use std::{path::PathBuf, process, sync::atomic::AtomicU64, sync::atomic::Ordering};

/// A variable that `make test` sets; the test fails with what to do if it is missing.
pub(crate) fn required(name: &str) -> PathBuf {
    optional(name)
        .unwrap_or_else(|| panic!("{name} is not set: run the black-box tests with `make test`"))
        .into()
}

/// A variable that may be set.
#[allow(clippy::disallowed_methods, reason = "tests take what to run from the environment")]
pub(crate) fn optional(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

/// Letters and digits that no other test on this machine uses now.
pub(crate) fn unique() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{:x}x{:x}x{count:x}", process::id(), now_nanos())
}

#[allow(clippy::disallowed_methods, reason = "a name for what a test makes, not a time")]
fn now_nanos() -> u128 {
    std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos()
}

/// 43 characters that look random and that no other test uses: something to search for, or a secret.
pub(crate) fn canary(what: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use sha2::{Digest as _, Sha256};
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{what} {}", unique())))
}

/// A port of loopback that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

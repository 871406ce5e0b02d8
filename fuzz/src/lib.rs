//! What strangers can send, and the laws that hold whatever they send.
//!
//! A [`Target`] takes any bytes, feeds them to the code that reads such bytes, and panics where a law
//! does not hold. `make fuzz` lets libFuzzer look for such bytes; the tests replay the kept corpus.

mod audit;
mod callback;
mod envelope;
mod manifest;
mod providers;
mod tenant_host;
mod token_reply;
mod urls;

/// Something that reads what strangers send.
#[derive(Debug)]
pub struct Target {
    /// Its name, and that of its folder in `corpus/`.
    pub name: &'static str,
    /// Reads the bytes; panics where a law does not hold.
    pub run: fn(&[u8]),
}

/// All of them, sorted.
pub const TARGETS: [Target; 6] = [
    Target { name: "audit", run: audit::run },
    Target { name: "callback", run: callback::run },
    Target { name: "envelope", run: envelope::run },
    Target { name: "manifest", run: manifest::run },
    Target { name: "tenant_host", run: tenant_host::run },
    Target { name: "token_reply", run: token_reply::run },
];

/// The target of this name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

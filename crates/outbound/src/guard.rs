//! The guard: which URLs and addresses are called at all.

use std::net::IpAddr;

use url::{Host, Url};

use crate::{ConfigError, Error, address::is_public, allow::AllowList, hosts::is_under};

/// The longest URL that is called, in bytes.
const LONGEST_URL: usize = 8192;

/// The longest name, and the longest label of it (RFC 1035, section 2.3.4).
const LONGEST_NAME: usize = 253;
const LONGEST_LABEL: usize = 63;

/// Names that only mean something inside a network: this machine (RFC 6761), multicast DNS (RFC 6762),
/// private use (ICANN, 2024; the metadata service of Google's machines), homes (RFC 8375), Tor (RFC 7686).
const INNER: &[&str] = &["localhost", "local", "internal", "home.arpa", "onion"];

/// Decides before anything is opened.
pub(crate) struct Guard {
    allow: AllowList,
}

impl Guard {
    pub(crate) fn new(allow: &[String]) -> Result<Self, ConfigError> {
        Ok(Self { allow: AllowList::parse(allow)? })
    }

    /// Whether its eye is shut for this URL; an error where the URL is not called at all. Addresses are
    /// looked at when they are known: [`all_public`].
    pub(crate) fn is_exempt(&self, url: &Url) -> Result<bool, Error> {
        let (host, port) = well_formed(url)?;
        if self.allow.allows(url.host_str().unwrap_or_default(), port) {
            return Ok(true);
        }
        let refused = |why| Err(Error::Refused { host: host.to_string(), why });
        if url.scheme() != "https" {
            return refused(
                "only https leaves; VALETKEY_OUTBOUND_ALLOW exempts a development host",
            );
        }
        // Mail, shells and directories listen below; a provider's API does not.
        if port != 443 && port < 1024 {
            return refused("its port belongs to another service");
        }
        match host {
            Host::Domain(name) if is_inner(name) => {
                refused("its name means something only inside a network")
            }
            _ => Ok(false),
        }
    }
}

/// An error unless all that a name points to is public: one that also points inside is an attempt to
/// get inside.
pub(crate) fn all_public(host: &str, addresses: &[IpAddr]) -> Result<(), Error> {
    if addresses.iter().all(|address| is_public(*address)) {
        return Ok(());
    }
    Err(Error::Refused { host: host.to_owned(), why: "its address is not a public one" })
}

/// Host and port of a URL that can be called.
fn well_formed(url: &Url) -> Result<(Host<&str>, u16), Error> {
    let invalid = |why| Err(Error::InvalidUrl(why));
    if url.as_str().len() > LONGEST_URL {
        return invalid("it has more than 8192 bytes");
    }
    if !matches!(url.scheme(), "http" | "https") {
        return invalid("only http and https can be called");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return invalid("a user or password has no place in it");
    }
    let Some(host) = url.host() else { return invalid("it has no host") };
    if let Host::Domain(name) = host
        && !is_a_name(name)
    {
        return invalid("its host is none that DNS could name");
    }
    match url.port_or_known_default() {
        None | Some(0) => invalid("it has no port"),
        Some(port) => Ok((host, port)),
    }
}

/// Letters, digits, dashes and underscores: the URL library lets more pass, which DNS would not name and
/// others read otherwise.
fn is_a_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let of_label = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let label =
        |label: &str| (1..=LONGEST_LABEL).contains(&label.len()) && label.bytes().all(of_label);
    name.len() <= LONGEST_NAME && name.split('.').all(label)
}

/// Whether a name, lower case as the URL library writes it, is one of an inner network. One without a
/// dot always is: no provider has it, and the system looks for it among its own.
fn is_inner(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    !name.contains('.') || INNER.iter().any(|inner| is_under(name, inner))
}

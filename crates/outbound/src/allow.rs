//! The allow-list of development hosts.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::ConfigError;

#[derive(Clone, Debug)]
enum Rule {
    Host { host: String, port: Option<u16> },
    Network(IpNet),
}

/// Hosts that are exempt from the guard.
#[derive(Clone, Debug, Default)]
pub(crate) struct AllowList(Vec<Rule>);

impl AllowList {
    pub(crate) fn parse(entries: &[String]) -> Result<Self, ConfigError> {
        entries.iter().map(|entry| parse(entry.trim())).collect::<Result<_, _>>().map(Self)
    }

    /// `host` as the URL library writes it: lower case, IPv6 in brackets.
    pub(crate) fn allows(&self, host: &str, port: u16) -> bool {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let address: Option<IpAddr> = bare.parse().ok();
        self.0.iter().any(|rule| match rule {
            Rule::Host { host: allowed, port: only } => {
                allowed == bare && only.is_none_or(|only| only == port)
            }
            Rule::Network(network) => address.is_some_and(|address| network.contains(&address)),
        })
    }
}

fn parse(entry: &str) -> Result<Rule, ConfigError> {
    let bad = || ConfigError::Allow(entry.chars().take(100).collect());
    if let Ok(network) = entry.parse::<IpNet>() {
        return Ok(Rule::Network(network));
    }
    if let Ok(address) = entry.parse::<IpAddr>() {
        return Ok(Rule::Network(address.into()));
    }
    let (host, port) = match entry.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse().map_err(|_| bad())?)),
        None => (entry, None),
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let of_host = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b':' | b'_');
    if bare.is_empty() || !bare.bytes().all(of_host) {
        return Err(bad());
    }
    Ok(Rule::Host { host: bare, port })
}

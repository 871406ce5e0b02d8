//! Where a request comes from: an address, or for IPv6 the /64 that one customer has.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Once,
};

use axum::{
    extract::{Request, State},
    http::HeaderMap,
    middleware::Next,
    response::Response,
};
use ipnet::IpNet;

use crate::state::AppState;

/// Proxies that one request passes through, at most; and networks that can be trusted.
const MOST: usize = 32;

/// The other end of the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// A client's address, as far as its failures are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Source(IpAddr);

impl Source {
    fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
            }
            address @ IpAddr::V4(_) => address,
        })
    }
}

/// An address that nobody has: all of whom nothing is known.
impl Default for Source {
    fn default() -> Self {
        Self(Ipv4Addr::UNSPECIFIED.into())
    }
}

/// From whom `X-Forwarded-For` is believed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies(Vec<IpNet>);

impl Proxies {
    /// Reads networks and addresses with commas between them. The error says which is none.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let nets = entries.map(|entry| {
            let net = entry.parse().or_else(|_| entry.parse::<IpAddr>().map(IpNet::from));
            net.map_err(|_| {
                format!("`{entry}` is no network: write 10.0.0.0/8, fd00::/8, or one address")
            })
        });
        let nets: Vec<_> = nets.collect::<Result<_, _>>()?;
        if nets.len() > MOST {
            return Err(format!("at most {MOST} networks can be named"));
        }
        Ok(Self(nets))
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|net| net.contains(&address))
    }

    /// The nearest address that is no trusted proxy: each proxy writes at the right end who came to it, and
    /// what stands left of the first stranger can be anybody's invention.
    pub(crate) fn source(&self, peer: IpAddr, headers: &HeaderMap) -> Source {
        let mut nearest = peer.to_canonical();
        let lines = headers.get_all("x-forwarded-for").iter().rev();
        let mut told = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        for _ in 0..MOST {
            if !self.trusts(nearest) {
                break;
            }
            let Some(address) = told.next().and_then(address) else { break };
            nearest = address.to_canonical();
        }
        Source::of(nearest)
    }
}

/// An address, of which some proxies write the port too.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse().ok().map(|address: SocketAddr| address.ip()))
}

/// Behind a proxy that is not named, all clients are one source. Anybody can send the header, so it is said
/// once and no more.
fn warn_once() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        tracing::warn!(
            "a request came with X-Forwarded-For, which is not believed. If the hub is behind a proxy, name \
             it in VALETKEY_TRUSTED_PROXIES: without that, all clients share one limit"
        );
    });
}

/// Tells the layers below where the request comes from.
pub(in crate::http) async fn locate(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Some(Peer(peer)) = request.extensions().get() {
        let proxies = state.limits.proxies();
        if proxies.0.is_empty() && request.headers().contains_key("x-forwarded-for") {
            warn_once();
        }
        let source = proxies.source(peer.ip(), request.headers());
        request.extensions_mut().insert(source);
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(trusted: &str, peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let proxies = Proxies::read(trusted).unwrap();
        proxies.source(peer.parse().unwrap(), &headers).0.to_string()
    }

    #[test]
    fn a_stranger_cannot_say_that_it_is_somebody_else() {
        assert_eq!(source("", "203.0.113.5", &["198.51.100.1"]), "203.0.113.5");
        assert_eq!(source("10.0.0.0/8", "203.0.113.5", &["198.51.100.1"]), "203.0.113.5");
    }

    #[test]
    fn behind_trusted_proxies_the_rightmost_stranger_is_the_source() {
        let trusted = "10.0.0.0/8, fd00::/8, 192.0.2.7";
        assert_eq!(source(trusted, "10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(source(trusted, "10.0.0.1", &["1.2.3.4, 198.51.100.1"]), "198.51.100.1");
        assert_eq!(source(trusted, "10.0.0.1", &["198.51.100.1, 192.0.2.7"]), "198.51.100.1");
        assert_eq!(source(trusted, "fd00::1", &["1.2.3.4", "198.51.100.1:4711"]), "198.51.100.1");
        assert_eq!(source(trusted, "10.0.0.1", &["[2001:db8::1]:80"]), "2001:db8::");
    }

    #[test]
    fn what_a_proxy_wrote_unreadably_is_the_proxys_own() {
        for line in ["unknown", "", "198.51.100.1, x", "198.51.100.1,"] {
            assert_eq!(source("10.0.0.0/8", "10.0.0.1", &[line]), "10.0.0.1", "{line}");
        }
        assert_eq!(source("10.0.0.0/8", "10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn an_endless_list_of_proxies_ends() {
        let line = vec!["10.0.0.2"; 10_000].join(",");
        assert_eq!(source("10.0.0.0/8", "10.0.0.1", &[&line]), "10.0.0.2");
    }

    #[test]
    fn one_ipv6_customer_is_one_source_and_a_mapped_address_is_its_ipv4() {
        let one = source("", "2001:db8:1:2:aaaa::1", &[]);
        assert_eq!(one, source("", "2001:db8:1:2:bbbb::9", &[]));
        assert_ne!(one, source("", "2001:db8:1:3::1", &[]));
        assert_eq!(source("", "::ffff:203.0.113.5", &[]), "203.0.113.5");
        assert_eq!(source("10.0.0.0/8", "::ffff:10.0.0.1", &["203.0.113.5"]), "203.0.113.5");
    }

    #[test]
    fn what_is_no_network_is_refused_by_name() {
        let error = Proxies::read("10.0.0.0/8, example.com").expect_err("no network");
        assert!(error.contains("example.com"), "{error}");
        assert!(Proxies::read(&vec!["10.0.0.1"; MOST + 1].join(",")).is_err());
    }
}

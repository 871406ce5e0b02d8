//! The hosts that one request may go to.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use url::Url;

use crate::Error;

/// Hosts that a request keeps to, whatever its URL came from.
///
/// A request made for a provider carries the hosts that its manifest names. If a reply of that provider
/// (an address of its API, a link to the next page) leads elsewhere, the request is refused before
/// anything is opened, and the credential on it stays here.
///
/// Ports and schemes are not looked at. A host is its letters: `a.example.` is another than `a.example`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts {
    exact: Vec<String>,
    under: Vec<String>,
}

impl Hosts {
    /// And this URL's host; a URL without one adds none.
    #[must_use]
    pub fn and(mut self, url: &Url) -> Self {
        self.exact.extend(url.host_str().map(str::to_owned));
        self
    }

    /// And this host with every name under it: `zendesk.com` stands for `acme.zendesk.com` too, and not
    /// for `evilzendesk.com`. A name of one label (`com`) stands for itself alone.
    #[must_use]
    pub fn and_under(mut self, name: &str) -> Self {
        let name = name.trim_start_matches('.').to_ascii_lowercase();
        if name.contains('.') && !name.ends_with('.') {
            self.under.push(name);
        } else if !name.is_empty() {
            self.exact.push(name);
        }
        self
    }

    /// Whether this URL's host is one of them.
    pub fn contain(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else { return false };
        self.exact.iter().any(|exact| exact == host)
            || self.under.iter().any(|name| is_under(host, name))
    }

    /// Has the request keep to these hosts. Those of an earlier call no longer count.
    pub fn bind(self, request: &mut Request<Bytes>) {
        request.extensions_mut().insert(Bound(Arc::new(self)));
    }
}

/// How a request carries them.
#[derive(Clone)]
struct Bound(Arc<Hosts>);

/// An error if the request keeps to hosts of which this URL's is none.
pub(crate) fn check(request: &Request<Bytes>, url: &Url) -> Result<(), Error> {
    match request.extensions().get::<Bound>() {
        Some(Bound(hosts)) if !hosts.contain(url) => Err(Error::Refused {
            host: url.host_str().unwrap_or_default().to_owned(),
            why: "it is none of the hosts that this request was made for",
        }),
        _ => Ok(()),
    }
}

/// Whether a host is this name or under it, by whole labels.
pub(crate) fn is_under(host: &str, name: &str) -> bool {
    host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

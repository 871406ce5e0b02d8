//! The only HTTP client. Everything that leaves the hub leaves here.
//!
//! # What it promises
//!
//! - **Nothing inside is called.** Loopback, private, link-local, metadata, multicast, reserved and
//!   documentation addresses are refused, in whatever spelling, and so are IPv6 addresses that wrap an
//!   IPv4 one. A name is resolved once; all that it points to must be public, and what was looked at is
//!   what is opened. Names of inner networks (`localhost`, `*.internal`, a name without a dot) are not
//!   even resolved. [`Config::allow`] exempts development hosts, and nothing else does.
//! - **Only https leaves**, to port 443 or one from 1024 up, with a certificate that the system trusts.
//! - **No redirects.** One is an answer like any other. Nobody here needs them followed: token,
//!   revocation and discovery endpoints (RFC 6749, RFC 7009, RFC 8414) are where they say they are.
//!   Whoever reads a `Location` and sends again passes the guard again.
//! - **A certificate is shown for one request** and to its peer alone: see [`ClientCertificate`].
//! - **A request keeps to its hosts**, if it was given any: see [`Hosts`].
//! - **Time and size are bounded**: [`Limits`], and 64 KiB and 100 headers for an answer's head. Bodies are
//!   not decompressed.
//! - **Each request is sent once.** One that was never written, because a kept connection had ended, is
//!   written to another.
//! - **Framing is ours**: `Host`, `Content-Length`, `Transfer-Encoding` and the like are set here, whatever
//!   the request says.
//! - **No proxies**: the environment's `HTTPS_PROXY` and its kind are not read.
//!
//! # What it does not promise
//!
//! - Names are resolved by the operating system: its `hosts` file, caches and search list count, and
//!   DNSSEC is its affair. A lie in DNS can choose among public addresses; TLS then has to tell.
//! - A public address that a router, a NAT64 prefix of one's own or a transparent proxy leads inside can't
//!   be told from others. Where the network has such ways, a firewall must end them.
//! - [`Outbound::in_process`] opens nothing, so the guard has nothing to guard there.

mod address;
mod allow;
mod certificate;
mod dial;
mod error;
mod fresh;
mod guard;
mod hosts;
mod in_process;
mod message;
mod net;
mod network;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, Request, Response};
use url::Url;

pub use address::is_public;
pub use certificate::{CertificateError, ClientCertificate};
pub use error::{ConfigError, Error};
pub use fresh::Fresh;
pub use hosts::Hosts;
pub use in_process::Handler;
pub use net::Net;

/// What may leave, and under what name.
#[derive(Clone, Debug)]
pub struct Config {
    /// Hosts exempt from the guard and from https, for development: `host`, `host:port`, an address,
    /// or a network such as `10.0.0.0/8`.
    pub allow: Vec<String>,
    /// The `User-Agent` of every request.
    pub user_agent: String,
}

/// How much a request may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For a connection made for one request, its name and TLS included. One that is kept for later
    /// requests has 5 s, and `total` besides.
    pub connect: Duration,
    /// From start to the last byte of the answer.
    pub total: Duration,
    /// Bytes of the answer's body.
    pub max_body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            total: Duration::from_secs(10),
            max_body: 1024 * 1024,
        }
    }
}

/// How a request gets to its peer.
#[async_trait]
pub(crate) trait Transport: Send + Sync {
    /// `url` is the request's, as it was admitted.
    async fn send(
        &self,
        url: &Url,
        request: Request<Bytes>,
        limits: Limits,
    ) -> Result<Response<Bytes>, Error>;

    /// A connection made for one request; none where there are no connections to make.
    async fn connect(
        &self,
        url: &Url,
        certificate: Option<&ClientCertificate>,
        limits: Limits,
    ) -> Result<Option<fresh::Wire>, Error>;
}

/// The way out. Cheap to clone.
#[derive(Clone)]
pub struct Outbound(Arc<dyn Transport>);

impl Outbound {
    /// The network, behind the guard.
    pub fn network(config: &Config) -> Result<Self, ConfigError> {
        Self::network_over(net::System, config)
    }

    /// This network, behind the guard: for tests that must see what is resolved and opened.
    pub fn network_over(net: impl Net, config: &Config) -> Result<Self, ConfigError> {
        Ok(Self(Arc::new(network::Network::new(config, Arc::new(net))?)))
    }

    /// A handler in this process: for tests. Size is bounded as on the network.
    pub fn in_process(handler: impl Handler) -> Self {
        Self(Arc::new(in_process::InProcess(handler)))
    }

    /// Sends one request, once.
    ///
    /// The request's URI is absolute. An answer of any status is an answer; redirects are handed
    /// back, not followed.
    pub async fn send(
        &self,
        request: Request<Bytes>,
        limits: Limits,
    ) -> Result<Response<Bytes>, Error> {
        let url = admit(&request)?;
        let method = request.method().clone();
        let host = url.host_str().unwrap_or_default();
        let answer = self.0.send(&url, request, limits).await;
        // Never the path or query: some providers want secrets there.
        match &answer {
            Ok(answer) => tracing::debug!(%method, host, status = answer.status().as_u16(), "sent"),
            Err(error) => tracing::debug!(%method, host, code = error.code(), "not answered"),
        }
        answer
    }

    /// Makes a connection for this one request, TCP and TLS, and sends nothing yet: what is decided between
    /// here and [`Fresh::send`] is decided as late as can be.
    pub async fn connect(&self, request: &Request<Bytes>, limits: Limits) -> Result<Fresh, Error> {
        let url = admit(request)?;
        let wire = self.0.connect(&url, ClientCertificate::of(request), limits).await?;
        Ok(Fresh::new(wire, self.clone(), &url, limits))
    }
}

/// What holds for every request, on the network or in this process. Gives its URL, read once: nobody
/// reads it another way afterwards.
pub(crate) fn admit(request: &Request<Bytes>) -> Result<Url, Error> {
    let url = Url::parse(&request.uri().to_string())
        .map_err(|_| Error::InvalidUrl("it is not a whole URL"))?;
    if request.method() == Method::CONNECT {
        let host = url.host_str().unwrap_or_default().to_owned();
        return Err(Error::Refused { host, why: "tunnels are not made" });
    }
    hosts::check(request, &url)?;
    Ok(url)
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outbound")
    }
}

//! The only HTTP client. Everything that leaves the hub leaves here.
//!
//! It refuses addresses inside the network it runs in, follows no redirects, retries nothing, and
//! bounds time and size.

mod address;
mod allow;
mod error;
mod fresh;
mod in_process;
mod network;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use url::Url;

pub use address::is_public;
pub use error::{ConfigError, Error};
pub use fresh::Fresh;
pub use in_process::Handler;

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
    /// For the connection, TLS included.
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
    async fn send(&self, request: Request<Bytes>, limits: Limits)
    -> Result<Response<Bytes>, Error>;

    /// A connection made for one request; none where there are no connections to make.
    async fn connect(&self, url: &Url, limits: Limits) -> Result<Option<fresh::Wire>, Error>;
}

/// The way out. Cheap to clone.
#[derive(Clone)]
pub struct Outbound(Arc<dyn Transport>);

impl Outbound {
    /// The network, behind the guard.
    pub fn network(config: &Config) -> Result<Self, ConfigError> {
        Ok(Self(Arc::new(network::Network::new(config)?)))
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
        let method = request.method().clone();
        let host = request.uri().host().unwrap_or_default().to_owned();
        let answer = self.0.send(request, limits).await;
        // Never the path or query: some providers want secrets there.
        match &answer {
            Ok(answer) => tracing::debug!(%method, host, status = answer.status().as_u16(), "sent"),
            Err(error) => tracing::debug!(%method, host, code = error.code(), "not answered"),
        }
        answer
    }
}

impl Outbound {
    /// Makes a connection for one request, TCP and TLS, and sends nothing yet: what is decided between
    /// here and [`Fresh::send`] is decided as late as can be.
    pub async fn connect(&self, url: &Url, limits: Limits) -> Result<Fresh, Error> {
        let wire = self.0.connect(url, limits).await?;
        Ok(Fresh::new(wire, self.clone(), url, limits))
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outbound")
    }
}

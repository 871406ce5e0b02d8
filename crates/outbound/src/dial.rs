//! The one place where a connection begins: the guard looks, then what it saw is opened.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_util::{
    client::legacy::connect::{Connected, Connection},
    rt::TokioIo,
};
use rustls::{ClientConfig, pki_types::ServerName};
use rustls_platform_verifier::ConfigVerifierExt;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use tower::Service;
use url::{Host, Url};

use crate::{ClientCertificate, Config, ConfigError, Error, Net, guard, guard::Guard};

/// The most addresses of one name that are tried.
const MOST_TRIED: usize = 8;

/// Makes connections. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Dialer(Arc<Parts>);

struct Parts {
    guard: Guard,
    net: Arc<dyn Net>,
    tls: TlsConnector,
    /// For connections that are kept for later requests: no one request's limits are theirs.
    limit: Duration,
}

impl Dialer {
    pub(crate) fn new(
        config: &Config,
        net: Arc<dyn Net>,
        limit: Duration,
    ) -> Result<Self, ConfigError> {
        let guard = Guard::new(&config.allow)?;
        // Fails only where one is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut tls = ClientConfig::with_platform_verifier()
            .map_err(|error| ConfigError::Client(error.to_string()))?;
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let tls = TlsConnector::from(Arc::new(tls));
        Ok(Self(Arc::new(Parts { guard, net, tls, limit })))
    }

    /// Whether this URL is called; an error says why not.
    pub(crate) fn look(&self, url: &Url) -> Result<(), Error> {
        self.0.guard.is_exempt(url).map(drop)
    }

    /// A connection to this URL's host, TLS included, within this time.
    pub(crate) async fn dial(
        &self,
        url: &Url,
        certificate: Option<&ClientCertificate>,
        limit: Duration,
    ) -> Result<Stream, Error> {
        let host = url.host_str().unwrap_or_default();
        let failed = || Error::Connect { host: host.to_owned() };
        timeout(limit, self.0.dial(url, host, certificate)).await.unwrap_or_else(|_| Err(failed()))
    }
}

impl Parts {
    async fn dial(
        &self,
        url: &Url,
        host: &str,
        certificate: Option<&ClientCertificate>,
    ) -> Result<Stream, Error> {
        let failed = || Error::Connect { host: host.to_owned() };
        let exempt = self.guard.is_exempt(url)?;
        let port = url.port_or_known_default().ok_or(Error::InvalidUrl("it has no port"))?;
        let addresses = match url.host() {
            Some(Host::Ipv4(v4)) => vec![IpAddr::V4(v4)],
            Some(Host::Ipv6(v6)) => vec![IpAddr::V6(v6)],
            _ => self.net.resolve(host).await.map_err(|_| failed())?,
        };
        if !exempt {
            guard::all_public(host, &addresses)?;
        }
        // What was looked at is what is opened: no name is resolved a second time.
        let tcp = self.open(&addresses, port).await.ok_or_else(failed)?;
        if url.scheme() != "https" {
            return Ok(Stream(Box::new(tcp)));
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(bare.to_owned())
            .map_err(|_| Error::InvalidUrl("no certificate can name its host"))?;
        let tls = match certificate {
            Some(certificate) => TlsConnector::from(certificate.shown_in(self.tls.config())),
            None => self.tls.clone(),
        };
        let tls = tls.connect(name, tcp).await.map_err(|_| failed())?;
        Ok(Stream(Box::new(tls)))
    }

    async fn open(&self, addresses: &[IpAddr], port: u16) -> Option<TcpStream> {
        for address in addresses.iter().take(MOST_TRIED) {
            if let Ok(tcp) = self.net.open(SocketAddr::new(*address, port)).await {
                // One small request: waiting to fill a packet only costs time.
                let _ = tcp.set_nodelay(true);
                return Some(tcp);
            }
        }
        None
    }
}

/// For the pool: connections that outlive the request they were made for.
impl Service<Uri> for Dialer {
    type Response = TokioIo<Stream>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, place: Uri) -> Self::Future {
        let dialer = self.clone();
        Box::pin(async move {
            let url = Url::parse(&place.to_string())
                .map_err(|_| Error::InvalidUrl("it is not a whole URL"))?;
            Ok(TokioIo::new(dialer.dial(&url, None, dialer.0.limit).await?))
        })
    }
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// An open connection, with TLS or without.
pub(crate) struct Stream(Box<dyn Io>);

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

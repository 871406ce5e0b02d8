//! A connection made for one request.
//!
//! A pooled connection may have died unseen, and then nobody knows whether a request arrived. Where that
//! matters, the connection is made first; what still has to be checked is checked; then one request is
//! written to it.

use std::{net::SocketAddr, pin::pin, sync::Arc};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use rustls_platform_verifier::ConfigVerifierExt;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::TlsConnector;
use url::Url;

use crate::{
    ConfigError, Error, Limits, Outbound,
    network::{NotPublic, public_addresses},
};

/// When the time for an answer is over, this part of it is added for what has arrived already.
const LAST_LOOK: u32 = 50;

/// Makes connections.
pub(crate) struct Connector {
    tls: TlsConnector,
    user_agent: HeaderValue,
}

/// An open connection that has carried nothing.
pub(crate) struct Wire {
    sender: SendRequest<Full<Bytes>>,
    host: HeaderValue,
    user_agent: HeaderValue,
}

impl Connector {
    pub(crate) fn new(user_agent: &str) -> Result<Self, ConfigError> {
        let bad = |error: &dyn std::fmt::Display| ConfigError::Client(error.to_string());
        let mut tls = ClientConfig::with_platform_verifier().map_err(|error| bad(&error))?;
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let user_agent = HeaderValue::from_str(user_agent).map_err(|error| bad(&error))?;
        Ok(Self { tls: TlsConnector::from(Arc::new(tls)), user_agent })
    }

    /// Connects within the limits; `exempt` = the guard does not look at the addresses.
    pub(crate) async fn connect(
        &self,
        url: &Url,
        exempt: bool,
        limits: Limits,
    ) -> Result<Wire, Error> {
        let host = url.host_str().unwrap_or_default().to_owned();
        let by = Instant::now() + limits.connect;
        let made = timeout_at(by, self.try_connect(url, exempt)).await;
        made.unwrap_or(Err(Error::Connect { host }))
    }

    async fn try_connect(&self, url: &Url, exempt: bool) -> Result<Wire, Error> {
        let host = url.host_str().unwrap_or_default();
        let failed = || Error::Connect { host: host.to_owned() };
        let port = url.port_or_known_default().ok_or(Error::InvalidUrl("it has no port"))?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let tcp = open(host, &addresses(bare, port, exempt).await?).await?;
        let sender = if url.scheme() == "https" {
            let name = ServerName::try_from(bare.to_owned())
                .map_err(|_| Error::InvalidUrl("no certificate can name its host"))?;
            let tls = self.tls.connect(name, tcp).await.map_err(|_| failed())?;
            handshake(tls).await.map_err(|_| failed())?
        } else {
            handshake(tcp).await.map_err(|_| failed())?
        };
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let host = HeaderValue::from_str(&authority)
            .map_err(|_| Error::InvalidUrl("its host is no header"))?;
        Ok(Wire { sender, host, user_agent: self.user_agent.clone() })
    }
}

async fn addresses(host: &str, port: u16, exempt: bool) -> Result<Vec<SocketAddr>, Error> {
    let failed = || Error::Connect { host: host.to_owned() };
    if exempt {
        return Ok(tokio::net::lookup_host((host, port)).await.map_err(|_| failed())?.collect());
    }
    public_addresses(host, port).await.map_err(|error| {
        if error.is::<NotPublic>() {
            Error::Refused { host: host.to_owned(), why: "its address is not a public one" }
        } else {
            failed()
        }
    })
}

async fn open(host: &str, addresses: &[SocketAddr]) -> Result<TcpStream, Error> {
    for address in addresses {
        if let Ok(tcp) = TcpStream::connect(address).await {
            // One small request: waiting to fill a packet only costs time.
            let _ = tcp.set_nodelay(true);
            return Ok(tcp);
        }
    }
    Err(Error::Connect { host: host.to_owned() })
}

async fn handshake<S>(stream: S) -> hyper::Result<SendRequest<Full<Bytes>>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Ends when the sender is dropped or the peer hangs up; the request itself tells of failures.
    tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok(sender)
}

/// A connection made for one request.
pub struct Fresh {
    wire: Option<Wire>,
    /// For a peer in this process, which needs no connection.
    outbound: Outbound,
    host: String,
    limits: Limits,
}

impl Fresh {
    pub(crate) fn new(wire: Option<Wire>, outbound: Outbound, url: &Url, limits: Limits) -> Self {
        let host = url.host_str().unwrap_or_default().to_owned();
        Self { wire, outbound, host, limits }
    }

    /// Sends the one request, once. Its URI must be of the host that was connected to.
    ///
    /// An error of which [`Error::may_have_been_received`] is false says that nothing was written.
    pub async fn send(self, request: Request<Bytes>) -> Result<Response<Bytes>, Error> {
        if request.uri().host() != Some(self.host.as_str()) {
            return Err(Error::InvalidUrl("it is not of the host that was connected to"));
        }
        let Some(wire) = self.wire else { return self.outbound.send(request, self.limits).await };
        let by = Instant::now() + self.limits.total;
        let mut exchange = pin!(exchange(wire, request, &self.host, self.limits));
        let mut answer = timeout_at(by, &mut exchange).await;
        if answer.is_err() {
            // A process that stood still finds its time over, and the answer waiting in the socket:
            // that is read first. What it holds may exist nowhere else.
            answer = timeout(self.limits.total / LAST_LOOK, &mut exchange).await;
        }
        let host = self.host.clone();
        let answer = answer.unwrap_or(Err(Error::Timeout { host, limit: self.limits.total }));
        match &answer {
            Ok(answer) => {
                tracing::debug!(host = self.host, status = answer.status().as_u16(), "sent");
            }
            Err(error) => tracing::debug!(host = self.host, code = error.code(), "not answered"),
        }
        answer
    }
}

async fn exchange(
    mut wire: Wire,
    request: Request<Bytes>,
    host: &str,
    limits: Limits,
) -> Result<Response<Bytes>, Error> {
    let broken = || Error::Broken { host: host.to_owned() };
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().cloned();
    parts.uri = path.map_or_else(|| Uri::from_static("/"), Uri::from);
    parts.headers.insert(header::HOST, wire.host);
    parts.headers.entry(header::USER_AGENT).or_insert(wire.user_agent);
    // The peer hung up before anything was written.
    wire.sender.ready().await.map_err(|_| Error::Connect { host: host.to_owned() })?;
    let request = Request::from_parts(parts, Full::new(body));
    let answer = wire.sender.send_request(request).await.map_err(|_| broken())?;
    let (parts, mut body) = answer.into_parts();
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| broken())?;
        let Some(data) = frame.data_ref() else { continue };
        if read.len() + data.len() > limits.max_body {
            return Err(Error::TooLarge { host: host.to_owned(), limit: limits.max_body });
        }
        read.extend_from_slice(data);
    }
    Ok(Response::from_parts(parts, read.freeze()))
}

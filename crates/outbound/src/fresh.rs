//! A connection made for one request.
//!
//! A pooled connection may have died unseen, and then nobody knows whether a request arrived. Where that
//! matters, the connection is made first; what still has to be checked is checked; then one request is
//! written to it.

use std::pin::pin;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout, timeout_at};
use url::{Origin, Url};

use crate::{
    Error, Limits, Outbound, admit,
    dial::Stream,
    message::{self, MAX_HEAD, MAX_HEADERS},
};

/// When the time for an answer is over, this part of it is added for what has arrived already.
const LAST_LOOK: u32 = 50;

/// An open connection that has carried nothing.
pub(crate) struct Wire {
    sender: SendRequest<Full<Bytes>>,
    user_agent: HeaderValue,
}

impl Wire {
    pub(crate) async fn new(
        stream: Stream,
        url: &Url,
        user_agent: HeaderValue,
    ) -> Result<Self, Error> {
        let shaken = http1::Builder::new()
            .max_buf_size(MAX_HEAD)
            .max_headers(MAX_HEADERS)
            .handshake(TokioIo::new(stream))
            .await;
        let (sender, connection) = shaken
            .map_err(|_| Error::Connect { host: url.host_str().unwrap_or_default().to_owned() })?;
        // Ends when the sender is dropped or the peer hangs up; the request itself tells of failures.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Self { sender, user_agent })
    }
}

/// A connection made for one request.
pub struct Fresh {
    wire: Option<Wire>,
    /// For a peer in this process, which needs no connection.
    outbound: Outbound,
    origin: Origin,
    host: String,
    limits: Limits,
}

impl Fresh {
    pub(crate) fn new(wire: Option<Wire>, outbound: Outbound, url: &Url, limits: Limits) -> Self {
        let host = url.host_str().unwrap_or_default().to_owned();
        Self { wire, outbound, origin: url.origin(), host, limits }
    }

    /// Sends the one request, once. Its URI must be of the scheme, host and port that were connected to.
    ///
    /// An error of which [`Error::may_have_been_received`] is false says that nothing was written.
    pub async fn send(self, request: Request<Bytes>) -> Result<Response<Bytes>, Error> {
        let url = admit(&request)?;
        if url.origin() != self.origin {
            return Err(Error::InvalidUrl("it is not of the host that was connected to"));
        }
        let Some(wire) = self.wire else { return self.outbound.send(request, self.limits).await };
        let by = Instant::now() + self.limits.total;
        let mut exchange = pin!(exchange(wire, request, &url, &self.host, self.limits));
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

/// Writes the one request that a connection was made for.
pub(crate) async fn exchange(
    mut wire: Wire,
    request: Request<Bytes>,
    url: &Url,
    host: &str,
    limits: Limits,
) -> Result<Response<Bytes>, Error> {
    let mut request = message::outgoing(request, url, &wire.user_agent)?;
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = path.map_or_else(|| Uri::from_static("/"), Uri::from);
    // The peer hung up before anything was written.
    wire.sender.ready().await.map_err(|_| Error::Connect { host: host.to_owned() })?;
    let answer = wire.sender.send_request(request).await;
    message::whole(answer.map_err(|error| message::broken(&error, host))?, limits, host).await
}

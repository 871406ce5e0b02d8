//! What is written and how much is read, on every connection alike.

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use url::Url;

use crate::{Error, Limits};

/// The most bytes of an answer's status line and headers, and the most headers. One with far
/// more counts as no HTTP.
pub(crate) const MAX_HEAD: usize = 64 * 1024;
pub(crate) const MAX_HEADERS: usize = 100;

/// Headers that say how a message is framed and what becomes of its connection: that is said here, and
/// by nobody else, or one request could carry another.
const OURS: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The request as it is written: with our own framing, the URL's host and our name.
pub(crate) fn outgoing(
    request: Request<Bytes>,
    url: &Url,
    user_agent: &HeaderValue,
) -> Result<Request<Full<Bytes>>, Error> {
    let (mut parts, body) = request.into_parts();
    parts.uri = url.as_str().parse().map_err(|_| Error::InvalidUrl("it has odd characters"))?;
    for name in OURS {
        parts.headers.remove(*name);
    }
    let host = url.host_str().unwrap_or_default();
    let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let authority = HeaderValue::from_str(&authority)
        .map_err(|_| Error::InvalidUrl("its host is no header"))?;
    parts.headers.insert(header::HOST, authority);
    parts.headers.entry(header::USER_AGENT).or_insert_with(|| user_agent.clone());
    Ok(Request::from_parts(parts, Full::new(body)))
}

/// The whole answer, if it is no larger than it may be.
///
/// A body is what the peer sent, byte for byte: nothing is decompressed, so nothing can swell.
pub(crate) async fn whole(
    answer: Response<Incoming>,
    limits: Limits,
    host: &str,
) -> Result<Response<Bytes>, Error> {
    let too_large = || Error::TooLarge { host: host.to_owned(), limit: limits.max_body };
    let (parts, mut body) = answer.into_parts();
    // The library stops reading a head soon after this much, not at once.
    let head: usize =
        parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if head > MAX_HEAD {
        return Err(Error::TooLarge { host: host.to_owned(), limit: MAX_HEAD });
    }
    if body.size_hint().lower() > limits.max_body as u64 {
        return Err(too_large());
    }
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Error::Broken { host: host.to_owned() })?;
        let Some(data) = frame.data_ref() else { continue };
        if read.len() + data.len() > limits.max_body {
            return Err(too_large());
        }
        read.extend_from_slice(data);
    }
    Ok(Response::from_parts(parts, read.freeze()))
}

/// What an error of the HTTP library, or one below it, means.
pub(crate) fn broken(error: &(dyn std::error::Error + 'static), host: &str) -> Error {
    let mut at = Some(error);
    while let Some(error) = at {
        if let Some(ours) = error.downcast_ref::<Error>() {
            return ours.clone();
        }
        at = error.source();
    }
    Error::Broken { host: host.to_owned() }
}

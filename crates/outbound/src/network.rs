//! The network, behind the guard.

use std::net::{IpAddr, SocketAddr};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::{Request, Response, header};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::{
    Config, ConfigError, Error, Limits, Transport,
    address::is_public,
    allow::AllowList,
    fresh::{Connector, Wire},
};

/// Two clients of one kind: the guarded one resolves names to public addresses only.
pub(crate) struct Network {
    guarded: reqwest::Client,
    exempt: reqwest::Client,
    allow: AllowList,
    connector: Connector,
}

impl Network {
    pub(crate) fn new(config: &Config) -> Result<Self, ConfigError> {
        // Fails only where one is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = |builder: reqwest::ClientBuilder| {
            builder.build().map_err(|error| ConfigError::Client(error.to_string()))
        };
        Ok(Self {
            guarded: client(builder(config).dns_resolver(GuardedDns))?,
            exempt: client(builder(config))?,
            allow: AllowList::parse(&config.allow)?,
            connector: Connector::new(&config.user_agent)?,
        })
    }

    /// The client for this URL, or why it is not called.
    fn route(&self, url: &Url) -> Result<&reqwest::Client, Error> {
        Ok(if self.is_exempt(url)? { &self.exempt } else { &self.guarded })
    }

    /// Whether the guard's eye is shut for this URL; an error where it is not called at all.
    fn is_exempt(&self, url: &Url) -> Result<bool, Error> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Error::InvalidUrl("only http and https can be called"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::InvalidUrl("a user or password has no place in it"));
        }
        let host = url.host().ok_or(Error::InvalidUrl("it has no host"))?;
        let port = url.port_or_known_default().ok_or(Error::InvalidUrl("it has no port"))?;
        if self.allow.allows(url.host_str().unwrap_or_default(), port) {
            return Ok(true);
        }
        let refused = |why| Error::Refused { host: host.to_string(), why };
        if url.scheme() != "https" {
            return Err(refused(
                "only https leaves; VALETKEY_OUTBOUND_ALLOW exempts a development host",
            ));
        }
        let address = match host {
            Host::Ipv4(v4) => Some(IpAddr::V4(v4)),
            Host::Ipv6(v6) => Some(IpAddr::V6(v6)),
            Host::Domain(_) => None,
        };
        if address.is_some_and(|address| !is_public(address)) {
            return Err(refused("its address is not a public one"));
        }
        Ok(false)
    }
}

#[allow(clippy::disallowed_methods, reason = "this is the one place that makes the client")]
fn builder(config: &Config) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(&config.user_agent)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .http1_only()
        .connect_timeout(std::time::Duration::from_secs(5))
}

/// Resolves names, and refuses those of which any address is not public: a name that also points
/// inside is an attempt to get inside.
struct GuardedDns;

/// Where a name points, if all of that is public.
pub(crate) async fn public_addresses(
    host: &str,
    port: u16,
) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
    let found: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
    if found.iter().any(|address| !is_public(address.ip())) {
        return Err(NotPublic.into());
    }
    Ok(found)
}

/// Told apart from other failures to connect.
#[derive(Debug, thiserror::Error)]
#[error("its address is not a public one")]
pub(crate) struct NotPublic;

impl Resolve for GuardedDns {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = public_addresses(name.as_str(), 0).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

fn is_not_public(error: &reqwest::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if inner.is::<NotPublic>() {
            return true;
        }
        source = inner.source();
    }
    false
}

#[async_trait]
impl Transport for Network {
    async fn send(
        &self,
        request: Request<Bytes>,
        limits: Limits,
    ) -> Result<Response<Bytes>, Error> {
        let url = Url::parse(&request.uri().to_string())
            .map_err(|_| Error::InvalidUrl("it is not a whole URL"))?;
        let client = self.route(&url)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let sending = exchange(client, url, request, limits, &host);
        tokio::time::timeout(limits.total, sending)
            .await
            .unwrap_or(Err(Error::Timeout { host: host.clone(), limit: limits.total }))
    }

    async fn connect(&self, url: &Url, limits: Limits) -> Result<Option<Wire>, Error> {
        let exempt = self.is_exempt(url)?;
        self.connector.connect(url, exempt, limits).await.map(Some)
    }
}

async fn exchange(
    client: &reqwest::Client,
    url: Url,
    request: Request<Bytes>,
    limits: Limits,
    host: &str,
) -> Result<Response<Bytes>, Error> {
    let (parts, body) = request.into_parts();
    let mut headers = parts.headers;
    for name in [header::AUTHORIZATION, header::COOKIE] {
        if let Some(value) = headers.get_mut(name) {
            value.set_sensitive(true);
        }
    }
    let sent = client.request(parts.method, url).headers(headers).body(body).send().await;
    let answer = sent.map_err(|error| translate(&error, host))?;
    let mut reply = Response::new(Bytes::new());
    *reply.status_mut() = answer.status();
    *reply.headers_mut() = answer.headers().clone();
    let too_large = || Error::TooLarge { host: host.to_owned(), limit: limits.max_body };
    if answer.content_length().is_some_and(|length| length > limits.max_body as u64) {
        return Err(too_large());
    }
    let mut stream = answer.bytes_stream();
    let mut read = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Error::Broken { host: host.to_owned() })?;
        if read.len() + chunk.len() > limits.max_body {
            return Err(too_large());
        }
        read.extend_from_slice(&chunk);
    }
    *reply.body_mut() = read.freeze();
    Ok(reply)
}

fn translate(error: &reqwest::Error, host: &str) -> Error {
    let host = host.to_owned();
    if is_not_public(error) {
        Error::Refused { host, why: "its address is not a public one" }
    } else if error.is_connect() {
        Error::Connect { host }
    } else if error.is_builder() {
        Error::InvalidUrl("the HTTP client does not take it")
    } else {
        Error::Broken { host }
    }
}

//! The network, behind the guard: connections that are kept, and connections for one request.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use url::Url;

use crate::{
    ClientCertificate, Config, ConfigError, Error, Limits, Net, Transport,
    dial::Dialer,
    fresh::{self, Wire},
    message::{self, MAX_HEAD, MAX_HEADERS},
};

/// How long a connection without work is kept, and how many to one host.
const IDLE: Duration = Duration::from_secs(90);
const MOST_IDLE: usize = 32;

pub(crate) struct Network {
    client: Client<Dialer, Full<Bytes>>,
    dialer: Dialer,
    user_agent: HeaderValue,
}

impl Network {
    pub(crate) fn new(config: &Config, net: Arc<dyn Net>) -> Result<Self, ConfigError> {
        let user_agent = HeaderValue::from_str(&config.user_agent)
            .map_err(|error| ConfigError::Client(error.to_string()))?;
        let dialer = Dialer::new(config, net, Limits::default().connect)?;
        // Follows no redirects and knows no proxies: it has no code for either.
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(MOST_IDLE)
            .http1_max_buf_size(MAX_HEAD)
            .http1_max_headers(MAX_HEADERS)
            .build(dialer.clone());
        Ok(Self { client, dialer, user_agent })
    }

    async fn wire(
        &self,
        url: &Url,
        certificate: Option<&ClientCertificate>,
        limits: Limits,
    ) -> Result<Wire, Error> {
        let stream = self.dialer.dial(url, certificate, limits.connect).await?;
        Wire::new(stream, url, self.user_agent.clone()).await
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
        limits: Limits,
        host: &str,
    ) -> Result<Response<Bytes>, Error> {
        let answer = self.client.request(request).await;
        message::whole(answer.map_err(|error| message::broken(&error, host))?, limits, host).await
    }
}

#[async_trait]
impl Transport for Network {
    async fn send(
        &self,
        url: &Url,
        request: Request<Bytes>,
        limits: Limits,
    ) -> Result<Response<Bytes>, Error> {
        // Also before a connection that is open already.
        self.dialer.look(url)?;
        let host = url.host_str().unwrap_or_default();
        let answer = async {
            if let Some(certificate) = ClientCertificate::of(&request).cloned() {
                // Never over a kept connection: others would speak as this client.
                let wire = self.wire(url, Some(&certificate), limits).await?;
                return fresh::exchange(wire, request, url, host, limits).await;
            }
            let request = message::outgoing(request, url, &self.user_agent)?;
            self.exchange(request, limits, host).await
        };
        tokio::time::timeout(limits.total, answer)
            .await
            .unwrap_or_else(|_| Err(Error::Timeout { host: host.to_owned(), limit: limits.total }))
    }

    async fn connect(
        &self,
        url: &Url,
        certificate: Option<&ClientCertificate>,
        limits: Limits,
    ) -> Result<Option<Wire>, Error> {
        self.wire(url, certificate, limits).await.map(Some)
    }
}

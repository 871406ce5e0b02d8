//! A peer in this process.

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use url::Url;

use crate::{ClientCertificate, Error, Limits, Transport, fresh::Wire};

/// Answers requests in this process.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Answers one request.
    async fn call(&self, request: Request<Bytes>) -> Response<Bytes>;
}

#[async_trait]
impl<F, Fut> Handler for F
where
    F: Fn(Request<Bytes>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Response<Bytes>> + Send,
{
    async fn call(&self, request: Request<Bytes>) -> Response<Bytes> {
        self(request).await
    }
}

pub(crate) struct InProcess<H>(pub(crate) H);

#[async_trait]
impl<H: Handler> Transport for InProcess<H> {
    async fn send(
        &self,
        url: &Url,
        request: Request<Bytes>,
        limits: Limits,
    ) -> Result<Response<Bytes>, Error> {
        let host = url.host_str().unwrap_or_default().to_owned();
        let answer = tokio::time::timeout(limits.total, self.0.call(request))
            .await
            .map_err(|_| Error::Timeout { host: host.clone(), limit: limits.total })?;
        if answer.body().len() > limits.max_body {
            return Err(Error::TooLarge { host, limit: limits.max_body });
        }
        Ok(answer)
    }

    async fn connect(
        &self,
        _: &Url,
        _: Option<&ClientCertificate>,
        _: Limits,
    ) -> Result<Option<Wire>, Error> {
        Ok(None)
    }
}

//! Requests to the provider's OAuth server.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use connector::{
    ErrorKind, Manifest,
    manifest::{Encoding, TokenSpec},
};
use http::{HeaderName, HeaderValue, Method, Request, header};
use outbound::{Hosts, Limits};
use url::{Url, form_urlencoded};

use crate::{Client, Endpoints, Error};

/// What a token endpoint may take.
pub(crate) const TOKEN: Limits =
    Limits { connect: Duration::from_secs(5), total: Duration::from_secs(10), max_body: 64 * 1024 };

/// What a discovery document or a set of keys may take.
pub(crate) const DOCUMENT: Limits = Limits { max_body: 256 * 1024, ..TOKEN };

/// Parameters of a request, some of them secrets: so it has no `Debug`.
#[derive(Default)]
pub(crate) struct Params(BTreeMap<String, String>);

impl Params {
    /// Sets one; a former value of this name is gone.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }

    /// Sets those that a manifest fixes.
    pub(crate) fn set_all(&mut self, fixed: &BTreeMap<String, String>) {
        self.0.extend(fixed.clone());
    }

    /// Sets one if there is a value.
    pub(crate) fn set_some(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    /// In the order of their names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn encode(&self, encoding: Encoding) -> Bytes {
        match encoding {
            Encoding::Form => form_urlencoded::Serializer::new(String::new())
                .extend_pairs(self.iter())
                .finish()
                .into(),
            Encoding::Json => {
                serde_json::to_vec(&self.0).expect("texts by text are always JSON").into()
            }
        }
    }
}

/// A request for tokens: what is asked, the manifest's fixed parameters and headers, and the client.
///
/// The manifest's parameters win over `asked`, since some providers call a grant by another name; the
/// client's own never give way.
pub(crate) fn for_tokens(
    manifest: &Manifest,
    endpoints: &Endpoints,
    client: &Client,
    url: &Url,
    asked: Params,
    more: &BTreeMap<String, String>,
) -> Result<Request<Bytes>, Error> {
    let mut params = asked;
    params.set_all(&manifest.token.params);
    params.set_all(more);
    let authorization = client.identify(manifest, endpoints, &mut params);
    post(url, &endpoints.hosts, &params, &manifest.token, authorization)
}

/// A POST that asks for JSON, keeps to these hosts, and is written as the manifest says.
pub(crate) fn post(
    url: &Url,
    hosts: &Hosts,
    params: &Params,
    spec: &TokenSpec,
    authorization: Option<HeaderValue>,
) -> Result<Request<Bytes>, Error> {
    let content_type = match spec.encoding {
        Encoding::Form => "application/x-www-form-urlencoded",
        Encoding::Json => "application/json",
    };
    let mut request = new(Method::POST, url, hosts, params.encode(spec.encoding))?;
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    for (name, value) in &spec.headers {
        let wrong = || {
            let text = format!("the manifest's header `{name}` can't be sent");
            Error::unsent(ErrorKind::Invalid, text)
        };
        let value = HeaderValue::from_str(value).map_err(|_| wrong())?;
        headers.insert(HeaderName::try_from(name).map_err(|_| wrong())?, value);
    }
    if let Some(authorization) = authorization {
        headers.insert(header::AUTHORIZATION, authorization);
    }
    Ok(request)
}

/// A GET that asks for JSON and keeps to these hosts.
pub(crate) fn get(url: &Url, hosts: &Hosts) -> Result<Request<Bytes>, Error> {
    new(Method::GET, url, hosts, Bytes::new())
}

fn new(method: Method, url: &Url, hosts: &Hosts, body: Bytes) -> Result<Request<Bytes>, Error> {
    let mut request = Request::builder()
        .method(method)
        .uri(url.as_str())
        .header(header::ACCEPT, "application/json")
        .body(body)
        .map_err(|_| Error::unsent(ErrorKind::Invalid, "an endpoint's URL can't be called"))?;
    hosts.clone().bind(&mut request);
    Ok(request)
}

/// The endpoint, or why nothing can be sent.
pub(crate) fn need<'a>(
    manifest: &Manifest,
    endpoint: Option<&'a Url>,
    what: &str,
) -> Result<&'a Url, Error> {
    endpoint.ok_or_else(|| {
        let text =
            format!("{} has no {what} endpoint; its manifest must name one", manifest.display_name);
        Error::unsent(ErrorKind::Unsupported, text)
    })
}

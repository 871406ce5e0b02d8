//! Requests to the provider's OAuth server.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use connector::{
    ErrorKind, Manifest,
    manifest::{Encoding, TokenMethod, TokenSpec},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use outbound::{Hosts, Limits};
use percent_encoding::utf8_percent_encode;
use url::{Url, form_urlencoded};

use crate::{Client, Endpoints, Error, client::Shown, endpoints::UNRESERVED};

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

    /// Takes one out.
    pub(crate) fn remove(&mut self, name: &str) {
        self.0.remove(name);
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
            Encoding::Query => Bytes::new(),
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
    shape: &Shape<'_>,
) -> Result<Request<Bytes>, Error> {
    let mut params = asked;
    params.set_all(&manifest.token.params);
    params.set_all(more);
    let shown = client.identify(manifest, endpoints, &mut params)?;
    write(url, &endpoints.hosts, &params, shape, shown)
}

/// How a request is written.
pub(crate) struct Shape<'a> {
    pub(crate) method: Method,
    pub(crate) encoding: Encoding,
    pub(crate) accept: &'a str,
    /// Fixed headers; of one name the later stays.
    pub(crate) headers: Vec<&'a BTreeMap<String, String>>,
}

/// A manifest's word as HTTP's.
pub(crate) fn method(of: TokenMethod) -> Method {
    match of {
        TokenMethod::Post => Method::POST,
        TokenMethod::Get => Method::GET,
    }
}

impl<'a> Shape<'a> {
    /// As a token request.
    pub(crate) fn of(token: &'a TokenSpec) -> Self {
        Self {
            method: method(token.method),
            encoding: token.encoding,
            accept: &token.reply.accept,
            headers: vec![&token.headers],
        }
    }

    /// Written otherwise, where something is said; a `GET` says all in its query.
    pub(crate) fn but(mut self, said: Option<TokenMethod>, encoding: Option<Encoding>) -> Self {
        self.method = said.map_or(self.method, method);
        let usual = if self.method == Method::GET { Encoding::Query } else { self.encoding };
        self.encoding = encoding.unwrap_or(usual);
        self
    }
}

/// A request of this shape, which keeps to these hosts.
pub(crate) fn write(
    url: &Url,
    hosts: &Hosts,
    params: &Params,
    shape: &Shape<'_>,
    shown: Shown,
) -> Result<Request<Bytes>, Error> {
    let content_type = match shape.encoding {
        Encoding::Form => Some("application/x-www-form-urlencoded"),
        Encoding::Json => Some("application/json"),
        Encoding::Query => None,
    };
    // A DELETE that says all in its URL has no body.
    let content_type =
        content_type.filter(|_| shape.method == Method::POST || !params.0.is_empty());
    let body = if content_type.is_some() { params.encode(shape.encoding) } else { Bytes::new() };
    let url = if shape.encoding == Encoding::Query { &with_query(url, params) } else { url };
    let mut request = new(shape.method.clone(), url, hosts, body)?;
    let headers = request.headers_mut();
    if let Some(content_type) = content_type {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    fixed(headers, "accept", shape.accept)?;
    for (name, value) in shape.headers.iter().copied().flatten() {
        fixed(headers, name, value)?;
    }
    if let Some((name, value)) = shown.header {
        headers.insert(name, value);
    }
    if let Some(certificate) = shown.certificate {
        certificate.bind(&mut request);
    }
    Ok(request)
}

/// Sets a header of the manifest's.
pub(crate) fn fixed(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Error> {
    let wrong = || {
        let text = format!("the manifest's header `{name}` can't be sent");
        Error::unsent(ErrorKind::Invalid, text)
    };
    let value = HeaderValue::from_str(value).map_err(|_| wrong())?;
    headers.insert(HeaderName::try_from(name).map_err(|_| wrong())?, value);
    Ok(())
}

/// Adds parameters to a URL's query. A space is `%20`: some servers do not read `+` as one.
pub(crate) fn with_query(page: &Url, params: &Params) -> Url {
    let encode = |text| utf8_percent_encode(text, UNRESERVED).to_string();
    let pairs = params.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    let former = page.query().filter(|query| !query.is_empty()).map(str::to_owned);
    let query: Vec<String> = former.into_iter().chain(pairs).collect();
    let mut url = page.clone();
    url.set_query(Some(&query.join("&")).filter(|query| !query.is_empty()).map(String::as_str));
    url
}

/// A GET that asks for JSON and keeps to these hosts.
pub(crate) fn get(url: &Url, hosts: &Hosts) -> Result<Request<Bytes>, Error> {
    new(Method::GET, url, hosts, Bytes::new())
}

pub(crate) fn new(
    method: Method,
    url: &Url,
    hosts: &Hosts,
    body: Bytes,
) -> Result<Request<Bytes>, Error> {
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

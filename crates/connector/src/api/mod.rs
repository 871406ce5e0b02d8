//! A provider's API, called with a credential that stays inside.

mod call;
mod read;
mod signed;

use std::{collections::BTreeMap, fmt::Write as _, sync::Mutex};

use base::{ExposeSecret, SecretString, Timestamp};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header};
use outbound::{ClientCertificate, Hosts, Limits, Outbound};
use percent_encoding::utf8_percent_encode;
use serde_json::Value;
use url::Url;

use crate::{
    Apply, Credential, Error, ErrorKind, Inputs, Manifest, Opens, input,
    manifest::{ApiErrors, Oauth1Signature, RateSpec, UrlSpec},
    model::DateTime,
    oauth1::Signing,
    template,
};

pub use call::{Answer, Call, Sketch, sketch_identify};

/// Whose account it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The provider's own id of it, the same at every link.
    pub id: String,
    /// What people call it: an e-mail address, a company.
    pub label: String,
    /// What else the connector tells.
    pub extra: BTreeMap<String, String>,
}

/// What is kept to be shown in the place of being sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sketching {
    Nothing,
    Changes,
    All,
}

/// A provider's API with base URL and credential.
///
/// The credential goes to the API's own hosts only, and can't be taken out: there is no `Debug`, and
/// no way to read it.
pub struct Api {
    outbound: Outbound,
    base: Option<Url>,
    userinfo: Option<Url>,
    /// Those that `api.host_allow` names.
    listed: Hosts,
    headers: HeaderMap,
    apply: Apply,
    /// The token and its secret of OAuth 1.0a.
    pair: Option<(SecretString, SecretString)>,
    /// What signs with them.
    signing: Option<Signing>,
    signature: Oauth1Signature,
    /// What is shown in TLS.
    certificate: Option<ClientCertificate>,
    /// What templates may name.
    values: BTreeMap<String, String>,
    errors: ApiErrors,
    rate: RateSpec,
    /// What may be asked.
    opens: Opens,
    /// Whether errors tell the provider's own sentence: an agent can use it; whoever links is told in our
    /// words alone.
    quotes: bool,
    now: Option<Timestamp>,
    sketching: Sketching,
    sketched: Mutex<Option<Sketch>>,
}

impl Api {
    /// The API as this manifest describes it, with these answers and this credential.
    pub fn new(
        outbound: Outbound,
        manifest: &Manifest,
        inputs: &Inputs,
        credential: &Credential,
    ) -> Result<Self, Error> {
        let invalid = |message: &str| Error::new(ErrorKind::Invalid, message);
        let base = manifest.api_base(inputs, credential);
        if base.is_none() && manifest.api.base.is_some() {
            let message = "where the API is can't be told: an answer is missing, or leads outside of what the manifest allows";
            return Err(invalid(message));
        }
        let apply = manifest.apply(credential);
        let pair = match (manifest.signs_requests(), credential) {
            (true, Credential::OAuth1(pair)) => Some((pair.token.clone(), pair.secret.clone())),
            _ => None,
        };
        if apply.is_empty() && pair.is_none() {
            return Err(invalid("the credential lacks what the manifest sends; link again"));
        }
        let values = values(inputs, credential);
        let other = manifest.urls.alternative(&values).and_then(|other| other.userinfo.as_ref());
        // Those with a date come from the engine, which knows the day.
        let userinfo = match &other.or(manifest.urls.userinfo.as_ref()) {
            Some(UrlSpec::Plain(text)) => template::fill(text, &values),
            _ => None,
        };
        let mut headers = fixed(&manifest.api.headers)
            .map_err(|()| invalid("one of the manifest's fixed headers can't be sent"))?;
        for (name, value) in &apply.headers {
            let name = HeaderName::try_from(name).ok();
            let value = HeaderValue::from_bytes(value.expose_secret().as_bytes()).ok();
            let (Some(name), Some(mut value)) = (name, value) else {
                return Err(invalid("the credential has characters that no header takes"));
            };
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        let listed = listed(manifest);
        let api = Self {
            outbound,
            base,
            userinfo: None,
            listed,
            headers,
            apply,
            pair,
            signing: None,
            signature: manifest.oauth1().signature,
            certificate: None,
            values,
            errors: manifest.api.errors.clone(),
            rate: manifest.api.rate.clone(),
            opens: Opens::everything(),
            quotes: false,
            now: None,
            sketching: Sketching::Nothing,
            sketched: Mutex::new(None),
        };
        Ok(api.with_userinfo(userinfo.and_then(|url| Url::parse(&url).ok())))
    }

    /// With a userinfo endpoint that was discovered; none leaves it as it is.
    #[must_use]
    pub fn with_userinfo(mut self, userinfo: Option<Url>) -> Self {
        self.userinfo = userinfo.filter(input::is_safe).or(self.userinfo);
        self
    }

    /// With what signs the requests of OAuth 1.0a; without it none of them is sent.
    #[must_use]
    pub fn signing(self, signing: Signing) -> Self {
        Self { signing: Some(signing), ..self }
    }

    /// With the client's certificate, where tokens may be bound to it (RFC 8705, section 3).
    #[must_use]
    pub fn showing(self, certificate: Option<ClientCertificate>) -> Self {
        Self { certificate, ..self }
    }

    /// With the time, for providers that want to be told it.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        Self { now: Some(now), ..self }
    }

    /// The time that was given; an error where none was.
    pub fn now(&self) -> Result<DateTime, Error> {
        self.now.and_then(|now| DateTime::from_millis(now.millis())).ok_or_else(|| {
            Error::new(ErrorKind::Unavailable, "the time is not known here; nothing was sent")
        })
    }

    pub(crate) fn userinfo(&self) -> Option<&Url> {
        self.userinfo.as_ref()
    }

    /// The open answer to an input, or a value captured from the token reply or the callback.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// A template filled with what is known of the account.
    pub(crate) fn fill(&self, text: &str) -> Option<String> {
        template::fill(text, &self.values)
    }

    /// For an action: nothing but what these patterns open is sent any more, and nothing but to the API's
    /// base; errors tell the provider's own sentence.
    #[must_use]
    pub fn within(self, opens: Opens) -> Self {
        Self { opens, quotes: true, ..self }
    }

    /// What would change something is no longer sent, but kept to be shown.
    pub(crate) fn sketching(self) -> Self {
        Self { sketching: Sketching::Changes, ..self }
    }

    /// Nothing is sent any more; the first request is kept to be shown.
    pub(crate) fn sketching_all(self) -> Self {
        Self { sketching: Sketching::All, ..self }
    }

    /// What was kept.
    pub(crate) fn sketched(&self) -> Option<Sketch> {
        self.sketched.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Result<Value, Error> {
        self.send(Method::GET, path, None).await
    }

    /// Sends one request, once, and gives the answer's JSON; `Null` where it is empty.
    ///
    /// `path` starts with `/` and is put after the base URL, or is a whole URL on one of the API's
    /// hosts. Any status but 2xx is an error.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Error> {
        let call = self.call(method, path);
        let call = match body {
            Some(body) => call.json(body.clone()),
            None => call,
        };
        call.fetch().await
    }

    /// Sends it; the answer whatever it is.
    async fn exchange(
        &self,
        method: Method,
        url: Url,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response<Bytes>, Error> {
        let url = self.apply.in_path(self.base.as_ref(), self.with_query(url));
        let mut turn = 0;
        loop {
            let signed = self.signed(turn, &method, &url, &headers, &body)?;
            let mut request = Request::builder().method(method.clone()).uri(url.as_str());
            if let Some(all) = request.headers_mut() {
                all.extend(headers.clone());
                all.extend(self.headers.clone());
                all.extend(signed.map(|value| (header::AUTHORIZATION, value)));
            }
            let mut request = request
                .body(body.clone())
                .map_err(|_| Error::new(ErrorKind::Invalid, "this URL can't be called"))?;
            self.hosts().bind(&mut request);
            if let Some(certificate) = self.certificate.clone() {
                certificate.bind(&mut request);
            }
            let answer = self.outbound.send(request, Limits::default()).await?;
            if !self.signs_again(turn, answer.status()) {
                return Ok(answer);
            }
            turn += 1;
        }
    }

    /// All that must not be told to anyone.
    pub(crate) fn secrets(&self) -> Vec<&SecretString> {
        let pair = self.pair.iter().flat_map(|(token, secret)| [token, secret]);
        let client = self.signing.iter();
        let client =
            client.flat_map(|signing| [&signing.client_secret].into_iter().chain(&signing.former));
        let placed =
            self.apply.headers.values().chain(self.apply.query.values()).chain(&self.apply.path);
        placed.chain(pair).chain(client).collect()
    }

    /// Whether this may be asked.
    fn check_open(&self, method: &Method, url: &Url, body: &[u8]) -> Result<(), Error> {
        let open = match self.base.as_ref().and_then(|base| below(base, url)) {
            Some(path) => self.opens.allow(method, path, body),
            None => self.opens.is_everything(),
        };
        let text = "the scopes that were given do not open this request; nothing was sent";
        if open { Ok(()) } else { Err(Error::new(ErrorKind::Denied, text)) }
    }

    /// The whole URL, if the credential may go there.
    fn resolve(&self, path: &str) -> Result<Url, Error> {
        let invalid = |message: &str| Error::new(ErrorKind::Invalid, message);
        if path.starts_with('/') {
            let base = self.base.as_ref().ok_or_else(|| {
                Error::new(ErrorKind::Unsupported, "the manifest does not say where the API is")
            })?;
            let root = base.as_str().trim_end_matches('/');
            let url = Url::parse(&format!("{root}{path}"))
                .map_err(|_| invalid("the path is none that can be called"))?;
            let inside = below(base, &url).is_some();
            return if inside { Ok(url) } else { Err(invalid("the path leads out of the API")) };
        }
        let url = Url::parse(path)
            .map_err(|_| invalid("give a path that starts with `/`, or a whole URL"))?;
        if self.may_have_the_credential(&url) {
            Ok(url)
        } else {
            Err(invalid(
                "the credential is not sent to this host; api.host_allow lists where it may go",
            ))
        }
    }

    /// Where the credential may go: the way out looks once more, whatever was resolved here.
    fn hosts(&self) -> Hosts {
        let own = [&self.base, &self.userinfo].into_iter().flatten();
        own.fold(self.listed.clone(), Hosts::and)
    }

    fn may_have_the_credential(&self, url: &Url) -> bool {
        let bare = url.username().is_empty() && url.password().is_none();
        let own = [&self.base, &self.userinfo];
        let own = own.into_iter().flatten().any(|own| own.origin() == url.origin());
        let allowed = url.scheme() == "https" && self.listed.contain(url);
        bare && (own || allowed)
    }

    fn with_query(&self, mut url: Url) -> Url {
        if self.apply.query.is_empty() {
            return url;
        }
        let mut query = url.query().map(str::to_owned).unwrap_or_default();
        for (name, value) in &self.apply.query {
            let name = utf8_percent_encode(name, template::UNRESERVED);
            let value = utf8_percent_encode(value.expose_secret(), template::UNRESERVED);
            let and = if query.is_empty() { "" } else { "&" };
            let _ = write!(query, "{and}{name}={value}");
        }
        url.set_query(Some(&query));
        url
    }
}

/// The path behind the API's base, with its `/`; none where the URL is not below it.
pub(crate) fn below<'a>(base: &Url, url: &'a Url) -> Option<&'a str> {
    let own = base.origin() == url.origin();
    let rest = url.path().strip_prefix(base.path().trim_end_matches('/')).filter(|_| own)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

fn values(inputs: &Inputs, credential: &Credential) -> BTreeMap<String, String> {
    let mut values = inputs.as_map().clone();
    match credential {
        Credential::OAuth(tokens) => values.extend(tokens.captured.clone()),
        Credential::OAuth1(pair) => values.extend(pair.captured.clone()),
        Credential::Keys(_) => {}
    }
    values
}

fn fixed(headers: &BTreeMap<String, String>) -> Result<HeaderMap, ()> {
    let header = |(name, value): (&String, &String)| {
        let name = HeaderName::try_from(name).map_err(drop)?;
        Ok((name, HeaderValue::try_from(value).map_err(drop)?))
    };
    headers.iter().map(header).collect()
}

/// The hosts of `api.host_allow`, with all that is under them.
fn listed(manifest: &Manifest) -> Hosts {
    manifest.api.host_allow.iter().fold(Hosts::default(), |hosts, name| hosts.and_under(name))
}

impl Manifest {
    /// Where the API is, with the inputs and what the token reply told; none where it is not known, or
    /// is not among the hosts that the manifest allows.
    pub fn api_base(&self, inputs: &Inputs, credential: &Credential) -> Option<Url> {
        let values = values(inputs, credential);
        let other = self.urls.alternative(&values).and_then(|other| other.api.as_deref());
        let text = template::fill(other.or(self.api.base.as_deref())?, &values)?;
        let url = Url::parse(&text).ok().filter(input::is_safe)?;
        let allowed = self.api.host_allow.is_empty() || listed(self).contain(&url);
        let bare = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        (allowed && bare).then_some(url)
    }
}

#[cfg(test)]
mod tests;

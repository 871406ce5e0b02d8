//! OAuth 1.0a (RFC 5849): temporary credentials, the person's yes, the token.
//!
//! The protocol has no `state`: ours goes in the callback URL's query, and comes back with it. Each request
//! is signed, so the client's secret and the token's are sent nowhere, unless a manifest wants `PLAINTEXT`.

use base::{ExposeSecret, Rng, SecretString, Timestamp, random_token};
use bytes::Bytes;
use connector::{
    Connector, ErrorKind, Manifest,
    manifest::Oauth1Method,
    oauth1::{Once, Signer, TokenPair, problem_in, problem_kind, read_pair},
};
use http::{HeaderValue, Method, Request, Response};
use outbound::Outbound;
use serde_json::{Map, Value};
use url::{Url, form_urlencoded};

use crate::{
    AuthorizeOptions, CallbackError, Client, Endpoints, Error, authorize, callback,
    request::{self, Params, with_query},
    scope,
};

/// The most fields of a reply.
const MOST_FIELDS: usize = 100;

/// An authorization that was begun.
pub struct Begun {
    /// Where the browser goes.
    pub url: Url,
    /// What the callback must bring back.
    pub state: SecretString,
    /// What was got beforehand.
    pub temporary: Temporary,
}

/// Temporary credentials (RFC 5849, section 2.1): to be kept until the callback, and used once.
pub struct Temporary {
    /// Named by the callback.
    pub token: SecretString,
    /// Signs the exchange.
    pub secret: SecretString,
}

/// Begins an authorization: gets temporary credentials, and says where the browser goes (sections 2.1, 2.2).
///
/// State and nonce are fresh. A provider that does not confirm the callback is not used: it would be the
/// protocol before 1.0a, in which an account could be linked to a stranger.
#[allow(clippy::too_many_arguments, reason = "as the other beginnings, and the time to sign with")]
pub async fn begin(
    outbound: &Outbound,
    now: Timestamp,
    rng: &dyn Rng,
    connector: &dyn Connector,
    endpoints: &Endpoints,
    client: &Client,
    scopes: &[String],
    options: &AuthorizeOptions,
) -> Result<Begun, Error> {
    let manifest = connector.manifest();
    // Before anything is sent.
    request::need(manifest, endpoints.authorize.as_ref(), "authorization")?;
    scope::wanted(manifest, scopes.iter())?;
    let (request, state) = temporary_request(now, rng, manifest, endpoints, client)?;
    let reply = outbound.send(request, request::TOKEN).await?;
    let body = read(manifest, &reply, false)?;
    let confirmed = body.get("oauth_callback_confirmed").and_then(Value::as_str);
    if confirmed != Some("true") {
        let text = format!(
            "{} does not confirm the callback, so it does not speak OAuth 1.0a",
            manifest.display_name
        );
        return Err(Error::answered(ErrorKind::Unsupported, text));
    }
    let TokenPair { token, secret, .. } = read_pair(manifest, &body)?;
    let url = authorize_url(manifest, endpoints, scopes, options, &token)?;
    Ok(Begun { url, state, temporary: Temporary { token, secret } })
}

/// The request for temporary credentials, and the state that its callback carries. Nothing is sent.
pub fn temporary_request(
    now: Timestamp,
    rng: &dyn Rng,
    manifest: &Manifest,
    endpoints: &Endpoints,
    client: &Client,
) -> Result<(Request<Bytes>, SecretString), Error> {
    let state = SecretString::from(random_token(rng));
    let callback = callback_url(client, &state)?;
    let url = request::need(manifest, endpoints.request_token.as_ref(), "request token")?;
    let step = Step { manifest, endpoints, client, temporary: None, once: Once::new(now, rng) };
    let method = manifest.oauth1().request_token_method;
    Ok((step.request(url, method, ("oauth_callback", callback.as_str()))?, state))
}

/// Where the browser goes with the token of temporary credentials.
pub fn authorize_url(
    manifest: &Manifest,
    endpoints: &Endpoints,
    scopes: &[String],
    options: &AuthorizeOptions,
    token: &SecretString,
) -> Result<Url, Error> {
    let page = request::need(manifest, endpoints.authorize.as_ref(), "authorization")?;
    let scopes = scope::wanted(manifest, scopes.iter())?;
    let mut params = Params::default();
    params.set_all(&manifest.authorize.params);
    if options.force_consent {
        params.set_all(&manifest.authorize.consent_params);
    }
    if !manifest.authorize.scopes_on_app {
        authorize::set_scopes(manifest, &scopes, &mut params);
    }
    // What keeps the flow safe comes last: no fixed parameter takes its place.
    params.set("oauth_token", token.expose_secret());
    Ok(with_query(page, &params))
}

/// Where the browser comes back to: the redirect URI, with our state in its query.
fn callback_url(client: &Client, state: &SecretString) -> Result<Url, Error> {
    let url = Url::parse(&client.redirect_uri).map_err(|_| {
        let text = "the client's redirect URI is no whole URL; correct it";
        Error::unsent(ErrorKind::ClientConfig, text)
    })?;
    let mut params = Params::default();
    params.set("state", state.expose_secret());
    Ok(with_query(&url, &params))
}

/// Reads a callback's query (section 2.2); the state is the caller's to compare, and first. Gives the
/// verifier, if the callback names the `temporary` credentials.
pub fn read_callback(
    temporary: &Temporary,
    query: &[(String, String)],
) -> Result<SecretString, CallbackError> {
    if query.len() > callback::MOST {
        return Err(CallbackError::Malformed("it has too many parameters".to_owned()));
    }
    let only = |name| callback::only(query, name);
    // Twitter's word, which others took over; and that of an extension.
    if only("denied")?.is_some() {
        return Err(CallbackError::Denied("denied".to_owned()));
    }
    if let Some(problem) = only("oauth_problem")? {
        let shown: String = problem.chars().filter(char::is_ascii_graphic).take(100).collect();
        return Err(match problem {
            "user_refused" | "permission_denied" => CallbackError::Denied(shown),
            _ => CallbackError::ProviderError(shown),
        });
    }
    let token = only("oauth_token")?.unwrap_or_default();
    let own = temporary.token.expose_secret();
    if !base::constant_time_eq(token.as_bytes(), own.as_bytes()) {
        return Err(CallbackError::OtherToken);
    }
    let verifier = only("oauth_verifier")?.unwrap_or_default();
    let sound = verifier.len() <= callback::LONGEST_CODE && !verifier.chars().any(char::is_control);
    if verifier.is_empty() || !sound {
        return Err(CallbackError::Malformed("it has no verifier".to_owned()));
    }
    Ok(SecretString::from(verifier))
}

/// Exchanges the temporary credentials for the token (section 2.3).
#[allow(clippy::too_many_arguments, reason = "as the other exchanges, and what a signature takes")]
pub async fn exchange(
    outbound: &Outbound,
    now: Timestamp,
    rng: &dyn Rng,
    connector: &dyn Connector,
    endpoints: &Endpoints,
    client: &Client,
    temporary: &Temporary,
    verifier: &SecretString,
) -> Result<TokenPair, Error> {
    let manifest = connector.manifest();
    let request = token_request(now, rng, manifest, endpoints, client, temporary, verifier)?;
    let reply = outbound.send(request, request::TOKEN).await?;
    let body = read(manifest, &reply, true)?;
    Ok(read_pair(manifest, &body)?)
}

/// The request that exchanges them. Nothing is sent.
pub fn token_request(
    now: Timestamp,
    rng: &dyn Rng,
    manifest: &Manifest,
    endpoints: &Endpoints,
    client: &Client,
    temporary: &Temporary,
    verifier: &SecretString,
) -> Result<Request<Bytes>, Error> {
    let url = request::need(manifest, endpoints.token.as_ref(), "token")?;
    let once = Once::new(now, rng);
    let step = Step { manifest, endpoints, client, temporary: Some(temporary), once };
    let more = ("oauth_verifier", verifier.expose_secret());
    step.request(url, manifest.oauth1().token_method, more)
}

/// A request of the dance.
struct Step<'a> {
    manifest: &'a Manifest,
    endpoints: &'a Endpoints,
    client: &'a Client,
    temporary: Option<&'a Temporary>,
    once: Once,
}

impl Step<'_> {
    /// The request, signed.
    fn request(
        &self,
        url: &Url,
        method: Oauth1Method,
        more: (&str, &str),
    ) -> Result<Request<Bytes>, Error> {
        let manifest = self.manifest;
        let secret = self.client.client_secret.as_ref().ok_or_else(|| {
            let text =
                "OAuth 1.0a signs with the client's secret, and the client has none; enter it";
            Error::unsent(ErrorKind::ClientConfig, text)
        })?;
        let signer = Signer {
            client_id: &self.client.client_id,
            client_secret: secret,
            token: self.temporary.map(|temporary| (&temporary.token, &temporary.secret)),
            signature: manifest.oauth1().signature,
        };
        let method = match method {
            Oauth1Method::Post => Method::POST,
            Oauth1Method::Get => Method::GET,
        };
        let header = signer.authorize(&method, url, &[], &[more], &self.once);
        let mut request = request::new(method, url, &self.endpoints.hosts, Bytes::new())?;
        let headers = request.headers_mut();
        // Replies are forms, whatever their type says.
        headers.insert(http::header::ACCEPT, HeaderValue::from_static("*/*"));
        for (name, value) in &manifest.token.headers {
            request::fixed(headers, name, value)?;
        }
        headers.insert(http::header::AUTHORIZATION, header);
        Ok(request)
    }
}

/// The fields of a good reply.
fn read(manifest: &Manifest, reply: &Response<Bytes>, has_token: bool) -> Result<Value, Error> {
    let body = fields(reply.body());
    let said = body.as_ref().and_then(|body| body.get("oauth_problem")?.as_str());
    let problem = said.or_else(|| problem_in(reply.headers()));
    let name = &manifest.display_name;
    if problem.is_none() && reply.status().is_success() {
        return body.ok_or_else(|| {
            let text = format!("{name} answered with something else than credentials");
            Error::answered(ErrorKind::Unavailable, text)
        });
    }
    Err(refusal(name, reply.status().as_u16(), problem, has_token))
}

/// What an error reply means. Nothing is linked yet, so nothing can end by it.
fn refusal(name: &str, status: u16, problem: Option<&str>, has_token: bool) -> Error {
    let kind = problem.and_then(problem_kind).unwrap_or(match status {
        429 => ErrorKind::RateLimited(None),
        // There is nothing yet but the client that could be refused.
        401 if !has_token => ErrorKind::ClientConfig,
        400..500 => ErrorKind::Invalid,
        _ => ErrorKind::Unavailable,
    });
    let text = match kind {
        ErrorKind::ClientConfig => format!(
            "{name} refuses the OAuth client; check its key and secret, and the callback it is registered for"
        ),
        ErrorKind::RateLimited(_) => format!("{name} asks to wait, it gets too many requests"),
        ErrorKind::Unavailable => format!("{name} gave no usable answer (HTTP {status})"),
        _ => format!("{name} does not accept the request (HTTP {status})"),
    };
    let word = problem.filter(|word| word.len() <= 60 && problem_kind(word).is_some());
    Error::answered(kind, text).with_code(word.map(str::to_owned))
}

/// A form's fields; none where it is no form, or says something of OAuth twice.
fn fields(body: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let mut fields = Map::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()).take(MOST_FIELDS) {
        let former = fields.insert(name.clone().into_owned(), Value::from(value.into_owned()));
        if former.is_some() && name.starts_with("oauth_") {
            return None;
        }
    }
    (!fields.is_empty()).then_some(Value::Object(fields))
}

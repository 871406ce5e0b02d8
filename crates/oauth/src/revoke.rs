//! Ending a grant at the provider (RFC 7009).

use std::collections::BTreeMap;

use base::{ExposeSecret, SecretString, Timestamp};
use bytes::Bytes;
use connector::{
    Connector, ErrorKind, Manifest, TokenSet, json,
    manifest::{Encoding, HeaderSpec, Revoke, RevokeAuth, RevokeMethod, RevokeToken},
};
use http::{Method, Request, Response};
use outbound::Outbound;
use serde_json::Value;
use url::Url;

use crate::{
    Client, Endpoints, Error, client,
    client::Header,
    endpoints, reply, request,
    request::{Params, Shape},
};

/// What became of a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// It has ended, now or before.
    Revoked,
    /// The provider can't end it on request.
    Unsupported,
}

/// Ends the grant at the provider; one that has ended already counts as ended.
///
/// An error means that it may still be alive.
pub async fn revoke(
    outbound: &Outbound,
    connector: &dyn Connector,
    endpoints: &Endpoints,
    client: &Client,
    tokens: &TokenSet,
) -> Result<Revoked, Error> {
    let Some(request) = revoke_request(connector.manifest(), endpoints, client, tokens)? else {
        return Ok(Revoked::Unsupported);
    };
    let reply = outbound.send(request, request::TOKEN).await?;
    read(connector, &reply)
}

/// The request that ends a grant, as [`revoke`] sends it; none where that is not supported, or the grant has
/// no token that could be named.
pub fn revoke_request(
    manifest: &Manifest,
    endpoints: &Endpoints,
    client: &Client,
    tokens: &TokenSet,
) -> Result<Option<Request<Bytes>>, Error> {
    let endpoints = &*endpoints.after(&tokens.captured);
    match &endpoints.revoke {
        Some(url) => request(manifest, endpoints, client, tokens, url),
        None => Ok(None),
    }
}

fn request(
    manifest: &Manifest,
    endpoints: &Endpoints,
    client: &Client,
    tokens: &TokenSet,
    url: &Url,
) -> Result<Option<Request<Bytes>>, Error> {
    let spec = &manifest.revoke;
    let (token, hint) = match (spec.token, &tokens.refresh) {
        (RevokeToken::Either | RevokeToken::Refresh, Some(refresh)) => (refresh, "refresh_token"),
        (RevokeToken::Refresh, None) => return Ok(None),
        _ => (&tokens.access, "access_token"),
    };
    let mut shape = shape(manifest);
    shape.headers.push(&spec.headers);
    let mut params = captured(spec, tokens)?;
    let standard = spec.token_param == "token" && shape.encoding == Encoding::Form;
    if !spec.token_param.is_empty() && !endpoints::waits_for(url, endpoints::TOKEN) {
        params.set(&spec.token_param, token.expose_secret());
        // Others than RFC 7009 may choke on it.
        params.set_some("token_type_hint", standard.then_some(hint));
    }
    let url = put(url, endpoints::TOKEN, token.expose_secret())?;
    let url = put(&url, endpoints::CLIENT_ID, &client.client_id)?;
    let header = match spec.auth {
        RevokeAuth::Client => client.header(manifest, endpoints, &mut params)?,
        RevokeAuth::Basic => Some(client.basic()?),
        RevokeAuth::Bearer => Some(bearer(tokens)?),
        RevokeAuth::Header => {
            // As at the token endpoint: a header that holds the secret alone does not say whose it is.
            let header = spec.header.as_ref().map_or("", |header| header.template.as_str());
            if header.contains("{client_secret}") && !header.contains("{client_id}") {
                params.set(&manifest.client.id_param, &client.client_id);
            }
            Some(of_its_own(manifest, client, tokens, token)?)
        }
    };
    let shown = client.showing(header);
    request::write(&url, &endpoints.hosts, &params, &shape, shown).map(Some)
}

/// The manifest's parameters, with captured values in them.
fn captured(spec: &Revoke, tokens: &TokenSet) -> Result<Params, Error> {
    let values: BTreeMap<&str, &str> =
        tokens.captured.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut params = Params::default();
    for (name, text) in &spec.params {
        let value = connector::fill_header(text, &values).ok_or_else(|| {
            let text = format!(
                "`{name}` of this grant is not known, so that it can't be ended by request; end it at the provider"
            );
            Error::unsent(ErrorKind::Invalid, text)
        })?;
        params.set(name, &value);
    }
    Ok(params)
}

fn put(url: &Url, name: &str, value: &str) -> Result<Url, Error> {
    endpoints::put(url, name, value).ok_or_else(|| {
        Error::unsent(ErrorKind::Invalid, "the revocation's URL can't be called with this grant")
    })
}

fn shape(manifest: &Manifest) -> Shape<'_> {
    let spec = &manifest.revoke;
    let mut shape = Shape::of(&manifest.token);
    let usual = match spec.method {
        RevokeMethod::Get => Encoding::Query,
        _ => shape.encoding,
    };
    shape.method = match spec.method {
        RevokeMethod::Post => Method::POST,
        RevokeMethod::Delete => Method::DELETE,
        RevokeMethod::Get => Method::GET,
    };
    shape.encoding = spec.encoding.unwrap_or(usual);
    shape
}

fn bearer(tokens: &TokenSet) -> Result<Header, Error> {
    let header =
        HeaderSpec { name: "authorization".to_owned(), template: "Bearer {token}".to_owned() };
    client::filled(&header, &[("token", tokens.access.expose_secret())].into())
}

fn of_its_own(
    manifest: &Manifest,
    client: &Client,
    tokens: &TokenSet,
    token: &SecretString,
) -> Result<Header, Error> {
    let spec = manifest.revoke.header.as_ref().ok_or_else(|| {
        Error::unsent(ErrorKind::Invalid, "the manifest does not say which header ends a grant")
    })?;
    let secret =
        client.client_secret.as_ref().map(|secret| ("client_secret", secret.expose_secret()));
    let values = [
        ("token", token.expose_secret()),
        ("access_token", tokens.access.expose_secret()),
        ("client_id", client.client_id.as_str()),
    ];
    client::filled(spec, &values.into_iter().chain(secret).collect())
}

fn read(connector: &dyn Connector, answer: &Response<Bytes>) -> Result<Revoked, Error> {
    let manifest = connector.manifest();
    let body = reply::body(answer);
    if answer.status().is_success() && !names_an_error(manifest, &body) {
        return Ok(Revoked::Revoked);
    }
    // Without a clock a date in `Retry-After` counts as far away; how far is bounded.
    let error = reply::failure(connector, Timestamp::default(), answer, &body);
    // Sent as the bearer, a token that has only expired is called invalid too.
    let names_the_token = matches!(manifest.revoke.auth, RevokeAuth::Client | RevokeAuth::Basic);
    match (error.kind(), error.provider_code()) {
        (_, Some("unsupported_token_type")) => Ok(Revoked::Unsupported),
        (ErrorKind::Reauthorize, _) => Ok(Revoked::Revoked),
        (_, Some("invalid_token")) if names_the_token => Ok(Revoked::Revoked),
        _ => Err(error),
    }
}

/// Whether a reply of any status tells of an error, as some providers do with 200.
fn names_an_error(manifest: &Manifest, body: &Value) -> bool {
    let path = manifest.token.reply.error_path.as_deref();
    let found = path.and_then(|path| json::at(body, path));
    found.is_some_and(|value| !matches!(value, Value::Null | Value::Bool(false)))
}

//! Ending a grant at the provider (RFC 7009).

use base::{ExposeSecret, Timestamp};
use bytes::Bytes;
use connector::{
    Connector, ErrorKind, Manifest, TokenSet, json,
    manifest::{RevokeAuth, RevokeToken},
};
use http::{HeaderValue, Request, Response};
use outbound::Outbound;
use serde_json::Value;
use url::Url;

use crate::{Client, Endpoints, Error, reply, request, request::Params};

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
    let manifest = connector.manifest();
    let Some(url) = &endpoints.revoke else { return Ok(Revoked::Unsupported) };
    let request = request(manifest, endpoints, client, tokens, url)?;
    let reply = outbound.send(request, request::TOKEN).await?;
    read(connector, &reply)
}

fn request(
    manifest: &Manifest,
    endpoints: &Endpoints,
    client: &Client,
    tokens: &TokenSet,
    url: &Url,
) -> Result<Request<Bytes>, Error> {
    let (token, hint) = match (manifest.revoke.token, &tokens.refresh) {
        (RevokeToken::Either, Some(refresh)) => (refresh, "refresh_token"),
        _ => (&tokens.access, "access_token"),
    };
    let mut params = Params::default();
    params.set("token", token.expose_secret());
    params.set("token_type_hint", hint);
    let authorization = match manifest.revoke.auth {
        RevokeAuth::Client => client.identify(manifest, endpoints, &mut params),
        RevokeAuth::Bearer => Some(bearer(tokens)?),
    };
    request::post(url, &endpoints.hosts, &params, &manifest.token, authorization)
}

fn bearer(tokens: &TokenSet) -> Result<HeaderValue, Error> {
    let text = format!("Bearer {}", tokens.access.expose_secret());
    let mut value = HeaderValue::try_from(text).map_err(|_| {
        Error::unsent(ErrorKind::Invalid, "the access token can't stand in a header")
    })?;
    value.set_sensitive(true);
    Ok(value)
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
    let names_the_token = manifest.revoke.auth == RevokeAuth::Client;
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

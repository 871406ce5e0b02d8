//! A refresh in two halves, without sending: between them the caller writes its journal.

use base::{ExposeSecret, SecretString, Timestamp, constant_time_eq};
use bytes::Bytes;
use connector::{AuthKind, Connector, ErrorKind, TokenSet, json};
use http::{Request, Response};

use crate::{
    Client, Endpoints, Error, exchange, jwt_bearer, reply, request,
    request::{Params, Shape},
    scope, session,
};

/// The request (RFC 6749, section 6). `scopes`: only these; none = all that were granted.
pub fn request(
    connector: &dyn Connector,
    endpoints: &Endpoints,
    client: &Client,
    tokens: &TokenSet,
    scopes: Option<&[String]>,
) -> Result<Request<Bytes>, Error> {
    let manifest = connector.manifest();
    let endpoints = &*endpoints.after(&tokens.captured);
    if let Some(spec) = &manifest.refresh.exchange {
        let url = endpoints.refresh.as_ref().or(endpoints.exchange.as_ref());
        let url = request::need(manifest, url.or(endpoints.token.as_ref()), "token")?;
        let more = &manifest.refresh.params;
        return exchange::request(manifest, endpoints, client, url, spec, tokens, more);
    }
    let url = endpoints.refresh.as_ref().or(endpoints.token.as_ref());
    let url = request::need(manifest, url, "token")?;
    let refresh = tokens.refresh.as_ref().ok_or_else(|| {
        let text = format!("{} gave no refresh token with this grant", manifest.display_name);
        Error::unsent(ErrorKind::Unsupported, text)
    })?;
    match manifest.auth.kind {
        AuthKind::SessionExchange => return session::again(manifest, endpoints, refresh),
        AuthKind::JwtBearer => {
            return jwt_bearer::again(manifest, endpoints, &client.proof, refresh, scopes);
        }
        _ => {}
    }
    let mut asked = Params::default();
    asked.set("grant_type", "refresh_token");
    asked.set("refresh_token", refresh.expose_secret());
    if let Some(scopes) = scopes {
        asked.set_some("scope", scope::joined(manifest, scopes)?.as_deref());
    }
    let spec = &manifest.refresh;
    let client = client.identifying(spec.client_auth);
    let shape = Shape::of(&manifest.token).but(spec.method, spec.encoding);
    request::for_tokens(manifest, endpoints, &client, url, asked, &spec.params, &shape)
}

/// Reads the reply. What it leaves out stays as it was: the refresh token, the scopes, captured values.
pub fn read(
    connector: &dyn Connector,
    now: Timestamp,
    former: &TokenSet,
    reply: &Response<Bytes>,
) -> Result<TokenSet, Error> {
    let mut fresh = reply::tokens(connector, now, reply)?;
    let paths = &connector.manifest().token.reply;
    let body = reply::body(reply);
    let part = connector::token_part(connector.manifest(), &body);
    let tells_end = paths.refresh_expires_in.iter().any(|path| json::at(part, path).is_some());
    if !tells_end && stays(fresh.refresh.as_ref(), former.refresh.as_ref()) {
        // The manifest's usual lifetime counts from when a token was new.
        fresh.refresh_expires_at = former.refresh_expires_at;
    }
    if connector.manifest().auth.kind.is_exchanged() {
        // What was filled in begins the next one, whatever comes with this one.
        fresh.refresh = None;
    }
    fresh.refresh = fresh.refresh.or_else(|| former.refresh.clone());
    // One that comes with a refresh is bound to no nonce and needed by nobody.
    fresh.id_token.clone_from(&former.id_token);
    fresh.scopes = fresh.scopes.or_else(|| former.scopes.clone());
    reply::keep_captured(&mut fresh, &former.captured);
    Ok(fresh)
}

/// Whether the refresh token is the one we had.
fn stays(fresh: Option<&SecretString>, former: Option<&SecretString>) -> bool {
    match (fresh, former) {
        (Some(fresh), Some(former)) => {
            constant_time_eq(fresh.expose_secret().as_bytes(), former.expose_secret().as_bytes())
        }
        (fresh, _) => fresh.is_none(),
    }
}

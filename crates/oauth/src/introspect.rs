//! Until when an access token is good, asked of a provider whose replies do not say (RFC 7662).

use std::time::Duration;

use base::{ExposeSecret, Timestamp};
use bytes::Bytes;
use connector::{
    Connector, ErrorKind, MOST_LIFETIME, Manifest, TokenSet, json, manifest::Encoding,
};
use http::{Method, Request};
use outbound::{Limits, Outbound};
use serde_json::Value;

use crate::{
    Client, Endpoints, Error, reply, request,
    request::{Params, Shape},
};

/// Short: a refreshed token waits for its row meanwhile.
const LIMITS: Limits =
    Limits { connect: Duration::from_secs(1), total: Duration::from_secs(2), max_body: 64 * 1024 };

/// The tokens with the end that the provider tells of its access token, where it has an endpoint for that
/// (`urls.introspect`). What it does not tell stays as it was assumed: this never fails.
pub async fn with_told_end(
    outbound: &Outbound,
    now: Timestamp,
    connector: &dyn Connector,
    endpoints: &Endpoints,
    client: &Client,
    tokens: TokenSet,
) -> TokenSet {
    match end(outbound, now, connector, endpoints, client, &tokens).await {
        Ok(Some(end)) => TokenSet { expires_at: Some(end), ..tokens },
        Ok(None) => tokens,
        Err(error) => {
            let provider = &connector.manifest().slug;
            tracing::warn!(provider, %error, "the provider does not say how long its token lives: the usual time is assumed");
            tokens
        }
    }
}

async fn end(
    outbound: &Outbound,
    now: Timestamp,
    connector: &dyn Connector,
    endpoints: &Endpoints,
    client: &Client,
    tokens: &TokenSet,
) -> Result<Option<Timestamp>, Error> {
    let manifest = connector.manifest();
    let Some(request) = introspect_request(manifest, endpoints, client, tokens)? else {
        return Ok(None);
    };
    let reply = outbound.send(request, LIMITS).await?;
    let body = reply::body(&reply);
    if !reply.status().is_success() {
        return Err(reply::failure(connector, now, &reply, &body));
    }
    if json::at(&body, "active").and_then(Value::as_bool) != Some(true) {
        let text =
            format!("{} does not know the token that it has just given", manifest.display_name);
        return Err(Error::answered(ErrorKind::Invalid, text));
    }
    let end = json::at(&body, "exp").and_then(Value::as_i64).map(Timestamp::from_secs);
    Ok(end.filter(|end| (now..=now.plus(MOST_LIFETIME)).contains(end)))
}

/// The question of when an access token ends (RFC 7662, section 2.1); none where the provider has no endpoint
/// for it.
pub fn introspect_request(
    manifest: &Manifest,
    endpoints: &Endpoints,
    client: &Client,
    tokens: &TokenSet,
) -> Result<Option<Request<Bytes>>, Error> {
    let endpoints = &*endpoints.after(&tokens.captured);
    let Some(url) = &endpoints.introspect else { return Ok(None) };
    let mut params = Params::default();
    params.set("token", tokens.access.expose_secret());
    params.set("token_type_hint", "access_token");
    let shown = client.identify(manifest, endpoints, &mut params)?;
    let accept = "application/json";
    let shape =
        Shape { method: Method::POST, encoding: Encoding::Form, accept, headers: Vec::new() };
    request::write(url, &endpoints.hosts, &params, &shape, shown).map(Some)
}

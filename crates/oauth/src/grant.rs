//! Getting tokens: for a code, for the client itself, for fewer scopes.

use std::collections::BTreeMap;

use base::{ExposeSecret, SecretString, Timestamp};
use bytes::Bytes;
use connector::{
    Connector, ErrorKind, Manifest, TokenSet,
    manifest::{Pkce, RedirectUri, TokenExchange},
};
use http::Request;
use outbound::Outbound;

use crate::{
    CallbackAnswer, Client, Endpoints, Error, exchange as trade, id_token,
    introspect::with_told_end,
    refresh, reply, request,
    request::{Params, Shape},
    scope,
};

/// What was kept of an authorization until its code came.
pub struct FlowSecrets {
    /// As [`crate::Authorization`] gave it.
    pub pkce_verifier: SecretString,
    /// As [`crate::Authorization`] gave it.
    pub nonce: Option<SecretString>,
}

/// Exchanges a code (RFC 6749, section 4.1.3).
///
/// Where OpenID Connect was asked for, the `id_token` is verified; without a good one there are no
/// tokens. What the callback captured goes into the tokens; what the reply says of the same name wins.
/// Where the manifest says so, the access token is then traded for one that lives longer.
pub async fn exchange(
    outbound: &Outbound,
    now: Timestamp,
    connector: &dyn Connector,
    endpoints: &Endpoints,
    client: &Client,
    answer: &CallbackAnswer,
    flow: &FlowSecrets,
) -> Result<TokenSet, Error> {
    let manifest = connector.manifest();
    let endpoints = &*endpoints.after(&answer.captured);
    request::need(manifest, endpoints.token.as_ref(), "token")?;
    // Before the code is spent, so that keys that can't be had cost nothing.
    let keys = match flow.nonce {
        Some(_) => id_token::keys(outbound, endpoints).await?,
        None => None,
    };
    let request = exchange_request(manifest, endpoints, client, answer, flow)?;
    let reply = outbound.send(request, request::TOKEN).await?;
    let mut tokens = reply::tokens(connector, now, &reply)?;
    let issued = tokens.id_token.take();
    if let Some(nonce) = &flow.nonce {
        tokens.id_token = match issued {
            Some(issued) => {
                id_token::verify(&issued, endpoints, keys, client, nonce, now)?;
                Some(issued)
            }
            None if declined_openid(&tokens) => None,
            None => {
                let text =
                    format!("{} was asked for an id_token and gave none", manifest.display_name);
                return Err(Error::answered(ErrorKind::Invalid, text));
            }
        };
    }
    reply::keep_captured(&mut tokens, &answer.captured);
    if let Some(spec) = &manifest.token.exchange {
        tokens = longer(outbound, now, connector, endpoints, client, spec, tokens).await?;
    }
    Ok(with_told_end(outbound, now, connector, endpoints, client, tokens).await)
}

/// Trades a fresh access token for one that lives longer. What only the first reply told stays.
async fn longer(
    outbound: &Outbound,
    now: Timestamp,
    connector: &dyn Connector,
    endpoints: &Endpoints,
    client: &Client,
    spec: &TokenExchange,
    first: TokenSet,
) -> Result<TokenSet, Error> {
    let manifest = connector.manifest();
    let url = endpoints.exchange.as_ref().or(endpoints.token.as_ref());
    let url = request::need(manifest, url, "token")?;
    let more = BTreeMap::new();
    let request = trade::request(manifest, endpoints, client, url, spec, &first, &more)?;
    let reply = outbound.send(request, request::TOKEN).await?;
    let mut tokens = reply::tokens(connector, now, &reply)?;
    tokens.refresh = tokens.refresh.or(first.refresh);
    tokens.scopes = tokens.scopes.or(first.scopes);
    tokens.id_token = first.id_token;
    reply::keep_captured(&mut tokens, &first.captured);
    Ok(tokens)
}

/// The request that exchanges a code, as [`exchange`] sends it.
pub fn exchange_request(
    manifest: &Manifest,
    endpoints: &Endpoints,
    client: &Client,
    answer: &CallbackAnswer,
    flow: &FlowSecrets,
) -> Result<Request<Bytes>, Error> {
    let endpoints = &*endpoints.after(&answer.captured);
    let url = request::need(manifest, endpoints.token.as_ref(), "token")?;
    let mut asked = Params::default();
    asked.set("grant_type", "authorization_code");
    asked.set("code", answer.code.expose_secret());
    if tells_redirect_uri(manifest) {
        asked.set("redirect_uri", &client.redirect_uri);
    }
    if manifest.authorize.pkce != Pkce::Never {
        asked.set("code_verifier", flow.pkce_verifier.expose_secret());
    }
    for (name, from) in &manifest.token.from_callback {
        asked.set_some(name, answer.captured.get(from).map(String::as_str));
    }
    let more = BTreeMap::new();
    let shape = Shape::of(&manifest.token);
    request::for_tokens(manifest, endpoints, client, url, asked, &more, &shape)
}

/// Whether the redirect URI goes with the code (RFC 6749, section 4.1.3).
fn tells_redirect_uri(manifest: &Manifest) -> bool {
    match manifest.token.redirect_uri {
        RedirectUri::Always => true,
        RedirectUri::IfSent => !manifest.authorize.omit.iter().any(|name| name == "redirect_uri"),
        RedirectUri::Never => false,
    }
}

/// Whether the provider says that it granted other scopes and not `openid`.
fn declined_openid(tokens: &TokenSet) -> bool {
    tokens.scopes.as_ref().is_some_and(|scopes| !scopes.iter().any(|scope| scope == "openid"))
}

/// Gets tokens for the client itself (RFC 6749, section 4.4).
pub async fn client_credentials(
    outbound: &Outbound,
    now: Timestamp,
    connector: &dyn Connector,
    endpoints: &Endpoints,
    client: &Client,
    scopes: &[String],
) -> Result<TokenSet, Error> {
    let request = client_credentials_request(connector.manifest(), endpoints, client, scopes)?;
    let reply = outbound.send(request, request::TOKEN).await?;
    let mut tokens = reply::tokens(connector, now, &reply)?;
    tokens.id_token = None;
    // A reply without scopes means: as asked (RFC 6749, section 5.1).
    tokens.scopes.get_or_insert_with(|| scopes.to_vec());
    Ok(with_told_end(outbound, now, connector, endpoints, client, tokens).await)
}

/// The request for tokens of the client itself, as [`client_credentials`] sends it.
pub fn client_credentials_request(
    manifest: &Manifest,
    endpoints: &Endpoints,
    client: &Client,
    scopes: &[String],
) -> Result<Request<Bytes>, Error> {
    let url = request::need(manifest, endpoints.token.as_ref(), "token")?;
    let mut asked = Params::default();
    asked.set("grant_type", "client_credentials");
    asked.set_some("scope", scope::joined(manifest, scopes)?.as_deref());
    let (more, shape) = (BTreeMap::new(), Shape::of(&manifest.token));
    request::for_tokens(manifest, endpoints, client, url, asked, &more, &shape)
}

/// Gets an access token of fewer scopes (RFC 6749, section 6), to be handed out.
///
/// Holds no refresh token: the one at hand stays as it is. `scopes` are those that the provider says
/// it gave, which may be more than were asked for; where it says nothing, those that were asked for.
pub async fn narrow(
    outbound: &Outbound,
    now: Timestamp,
    connector: &dyn Connector,
    endpoints: &Endpoints,
    client: &Client,
    tokens: &TokenSet,
    scopes: &[String],
) -> Result<TokenSet, Error> {
    let manifest = connector.manifest();
    if !manifest.can_narrow() {
        let text = format!("{} gives no narrower tokens", manifest.display_name);
        return Err(Error::unsent(ErrorKind::Unsupported, text));
    }
    let request = refresh::request(connector, endpoints, client, tokens, Some(scopes))?;
    let reply = outbound.send(request, request::TOKEN).await?;
    let mut narrowed = reply::tokens(connector, now, &reply)?;
    narrowed.refresh = None;
    narrowed.refresh_expires_at = None;
    narrowed.id_token = None;
    // A reply without scopes means: as asked (RFC 6749, section 5.1).
    narrowed.scopes.get_or_insert_with(|| scopes.to_vec());
    reply::keep_captured(&mut narrowed, &tokens.captured);
    Ok(with_told_end(outbound, now, connector, endpoints, client, narrowed).await)
}

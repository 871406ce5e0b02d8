//! Sessions that are begun with what a person filled in (`auth.kind = "session_exchange"`).
//!
//! What was filled in is kept as the grant's refresh token: it is what a new session is begun with, and like a
//! refresh token it is sealed, and never handed out.

use std::collections::BTreeMap;

use base::{ExposeSecret, SecretString, Timestamp};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use connector::{Connector, ErrorKind, Inputs, Manifest, TokenSet};
use http::{HeaderName, HeaderValue, Request, header};
use outbound::Outbound;
use zeroize::Zeroizing;

use crate::{
    Endpoints, Error, reply, request,
    request::{Params, Shape},
};

/// Begins a session with these answers, the secret ones among them.
pub async fn begin(
    outbound: &Outbound,
    now: Timestamp,
    connector: &dyn Connector,
    endpoints: &Endpoints,
    inputs: &Inputs,
) -> Result<TokenSet, Error> {
    let manifest = connector.manifest();
    let filled_in = pack(manifest, inputs);
    let request = request(manifest, endpoints, &filled_in)?;
    let reply = outbound.send(request, request::TOKEN).await?;
    let mut tokens = reply::tokens(connector, now, &reply)?;
    tokens.refresh = Some(filled_in);
    tokens.refresh_expires_at = None;
    tokens.id_token = None;
    Ok(tokens)
}

/// What was filled in, as one secret.
fn pack(manifest: &Manifest, inputs: &Inputs) -> SecretString {
    let mut all: BTreeMap<&str, &str> =
        inputs.as_map().iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for input in manifest.inputs.iter().filter(|input| input.secret) {
        if let Some(secret) = inputs.secret(&input.name) {
            all.insert(&input.name, secret.expose_secret());
        }
    }
    SecretString::from(serde_json::to_string(&all).expect("texts by text are always JSON"))
}

/// The request that begins a session with what was filled in.
pub fn request(
    manifest: &Manifest,
    endpoints: &Endpoints,
    filled_in: &SecretString,
) -> Result<Request<Bytes>, Error> {
    let wrong = |what: &str| {
        let text = format!("what was filled in for {} {what}; link again", manifest.display_name);
        Error::unsent(ErrorKind::Invalid, text)
    };
    let spec = manifest.session.as_ref().ok_or_else(|| wrong("has no place to go to"))?;
    let url = request::need(manifest, endpoints.token.as_ref(), "token")?;
    let packed: BTreeMap<String, String> =
        serde_json::from_str(filled_in.expose_secret()).map_err(|_| wrong("can't be read"))?;
    let packed: Vec<_> =
        packed.into_iter().map(|(name, value)| (name, Zeroizing::new(value))).collect();
    let values: BTreeMap<&str, &str> =
        packed.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let fill = |text: &str| {
        let filled = connector::fill_header(text, &values).map(Zeroizing::new);
        filled.ok_or_else(|| wrong("is not all that is sent"))
    };
    let mut params = Params::default();
    params.set_all(&manifest.token.params);
    for (name, text) in &spec.params {
        params.set(name, &fill(text)?);
    }
    let basic = match &spec.basic {
        Some(basic) => {
            let (user, password) = (fill(&basic.user)?, fill(&basic.password)?);
            let pair = Zeroizing::new(format!("{}:{}", *user, *password));
            Some((header::AUTHORIZATION, secret(&format!("Basic {}", STANDARD.encode(&*pair)))))
        }
        None => None,
    };
    let shape = Shape::of(&manifest.token);
    let basic = match basic {
        Some((name, value)) => Some((name, value.ok_or_else(|| wrong("can't be sent"))?)),
        None => None,
    };
    let mut request = request::write(url, &endpoints.hosts, &params, &shape, basic)?;
    for (name, text) in &spec.headers {
        let name = HeaderName::try_from(name).map_err(|_| wrong("can't be sent"))?;
        let value = secret(&fill(text)?).ok_or_else(|| wrong("can't be sent in a header"))?;
        request.headers_mut().insert(name, value);
    }
    Ok(request)
}

fn secret(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

//! Sessions that are begun with what a person filled in (`auth.kind = "session_exchange"`).
//!
//! What was filled in is kept as the grant's refresh token: it is what a new session is begun with, and like a
//! refresh token it is sealed, and never handed out.

use std::collections::BTreeMap;

use base::{ExposeSecret, SecretString, Timestamp};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use connector::{Connector, ErrorKind, Inputs, Manifest, TokenSet, manifest::SessionSpec};
use http::{HeaderName, HeaderValue, Request, header};
use outbound::Outbound;
use zeroize::Zeroizing;

use crate::{
    Endpoints, Error,
    client::Shown,
    reply, request,
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
    let filled_in = filled_in(manifest, inputs);
    let request = request(manifest, endpoints, &filled_in)?;
    let reply = outbound.send(request, request::TOKEN).await?;
    let tokens = reply::tokens(connector, now, &reply)?;
    let packed = serde_json::to_string(&filled_in).expect("texts by text are always JSON");
    Ok(with(tokens, packed))
}

/// The tokens, with what was filled in as the refresh token.
pub(crate) fn with(tokens: TokenSet, packed: String) -> TokenSet {
    let refresh = Some(SecretString::from(packed));
    TokenSet { refresh, refresh_expires_at: None, id_token: None, ..tokens }
}

/// The request that begins another session with what was kept of the first.
pub(crate) fn again(
    manifest: &Manifest,
    endpoints: &Endpoints,
    packed: &SecretString,
) -> Result<Request<Bytes>, Error> {
    let unpacked: BTreeMap<String, String> = serde_json::from_str(packed.expose_secret())
        .map_err(|_| wrong(manifest, "can't be read"))?;
    wiping(unpacked, |filled_in| request(manifest, endpoints, filled_in))
}

/// Does something with what was unpacked, and wipes it.
pub(crate) fn wiping<T>(
    unpacked: BTreeMap<String, String>,
    with: impl FnOnce(&BTreeMap<&str, &str>) -> T,
) -> T {
    let texts: Vec<_> =
        unpacked.into_iter().map(|(name, value)| (name, Zeroizing::new(value))).collect();
    with(&texts.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect())
}

/// All answers by name, the secret ones too.
pub(crate) fn filled_in<'a>(
    manifest: &'a Manifest,
    inputs: &'a Inputs,
) -> BTreeMap<&'a str, &'a str> {
    let open = inputs.as_map().iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let secret = manifest.inputs.iter().filter(|input| input.secret);
    let secret = secret.filter_map(|input| {
        Some((input.name.as_str(), inputs.secret(&input.name)?.expose_secret()))
    });
    open.chain(secret).collect()
}

pub(crate) fn wrong(manifest: &Manifest, what: &str) -> Error {
    let text = format!("what was filled in for {} {what}; link again", manifest.display_name);
    Error::unsent(ErrorKind::Invalid, text)
}

/// The request that begins a session with what was filled in, by the inputs' names. Nothing is sent.
pub fn request(
    manifest: &Manifest,
    endpoints: &Endpoints,
    filled_in: &BTreeMap<&str, &str>,
) -> Result<Request<Bytes>, Error> {
    let none = || wrong(manifest, "has no place to go to");
    manifest.session.as_ref().ok_or_else(none)?;
    ask(manifest, endpoints, filled_in, Params::default())
}

/// The request with what was filled in, and with what is `asked` besides.
pub(crate) fn ask(
    manifest: &Manifest,
    endpoints: &Endpoints,
    filled_in: &BTreeMap<&str, &str>,
    asked: Params,
) -> Result<Request<Bytes>, Error> {
    let wrong = |what| wrong(manifest, what);
    let nothing = SessionSpec::default();
    let spec = manifest.session.as_ref().unwrap_or(&nothing);
    let url = request::need(manifest, endpoints.token.as_ref(), "token")?;
    let fill = |text: &str| {
        let filled = connector::fill_header(text, filled_in).map(Zeroizing::new);
        filled.ok_or_else(|| wrong("is not all that is sent"))
    };
    let mut params = asked;
    params.set_all(&manifest.token.params);
    for (name, text) in &spec.params {
        params.set(name, &fill(text)?);
    }
    let basic = match &spec.basic {
        Some(basic) => {
            let pair =
                Zeroizing::new(format!("{}:{}", *fill(&basic.user)?, *fill(&basic.password)?));
            let value = secret(&format!("Basic {}", STANDARD.encode(&*pair)));
            Shown::header((header::AUTHORIZATION, value.ok_or_else(|| wrong("can't be sent"))?))
        }
        None => Shown::default(),
    };
    let shape = Shape::of(&manifest.token);
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

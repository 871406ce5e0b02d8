//! Who calls: a client's id and secret, in the header or in the form (RFC 6749, section 2.3.1).

use axum::http::{HeaderMap, header};
use base64::{Engine, prelude::BASE64_STANDARD};
use url::form_urlencoded;

use super::{error::Error, params::Params};
use crate::{Client, Config, random};

/// Whom the request says it comes from, unproven: for the log.
pub(super) fn presented(headers: &HeaderMap, params: &Params) -> String {
    match basic(headers) {
        Ok(Some((id, _))) => id,
        _ => params.all("client_id").next().unwrap_or_default().to_owned(),
    }
}

/// The client that proved itself.
pub(super) fn authenticate<'a>(
    config: &'a Config,
    headers: &HeaderMap,
    params: &Params,
) -> Result<&'a Client, Error> {
    let posted = (params.one("client_id")?, params.one("client_secret")?);
    let (id, secret) = match (basic(headers)?, posted) {
        (Some(_), (_, Some(_))) => {
            return Err(Error::request("The client proves itself twice: use one way."));
        }
        (Some((id, _)), (Some(other), None)) if id != other => {
            return Err(Error::request("client_id is not the one of the header."));
        }
        (Some(both), _) => both,
        (None, (Some(id), Some(secret))) => (id.to_owned(), secret.to_owned()),
        (None, _) => return Err(Error::client("client_id or client_secret is missing.")),
    };
    config
        .client(&id)
        .filter(|client| random::same(&client.secret, &secret))
        .ok_or(Error::client("There is no such client, or its secret is another."))
}

/// Id and secret of `Authorization: Basic`, each of them form-encoded.
fn basic(headers: &HeaderMap) -> Result<Option<(String, String)>, Error> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let read = || {
        let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let text = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
        let (id, secret) = text.split_once(':')?;
        Some((decode(id), decode(secret)))
    };
    read().map(Some).ok_or(Error::client("The Authorization header is no Basic credential."))
}

fn decode(text: &str) -> String {
    // As the name of a lone parameter; `=` and `&` would end it, and are not encoded by lenient peers.
    let text = text.replace('=', "%3D").replace('&', "%26");
    form_urlencoded::parse(text.as_bytes()).map(|(name, _)| name.into_owned()).collect()
}

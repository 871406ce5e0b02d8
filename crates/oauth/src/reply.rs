//! Replies of the provider's OAuth server.

use std::collections::BTreeMap;

use base::Timestamp;
use bytes::Bytes;
use connector::{Connector, ErrorKind, ErrorReply, TokenReply, TokenSet};
use http::{Response, header};
use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::Error;

/// The most fields of a form-encoded reply.
const MOST_FIELDS: usize = 100;

/// The reply's body as JSON; null where it is none. Form-encoded replies become an object of texts.
pub(crate) fn body(reply: &Response<Bytes>) -> Value {
    let content_type =
        reply.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_form = content_type.is_some_and(|text| {
        let kind = text.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
    });
    if is_form {
        let fields = form_urlencoded::parse(reply.body()).take(MOST_FIELDS);
        let fields =
            fields.map(|(name, value)| (name.into_owned(), Value::from(value.into_owned())));
        return Value::Object(fields.collect::<Map<_, _>>());
    }
    serde_json::from_slice(reply.body()).unwrap_or(Value::Null)
}

/// The tokens in a reply, or what it says instead. The `id_token` is handed on as it came, unverified.
pub(crate) fn tokens(
    connector: &dyn Connector,
    now: Timestamp,
    reply: &Response<Bytes>,
) -> Result<TokenSet, Error> {
    let body = body(reply);
    if body.is_null() && reply.status().is_success() {
        let name = &connector.manifest().display_name;
        let text = format!("{name} answered with something else than tokens or an error");
        return Err(Error::answered(ErrorKind::Unavailable, text));
    }
    if connector::is_error_reply(connector.manifest(), reply.status().as_u16(), &body) {
        return Err(failure(connector, now, reply, &body));
    }
    Ok(connector.parse_token(&TokenReply { body: &body, now })?)
}

/// Values that were captured before and that this reply does not tell stay.
pub(crate) fn keep_captured(tokens: &mut TokenSet, former: &BTreeMap<String, String>) {
    for (name, value) in former {
        tokens.captured.entry(name.clone()).or_insert_with(|| value.clone());
    }
}

/// What an error reply says.
pub(crate) fn failure(
    connector: &dyn Connector,
    now: Timestamp,
    reply: &Response<Bytes>,
    body: &Value,
) -> Error {
    let manifest = connector.manifest();
    let status = reply.status().as_u16();
    let kind = connector.classify(&ErrorReply { status, headers: reply.headers(), body, now });
    let text = sentence(&manifest.display_name, kind, status);
    Error::answered(kind, text).with_code(connector::provider_code(manifest, body))
}

fn sentence(name: &str, kind: ErrorKind, status: u16) -> String {
    match kind {
        ErrorKind::Reauthorize => format!("{name} does not honour this grant any more"),
        ErrorKind::RateLimited(_) => format!("{name} asks to wait, it gets too many requests"),
        ErrorKind::Unavailable => format!("{name} gave no usable answer (HTTP {status})"),
        ErrorKind::ClientConfig => {
            format!(
                "{name} refuses the OAuth client; check its id and secret, and what it is registered for"
            )
        }
        ErrorKind::Denied => format!("{name} does not allow this"),
        ErrorKind::Invalid | ErrorKind::NotFound | ErrorKind::Conflict => {
            format!("{name} does not accept the request (HTTP {status})")
        }
        ErrorKind::Unsupported => format!("{name} does not offer this"),
    }
}

//! Pushed authorization requests (RFC 9126).

use bytes::Bytes;
use connector::{ErrorKind, Manifest, manifest::Encoding};
use http::{Method, Response};
use outbound::Outbound;
use url::Url;

use crate::{
    Client, Endpoints, Error, reply, request,
    request::{Params, Shape},
};

/// The longest reference that is taken.
const LONGEST: usize = 500;

/// Leaves the parameters at the server; hands back those that the browser carries instead.
///
/// None where the server has no such endpoint, or does not take this request and does not insist.
pub(crate) async fn push(
    outbound: &Outbound,
    manifest: &Manifest,
    endpoints: &Endpoints,
    client: &Client,
    params: &Params,
) -> Result<Option<Params>, Error> {
    let Some(endpoint) = &endpoints.par else {
        if endpoints.par_required {
            request::need(manifest, None, "pushed authorization request")?;
        }
        return Ok(None);
    };
    match reference(outbound, manifest, endpoints, client, params, endpoint).await {
        Ok(reference) => {
            let mut params = Params::default();
            params.set("client_id", &client.client_id);
            params.set("request_uri", &reference);
            Ok(Some(params))
        }
        Err(error) if endpoints.par_required => Err(error),
        Err(error) => {
            tracing::info!(provider = manifest.slug, %error, "authorizing without a pushed request");
            Ok(None)
        }
    }
}

async fn reference(
    outbound: &Outbound,
    manifest: &Manifest,
    endpoints: &Endpoints,
    client: &Client,
    params: &Params,
    endpoint: &Url,
) -> Result<String, Error> {
    let mut pushed = Params::default();
    for (name, value) in params.iter() {
        pushed.set(name, value);
    }
    let shown = client.identify(manifest, endpoints, &mut pushed)?;
    // RFC 9126, section 2.1, knows forms only.
    let shape =
        Shape { method: Method::POST, encoding: Encoding::Form, ..Shape::of(&manifest.token) };
    let request = request::write(endpoint, &endpoints.hosts, &pushed, &shape, shown)?;
    read(manifest, &outbound.send(request, request::TOKEN).await?)
}

fn read(manifest: &Manifest, answer: &Response<Bytes>) -> Result<String, Error> {
    let body = reply::body(answer);
    let name = &manifest.display_name;
    if answer.status().is_success() {
        let is_reference = |text: &&str| {
            !text.is_empty()
                && text.len() <= LONGEST
                && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let reference = body["request_uri"].as_str().filter(is_reference);
        return reference.map(str::to_owned).ok_or_else(|| {
            let text = format!("{name} took the authorization request and gave no reference to it");
            Error::answered(ErrorKind::Unavailable, text)
        });
    }
    let code = connector::provider_code(manifest, &body);
    let kind = match (answer.status().as_u16(), code.as_deref()) {
        (_, Some("invalid_client" | "unauthorized_client")) => ErrorKind::ClientConfig,
        (429, _) => ErrorKind::RateLimited(None),
        (400..=499, Some(_)) => ErrorKind::Invalid,
        _ => ErrorKind::Unavailable,
    };
    Err(Error::answered(kind, format!("{name} does not take the authorization request"))
        .with_code(code))
}

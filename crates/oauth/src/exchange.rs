//! Trading an access token for a newer one, at providers that have no refresh tokens.

use std::collections::BTreeMap;

use base::ExposeSecret;
use bytes::Bytes;
use connector::{Manifest, TokenSet, manifest::TokenExchange};
use http::Request;
use url::Url;

use crate::{
    Client, Endpoints, Error,
    request::{self, Params, Shape},
};

/// The request that trades the access token, as this part of the manifest says.
pub(crate) fn request(
    manifest: &Manifest,
    endpoints: &Endpoints,
    client: &Client,
    url: &Url,
    spec: &TokenExchange,
    tokens: &TokenSet,
    more: &BTreeMap<String, String>,
) -> Result<Request<Bytes>, Error> {
    let mut params = Params::default();
    params.set_all(&manifest.token.params);
    params.set_all(more);
    params.set("grant_type", &spec.grant_type);
    params.set(&spec.token_param, tokens.access.expose_secret());
    let client = client.identifying(spec.client_auth);
    let shown = client.identify(manifest, endpoints, &mut params)?;
    let shape = Shape::of(&manifest.token).but(spec.method, spec.encoding);
    request::write(url, &endpoints.hosts, &params, &shape, shown)
}

//! Discovery: OpenID Connect Discovery 1.0, then RFC 8414.

use std::collections::BTreeMap;

use connector::ErrorKind;
use outbound::{Hosts, Outbound};
use serde_json::Value;
use url::Url;

use crate::{Endpoints, Error, endpoints::callable, reply, request};

/// The most entries of a list that are read.
const MOST: usize = 50;

/// Reads the issuer's metadata; what it names is as safe to call as the issuer itself.
///
/// To a client that shows a certificate the endpoints may be elsewhere (RFC 8705, section 5).
pub(crate) async fn discover(
    outbound: &Outbound,
    issuer: &Url,
    by_certificate: bool,
) -> Result<Endpoints, Error> {
    let hosts = Hosts::default().and(issuer);
    for place in places(issuer) {
        let answer = outbound.send(request::get(&place, &hosts)?, request::DOCUMENT).await?;
        let status = answer.status();
        // Perhaps the document is here and only can't be had now: elsewhere it would be another.
        if status.is_server_error() || status.as_u16() == 429 {
            let text = format!(
                "{} does not tell its endpoints now (HTTP {})",
                host(issuer),
                status.as_u16()
            );
            return Err(Error::answered(ErrorKind::Unavailable, text));
        }
        let document = reply::body(&answer);
        if status.is_success() && document.is_object() {
            return read(issuer, &document, by_certificate);
        }
    }
    let text = format!(
        "{} has no discovery document; check the issuer's URL, or name the endpoints in a manifest",
        host(issuer)
    );
    Err(Error::answered(ErrorKind::Invalid, text))
}

fn host(issuer: &Url) -> &str {
    issuer.host_str().unwrap_or_default()
}

/// Where the document may be: behind the issuer's path (OpenID Connect Discovery, section 4), or
/// between host and path (RFC 8414, section 3).
fn places(issuer: &Url) -> [Url; 2] {
    let path = issuer.path().trim_end_matches('/');
    [
        format!("{path}/.well-known/openid-configuration"),
        format!("/.well-known/oauth-authorization-server{path}"),
    ]
    .map(|path| {
        let mut place = issuer.clone();
        place.set_query(None);
        place.set_path(&path);
        place
    })
}

fn read(issuer: &Url, document: &Value, by_certificate: bool) -> Result<Endpoints, Error> {
    let invalid = |text: String| Error::answered(ErrorKind::Invalid, text);
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    let yes = |name: &str| document.get(name).and_then(Value::as_bool).unwrap_or(false);
    let names = text("issuer").unwrap_or_default();
    // RFC 8414, section 3.3. People leave out or add the slash at the end; both ask at the same place.
    if callable(names).is_none_or(|named| bare(&named) != bare(issuer)) {
        return Err(invalid(format!(
            "the discovery document of {} speaks for another issuer; check the issuer's URL",
            host(issuer)
        )));
    }
    let aliases = document.get("mtls_endpoint_aliases").filter(|_| by_certificate);
    let alias = |name: &str| aliases?.get(name)?.as_str();
    let endpoint = |name: &str| match alias(name).or_else(|| text(name)) {
        None => Ok(None),
        Some(url) => callable(url)
            // No way down from https, not even to this machine.
            .filter(|url| url.scheme() == "https" || issuer.scheme() == "http")
            .map(Some)
            .ok_or_else(|| {
                invalid(format!(
                    "the `{name}` that {} names must be a whole https URL",
                    host(issuer)
                ))
            }),
    };
    Ok(Endpoints {
        request_token: None,
        authorize: endpoint("authorization_endpoint")?,
        token: endpoint("token_endpoint")?,
        refresh: None,
        exchange: None,
        revoke: endpoint("revocation_endpoint")?,
        introspect: None,
        userinfo: endpoint("userinfo_endpoint")?,
        par: endpoint("pushed_authorization_request_endpoint")?,
        par_required: yes("require_pushed_authorization_requests"),
        issuer: Some(names.to_owned()),
        iss_in_callback: yes("authorization_response_iss_parameter_supported"),
        token_auth_methods: list(document, "token_endpoint_auth_methods_supported")
            // What RFC 8414, section 2, says where it says nothing.
            .unwrap_or_else(|| vec!["client_secret_basic".to_owned()]),
        jwks: endpoint("jwks_uri")?,
        id_token_algs: list(document, "id_token_signing_alg_values_supported").unwrap_or_default(),
        pkce_methods: list(document, "code_challenge_methods_supported").unwrap_or_default(),
        answers: BTreeMap::new(),
        later: Vec::new(),
        hosts: Hosts::default(),
    })
}

fn bare(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}

fn list(document: &Value, name: &str) -> Option<Vec<String>> {
    let entries = document.get(name)?.as_array()?.iter().take(MOST);
    Some(entries.filter_map(Value::as_str).map(str::to_owned).collect())
}

//! A signed assertion in the place of a code (RFC 7523, section 2.1; `auth.kind = "jwt_bearer"`).
//!
//! A person fills in a private key. What they filled in is kept as the grant's refresh token, as that of a
//! [`session`] is: each renewal signs an assertion anew.

use std::collections::BTreeMap;

use base::{ExposeSecret, SecretString, Timestamp};
use bytes::Bytes;
use connector::{Connector, Inputs, Manifest, TokenSet, manifest::GrantSpec};
use http::Request;
use outbound::Outbound;
use serde_json::{Map, Value};

use crate::{
    Endpoints, Error, Proof,
    assertion::{Claims, Key, Texts},
    reply, request,
    request::Params,
    scope, session,
    session::wrong,
};

/// What `grant_type` says (RFC 7523, section 2.1).
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Exchanges a first assertion, signed with the key among these answers, for an access token of these scopes.
pub async fn begin(
    outbound: &Outbound,
    now: Timestamp,
    connector: &dyn Connector,
    endpoints: &Endpoints,
    proof: &Proof,
    inputs: &Inputs,
    scopes: &[String],
) -> Result<TokenSet, Error> {
    let manifest = connector.manifest();
    let filled_in = session::filled_in(manifest, inputs);
    let request = request(manifest, endpoints, proof, &filled_in, scopes)?;
    let reply = outbound.send(request, request::TOKEN).await?;
    let mut tokens = reply::tokens(connector, now, &reply)?;
    // A reply without scopes means: as asked (RFC 6749, section 5.1).
    tokens.scopes.get_or_insert_with(|| scopes.to_vec());
    // What is asked for is kept too: a reply may name less than is needed to ask again.
    let packed = serde_json::to_string(&(filled_in, scopes)).expect("texts are always JSON");
    Ok(session::with(tokens, packed))
}

/// The request with another assertion, signed with what was kept. `scopes`: only these; none = as at first.
pub(crate) fn again(
    manifest: &Manifest,
    endpoints: &Endpoints,
    proof: &Proof,
    packed: &SecretString,
    scopes: Option<&[String]>,
) -> Result<Request<Bytes>, Error> {
    let (filled_in, asked): (BTreeMap<String, String>, Vec<String>) =
        serde_json::from_str(packed.expose_secret())
            .map_err(|_| wrong(manifest, "can't be read"))?;
    let scopes = scopes.unwrap_or(&asked);
    session::wiping(filled_in, |texts| request(manifest, endpoints, proof, texts, scopes))
}

/// The request for a token of these scopes with what was filled in, by the inputs' names. Nothing is sent.
pub fn request(
    manifest: &Manifest,
    endpoints: &Endpoints,
    proof: &Proof,
    filled_in: &BTreeMap<&str, &str>,
    scopes: &[String],
) -> Result<Request<Bytes>, Error> {
    let none = || wrong(manifest, "is signed in no way that the manifest tells");
    let spec = manifest.assertion.as_ref().ok_or_else(none)?;
    let on_app = manifest.authorize.scopes_on_app;
    let scopes = if on_app { None } else { scope::joined(manifest, scopes)? };
    let key = || {
        let secret = filled_in.get(spec.key.as_str()).map(|text| SecretString::from(*text));
        let secret = secret.ok_or_else(|| wrong(manifest, "has no private key in it"))?;
        Key::read(spec.algorithm, &secret).map_err(|wanted| {
            wrong(manifest, &format!("is no key to sign with: `{}` must be {wanted}", spec.key))
        })
    };
    let claims = || claims(spec, endpoints, filled_in, scopes.as_deref());
    let failed = |what: &str| wrong(manifest, &format!("is no key to sign with: {what}"));
    let assertion = proof.assertion(spec.algorithm, key, claims, failed)?;
    let mut asked = Params::default();
    asked.set("grant_type", GRANT);
    asked.set("assertion", &assertion);
    if spec.scope_claim.is_none() {
        asked.set_some("scope", scopes.as_deref());
    }
    session::ask(manifest, endpoints, filled_in, asked)
}

fn claims(
    spec: &GrantSpec,
    endpoints: &Endpoints,
    filled_in: &BTreeMap<&str, &str>,
    scopes: Option<&str>,
) -> Result<Claims, Error> {
    let texts = Texts(filled_in.clone());
    let mut all = Map::new();
    let mut put = |name: &str, text: Option<String>| {
        all.extend(text.map(|text| (name.to_owned(), Value::from(text))));
    };
    put("iss", Some(texts.fill(&spec.issuer)?));
    put("aud", Some(texts.audience(spec.audience.as_deref(), endpoints)?));
    put("sub", spec.subject.as_deref().and_then(|text| texts.fill_known(text)));
    for (name, text) in &spec.claims {
        put(name, texts.fill_known(text));
    }
    if let Some(name) = &spec.scope_claim {
        put(name, scopes.map(str::to_owned));
    }
    let key_id = spec.key_id.as_deref().and_then(|text| texts.fill_known(text));
    Ok(Claims { key_id, lifetime_s: spec.lifetime_s, all })
}

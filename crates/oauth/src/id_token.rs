//! Verifying an `id_token` (OpenID Connect Core, section 3.1.3.7).
//!
//! Where the issuer's keys are known, the signature is checked. Where they are not (a manifest that
//! names its endpoints itself), the token came straight from the token endpoint over TLS, which the
//! section allows in the signature's place; everything else is checked all the same.

use std::time::{Duration, SystemTime};

use base::{ExposeSecret, SecretString, Timestamp, constant_time_eq};
use connector::ErrorKind;
use openidconnect::{
    ClaimsVerificationError, ClientId, ClientSecret, IssuerUrl, Nonce,
    core::{
        CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKeySet, CoreJwsSigningAlgorithm as Algorithm,
    },
};
use outbound::Outbound;
use serde_json::Value;

use crate::{Client, Endpoints, Error, reply, request};

/// How far the issuer's clock may be behind ours.
const SKEW: Duration = Duration::from_mins(1);

/// The issuer's keys; none where they are not known.
pub(crate) async fn keys(
    outbound: &Outbound,
    endpoints: &Endpoints,
) -> Result<Option<CoreJsonWebKeySet>, Error> {
    let Some(place) = &endpoints.jwks else { return Ok(None) };
    let request = request::get(place, &endpoints.hosts)?;
    let answer = outbound.send(request, request::DOCUMENT).await?;
    let untold = || {
        let host = place.host_str().unwrap_or_default();
        let text = format!("{host} does not tell the keys that it signs with");
        Error::answered(ErrorKind::Unavailable, text)
    };
    if !answer.status().is_success() {
        return Err(untold());
    }
    serde_json::from_value(reply::body(&answer)).map(Some).map_err(|_| untold())
}

/// Checks signature, issuer, audience, end and nonce; an error says which of them.
pub(crate) fn verify(
    token: &SecretString,
    endpoints: &Endpoints,
    keys: Option<CoreJsonWebKeySet>,
    client: &Client,
    nonce: &SecretString,
    now: Timestamp,
) -> Result<(), Error> {
    let token: CoreIdToken =
        token.expose_secret().parse().map_err(|_| refused("it can't be read"))?;
    let nonce_matches = |found: Option<&Nonce>| match found {
        Some(found)
            if constant_time_eq(found.secret().as_bytes(), nonce.expose_secret().as_bytes()) =>
        {
            Ok(())
        }
        _ => Err(String::new()),
    };
    let claims = token
        .claims(&verifier(endpoints, keys, client, now)?, nonce_matches)
        .map_err(|error| refused(why(&error)))?;
    // Of several audiences we must be the one that it was issued to.
    let party = claims.authorized_party();
    let ours = party.map(|party| party.as_str() == client.client_id);
    if ours == Some(false) || (ours.is_none() && claims.audiences().len() > 1) {
        return Err(refused("it was issued to another client"));
    }
    Ok(())
}

fn verifier(
    endpoints: &Endpoints,
    keys: Option<CoreJsonWebKeySet>,
    client: &Client,
    now: Timestamp,
) -> Result<CoreIdTokenVerifier<'static>, Error> {
    let id = ClientId::new(client.client_id.clone());
    let signed = keys.is_some();
    let keys = keys.unwrap_or_default();
    let issuer = endpoints.issuer.clone().unwrap_or_else(|| "https://unknown.invalid".to_owned());
    let issuer = IssuerUrl::new(issuer).map_err(|_| refused("its issuer has no URL"))?;
    let verifier = match &client.client_secret {
        Some(secret) => {
            let secret = ClientSecret::new(secret.expose_secret().to_owned());
            CoreIdTokenVerifier::new_confidential_client(id, secret, issuer, keys)
        }
        None => CoreIdTokenVerifier::new_public_client(id, issuer, keys),
    };
    let millis = u64::try_from(now.millis()).unwrap_or(0);
    let moment = SystemTime::UNIX_EPOCH + Duration::from_millis(millis).saturating_sub(SKEW);
    let verifier = verifier
        .require_issuer_match(endpoints.issuer.is_some())
        .set_other_audience_verifier_fn(|_| true)
        .set_time_fn(move || moment.into());
    Ok(if signed {
        verifier.set_allowed_algs(algorithms(endpoints))
    } else {
        verifier.insecure_disable_signature_check()
    })
}

/// The algorithms that the issuer declares; never `none`.
fn algorithms(endpoints: &Endpoints) -> Vec<Algorithm> {
    let declared: Vec<Algorithm> = endpoints
        .id_token_algs
        .iter()
        .filter_map(|name| serde_json::from_value(Value::from(name.as_str())).ok())
        .filter(|algorithm| *algorithm != Algorithm::None)
        .collect();
    if declared.is_empty() {
        return vec![Algorithm::RsaSsaPkcs1V15Sha256, Algorithm::EcdsaP256Sha256];
    }
    declared
}

fn refused(why: &str) -> Error {
    Error::answered(ErrorKind::Invalid, format!("the provider's id_token is refused: {why}"))
}

/// In our words: the library's name the token's claims.
fn why(error: &ClaimsVerificationError) -> &'static str {
    match error {
        ClaimsVerificationError::Expired(_) => "it has expired",
        ClaimsVerificationError::InvalidAudience(_) => "it is for another client",
        ClaimsVerificationError::InvalidIssuer(_) => "it comes from another issuer",
        ClaimsVerificationError::InvalidNonce(_) => "it answers another authorization",
        ClaimsVerificationError::SignatureVerification(_) => "its signature does not hold",
        _ => "it is not as OpenID Connect wants it",
    }
}

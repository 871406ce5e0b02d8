//! `id_token`s of an issuer that signs, and of one whose keys nobody knows.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use connector::{ErrorKind, TokenSet};
use oauth::{CallbackAnswer, Endpoints, Error, FlowSecrets, exchange};
use openidconnect::{
    Audience, ClientId, EmptyAdditionalClaims, IssuerUrl, JsonWebKeyId, Nonce, PrivateSigningKey,
    StandardClaims, SubjectIdentifier,
    core::{
        CoreEdDsaPrivateSigningKey, CoreIdToken, CoreIdTokenClaims, CoreJsonWebKeySet,
        CoreJwsSigningAlgorithm,
    },
};
use url::Url;

use crate::support::{NOW, Provider, client, connector, endpoints, json};

const ISSUER: &str = "https://login.example.com";

/// An Ed25519 key made of one byte, so that no key lies in the repository.
fn key(seed: u8) -> CoreEdDsaPrivateSigningKey {
    let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    der.extend([seed; 32]);
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(der)
    );
    CoreEdDsaPrivateSigningKey::from_ed25519_pem(&pem, Some(JsonWebKeyId::new("k".to_owned())))
        .unwrap()
}

/// What a token says; the default is a good one.
struct Says {
    issuer: &'static str,
    audiences: &'static [&'static str],
    party: Option<&'static str>,
    nonce: Option<&'static str>,
    /// Seconds from now.
    ends: i64,
    seed: u8,
}

impl Default for Says {
    fn default() -> Self {
        Self {
            issuer: ISSUER,
            audiences: &["id:1"],
            party: None,
            nonce: Some("the-nonce"),
            ends: 300,
            seed: 1,
        }
    }
}

impl Says {
    fn token(&self) -> String {
        let at =
            |secs: i64| SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(secs).unwrap());
        let claims = CoreIdTokenClaims::new(
            IssuerUrl::new(self.issuer.to_owned()).unwrap(),
            self.audiences.iter().map(|audience| Audience::new((*audience).to_owned())).collect(),
            at(NOW.secs() + self.ends).into(),
            at(NOW.secs()).into(),
            StandardClaims::new(SubjectIdentifier::new("ana".to_owned())),
            EmptyAdditionalClaims {},
        )
        .set_nonce(self.nonce.map(|nonce| Nonce::new(nonce.to_owned())))
        .set_authorized_party(self.party.map(|party| ClientId::new(party.to_owned())));
        CoreIdToken::new(claims, &key(self.seed), CoreJwsSigningAlgorithm::EdDsa, None, None)
            .unwrap()
            .to_string()
    }
}

/// A provider that gives this `id_token`, with or without an answer to where its keys are.
fn provider(id_token: Option<String>) -> Provider {
    let keys = CoreJsonWebKeySet::new(vec![key(1).as_verification_key()]);
    let keys = serde_json::to_string(&keys).unwrap();
    let id_token = Arc::new(id_token);
    Provider::answering(move |seen| {
        if seen.url.ends_with("/keys") {
            return json(200, keys.clone());
        }
        let body = serde_json::json!({"access_token": "t", "id_token": *id_token});
        json(200, body.to_string())
    })
}

async fn exchanged(provider: &Provider, discovered: bool) -> Result<TokenSet, Error> {
    let connector = connector("");
    let mut endpoints = endpoints(&connector).await;
    if discovered {
        endpoints = Endpoints {
            issuer: Some(ISSUER.to_owned()),
            jwks: Some(Url::parse("https://login.example.com/keys").unwrap()),
            id_token_algs: vec!["RS256".to_owned(), "EdDSA".to_owned(), "none".to_owned()],
            ..endpoints
        };
    }
    let answer = CallbackAnswer { code: "the-code".into(), captured: BTreeMap::new() };
    let flow = FlowSecrets { pkce_verifier: "v".into(), nonce: Some("the-nonce".into()) };
    exchange(&provider.outbound, NOW, &connector, &endpoints, &client(), &answer, &flow).await
}

async fn refusal(says: Says, discovered: bool) -> String {
    let error = exchanged(&provider(Some(says.token())), discovered).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    error.to_string()
}

#[tokio::test]
async fn a_good_id_token_is_kept() {
    for discovered in [true, false] {
        let tokens = exchanged(&provider(Some(Says::default().token())), discovered).await.unwrap();
        assert!(tokens.id_token.is_some());
    }
}

#[tokio::test]
async fn one_for_another_authorization_client_or_time_is_refused() {
    for discovered in [true, false] {
        let nonce = refusal(Says { nonce: Some("another"), ..Says::default() }, discovered).await;
        assert!(nonce.contains("another authorization"), "{nonce}");
        let missing = refusal(Says { nonce: None, ..Says::default() }, discovered).await;
        assert!(missing.contains("another authorization"), "{missing}");
        let audience = refusal(Says { audiences: &["other"], ..Says::default() }, discovered).await;
        assert!(audience.contains("another client"), "{audience}");
        let expired = refusal(Says { ends: -61, ..Says::default() }, discovered).await;
        assert!(expired.contains("expired"), "{expired}");
    }
}

#[tokio::test]
async fn one_of_another_issuer_or_with_another_key_is_refused() {
    let issuer =
        refusal(Says { issuer: "https://login.example.com/", ..Says::default() }, true).await;
    assert!(issuer.contains("another issuer"), "{issuer}");
    let signature = refusal(Says { seed: 2, ..Says::default() }, true).await;
    assert!(signature.contains("signature"), "{signature}");
}

#[tokio::test]
async fn an_unsigned_one_is_refused_where_keys_are_known() {
    let signed = Says::default().token();
    let claims = signed.split('.').nth(1).unwrap();
    // {"alg":"none"}
    let unsigned = format!("eyJhbGciOiJub25lIn0.{claims}.");
    let error = exchanged(&provider(Some(unsigned)), true).await.err().unwrap();
    assert!(error.to_string().contains("signature"), "{error}");
}

#[tokio::test]
async fn of_several_audiences_we_must_be_the_one_it_was_issued_to() {
    let several = || Says { audiences: &["id:1", "api"], ..Says::default() };
    assert!(
        exchanged(&provider(Some(Says { party: Some("id:1"), ..several() }.token())), true)
            .await
            .is_ok()
    );
    for party in [None, Some("api")] {
        let error = refusal(Says { party, ..several() }, true).await;
        assert!(error.contains("another client"), "{error}");
    }
}

#[tokio::test]
async fn a_clock_a_little_behind_ours_is_borne() {
    let late = Says { ends: -30, ..Says::default() };
    assert!(exchanged(&provider(Some(late.token())), true).await.is_ok());
}

#[tokio::test]
async fn openid_without_an_id_token_gives_no_tokens() {
    for garbage in [None, Some("garbage".to_owned()), Some(String::new())] {
        let error = exchanged(&provider(garbage), true).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
}

#[tokio::test]
async fn a_person_may_leave_openid_out() {
    let provider = Provider::answering(|seen| {
        let keys = seen.url.ends_with("/keys");
        json(200, if keys { r#"{"keys":[]}"# } else { r#"{"access_token":"t","scope":"a"}"# })
    });
    assert!(exchanged(&provider, true).await.unwrap().id_token.is_none());
}

#[tokio::test]
async fn the_code_is_not_spent_while_the_keys_can_not_be_had() {
    for (status, body) in [(503, "{}"), (200, "<html>"), (200, "{}")] {
        let provider = Provider::saying(status, body);
        let error = exchanged(&provider, true).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{body}");
        assert_eq!(provider.only().url, "https://login.example.com/keys");
    }
}

#[tokio::test]
async fn what_is_refused_is_not_quoted() {
    let token = Says { nonce: Some("another"), ..Says::default() }.token();
    let error = exchanged(&provider(Some(token.clone())), true).await.err().unwrap();
    let printed = format!("{error} {error:?}");
    assert!(
        !printed.contains("the-nonce")
            && !printed.contains(&token)
            && !printed.contains("\"another\"")
    );
}

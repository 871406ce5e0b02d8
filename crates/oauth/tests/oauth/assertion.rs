//! Clients that prove themselves with a signed assertion.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use base::{ManualClock, SecretString};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use connector::{ClientAuth, Connector, Declarative, ErrorKind, manifest::AssertionAlgorithm};
use oauth::{Client, Endpoints, Proof};
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
        RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey,
    },
};
use serde_json::{Value, json};

use crate::support::{NOW, Provider, client, connector, endpoints, exposed, fields, rng, tokens};

/// An RSA key that everybody knows: it opens nothing.
pub(crate) const RSA: &str = include_str!("../../../conformance/src/rsa.b64");

const SIGNED: &str = "[client]\nauth = \"private_key_jwt\"\n[client.assertion]\n";

pub(crate) fn pem(der: &str) -> String {
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", der.trim())
}

/// A new P-256 key, PKCS#8.
pub(crate) fn ec() -> Vec<u8> {
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
    made.unwrap().as_ref().to_vec()
}

fn with_key(key: &str) -> Client {
    let clock = Arc::new(ManualClock::at(NOW));
    let proof = Proof::Signed { clock, rng: Arc::new(rng()) };
    Client { client_secret: Some(key.into()), proof, ..client() }
}

/// The parameters of a refresh.
fn refresh(
    connector: &Declarative,
    endpoints: &Endpoints,
    client: &Client,
) -> Result<BTreeMap<String, String>, oauth::Error> {
    let request = oauth::refresh::request(connector, endpoints, client, &tokens(), None)?;
    assert!(request.headers().get("authorization").is_none());
    Ok(fields(request.body()))
}

/// Header and claims; the signature is for the caller.
pub(crate) fn read(assertion: &str) -> (Value, Value, &str, Vec<u8>) {
    let (text, signature) = assertion.rsplit_once('.').unwrap();
    let (header, claims) = text.split_once('.').unwrap();
    let part = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).unwrap();
    let json = |text: &str| serde_json::from_slice(&part(text)).unwrap();
    (json(header), json(claims), text, part(signature))
}

#[tokio::test]
async fn a_client_with_an_rsa_key_proves_itself_and_keeps_the_key() {
    let connector = connector(&format!("{SIGNED}algorithm = \"RS256\"\n"));
    let sent = refresh(&connector, &endpoints(&connector).await, &with_key(&pem(RSA))).unwrap();

    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    assert_eq!(sent["client_assertion_type"], kind);
    assert_eq!(sent["client_id"], "id:1");
    assert!(!sent.contains_key("client_secret"));
    let (header, claims, text, signature) = read(&sent["client_assertion"]);
    assert_eq!(header, json!({ "alg": "RS256", "typ": "JWT" }));
    let id = claims["jti"].as_str().unwrap();
    assert_eq!(id.len(), 43);
    let wanted = json!({
        "iss": "id:1", "sub": "id:1", "aud": "https://login.example.com/token",
        "iat": NOW.secs(), "exp": NOW.secs() + 300, "jti": id,
    });
    assert_eq!(claims, wanted);
    let der = BASE64_STANDARD.decode(RSA.split_whitespace().collect::<String>()).unwrap();
    let key = RsaKeyPair::from_pkcs8(&der).unwrap();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public().as_ref())
        .verify(text.as_bytes(), &signature)
        .unwrap();
}

#[tokio::test]
async fn a_client_proves_itself_as_apple_wants_it() {
    let sections = format!(
        r#"
        [[inputs]]
        name = "team"
        label = "Team"
        default = "TEAM123456"
        {SIGNED}
        algorithm = "ES256"
        audience = "https://appleid.example"
        issuer = "{{team}}"
        key_id = "{{team}}-k"
        lifetime_s = 60
        param = "client_secret"
        "#
    );
    let connector = connector(&sections);
    let der = ec();
    let client = with_key(&pem(&BASE64_STANDARD.encode(&der)));
    let sent = refresh(&connector, &endpoints(&connector).await, &client).unwrap();

    assert!(!sent.contains_key("client_assertion") && !sent.contains_key("client_assertion_type"));
    let (header, claims, text, signature) = read(&sent["client_secret"]);
    assert_eq!(header, json!({ "alg": "ES256", "typ": "JWT", "kid": "TEAM123456-k" }));
    assert_eq!(claims["iss"], "TEAM123456");
    assert_eq!(claims["sub"], "id:1");
    assert_eq!(claims["aud"], "https://appleid.example");
    assert_eq!(claims["exp"], NOW.secs() + 60);
    let curve = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let key = EcdsaKeyPair::from_pkcs8(curve, &der, &SystemRandom::new()).unwrap();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.public_key().as_ref())
        .verify(text.as_bytes(), &signature)
        .unwrap();
}

#[tokio::test]
async fn every_request_has_an_assertion_of_its_own_and_of_its_time() {
    let connector = connector(&format!("{SIGNED}algorithm = \"RS256\"\n"));
    let endpoints = endpoints(&connector).await;
    let clock = Arc::new(ManualClock::at(NOW));
    let proof = Proof::Signed { clock: clock.clone(), rng: Arc::new(rng()) };
    let client = Client { proof, ..with_key(&pem(RSA)) };
    let claims = |sent: BTreeMap<String, String>| read(&sent["client_assertion"]).1;
    let first = claims(refresh(&connector, &endpoints, &client).unwrap());
    clock.advance(Duration::from_secs(7));
    let second = claims(refresh(&connector, &endpoints, &client).unwrap());
    assert_ne!(first["jti"], second["jti"], "a used assertion is refused");
    assert_eq!(second["iat"], NOW.secs() + 7);
}

/// A server that offers other ways, or a caller that chooses one, does not get the key.
#[tokio::test]
async fn the_key_is_never_sent_whatever_is_offered() {
    let connector = crate::support::manifest(&format!(
        "issuer = \"https://login.example.com\"\n{SIGNED}algorithm = \"RS256\"\n"
    ));
    let url = |path: &str| Some(format!("https://login.example.com/{path}").parse().unwrap());
    let token_auth_methods =
        vec!["client_secret_basic".to_owned(), "client_secret_post".to_owned()];
    let endpoints = Endpoints { token: url("token"), token_auth_methods, ..Endpoints::default() };
    for auth in [None, Some(ClientAuth::Post), Some(ClientAuth::Basic), Some(ClientAuth::None)] {
        let client = Client { auth, ..with_key(&pem(RSA)) };
        let sent = refresh(&connector, &endpoints, &client).unwrap();
        assert!(!sent.contains_key("client_secret"), "{auth:?}");
        assert_eq!(sent.contains_key("client_assertion"), auth != Some(ClientAuth::None));
    }
}

#[tokio::test]
async fn a_secret_that_is_no_such_key_says_what_is_wanted_and_not_what_it_is() {
    let connector = connector(&format!("{SIGNED}algorithm = \"RS256\"\n"));
    let endpoints = endpoints(&connector).await;
    let elliptic = pem(&BASE64_STANDARD.encode(ec()));
    let rsa = pem(RSA);
    let pkcs1 = rsa.replace("PRIVATE KEY", "RSA PRIVATE KEY");
    let cut = rsa.replacen('\n', "\nAAAA", 1);
    let twice = format!("{rsa}{rsa}");
    for wrong in ["s3cret", "", &elliptic, &pkcs1, &cut, &twice, "-----BEGIN PRIVATE KEY-----"] {
        let error = refresh(&connector, &endpoints, &with_key(wrong)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ClientConfig);
        let text = error.to_string();
        assert!(text.contains("RSA private key") && text.contains("PKCS#8"), "{text}");
        assert!(!text.contains("s3cret") && !text.contains("AAAA"), "{text}");
        let secret = SecretString::from(wrong);
        assert!(oauth::check_key(AssertionAlgorithm::Rs256, &secret).is_err());
    }
    let rows = SecretString::from(rsa.replace('\n', "\r\n"));
    assert_eq!(oauth::check_key(AssertionAlgorithm::Rs256, &rows), Ok(()));
    let told = oauth::check_key(AssertionAlgorithm::Es256, &SecretString::from(rsa)).unwrap_err();
    assert!(told.contains("P-256"), "{told}");
}

#[tokio::test]
async fn a_client_without_a_key_or_a_clock_sends_nothing() {
    let connector = connector(&format!("{SIGNED}algorithm = \"RS256\"\n"));
    let endpoints = endpoints(&connector).await;
    let client = Client { client_secret: None, ..with_key("") };
    let error = refresh(&connector, &endpoints, &client).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ClientConfig);
    let client = Client { proof: Proof::None, ..with_key(&pem(RSA)) };
    assert_eq!(refresh(&connector, &endpoints, &client).unwrap_err().kind(), ErrorKind::Invalid);
    let shown = Client { proof: Proof::Shown("ASSERTION"), ..with_key("") };
    assert_eq!(refresh(&connector, &endpoints, &shown).unwrap()["client_assertion"], "ASSERTION");
}

#[tokio::test]
async fn client_credentials_are_asked_for_with_an_assertion() {
    let text = format!(
        "[urls]\ntoken = \"https://login.example.com/token\"\n{SIGNED}algorithm = \"RS256\"\n"
    );
    let connector = crate::support::of_kind("oauth2_client_credentials", &text);
    let endpoints = endpoints(&connector).await;
    let provider = Provider::answering(|asked| {
        let (_, claims, ..) = read(&asked.form()["client_assertion"]);
        assert_eq!(claims["aud"], asked.url.as_str());
        crate::support::json(200, r#"{"access_token":"fresh","token_type":"Bearer"}"#)
    });
    let client = with_key(&pem(RSA));
    let made =
        oauth::client_credentials(&provider.outbound, NOW, &connector, &endpoints, &client, &[])
            .await
            .unwrap();
    assert_eq!(exposed(Some(&made.access)), Some("fresh"));
    assert_eq!(connector.manifest().slug, "testling");
}

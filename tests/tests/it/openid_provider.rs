//! The provider against which the hub is tested does what the tests rely on.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::harness::{
    Browser, OpenIdProvider,
    browser::{End, query},
};

const REDIRECT: &str = "http://127.0.0.1:9/callback";
const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters-1234";

fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A person signs in and consents; the code is exchanged.
async fn tokens(provider: &OpenIdProvider) -> Value {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let mut url = url::Url::parse(&format!("{}/auth", provider.issuer())).unwrap();
    url.query_pairs_mut().extend_pairs([
        ("client_id", "direct"),
        ("response_type", "code"),
        ("redirect_uri", REDIRECT),
        ("scope", "openid offline_access"),
        ("prompt", "consent"),
        ("state", "s"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ]);
    let mut browser = Browser::of("ana");
    let end = browser.walk(url.as_str(), |url| url.as_str().starts_with(REDIRECT)).await;
    let End::At(back) = end else { panic!("{end:?}") };
    assert_eq!(query(&back, "iss"), provider.issuer());
    let code = query(&back, "code");
    let exchange = fields(&[
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ]);
    provider.call("direct", "/token", &exchange).await
}

async fn refresh(provider: &OpenIdProvider, token: &Value) -> Value {
    let token = token.as_str().unwrap();
    let fields = fields(&[("grant_type", "refresh_token"), ("refresh_token", token)]);
    provider.call("direct", "/token", &fields).await
}

#[tokio::test]
async fn it_rotates_refresh_tokens_and_notices_a_reused_one() {
    let mut provider = OpenIdProvider::start(5).await;
    provider.put_client("direct", "secret", REDIRECT).await;
    let first = tokens(&provider).await;
    assert_eq!(first["expires_in"], 5);
    let second = refresh(&provider, &first["refresh_token"]).await;
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    let access = second["access_token"].as_str().unwrap();
    assert!(provider.is_active("direct", access).await);
    let stats = provider.stats().await;
    assert_eq!(stats["refreshed"], 1, "{stats}");
    assert_eq!(stats["refresh_tokens_reused"], 0, "{stats}");

    let reused = refresh(&provider, &first["refresh_token"]).await;

    assert_eq!(reused["error"], "invalid_grant");
    assert!(!provider.is_active("direct", access).await, "the grant has not ended");
    let stats = provider.stats().await;
    assert_eq!(stats["refresh_tokens_reused"], 1, "{stats}");
    assert_eq!(stats["reuse_detected"], 1, "{stats}");
    let secrets = provider.secrets().await;
    assert!(secrets.iter().any(|secret| secret == access), "{secrets:?}");
}

//! A code becomes tokens, once.

use axum::http::{StatusCode, header};
use base64::{Engine, prelude::BASE64_STANDARD};

use crate::acme::{ALL, Acme, CALLBACK, VERIFIER, posted};

const DEMO: &str = "acme-demo";

#[tokio::test]
async fn a_code_gives_tokens_that_work() {
    let acme = Acme::start();
    let code = acme.code(DEMO, ALL).await;
    let answer = acme.exchange(DEMO, &code, VERIFIER).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
    let tokens = answer.json();
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&"Bearer".into(), &20.into()));
    assert_eq!(tokens["scope"], ALL);
    let me = acme.api(tokens["access_token"].as_str().unwrap(), "/me").await.json();
    assert_eq!(me["email"], "ana@acme.example");
}

#[tokio::test]
async fn a_wrong_verifier_is_refused_and_spoils_the_code() {
    let acme = Acme::start();
    let code = acme.code(DEMO, ALL).await;
    let wrong = acme.exchange(DEMO, &code, &"x".repeat(43)).await;
    assert_eq!((wrong.status, wrong.error()), (StatusCode::BAD_REQUEST, "invalid_grant".into()));
    assert_eq!(acme.exchange(DEMO, &code, VERIFIER).await.error(), "invalid_grant");
}

#[tokio::test]
async fn a_missing_verifier_is_refused() {
    let acme = Acme::start();
    let code = acme.code(DEMO, ALL).await;
    assert_eq!(acme.exchange(DEMO, &code, "").await.error(), "invalid_request");
}

#[tokio::test]
async fn a_replayed_code_is_refused_and_revokes_what_it_gave() {
    let acme = Acme::start();
    let code = acme.code(DEMO, ALL).await;
    let tokens = acme.exchange(DEMO, &code, VERIFIER).await;
    let (access, refresh) = (tokens.field("access_token"), tokens.field("refresh_token"));
    assert!(acme.is_active(DEMO, &access).await);

    assert_eq!(acme.exchange(DEMO, &code, VERIFIER).await.error(), "invalid_grant");
    assert_eq!(acme.api(&access, "/me").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(acme.refresh(DEMO, &refresh, &[]).await.error(), "invalid_grant");
    assert_eq!(acme.log().await, ["issued", "refused", "revoked", "refused"]);
}

#[tokio::test]
async fn a_code_ends_after_a_minute() {
    let acme = Acme::start();
    let code = acme.code(DEMO, ALL).await;
    acme.wait(61);
    assert_eq!(acme.exchange(DEMO, &code, VERIFIER).await.error(), "invalid_grant");
}

#[tokio::test]
async fn a_code_is_good_only_for_its_client_and_its_exact_redirect_uri() {
    let acme = Acme::start();
    let code = acme.code(DEMO, ALL).await;
    assert_eq!(acme.exchange("acme-strict", &code, VERIFIER).await.error(), "invalid_grant");
    // Another client's attempt does not spoil it.
    let elsewhere = format!("{CALLBACK}/");
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", elsewhere.as_str()),
        ("code_verifier", VERIFIER),
    ];
    assert_eq!(acme.as_client(DEMO, "/oauth/token", &form).await.error(), "invalid_grant");
    let code = acme.code(DEMO, ALL).await;
    acme.exchange("acme-strict", &code, VERIFIER).await;
    assert_eq!(acme.exchange(DEMO, &code, VERIFIER).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_client_proves_itself_in_the_form_or_in_the_header_but_not_in_both() {
    let acme = Acme::start();
    let form = [("grant_type", "client_credentials"), ("scope", "crm.contacts.read")];
    let basic = |secret: &str| {
        let mut request = posted("/oauth/token", &form);
        let value = format!("Basic {}", BASE64_STANDARD.encode(format!("acme%2Ddemo:{secret}")));
        request.headers_mut().insert(header::AUTHORIZATION, value.parse().unwrap());
        request
    };
    assert_eq!(acme.as_client(DEMO, "/oauth/token", &form).await.status, StatusCode::OK);
    assert_eq!(acme.send(basic("acme-demo-secret")).await.status, StatusCode::OK);

    let wrong = acme.send(basic("guess")).await;
    assert_eq!((wrong.status, wrong.error()), (StatusCode::UNAUTHORIZED, "invalid_client".into()));
    assert!(wrong.header(header::WWW_AUTHENTICATE).starts_with("Basic"));

    let twice = [&form[..], &[("client_secret", "acme-demo-secret")]].concat();
    let mut request = posted("/oauth/token", &twice);
    let header = basic("acme-demo-secret").headers_mut().remove(header::AUTHORIZATION).unwrap();
    request.headers_mut().insert(header::AUTHORIZATION, header);
    assert_eq!(acme.send(request).await.error(), "invalid_request");
}

#[tokio::test]
async fn a_client_of_its_own_gets_no_refresh_token() {
    let acme = Acme::start();
    let form = [("grant_type", "client_credentials"), ("scope", "support.tickets.read")];
    let answer = acme.as_client(DEMO, "/oauth/token", &form).await.json();
    assert_eq!(answer["scope"], "support.tickets.read");
    assert!(answer.get("refresh_token").is_none());
    let me = acme.api(answer["access_token"].as_str().unwrap(), "/me").await.json();
    assert_eq!(me["id"], "acct_team");
}

#[tokio::test]
async fn requests_that_are_not_plain_forms_are_refused() {
    let acme = Acme::start();
    let unknown = [("grant_type", "password")];
    let unknown = acme.as_client(DEMO, "/oauth/token", &unknown).await;
    assert_eq!(unknown.error(), "unsupported_grant_type");
    let twice = [("grant_type", "client_credentials"), ("scope", "a"), ("scope", "b")];
    assert_eq!(acme.as_client(DEMO, "/oauth/token", &twice).await.error(), "invalid_request");
    let mut json = posted("/oauth/token", &[("grant_type", "client_credentials")]);
    json.headers_mut().insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
    assert_eq!(acme.send(json).await.error(), "invalid_request");
    let many = vec![("x", "y"); 100];
    assert_eq!(acme.as_client(DEMO, "/oauth/token", &many).await.error(), "invalid_request");
}

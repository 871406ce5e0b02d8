//! The end of tokens, and what introspection says.

use axum::http::StatusCode;

use crate::acme::{ALL, Acme};

const DEMO: &str = "acme-demo";

#[tokio::test]
async fn introspection_tells_a_client_about_its_own_tokens_only() {
    let acme = Acme::start();
    let (access, refresh) = acme.link(DEMO, "crm.contacts.read").await;
    let about = acme.as_client(DEMO, "/oauth/introspect", &[("token", &access)]).await.json();
    assert_eq!((&about["active"], &about["scope"]), (&true.into(), &"crm.contacts.read".into()));
    assert_eq!(
        (&about["sub"], &about["username"]),
        (&"acct_ana".into(), &"ana@acme.example".into())
    );
    let lifetime = about["exp"].as_i64().unwrap() - about["iat"].as_i64().unwrap();
    assert_eq!(lifetime, 20);
    assert!(acme.is_active(DEMO, &refresh).await);
    assert!(!acme.is_active("acme-strict", &access).await);
    assert!(!acme.is_active("acme-strict", &refresh).await);
    assert!(!acme.is_active(DEMO, "acme_at_guess").await);
}

#[tokio::test]
async fn revoking_a_refresh_token_ends_its_grant() {
    let acme = Acme::start();
    let (access, refresh) = acme.link(DEMO, ALL).await;
    let (other, _) = acme.link(DEMO, ALL).await;
    let answer = acme.as_client(DEMO, "/oauth/revoke", &[("token", &refresh)]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(!acme.is_active(DEMO, &access).await);
    assert_eq!(acme.refresh(DEMO, &refresh, &[]).await.error(), "invalid_grant");
    assert!(acme.is_active(DEMO, &other).await, "another consent of the same person stays");
}

#[tokio::test]
async fn revoking_an_access_token_ends_it_alone() {
    let acme = Acme::start();
    let (access, refresh) = acme.link(DEMO, ALL).await;
    acme.as_client(DEMO, "/oauth/revoke", &[("token", &access)]).await;
    assert_eq!(acme.api(&access, "/me").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(acme.refresh(DEMO, &refresh, &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn revoking_an_unknown_token_succeeds_and_anothers_does_not() {
    let acme = Acme::start();
    let (access, refresh) = acme.link(DEMO, ALL).await;
    let unknown = acme.as_client(DEMO, "/oauth/revoke", &[("token", "acme_at_guess")]).await;
    assert_eq!(unknown.status, StatusCode::OK);
    for token in [&access, &refresh] {
        let answer = acme.as_client("acme-strict", "/oauth/revoke", &[("token", token)]).await;
        assert_eq!(answer.error(), "unauthorized_client");
        assert!(acme.is_active(DEMO, token).await);
    }
}

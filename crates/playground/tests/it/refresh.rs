//! Each class of refresh token, and narrower scopes.

use axum::http::StatusCode;

use crate::acme::{ALL, Acme};

const DEMO: &str = "acme-demo";
const SAFE: &str = "acme-replay-safe";
const STRICT: &str = "acme-strict";

#[tokio::test]
async fn a_static_refresh_token_stays() {
    let acme = Acme::start();
    let (access, refresh) = acme.link(DEMO, ALL).await;
    for _ in 0..3 {
        assert_eq!(acme.refresh(DEMO, &refresh, &[]).await.field("refresh_token"), refresh);
    }
    assert!(acme.is_active(DEMO, &access).await, "the former access token lives on");
    acme.wait(21);
    assert!(!acme.is_active(DEMO, &access).await, "until its time is over");
    assert_eq!(acme.refresh(DEMO, &refresh, &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_replay_safe_refresh_token_gives_the_same_new_one_for_half_a_minute() {
    let acme = Acme::start();
    let (_, first) = acme.link(SAFE, ALL).await;
    let second = acme.refresh(SAFE, &first, &[]).await.field("refresh_token");
    assert_ne!(second, first);
    acme.wait(30);
    let again = acme.refresh(SAFE, &first, &[]).await;
    assert_eq!(again.field("refresh_token"), second);
    assert!(acme.is_active(SAFE, &again.field("access_token")).await);
    acme.wait(1);
    assert_eq!(acme.refresh(SAFE, &first, &[]).await.error(), "invalid_grant");
    assert_eq!(acme.refresh(SAFE, &second, &[]).await.status, StatusCode::OK, "the grant lives on");
    assert_eq!(
        acme.log().await,
        ["issued", "refreshed", "reused", "reused", "refused", "refreshed"]
    );
}

#[tokio::test]
async fn a_strict_refresh_token_used_again_revokes_the_whole_grant() {
    let acme = Acme::start();
    let (_, first) = acme.link(STRICT, ALL).await;
    let next = acme.refresh(STRICT, &first, &[]).await;
    let (access, second) = (next.field("access_token"), next.field("refresh_token"));
    assert_ne!(second, first);
    assert!(acme.is_active(STRICT, &access).await);

    assert_eq!(acme.refresh(STRICT, &first, &[]).await.error(), "invalid_grant");
    assert!(!acme.is_active(STRICT, &access).await);
    assert_eq!(acme.refresh(STRICT, &second, &[]).await.error(), "invalid_grant");
    let stats = acme.get("/_playground/stats").await.json();
    assert_eq!(
        (&stats["refreshes"], &stats["reuses"], &stats["revoked"]),
        (&1.into(), &1.into(), &1.into())
    );
}

#[tokio::test]
async fn a_strict_refresh_ends_the_former_access_token() {
    let acme = Acme::start();
    let (access, refresh) = acme.link(STRICT, ALL).await;
    assert_eq!(acme.api(&access, "/me").await.status, StatusCode::OK);
    acme.refresh(STRICT, &refresh, &[]).await;
    assert_eq!(acme.api(&access, "/me").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_refresh_may_ask_for_less_and_later_for_all_again() {
    let acme = Acme::start();
    for client in [DEMO, SAFE, STRICT] {
        let (_, refresh) = acme.link(client, ALL).await;
        let narrow = acme.refresh(client, &refresh, &[("scope", "crm.contacts.read")]).await;
        assert_eq!(narrow.field("scope"), "crm.contacts.read");
        let access = narrow.field("access_token");
        assert_eq!(acme.api(&access, "/contacts").await.status, StatusCode::OK);
        assert_eq!(acme.api(&access, "/tickets").await.status, StatusCode::FORBIDDEN);
        let wide = acme.refresh(client, &narrow.field("refresh_token"), &[]).await;
        assert_eq!(wide.field("scope"), ALL);
    }
}

#[tokio::test]
async fn a_refresh_may_not_ask_for_more_and_is_not_spent_by_it() {
    let acme = Acme::start();
    let (_, refresh) = acme.link(STRICT, "crm.contacts.read").await;
    for wider in [ALL, "crm.contacts.read crm.contacts.write", "no.such.scope"] {
        let answer = acme.refresh(STRICT, &refresh, &[("scope", wider)]).await;
        assert_eq!(answer.error(), "invalid_scope", "{wider}");
    }
    assert_eq!(acme.refresh(STRICT, &refresh, &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_refresh_token_is_good_only_for_its_client() {
    let acme = Acme::start();
    let (_, refresh) = acme.link(STRICT, ALL).await;
    assert_eq!(acme.refresh(DEMO, &refresh, &[]).await.error(), "invalid_grant");
    assert_eq!(acme.refresh(STRICT, &refresh, &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_log_names_a_refresh_token_by_its_digest_only() {
    let acme = Acme::start();
    let (_, refresh) = acme.link(DEMO, ALL).await;
    acme.refresh(DEMO, &refresh, &[]).await;
    let log = acme.get("/_playground/log").await;
    assert!(!log.text().contains(&refresh));
    let event = &log.json()[1];
    assert_eq!((&event["client"], &event["grant_type"]), (&DEMO.into(), &"refresh_token".into()));
    assert_eq!(event["refresh_token_sha256"].as_str().unwrap().len(), 64);
    assert_eq!(event["max_in_flight"], 1);
}

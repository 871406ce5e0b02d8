//! Misbehaviour on order.

use axum::{
    body::{HttpBody, to_bytes},
    http::{StatusCode, header},
};
use serde_json::json;
use tokio::task::JoinSet;

use crate::acme::{ALL, Acme, posted};

const DEMO: &str = "acme-demo";
const STRICT: &str = "acme-strict";

#[tokio::test]
async fn a_status_is_answered_in_place_of_the_work() {
    let acme = Acme::start();
    let (access, refresh) = acme.link(STRICT, ALL).await;
    for (mode, status) in [("status_429", 429), ("status_500", 500), ("status_503", 503)] {
        acme.order(json!({"mode": mode, "retry_after_s": 7})).await;
        let answer = acme.refresh(STRICT, &refresh, &[]).await;
        assert_eq!(answer.status.as_u16(), status);
        let after = if status == 500 { "" } else { "7" };
        assert_eq!(answer.header(header::RETRY_AFTER), after);
    }
    acme.order(json!({})).await;
    assert!(acme.is_active(STRICT, &access).await, "nothing was rotated");
    assert_eq!(acme.refresh(STRICT, &refresh, &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn refusals_on_order_leave_the_grant_alive() {
    let acme = Acme::start();
    let (_, refresh) = acme.link(STRICT, ALL).await;
    for (mode, status) in [("invalid_grant", 400), ("invalid_client", 401)] {
        acme.order(json!({"mode": mode, "count": 1})).await;
        let answer = acme.refresh(STRICT, &refresh, &[]).await;
        assert_eq!((answer.status.as_u16(), answer.error()), (status, mode.to_owned()));
    }
    assert_eq!(acme.refresh(STRICT, &refresh, &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_dropped_answer_was_rotated_all_the_same() {
    let acme = Acme::start();
    let (_, refresh) = acme.link(STRICT, ALL).await;
    acme.order(json!({"mode": "drop_after_rotating", "count": 1})).await;
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh.as_str()),
        ("client_id", STRICT),
        ("client_secret", "acme-strict-secret"),
    ];
    let dropped = acme.open(posted("/oauth/token", &form)).await;
    assert!(to_bytes(dropped.into_body(), 1024).await.is_err());
    assert_eq!(acme.refresh(STRICT, &refresh, &[]).await.error(), "invalid_grant");
    assert_eq!(
        acme.log().await,
        ["issued", "refreshed", "misbehaved", "reused", "refused", "revoked"]
    );
}

#[tokio::test]
async fn an_answer_may_lie_about_its_lifetime() {
    let acme = Acme::start();
    let (_, refresh) = acme.link(DEMO, ALL).await;
    acme.order(json!({"mode": "lie_expiry", "access_ttl_s": 2})).await;
    let answer = acme.refresh(DEMO, &refresh, &[]).await.json();
    assert_eq!(answer["expires_in"], 3600);
    let access = answer["access_token"].as_str().unwrap();
    assert!(acme.is_active(DEMO, access).await);
    acme.wait(2);
    assert!(!acme.is_active(DEMO, access).await);
}

#[tokio::test]
async fn an_omitted_refresh_token_is_not_replaced_either() {
    let acme = Acme::start();
    let (_, refresh) = acme.link(STRICT, ALL).await;
    acme.order(json!({"mode": "omit_refresh_token", "count": 1})).await;
    let answer = acme.refresh(STRICT, &refresh, &[]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.json().get("refresh_token").is_none());
    assert_eq!(acme.refresh(STRICT, &refresh, &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn nonsense_comes_with_status_200() {
    let acme = Acme::start();
    let (_, refresh) = acme.link(DEMO, ALL).await;
    acme.order(json!({"mode": "html"})).await;
    let html = acme.refresh(DEMO, &refresh, &[]).await;
    assert_eq!(html.status, StatusCode::OK);
    assert!(html.header(header::CONTENT_TYPE).starts_with("text/html"));
    acme.order(json!({"mode": "garbage"})).await;
    let garbage = acme.refresh(DEMO, &refresh, &[]).await;
    assert_eq!(garbage.status, StatusCode::OK);
    assert!(serde_json::from_slice::<serde_json::Value>(&garbage.body).is_err());
}

#[tokio::test]
async fn a_huge_body_goes_past_any_limit() {
    let acme = Acme::start();
    acme.order(json!({"mode": "huge_body"})).await;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", DEMO),
        ("client_secret", "acme-demo-secret"),
    ];
    let huge = acme.open(posted("/oauth/token", &form)).await;
    assert_eq!(huge.status(), StatusCode::OK);
    assert_eq!(huge.body().size_hint().exact(), None, "its length is not announced");
    assert!(to_bytes(huge.into_body(), 16 << 20).await.is_err());
}

#[tokio::test]
async fn an_order_may_be_for_some_requests_of_one_client() {
    let acme = Acme::start();
    let (_, demo) = acme.link(DEMO, ALL).await;
    let (_, strict) = acme.link(STRICT, ALL).await;
    acme.order(json!({"mode": "status_500", "for_client": DEMO, "count": 2})).await;
    assert_eq!(acme.refresh(STRICT, &strict, &[]).await.status, StatusCode::OK);
    for expected in [500, 500, 200] {
        assert_eq!(acme.refresh(DEMO, &demo, &[]).await.status.as_u16(), expected);
    }
    acme.order(json!({"fail_next": 1})).await;
    for expected in [503, 200] {
        assert_eq!(acme.refresh(DEMO, &demo, &[]).await.status.as_u16(), expected);
    }
}

#[tokio::test]
async fn the_api_and_revocation_fail_on_order_too() {
    let acme = Acme::start();
    let (access, refresh) = acme.link(DEMO, ALL).await;
    acme.order(json!({"mode": "status_429", "on": "api", "retry_after_s": 3, "count": 1})).await;
    assert_eq!(acme.refresh(DEMO, &refresh, &[]).await.status, StatusCode::OK);
    let limited = acme.api(&access, "/me").await;
    assert_eq!(limited.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(limited.header(header::RETRY_AFTER), "3");
    assert_eq!(acme.api(&access, "/me").await.status, StatusCode::OK);

    acme.order(json!({"mode": "status_503", "on": "revoke", "count": 1})).await;
    let form = [("token", access.as_str())];
    for (status, alive) in [(503, true), (200, false)] {
        let answer = acme.as_client(DEMO, "/oauth/revoke", &form).await;
        assert_eq!(answer.status.as_u16(), status);
        assert_eq!(acme.is_active(DEMO, &access).await, alive);
    }
}

#[tokio::test(start_paused = true)]
async fn refreshes_of_one_grant_are_counted_while_they_are_in_flight() {
    let acme = std::sync::Arc::new(Acme::start());
    let (_, one) = acme.link(DEMO, ALL).await;
    let (_, other) = acme.link(DEMO, ALL).await;
    acme.order(json!({"token_delay_ms": 60_000})).await;
    let mut calls = JoinSet::new();
    for token in [&one, &one, &one, &other] {
        let (acme, token) = (acme.clone(), token.clone());
        calls.spawn(async move { acme.refresh(DEMO, &token, &[]).await.status });
    }
    while let Some(status) = calls.join_next().await {
        assert_eq!(status.unwrap(), StatusCode::OK);
    }
    let stats = acme.get("/_playground/stats").await.json();
    assert_eq!(stats["refreshes"], 4);
    assert_eq!(stats["max_concurrent_refreshes_per_grant"], 3);
}

#[tokio::test]
async fn a_slow_body_comes_a_byte_a_second_and_ends_after_a_minute() {
    tokio::time::pause();
    let acme = Acme::start();
    acme.order(json!({"mode": "slowloris"})).await;
    let start = tokio::time::Instant::now();
    let slow = acme.as_client(DEMO, "/oauth/token", &[("grant_type", "client_credentials")]).await;
    assert_eq!((slow.status, slow.body.len()), (StatusCode::OK, 60));
    assert_eq!(start.elapsed().as_secs(), 59, "on the test's own clock");
}

#[tokio::test]
async fn an_order_that_is_none_is_refused_and_changes_nothing() {
    let acme = Acme::start();
    acme.order(json!({"mode": "status_500"})).await;
    for bad in ["{\"mode\": \"sulk\"}", "{\"moode\": \"html\"}", "[", "{\"count\": -1}"] {
        let request = axum::http::Request::put("/_playground/behaviour");
        let answer = acme.send(request.body(bad.into()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{bad}");
    }
    assert_eq!(acme.get("/_playground/behaviour").await.json()["mode"], "status_500");
}

#[tokio::test]
async fn an_emptied_log_starts_at_nought() {
    let acme = Acme::start();
    let (_, refresh) = acme.link(DEMO, ALL).await;
    acme.refresh(DEMO, &refresh, &[]).await;
    let request = axum::http::Request::delete("/_playground/log").body(String::new().into());
    assert_eq!(acme.send(request.unwrap()).await.status, StatusCode::NO_CONTENT);
    assert_eq!(acme.log().await, Vec::<String>::new());
    assert_eq!(acme.get("/_playground/stats").await.json()["refreshes"], 0);
}

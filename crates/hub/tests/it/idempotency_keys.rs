//! A create that is sent again is answered as before.

use std::time::Duration;

use hub::idempotency::{Begin, Request, Ticket, begin, forget_old};
use sea_orm::{ConnectionTrait, Statement};

use super::scene::{Scene, refused};

const KEY: Request<'static> = Request { caller: "key_1", key: "abc", fingerprint: b"POST /a {}" };

async fn fresh(scene: &Scene, request: Request<'_>) -> Ticket {
    match begin(&scene.store, request).await.unwrap() {
        Begin::Fresh(ticket) => ticket,
        Begin::Replay { .. } => panic!("it was answered before"),
    }
}

async fn rows(scene: &Scene) -> i64 {
    let sql = "SELECT count(*) AS n FROM idempotency";
    let statement = Statement::from_string(scene.store.backend(), sql);
    let row = scene.store.read().query_one_raw(statement).await.unwrap().unwrap();
    row.try_get("", "n").unwrap()
}

#[tokio::test]
async fn the_same_request_again_is_answered_as_before() {
    let scene = Scene::new().await;
    fresh(&scene, KEY).await.finish(&scene.store, 201, r#"{"id":"ws_1"}"#).await.unwrap();
    for _ in 0..2 {
        let Begin::Replay { status, body } = begin(&scene.store, KEY).await.unwrap() else {
            panic!("it would be done twice");
        };
        assert_eq!((status, body.as_str()), (201, r#"{"id":"ws_1"}"#));
    }
}

#[tokio::test]
async fn the_same_key_with_another_body_is_refused() {
    let scene = Scene::new().await;
    fresh(&scene, KEY).await.finish(&scene.store, 201, "{}").await.unwrap();
    let other = Request { fingerprint: b"POST /a {1}", ..KEY };
    assert_eq!(refused(begin(&scene.store, other).await).code, "idempotency_key_reused");
}

#[tokio::test]
async fn another_callers_key_is_another_key() {
    let scene = Scene::new().await;
    fresh(&scene, KEY).await.finish(&scene.store, 201, "{}").await.unwrap();
    fresh(&scene, Request { caller: "key_2", ..KEY }).await;
}

#[tokio::test]
async fn while_the_first_is_under_way_the_second_waits() {
    let scene = Scene::new().await;
    let (one, other) = tokio::join!(begin(&scene.store, KEY), begin(&scene.store, KEY));
    let (done, waits) = if one.is_ok() { (one, other) } else { (other, one) };
    assert_eq!(refused(waits).code, "idempotency_under_way");
    let Begin::Fresh(ticket) = done.unwrap() else { panic!("it was never done") };
    ticket.finish(&scene.store, 201, "{}").await.unwrap();
    assert!(matches!(begin(&scene.store, KEY).await.unwrap(), Begin::Replay { .. }));
}

#[tokio::test]
async fn a_request_that_made_nothing_leaves_its_key_free() {
    let scene = Scene::new().await;
    fresh(&scene, KEY).await.forget(&scene.store).await.unwrap();
    fresh(&scene, Request { fingerprint: b"POST /a {1}", ..KEY }).await;
}

#[tokio::test]
async fn the_key_of_a_request_whose_process_died_is_free_after_two_minutes() {
    let scene = Scene::new().await;
    drop(fresh(&scene, KEY).await);
    scene.later(Duration::from_mins(2) - Duration::from_millis(1));
    assert_eq!(refused(begin(&scene.store, KEY).await).code, "idempotency_under_way");
    scene.later(Duration::from_millis(1));
    fresh(&scene, KEY).await;
}

#[tokio::test]
async fn an_answer_is_forgotten_after_a_day() {
    let scene = Scene::new().await;
    fresh(&scene, KEY).await.finish(&scene.store, 201, "{}").await.unwrap();
    scene.later(Duration::from_hours(24) - Duration::from_millis(1));
    forget_old(&scene.store).await.unwrap();
    assert!(matches!(begin(&scene.store, KEY).await.unwrap(), Begin::Replay { .. }));
    scene.later(Duration::from_millis(1));
    forget_old(&scene.store).await.unwrap();
    assert_eq!(rows(&scene).await, 0);
    fresh(&scene, KEY).await;
}

#[tokio::test]
async fn a_day_counts_also_where_nobody_tidied_up() {
    let scene = Scene::new().await;
    fresh(&scene, KEY).await.finish(&scene.store, 201, "{}").await.unwrap();
    scene.later(Duration::from_hours(24));
    fresh(&scene, Request { fingerprint: b"POST /a {1}", ..KEY }).await;
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let scene = Scene::new().await;
    for key in ["", "two words", "ümlaut", &"x".repeat(256)] {
        let error = refused(begin(&scene.store, Request { key, ..KEY }).await);
        assert_eq!(error.code, "idempotency_key_invalid", "{key}");
    }
    fresh(&scene, Request { key: &"x".repeat(255), ..KEY }).await;
}

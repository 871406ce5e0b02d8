//! Links and the browsers that go through them.

use std::time::Duration;

use hub::{
    connection,
    session::{self, Fault, NewSession, Status},
};

use super::scene::{READ, Scene, new_session, query, refused};

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn looking_at_a_link_binds_nothing_and_a_click_binds_once() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let made = scene.session(&chat, "ana").await;
    for _ in 0..3 {
        session::by_token(&scene.store, &made.token).await.unwrap();
    }
    scene.open(&made).await;
    assert_eq!(refused(session::bind(&scene.store, &made.token).await).code, "link_expired");
    assert_eq!(refused(session::by_token(&scene.store, &made.token).await).code, "link_expired");
}

#[tokio::test]
async fn of_two_browsers_that_click_at_once_one_is_bound() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let made = scene.session(&chat, "ana").await;
    let (one, other) = tokio::join!(
        session::bind(&scene.store, &made.token),
        session::bind(&scene.store, &made.token)
    );
    assert_eq!([one.is_ok(), other.is_ok()].iter().filter(|bound| **bound).count(), 1);
}

#[tokio::test]
async fn an_expired_link_opens_nothing() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let clicked = scene.session(&chat, "ana").await;
    let unseen = scene.session(&chat, "ben").await;
    let browser = scene.open(&clicked).await;
    let page = scene.go(&browser).await;

    scene.later(30 * MINUTE);

    assert_eq!(refused(session::by_token(&scene.store, &unseen.token).await).code, "link_expired");
    assert_eq!(refused(session::bind(&scene.store, &unseen.token).await).code, "link_expired");
    assert_eq!(refused(scene.back(&browser, &page, "ana-work").await).code, "link_expired");
    assert_eq!(scene.acme.exchanged(), 0);
    assert_eq!(session::expire_due(&scene.store).await.unwrap(), 2);
    for made in [clicked, unseen] {
        assert_eq!(scene.session_now(&chat, &made.row.id).await.status, Status::Expired);
    }
}

#[tokio::test]
async fn a_link_works_until_its_last_moment() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let made = scene.session(&chat, "ana").await;
    scene.later(Duration::from_millis(30 * 60_000 - 1));
    let code = scene.finish(&chat, &made, "ana-work").await;
    scene.complete(&chat, &made, &code, "ana").await.unwrap();
}

#[tokio::test]
async fn a_token_that_was_made_up_opens_nothing() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let made = scene.session(&chat, "ana").await;
    let other = scene.session(&chat, "ben").await;
    let (_, proof) = other.token.split_once('.').unwrap();
    for forged in [format!("{}.{proof}", made.row.id), made.row.id.clone(), "x".repeat(5000)] {
        assert_eq!(refused(session::by_token(&scene.store, &forged).await).code, "link_expired");
    }
}

#[tokio::test]
async fn another_browsers_cookie_is_refused() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let made = scene.session(&chat, "ana").await;
    let victim = scene.open(&made).await;
    let attacker = scene.open(&scene.session(&chat, "eve").await).await;
    let page = scene.go(&victim).await;
    scene.go(&attacker).await;

    // Its own session, with the state that the victim's browser was sent away with.
    assert_eq!(refused(scene.back(&attacker, &page, "eve-work").await).code, "state_invalid");
    // The victim's session, with a secret of its own.
    let (_, secret) = attacker.cookie.split_once('.').unwrap();
    let forged = format!("{}.{secret}", made.row.id);
    assert_eq!(refused(session::by_browser(&scene.store, &forged).await).code, "link_expired");
    assert_eq!(scene.acme.exchanged(), 0);

    scene.back(&victim, &page, "ana-work").await.unwrap();
}

#[tokio::test]
async fn a_state_is_good_once() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let made = scene.session(&chat, "ana").await;
    let browser = scene.open(&made).await;
    let page = scene.go(&browser).await;
    let read_before = session::by_browser(&scene.store, &browser.cookie).await.unwrap();
    scene.back(&browser, &page, "ana-work").await.unwrap();

    assert_eq!(refused(scene.back(&browser, &page, "eve-work").await).code, "state_invalid");
    // Also for a request that read the session before the first answer came.
    let answer = [("code", "eve-work")];
    assert_eq!(refused(scene.answer_to(&read_before, &page, &answer).await).code, "state_invalid");
    assert_eq!(scene.acme.exchanged(), 1);
}

#[tokio::test]
async fn the_state_of_an_earlier_attempt_is_refused() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let browser = scene.open(&scene.session(&chat, "ana").await).await;
    let first = scene.go(&browser).await;
    let second = scene.go(&browser).await;
    assert_eq!(refused(scene.back(&browser, &first, "ana-work").await).code, "state_invalid");
    scene.back(&browser, &second, "ana-work").await.unwrap();
}

#[tokio::test]
async fn an_answer_at_another_clients_address_is_refused() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let shop = scene.tenant("shop").await;
    let browser = scene.open(&scene.session(&chat, "ana").await).await;
    let page = scene.go(&browser).await;
    let mut elsewhere = page.clone();
    elsewhere.set_query(Some(&page.query().unwrap().replace(&chat.client, &shop.client)));
    assert_eq!(refused(scene.back(&browser, &elsewhere, "ana-work").await).code, "state_invalid");
    scene.back(&browser, &page, "ana-work").await.unwrap();
}

#[tokio::test]
async fn after_a_no_at_the_provider_the_same_browser_may_try_again() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let made = scene.session(&chat, "ana").await;
    let browser = scene.open(&made).await;
    let page = scene.go(&browser).await;
    scene.answer(&browser, &page, &[("error", "access_denied")]).await.unwrap();
    let now = scene.session_now(&chat, &made.row.id).await;
    assert_eq!((now.status, now.error), (Status::Failed, Some(Fault::Denied)));

    let page = scene.go(&browser).await;
    scene.back(&browser, &page, "ana-work").await.unwrap();
    let now = scene.session_now(&chat, &made.row.id).await;
    assert_eq!((now.status, now.error), (Status::Pending, None));
}

#[tokio::test]
async fn another_workspace_does_not_see_a_session() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let shop = scene.tenant("shop").await;
    let made = scene.session(&chat, "ana").await;
    let code = scene.finish(&chat, &made, "ana-work").await;
    assert_eq!(refused(session::get(&scene.store, &shop.id, &made.row.id).await).code, "not_found");
    assert_eq!(refused(scene.complete(&shop, &made, &code, "ana").await).code, "not_found");
    scene.complete(&chat, &made, &code, "ana").await.unwrap();
}

#[tokio::test]
async fn an_answer_that_is_overtaken_by_a_new_attempt_is_revoked_and_the_new_one_counts() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let made = scene.session(&chat, "ana").await;
    let browser = scene.open(&made).await;
    let first = scene.go(&browser).await;
    // The provider takes its time over the first code; the person goes back and starts again.
    let gate = scene.acme.hold();
    let (slow, second) = tokio::join!(scene.back(&browser, &first, "ana-work"), async {
        gate.arrived().await;
        let second = scene.go(&browser).await;
        gate.open();
        second
    });
    assert_eq!(refused(slow).code, "session_busy");
    scene.back(&browser, &second, "ana-home").await.unwrap();

    let code = scene.code(&chat, &made).await;
    let row = scene.complete(&chat, &made, &code, "ana").await.unwrap().connection;
    let label = connection::label(&scene.store, &row).await.unwrap().unwrap();
    assert_eq!(label.id, "ana-home");
    assert_eq!(scene.work().await, 1);
    assert_eq!(scene.acme.revoked(), ["refresh.ana-work"]);
}

#[tokio::test]
async fn a_session_for_fewer_scopes_asks_for_no_more() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let new = NewSession { scopes: Some(vec![READ.to_owned()]), ..new_session("ana") };
    let made = session::create(&scene.store, &chat.id, new).await.unwrap();
    let page = scene.go(&scene.open(&made).await).await;
    assert_eq!(query(&page, "scope").as_deref(), Some(READ));
}

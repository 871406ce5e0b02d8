//! From the provider's yes to a connection: whose it is, and what becomes of one that nobody claims.

use std::time::Duration;

use hub::{
    connection::{self, Receipt},
    session::{self, Fault, Intent, NewSession, Status},
    store::outbox,
};

use super::{
    provider::Mood,
    scene::{Scene, new_session, refused, whole},
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_completed_link_is_that_users_connection_and_nothing_is_revoked() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let made = scene.session(&chat, "ana").await;
    let code = scene.finish(&chat, &made, "ana-work").await;
    let done = scene.complete(&chat, &made, &code, "ana").await.unwrap();

    assert_eq!(done.session.status, Status::Completed);
    assert_eq!(done.session.result_connection_id.as_ref(), Some(&done.connection.id));
    let label = connection::label(&scene.store, &done.connection).await.unwrap().unwrap();
    assert_eq!((label.id.as_str(), label.label.as_str()), ("ana-work", "ana-work@acme.example"));
    scene.later(60 * MINUTE);
    session::expire_due(&scene.store).await.unwrap();
    assert_eq!(scene.work().await, 0);
}

#[tokio::test]
async fn a_link_that_is_not_completed_is_no_connection() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    let made = scene.session(&chat, "ana").await;
    scene.finish(&chat, &made, "ana-work").await;
    let required = scene.connect_required(&chat, &whole("ana")).await;
    assert_eq!(required.reason, hub::release::ConnectReason::NotConnected);
}

#[tokio::test]
async fn a_completion_code_is_refused_after_five_minutes() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let late = scene.session(&chat, "ana").await;
    let code_of_late = scene.finish(&chat, &late, "ana-work").await;
    scene.later(SECOND);
    let in_time = scene.session(&chat, "ben").await;
    let code_in_time = scene.finish(&chat, &in_time, "ben-work").await;

    scene.later(Duration::from_secs(5 * 60 - 1));

    assert_eq!(
        refused(scene.complete(&chat, &late, &code_of_late, "ana").await).code,
        "code_invalid"
    );
    scene.complete(&chat, &in_time, &code_in_time, "ben").await.unwrap();
}

#[tokio::test]
async fn a_completion_code_is_good_once() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let made = scene.session(&chat, "ana").await;
    let code = scene.finish(&chat, &made, "ana-work").await;
    let (one, other) = tokio::join!(
        scene.complete(&chat, &made, &code, "ana"),
        scene.complete(&chat, &made, &code, "ana")
    );
    assert_eq!([one.is_ok(), other.is_ok()].iter().filter(|done| **done).count(), 1);
    assert_eq!(refused(scene.complete(&chat, &made, &code, "ana").await).code, "code_invalid");
    assert_eq!(scene.work().await, 0);
}

#[tokio::test]
async fn a_code_completes_only_its_own_session() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let ana = scene.session(&chat, "ana").await;
    let eve = scene.session(&chat, "eve").await;
    scene.finish(&chat, &ana, "ana-work").await;
    let code_of_eve = scene.finish(&chat, &eve, "eve-work").await;
    for wrong in [code_of_eve.as_str(), "", &"x".repeat(5000)] {
        assert_eq!(refused(scene.complete(&chat, &ana, wrong, "ana").await).code, "code_invalid");
    }
}

#[tokio::test]
async fn a_link_that_nobody_completes_within_ten_minutes_is_revoked_at_the_provider() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let made = scene.session(&chat, "ana").await;
    scene.finish(&chat, &made, "ana-work").await;

    scene.later(Duration::from_secs(10 * 60 - 1));
    assert_eq!(session::expire_due(&scene.store).await.unwrap(), 0);
    scene.later(SECOND);
    assert_eq!(session::expire_due(&scene.store).await.unwrap(), 1);

    let now = scene.session_now(&chat, &made.row.id).await;
    assert_eq!(now.status, Status::Expired);
    assert!(now.pending_sealed.is_none());
    assert_eq!(scene.work().await, 1);
    assert_eq!(scene.acme.revoked(), ["refresh.ana-work"]);
    // Once is enough.
    assert_eq!(session::expire_due(&scene.store).await.unwrap(), 0);
    scene.later(60 * MINUTE);
    assert_eq!(scene.work().await, 0);
}

#[tokio::test]
async fn a_revocation_waits_for_a_provider_that_is_down() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let made = scene.session(&chat, "ana").await;
    scene.finish(&chat, &made, "ana-work").await;
    scene.later(10 * MINUTE);
    session::expire_due(&scene.store).await.unwrap();
    let outcome = async || {
        let (id, kind) = (&made.row.id, connection::REVOKE_GRANT);
        outbox::outcome(&scene.store, &chat.id, kind, id).await.unwrap()
    };

    scene.acme.is(Mood::Down);
    assert_eq!(scene.work().await, 1);
    assert_eq!(scene.work().await, 0, "it is not due again at once");
    assert_eq!(outcome().await.as_deref(), Some("pending"));
    scene.acme.is(Mood::Works);
    scene.later(MINUTE);
    assert_eq!(scene.work().await, 1);
    assert_eq!(outcome().await.as_deref(), Some("revoked"));
    assert_eq!(scene.acme.revoked(), ["refresh.ana-work"]);
}

#[tokio::test]
async fn work_whose_process_died_is_due_again_when_its_lease_ends() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let made = scene.session(&chat, "ana").await;
    scene.finish(&chat, &made, "ana-work").await;
    scene.later(10 * MINUTE);
    session::expire_due(&scene.store).await.unwrap();

    let dead = outbox::claim(&scene.store, "a process that dies", 60_000, 10).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!(scene.work().await, 0);
    scene.later(MINUTE);
    assert_eq!(scene.work().await, 1);
    // The dead one comes back and is not listened to.
    dead[0].finish(&scene.store, "failed").await.unwrap();
    let outcome =
        outbox::outcome(&scene.store, &chat.id, connection::REVOKE_GRANT, &made.row.id).await;
    assert_eq!(outcome.unwrap().as_deref(), Some("revoked"));
}

#[tokio::test]
async fn another_user_than_the_one_it_was_made_for_gets_nothing_and_the_grant_is_revoked() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    // The forwarded link: made for eve, finished in ana's browser with ana's account.
    scene.link(&chat, "ana", "ana-home").await;
    let made = scene.session(&chat, "eve").await;
    let code = scene.finish(&chat, &made, "ana-work").await;

    let error = refused(scene.complete(&chat, &made, &code, "ana").await);
    assert_eq!((error.kind, error.code), (hub::Kind::Conflict, "wrong_end_user"));

    let now = scene.session_now(&chat, &made.row.id).await;
    assert_eq!((now.status, now.error), (Status::Failed, Some(Fault::WrongEndUser)));
    assert!(now.pending_sealed.is_none());
    assert_eq!(scene.work().await, 1);
    assert_eq!(scene.acme.revoked(), ["refresh.ana-work"]);
    assert_eq!(refused(scene.complete(&chat, &made, &code, "eve").await).code, "code_invalid");
    let required = scene.connect_required(&chat, &whole("eve")).await;
    assert_eq!(required.reason, hub::release::ConnectReason::NotConnected);
}

#[tokio::test]
async fn a_user_whom_the_hub_never_met_is_the_wrong_one() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let made = scene.session(&chat, "ana").await;
    let code = scene.finish(&chat, &made, "ana-work").await;
    assert_eq!(refused(scene.complete(&chat, &made, &code, "nobody").await).code, "wrong_end_user");
    assert_eq!(scene.work().await, 1);
    assert_eq!(scene.acme.revoked(), ["refresh.ana-work"]);
}

#[tokio::test]
async fn a_reconnect_with_the_same_account_renews_the_connection() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    let first = scene.link(&chat, "ana", "ana-work").await;
    let again = NewSession {
        intent: Intent::Reconnect,
        connection: Some(first.id.clone()),
        ..new_session("ana")
    };
    let renewed = scene.link_by(&chat, again, "ana-work").await;
    assert_eq!(renewed.id, first.id);
    assert_eq!(renewed.generation, first.generation + 1);
    let issued = scene.issued(&chat, &whole("ana")).await;
    assert_eq!(super::scene::token_of(&issued), "access.ana-work.2");
}

#[tokio::test]
async fn a_reconnect_with_another_account_is_wrong_account_and_that_grant_is_revoked() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let first = scene.link(&chat, "ana", "ana-work").await;
    let again = NewSession {
        intent: Intent::Reconnect,
        connection: Some(first.id.clone()),
        ..new_session("ana")
    };
    let made = session::create(&scene.store, &chat.id, again).await.unwrap();
    let browser = scene.open(&made).await;
    let page = scene.go(&browser).await;
    scene.back(&browser, &page, "ana-home").await.unwrap();

    let now = scene.session_now(&chat, &made.row.id).await;
    assert_eq!((now.status, now.error), (Status::Failed, Some(Fault::WrongAccount)));
    assert_eq!(scene.work().await, 1);
    assert_eq!(scene.acme.revoked(), ["refresh.ana-home"]);
    assert_eq!(scene.connection(&first).await, first);
}

#[tokio::test]
async fn nobody_renews_another_persons_connection() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let of_ana = scene.link(&chat, "ana", "ana-work").await;
    let again =
        NewSession { intent: Intent::Reconnect, connection: Some(of_ana.id), ..new_session("eve") };
    assert_eq!(refused(session::create(&scene.store, &chat.id, again).await).code, "not_found");
}

#[tokio::test]
async fn an_ended_connections_receipt_tells_what_became_of_the_grant() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let row = scene.link(&chat, "ana", "ana-work").await;
    let found = hub::integration::get(&scene.store, &chat.id, "acme").await.unwrap();
    let app = hub::integration::App::load(&scene.store, &scene.registry, found).await.unwrap();

    let told = connection::disconnect(&scene.store, &chat.id, &row.id, &app).await.unwrap();
    assert_eq!(told, Receipt::Pending);
    assert!(scene.connection(&row).await.credential_sealed.is_none());
    scene.work().await;
    let told = connection::receipt(&scene.store, &chat.id, &row.id).await.unwrap();
    assert_eq!(told, Some(Receipt::Revoked));
    assert_eq!(scene.acme.revoked(), ["refresh.ana-work"]);
    // Asked again, nothing more happens.
    let told = connection::disconnect(&scene.store, &chat.id, &row.id, &app).await.unwrap();
    assert_eq!(told, Receipt::Revoked);
    assert_eq!(scene.work().await, 0);
}

const OUTBOX_FULL: &str = "CREATE TRIGGER full BEFORE INSERT ON outbox \
    BEGIN SELECT RAISE(ABORT, 'the disk is full'); END";

#[tokio::test]
async fn a_session_does_not_end_without_its_grants_revocation_being_queued() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let made = scene.session(&chat, "ana").await;
    scene.finish(&chat, &made, "ana-work").await;
    scene.later(10 * MINUTE);
    scene.execute(OUTBOX_FULL).await;
    session::expire_due(&scene.store).await.unwrap();
    assert_eq!(scene.session_now(&chat, &made.row.id).await.status, Status::Pending);

    scene.execute("DROP TRIGGER full").await;
    session::expire_due(&scene.store).await.unwrap();
    assert_eq!(scene.session_now(&chat, &made.row.id).await.status, Status::Expired);
    scene.work().await;
    assert_eq!(scene.acme.revoked(), ["refresh.ana-work"]);
}

#[tokio::test]
async fn a_wrong_users_grant_is_not_forgotten_where_its_revocation_can_not_be_queued() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let made = scene.session(&chat, "ana").await;
    let code = scene.finish(&chat, &made, "ana-work").await;
    scene.execute(OUTBOX_FULL).await;
    refused(scene.complete(&chat, &made, &code, "eve").await);
    assert_eq!(scene.session_now(&chat, &made.row.id).await.status, Status::Pending);

    scene.execute("DROP TRIGGER full").await;
    assert_eq!(refused(scene.complete(&chat, &made, &code, "eve").await).code, "wrong_end_user");
    scene.work().await;
    assert_eq!(scene.acme.revoked(), ["refresh.ana-work"]);
}

#[tokio::test]
async fn a_session_whose_credential_does_not_open_keeps_no_other_from_expiring() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let broken = scene.session(&chat, "ana").await;
    scene.finish(&chat, &broken, "ana-work").await;
    let other = scene.session(&chat, "ben").await;
    scene.finish(&chat, &other, "ben-work").await;
    scene
        .execute(
            "UPDATE session SET generation = generation + 1 WHERE browser_digest IS NOT NULL \
        AND id = (SELECT min(id) FROM session)",
        )
        .await;
    scene.later(10 * MINUTE);
    session::expire_due(&scene.store).await.unwrap();
    for made in [&broken, &other] {
        assert_eq!(scene.session_now(&chat, &made.row.id).await.status, Status::Expired);
    }
    assert_eq!(scene.work().await, 1);
}

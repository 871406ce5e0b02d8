//! Off-boarding: hand-outs stop at once, providers are told, and then nothing can be read any more.

use std::time::Duration;

use hub::{
    Kind,
    audit::{Row, ZERO, verify},
    connection::{self, Receipt, Status},
    end_user,
    offboarding::{self, Receipts, Target},
    release::TokenAsk,
    session,
    store::outbox,
    workspace,
};
use serde_json::Value;

use super::{
    provider::Mood,
    scene::{READ, Scene, Tenant, refused, whole},
};

fn check(rows: &[Row]) -> Result<[u8; 32], i64> {
    verify(ZERO, 1, rows.iter().map(|row| (row.body.as_slice(), row.hash.as_slice())))
}

/// Does the background work that is due, as the worker does; returns how many pieces.
async fn turn(scene: &Scene) -> usize {
    session::expire_due(&scene.store).await.unwrap();
    let due = outbox::claim(&scene.store, "test", 60_000, 100).await.unwrap();
    for work in &due {
        let (store, registry) = (&scene.store, &scene.registry);
        match work.kind.as_str() {
            connection::REVOKE_GRANT => connection::revoke_grant(store, registry, work).await,
            offboarding::DISCONNECT_ALL => {
                offboarding::disconnect_step(store, registry, work).await
            }
            offboarding::CLOSE_WORKSPACE => offboarding::close_step(store, registry, work).await,
            _ => work.forget(store).await,
        }
        .unwrap();
    }
    due.len()
}

/// Does all background work until none is left.
async fn drain(scene: &Scene) {
    for _ in 0..200 {
        if turn(scene).await == 0 {
            return;
        }
        scene.later(Duration::from_secs(2));
    }
    panic!("background work does not end");
}

async fn status_of(scene: &Scene, tenant: &Tenant, id: &str) -> Status {
    connection::get(&scene.store, &tenant.id, id).await.unwrap().status
}

async fn last_act(scene: &Scene, tenant: &Tenant) -> Value {
    let rows = scene.chain(tenant).await;
    serde_json::from_slice(&rows.last().unwrap().body).unwrap()
}

#[tokio::test]
async fn a_workspace_that_closes_hands_nothing_out_ends_its_grants_and_then_destroys_its_key() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    let shop = scene.tenant_with_policy("shop").await;
    let ana = scene.link(&chat, "ana", "ana-work").await;
    scene.link(&chat, "ben", "ben-work").await;
    scene.link(&shop, "ana", "ana-shop").await;
    scene.issued(&chat, &whole("ana")).await;

    let closing = offboarding::close(&scene.store, &chat.id).await.unwrap();
    assert_eq!(closing.workspace.status, "closing");
    assert!(closing.deadline.is_some());
    let error = refused(scene.ask(&chat, &whole("ana")).await);
    assert_eq!((error.kind, error.code), (Kind::Conflict, "workspace_closing"));

    drain(&scene).await;
    let closed = offboarding::closing(&scene.store, &chat.id).await.unwrap();
    assert_eq!(closed.workspace.status, "closed");
    assert_eq!(closed.receipts, Receipts { revoked: 2, ..Receipts::default() });
    assert_eq!(scene.acme.revoked().len(), 2);
    assert_eq!(status_of(&scene, &chat, &ana.id).await, Status::Revoked);

    // Unreadable, also for a process that starts anew; and the record is whole.
    let row = connection::get(&scene.store, &chat.id, &ana.id).await.unwrap();
    connection::label(&scene.store, &row).await.unwrap_err();
    let rows = scene.chain(&chat).await;
    check(&rows).unwrap();
    assert_eq!(last_act(&scene, &chat).await["what"]["action"], "workspace.closed");

    // The other workspace never noticed.
    scene.issued(&shop, &whole("ana")).await;
}

#[tokio::test]
async fn a_closed_workspaces_secrets_do_not_open_with_the_key_file_and_the_database_together() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    let ana = scene.link(&chat, "ana", "ana-work").await;
    let before = connection::get(&scene.store, &chat.id, &ana.id).await.unwrap();
    connection::open_credential(&scene.store, &before).await.unwrap();
    offboarding::close(&scene.store, &chat.id).await.unwrap();
    drain(&scene).await;
    // What a backup of the row held is of no use either.
    assert!(connection::open_credential(&scene.store, &before).await.is_err());
}

#[tokio::test]
async fn a_provider_that_does_not_answer_delays_the_end_by_a_day_at_most() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    scene.link(&chat, "ana", "ana-work").await;
    scene.acme.is(Mood::Down);
    offboarding::close(&scene.store, &chat.id).await.unwrap();
    for _ in 0..20 {
        turn(&scene).await;
        scene.later(Duration::from_mins(10));
    }
    let waiting = offboarding::closing(&scene.store, &chat.id).await.unwrap();
    assert_eq!(waiting.workspace.status, "closing");
    assert_eq!(waiting.receipts, Receipts { pending: 1, ..Receipts::default() });

    scene.later(Duration::from_hours(24));
    drain(&scene).await;
    let closed = offboarding::closing(&scene.store, &chat.id).await.unwrap();
    assert_eq!(closed.workspace.status, "closed");
    assert_eq!(closed.receipts, Receipts { failed: 1, ..Receipts::default() });
}

#[tokio::test]
async fn closing_is_asked_for_twice_and_done_once() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    for _ in 0..2 {
        offboarding::close(&scene.store, &chat.id).await.unwrap();
    }
    drain(&scene).await;
    offboarding::close(&scene.store, &chat.id).await.unwrap();
    let acts: Vec<String> = scene
        .chain(&chat)
        .await
        .iter()
        .map(|row| serde_json::from_slice::<Value>(&row.body).unwrap())
        .map(|act| act["what"]["action"].as_str().unwrap_or_default().to_owned())
        .filter(|action| action.starts_with("workspace.clos"))
        .collect();
    assert_eq!(acts, ["workspace.closing", "workspace.closed"]);
    let new = workspace::NewWorkspace { name: "Again".to_owned(), return_urls: vec![] };
    let error = refused(workspace::put(&scene.store, "chat", new).await);
    assert_eq!(error.code, "workspace_closing");
}

#[tokio::test]
async fn an_erased_person_is_disconnected_and_unreadable_and_the_chain_verifies() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    let ana = scene.link(&chat, "ana", "ana-work").await;
    scene.link(&chat, "ben", "ben-work").await;
    let ask = TokenAsk { reason: Some("ana's invoice".to_owned()), ..whole("ana") };
    scene.issued(&chat, &ask).await;

    let erased =
        offboarding::erase_person(&scene.store, &scene.registry, &chat.id, "ana").await.unwrap();
    assert_eq!(erased.connections, [(ana.id.clone(), Receipt::Pending)]);
    drain(&scene).await;
    let receipt = connection::receipt(&scene.store, &chat.id, &ana.id).await.unwrap();
    assert_eq!(receipt, Some(Receipt::Revoked));

    assert!(end_user::find(&scene.store, &chat.id, "ana").await.unwrap().is_none());
    let row = connection::get(&scene.store, &chat.id, &ana.id).await.unwrap();
    assert!(connection::label(&scene.store, &row).await.unwrap().is_none());
    let person = end_user::get(&scene.store, &chat.id, &erased.end_user).await.unwrap();
    assert!(person.key_sealed.is_none() && person.profile_sealed.is_none());
    let opened = hub::audit::of_person(&scene.store, &chat.id, &person.id, 100).await;
    assert!(opened.is_err(), "the reason of a release can't be read any more");
    check(&scene.chain(&chat).await).unwrap();

    // The same person may come again, as somebody new; the others are untouched.
    let again = scene.link(&chat, "ana", "ana-work").await;
    assert_ne!(again.end_user_id.as_deref(), Some(erased.end_user.as_str()));
    scene.issued(&chat, &whole("ben")).await;
}

#[tokio::test]
async fn an_erased_persons_key_is_left_in_no_file_of_the_database() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    scene.link(&chat, "ana", "ana-work").await;
    let ana = end_user::find(&scene.store, &chat.id, "ana").await.unwrap().unwrap();
    let key = ana.key_sealed.unwrap().0.into_bytes();
    let is_left = || {
        let files = std::fs::read_dir(scene.dir.path()).unwrap();
        let database = files
            .map(|file| file.unwrap().path())
            .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("valetkey.db"));
        database
            .map(|path| std::fs::read(path).unwrap())
            .any(|bytes| bytes.windows(key.len()).any(|part| part == key))
    };
    assert!(is_left(), "the test looks in the right place");
    offboarding::erase_person(&scene.store, &scene.registry, &chat.id, "ana").await.unwrap();
    assert!(!is_left());
}

#[tokio::test]
async fn an_export_has_a_persons_data_with_their_personal_fields_and_nobody_elses() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    let ana = scene.link(&chat, "ana", "ana-work").await;
    scene.link(&chat, "ben", "ben-work").await;
    let ask = TokenAsk { reason: Some("ana's invoice".to_owned()), ..whole("ana") };
    scene.issued(&chat, &ask).await;
    scene.issued(&chat, &whole("ben")).await;

    let all = offboarding::export_person(&scene.store, &chat.id, "ana").await.unwrap();
    let of = |kind: &str| -> Vec<&Value> { all.iter().filter(|one| one["type"] == kind).collect() };
    assert_eq!(of("end_user")[0]["profile"]["id"], "ana");
    assert_eq!(of("connection").len(), 1);
    assert_eq!(of("connection")[0]["id"], ana.id.as_str());
    assert!(of("connection")[0]["account"]["id"].as_str().unwrap().contains("ana-work"));
    assert_eq!(of("connect_session").len(), 1);
    let reasons: Vec<_> = of("audit").iter().map(|one| one["personal"]["reason"].clone()).collect();
    assert!(reasons.contains(&Value::from("ana's invoice")), "{reasons:?}");
    let text = serde_json::to_string(&all).unwrap();
    assert!(!text.contains("ben"), "somebody else's data");
    assert!(!text.contains("access.ana-work"), "a token");
    let last = last_act(&scene, &chat).await;
    assert_eq!(last["what"]["action"], "end_user.exported");

    let error = refused(offboarding::export_person(&scene.store, &chat.id, "nobody").await);
    assert_eq!(error.kind, Kind::NotFound);
}

#[tokio::test]
async fn the_kill_switch_stops_an_agent_a_client_a_provider_or_everything() {
    for target in ["agent", "client", "provider", "workspace"] {
        let scene = Scene::new().await;
        let chat = scene.tenant_with_policy("chat").await;
        let ana = scene.link(&chat, "ana", "ana-work").await;
        scene.issued(&chat, &whole("ana")).await;
        let what = match target {
            "agent" => Target::Agent("support-bot"),
            "client" => Target::Client("acme-app"),
            "provider" => Target::Provider("acme"),
            _ => Target::Workspace,
        };
        let done = offboarding::kill(&scene.store, &chat.id, what, false).await.unwrap();
        refused(scene.ask(&chat, &whole("ana")).await);
        let expected = if target == "agent" { (0, Status::Active) } else { (1, Status::Disabled) };
        assert_eq!(
            (done.connections, status_of(&scene, &chat, &ana.id).await),
            expected,
            "{target}"
        );
        let act = last_act(&scene, &chat).await;
        assert_eq!(act["what"]["action"], "kill_switch.used");
        assert_eq!(act["what"]["details"]["target"], target);
        assert!(scene.acme.revoked().is_empty(), "{target}: it can be undone");
    }
}

#[tokio::test]
async fn the_kill_switch_with_revoke_ends_what_an_agent_was_handed_and_no_more() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    let ana = scene.link(&chat, "ana", "ana-work").await;
    let ben = scene.link(&chat, "ben", "ben-work").await;
    scene.issued(&chat, &whole("ana")).await;
    let agent = Target::Agent("support-bot");
    let done = offboarding::kill(&scene.store, &chat.id, agent, true).await.unwrap();
    assert_eq!((done.connections, done.revoking), (1, true));
    drain(&scene).await;
    assert_eq!(status_of(&scene, &chat, &ana.id).await, Status::Revoked);
    assert_eq!(status_of(&scene, &chat, &ben.id).await, Status::Active);
    assert_eq!(scene.acme.revoked().len(), 1);
}

#[tokio::test]
async fn a_kill_switch_for_something_unknown_changes_nothing() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    scene.link(&chat, "ana", "ana-work").await;
    let before = scene.chain(&chat).await.len();
    for target in [Target::Agent("x"), Target::Client("x"), Target::Provider("x")] {
        let error = refused(offboarding::kill(&scene.store, &chat.id, target, true).await);
        assert_eq!(error.kind, Kind::NotFound);
    }
    assert_eq!(scene.chain(&chat).await.len(), before);
    let narrow = TokenAsk { scopes: Some(vec![READ.to_owned()]), ..whole("ana") };
    scene.issued(&chat, &narrow).await;
}

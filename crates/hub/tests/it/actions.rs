//! What agents have done by name: decided, recorded, done, recorded.

use connector::Action;
use hub::{
    Kind, Result,
    action::{self, Came, Done, Ran, Told},
    policy::{self, Rule},
    release::{Asker, ConnectReason, Parts, Target},
};
use serde_json::{Value, json};

use super::{
    provider::Mood,
    scene::{READ, Scene, Tenant, WRITE, refused, rule, strings, whole},
};

fn wish(name: &str, input: Value) -> Done {
    Done {
        action: Action::named(name).unwrap(),
        target: Target::Integration("acme".to_owned()),
        end_user: Some("ana".to_owned()),
        input,
        dry_run: false,
        reason: Some("look up the caller".to_owned()),
        return_url: None,
    }
}

fn search() -> Done {
    wish("contacts.search", json!({ "query": "lea" }))
}

fn create() -> Done {
    wish("contacts.create", json!({ "last_name": "Roth", "email": "lea@acme.example" }))
}

/// Actions alone: no token may leave.
fn acting(tenant: &Tenant, actions: &[&str], scopes: &[&str]) -> Rule {
    Rule { actions: strings(actions), scopes: strings(scopes), forms: Vec::new(), ..rule(tenant) }
}

async fn tell(scene: &Scene, tenant: &Tenant, wish: &Done) -> Result<Told> {
    let principal = scene.principal(&tenant.agent_key, tenant).await;
    let asker = Asker { principal, named_agent: None, request_id: "req-1".to_owned() };
    let parts = Parts {
        store: &scene.store,
        registry: &scene.registry,
        refresher: &scene.refresher,
        writer: &scene.writer,
    };
    action::perform(&parts, &asker, wish).await
}

async fn ran(scene: &Scene, tenant: &Tenant, wish: &Done) -> Ran {
    match tell(scene, tenant, wish).await.unwrap() {
        Told::Ran(ran) => *ran,
        Told::ConnectRequired(required) => panic!("connect: {:?}", required.reason),
        Told::SelectionRequired(_) => panic!("choose"),
    }
}

async fn needs_a_person(scene: &Scene, tenant: &Tenant, wish: &Done) -> ConnectReason {
    match tell(scene, tenant, wish).await.unwrap() {
        Told::ConnectRequired(required) => required.reason,
        _ => panic!("it was done"),
    }
}

/// The chain's entries about what was asked, as JSON.
async fn entries(scene: &Scene, tenant: &Tenant) -> Vec<Value> {
    let rows = scene.answers(tenant).await;
    rows.iter().map(|row| serde_json::from_slice(&row.body).unwrap()).collect()
}

#[tokio::test]
async fn an_action_is_recorded_before_it_is_sent_and_again_when_it_is_done() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    scene.allow(&chat, "actions", acting(&chat, &["contacts.*"], &["*"])).await;
    let row = scene.link(&chat, "ana", "ana-work").await;

    let ran = ran(&scene, &chat, &search()).await;

    let Came::Output(output) = ran.came else { panic!("nothing was done") };
    assert_eq!(output["items"][0]["email"], "lea@acme.example");
    assert_eq!(scene.acme.asked(), ["GET /api/v1/contacts"]);
    let chain = entries(&scene, &chat).await;
    assert_eq!(chain.len(), 2);
    assert_eq!(
        (chain[0]["kind"].as_str(), chain[0]["id"].as_str()),
        (Some("release"), Some(ran.release.as_str()))
    );
    assert_eq!(chain[0]["what"]["form"], "action");
    assert_eq!(chain[0]["what"]["action"], "contacts.search");
    // It takes what it needs, and no more of what is allowed and granted.
    assert_eq!(chain[0]["what"]["scopes"], json!([READ]));
    assert_eq!(chain[1]["kind"], "outcome");
    assert_eq!(chain[1]["connection"], row.id);
    let what = json!({ "release": ran.release, "action": "contacts.search", "outcome": "ok" });
    assert_eq!(chain[1]["what"], what);
    let all = Value::from(chain).to_string();
    assert!(!all.contains("acme.example") && !all.contains("look up"), "{all}");
}

#[tokio::test]
async fn who_may_have_actions_alone_gets_no_token_and_who_may_have_tokens_no_action() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    scene.link(&chat, "ana", "ana-work").await;
    scene.allow(&chat, "actions", acting(&chat, &["contacts.search"], &["*"])).await;
    assert_eq!(refused(scene.ask(&chat, &whole("ana")).await).code, "policy_denied");
    ran(&scene, &chat, &search()).await;

    scene.allow(&chat, "actions", rule(&chat)).await;
    scene.issued(&chat, &whole("ana")).await;
    let error = refused(tell(&scene, &chat, &search()).await);
    assert_eq!((error.kind, error.code), (Kind::Forbidden, "policy_denied"));
    assert_eq!(scene.acme.asked().len(), 1);
    let last = entries(&scene, &chat).await.pop().unwrap();
    assert_eq!(
        (&last["kind"], &last["what"]["action"]),
        (&json!("denial"), &json!("contacts.search"))
    );
}

#[tokio::test]
async fn an_action_without_the_scopes_that_it_needs_is_denied_by_name() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    scene.link(&chat, "ana", "ana-work").await;
    scene.allow(&chat, "actions", acting(&chat, &["*"], &[READ])).await;
    let error = refused(tell(&scene, &chat, &create()).await);
    assert_eq!(error.code, "policy_denied");
    assert_eq!(error.extra["denied_scopes"], json!([WRITE]));
    assert_eq!(scene.acme.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn what_the_person_did_not_grant_for_it_is_missing() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    scene.allow(&chat, "actions", acting(&chat, &["*"], &["*"])).await;
    assert_eq!(needs_a_person(&scene, &chat, &search()).await, ConnectReason::NotConnected);
    scene.acme.grants_only(&[READ]);
    scene.link(&chat, "ana", "ana-work").await;
    ran(&scene, &chat, &search()).await;
    assert_eq!(needs_a_person(&scene, &chat, &create()).await, ConnectReason::MissingScopes);
}

#[tokio::test]
async fn a_dry_run_is_decided_and_recorded_and_changes_nothing() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    scene.link(&chat, "ana", "ana-work").await;
    let dry = Done { dry_run: true, ..create() };
    assert_eq!(refused(tell(&scene, &chat, &dry).await).code, "policy_denied");
    scene.allow(&chat, "actions", acting(&chat, &["*"], &["*"])).await;
    let Came::Sketch(sketch) = ran(&scene, &chat, &dry).await.came else { panic!("it was done") };
    assert_eq!(sketch.method, "POST");
    assert_eq!(sketch.body["email"], "lea@acme.example");
    assert!(!format!("{sketch:?}").contains("access."), "{sketch:?}");
    assert_eq!(scene.acme.asked(), Vec::<String>::new());
    let last = entries(&scene, &chat).await.pop().unwrap();
    assert_eq!(last["what"]["outcome"], "dry_run");
}

#[tokio::test]
async fn bad_input_is_refused_before_anything_is_recorded_or_sent() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    scene.allow(&chat, "actions", acting(&chat, &["*"], &["*"])).await;
    scene.link(&chat, "ana", "ana-work").await;
    let error =
        refused(tell(&scene, &chat, &wish("contacts.search", json!({ "mail": "x" }))).await);
    assert_eq!((error.kind, error.code), (Kind::Invalid, "action_input_invalid"));
    assert!(error.detail.contains("`mail`"), "{}", error.detail);
    assert!(entries(&scene, &chat).await.is_empty());
    assert_eq!(scene.acme.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn what_the_provider_can_not_do_is_told_with_what_can_be_done() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    scene.allow(&chat, "actions", acting(&chat, &["*"], &["*"])).await;
    let error = refused(tell(&scene, &chat, &wish("deals.search", json!({}))).await);
    assert_eq!(error.code, "action_unsupported");
    assert!(error.extra["actions"].as_array().unwrap().contains(&json!("contacts.search")));
}

#[tokio::test]
async fn a_token_that_was_ended_early_is_renewed_and_what_only_looks_is_asked_again() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    scene.allow(&chat, "actions", acting(&chat, &["*"], &["*"])).await;
    scene.link(&chat, "ana", "ana-work").await;
    scene.acme.ends("access.ana-work.1");
    ran(&scene, &chat, &search()).await;
    assert_eq!(scene.acme.asked().len(), 2);
    let outcomes: Vec<_> = entries(&scene, &chat)
        .await
        .into_iter()
        .filter(|entry| entry["kind"] == "outcome")
        .map(|entry| entry["what"]["outcome"].clone())
        .collect();
    assert_eq!(outcomes, ["reauthorize", "ok"]);
}

#[tokio::test]
async fn what_changes_something_is_sent_once_whatever_the_answer() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    scene.allow(&chat, "actions", acting(&chat, &["*"], &["*"])).await;
    scene.link(&chat, "ana", "ana-work").await;
    scene.acme.ends("access.ana-work.1");
    let error = refused(tell(&scene, &chat, &create()).await);
    assert_eq!((error.kind, error.code), (Kind::Unavailable, "provider_unavailable"));
    assert_eq!(scene.acme.asked().len(), 1);
    // The access was renewed meanwhile.
    ran(&scene, &chat, &create()).await;

    scene.acme.is(Mood::Down);
    assert_eq!(refused(tell(&scene, &chat, &create()).await).code, "provider_unavailable");
    assert_eq!(scene.acme.asked().len(), 3);
    let last = entries(&scene, &chat).await.pop().unwrap();
    assert_eq!(last["what"]["outcome"], "unavailable");
}

#[tokio::test]
async fn after_a_revocation_nothing_is_sent_any_more() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    scene.allow(&chat, "actions", acting(&chat, &["*"], &["*"])).await;
    scene.link(&chat, "ana", "ana-work").await;
    ran(&scene, &chat, &search()).await;
    policy::delete(&scene.store, &chat.id, "actions").await.unwrap();
    assert_eq!(refused(tell(&scene, &chat, &search()).await).code, "policy_denied");
    assert_eq!(scene.acme.asked().len(), 1);
}

#[tokio::test]
async fn a_policy_names_actions_that_there_are() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    for wrong in ["contacts.steal", "contact.*", "", "**"] {
        let put = policy::put(&scene.store, &chat.id, "x", acting(&chat, &[wrong], &["*"]), true);
        assert_eq!(refused(put.await).code, "action_unknown", "{wrong}");
    }
    let nothing = acting(&chat, &[], &["*"]);
    let put = policy::put(&scene.store, &chat.id, "x", nothing, true).await;
    assert_eq!(refused(put).code, "policy_incomplete");
}

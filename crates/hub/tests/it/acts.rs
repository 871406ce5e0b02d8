//! Administrative acts stand in the chain, with who did it and in which request.

use std::collections::BTreeMap;

use hub::{
    agent::{self, NewAgent},
    client::{self, Owner as ClientOwner},
    connection,
    integration::{self, App},
    page::PageQuery,
    policy, provider,
    store::{Actor, ActorKind, SYSTEM, Store},
    workspace::{
        self, NewWorkspace,
        api_key::{self, Owner, Role},
    },
};
use serde_json::Value;

use super::{
    provider::SECRET,
    scene::{Scene, Tenant, new_client, rule},
};

async fn acts_of(store: &Store, chain: &str) -> Vec<Value> {
    let whole = PageQuery::new(None, Some(PageQuery::MOST)).unwrap();
    let rows = hub::audit::list(store, chain, &whole).await.unwrap().items;
    let changes = rows.iter().filter(|row| row.kind == "change");
    changes.map(|row| serde_json::from_slice(&row.body).unwrap()).collect()
}

fn actions(acts: &[Value]) -> Vec<&str> {
    acts.iter().map(|act| act["what"]["action"].as_str().unwrap()).collect()
}

/// The scene's database, as used by a workspace's key in a request.
fn by_key(scene: &Scene) -> Store {
    scene.store.by(Actor {
        kind: ActorKind::WorkspaceKey,
        id: Some("key_1".to_owned()),
        request_id: Some("req_7".to_owned()),
    })
}

/// What everyone does when they set up, in one workspace.
async fn set_up_and_take_down(scene: &Scene, store: &Store, chat: &Tenant) {
    let new = || NewAgent { name: "Bot".to_owned(), trusted_backend: false };
    agent::put(store, &chat.id, "bot", new()).await.unwrap();
    agent::put(store, &chat.id, "bot", new()).await.unwrap();
    agent::disable(store, &chat.id, "bot").await.unwrap();
    let owner = ClientOwner::Workspace(&chat.id);
    let registry = &scene.registry;
    client::put(store, registry, owner, "other", new_client("acme", &[])).await.unwrap();
    client::change_secret(store, registry, owner, "other", format!("{SECRET}-2").into())
        .await
        .unwrap();
    client::suspend(store, &client::get(store, owner, "other").await.unwrap().id, "why")
        .await
        .unwrap();
    client::lift_suspension(store, owner, "other").await.unwrap();
    client::delete(store, owner, "other").await.unwrap();
    policy::put(store, &chat.id, "narrow", rule(chat), true).await.unwrap();
    policy::put(store, &chat.id, "narrow", rule(chat), false).await.unwrap();
    policy::delete(store, &chat.id, "narrow").await.unwrap();
    let new = integration::NewIntegration {
        provider: "acme".to_owned(),
        client: integration::ClientChoice::Named("acme-app".to_owned()),
        scopes: None,
        settings: BTreeMap::new(),
    };
    integration::put(store, registry, &chat.id, "second", new).await.unwrap();
    integration::delete(store, &chat.id, "second").await.unwrap();
    let mine = super::manifests::MAILO.replace("mailo", "my-mailo");
    provider::add(store, registry, &chat.id, &mine).await.unwrap();
    let key = Owner::Workspace(chat.id.clone());
    let made = api_key::create(store, key.clone(), "spare", None).await.unwrap();
    api_key::revoke(store, &key, &made.row.id).await.unwrap();
}

#[tokio::test]
async fn each_act_of_setting_up_is_an_entry_with_its_actor_and_request() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let before = acts_of(&scene.store, &chat.id).await.len();
    set_up_and_take_down(&scene, &by_key(&scene), &chat).await;
    let acts = acts_of(&scene.store, &chat.id).await.split_off(before);
    assert_eq!(
        actions(&acts),
        [
            "agent.created",
            "agent.changed",
            "agent.disabled",
            "client.created",
            "client.changed",
            "client.suspended",
            "client.resumed",
            "client.removed",
            "policy.created",
            "policy.changed",
            "policy.removed",
            "integration.created",
            "integration.removed",
            "provider.added",
            "key.created",
            "key.revoked",
        ]
    );
    for act in &acts {
        assert_eq!(act["actor"]["type"], "workspace_key", "{act}");
        assert_eq!(act["actor"]["id"], "key_1");
        assert_eq!(act["request_id"], "req_7");
        assert!(!act.to_string().contains(SECRET), "a secret in the chain: {act}");
    }
}

#[tokio::test]
async fn what_becomes_of_a_connection_is_recorded() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let linked = scene.link(&chat, "ana", "ana-work").await;
    let store = by_key(&scene);
    for enabled in [false, true] {
        connection::set_enabled(&store, &chat.id, &linked.id, enabled).await.unwrap();
    }
    let found = integration::get(&store, &chat.id, "acme").await.unwrap();
    let app = App::load(&store, &scene.registry, found).await.unwrap();
    connection::disconnect(&store, &chat.id, &linked.id, &app).await.unwrap();
    let acts = acts_of(&store, &chat.id).await;
    let of_connection: Vec<_> =
        acts.iter().filter(|act| act["connection"] == linked.id.as_str()).cloned().collect();
    assert_eq!(
        actions(&of_connection),
        [
            "connection.linked",
            "connection.disabled",
            "connection.enabled",
            "connection.disconnected"
        ]
    );
    assert_eq!(of_connection[3]["what"]["details"]["receipt"], "pending");
    assert!(of_connection[0].to_string().contains("eu_"), "the person, by the hub's own id");
    assert!(!of_connection[0].to_string().contains("ana"), "nothing that tells who it is");
}

#[tokio::test]
async fn the_platforms_acts_stand_in_its_own_chain_and_reach_every_workspace() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let epoch = hub::store::read_epoch(&scene.store, &chat.id).await.unwrap();
    let owner = Owner::Platform(Role::ALL.to_vec());
    let made = api_key::create(&scene.store, owner.clone(), "ops", None).await.unwrap();
    api_key::revoke(&scene.store, &owner, &made.row.id).await.unwrap();
    let acts = acts_of(&scene.store, SYSTEM).await;
    assert_eq!(actions(&acts), ["key.created", "key.revoked"]);
    assert_eq!(acts[0]["actor"]["type"], "hub");
    assert_eq!(hub::store::read_epoch(&scene.store, &chat.id).await.unwrap(), epoch + 2);
}

#[tokio::test]
async fn an_act_that_fails_leaves_no_entry() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let before = acts_of(&scene.store, &chat.id).await;
    integration::delete(&scene.store, &chat.id, "nothing").await.unwrap_err();
    client::delete(&scene.store, ClientOwner::Workspace(&chat.id), "acme-app").await.unwrap_err();
    let bad = NewWorkspace { name: String::new(), return_urls: vec![] };
    workspace::put(&scene.store, "chat", bad).await.unwrap_err();
    assert_eq!(acts_of(&scene.store, &chat.id).await, before);
}

//! From the commit of a revocation on nothing is released, also to who was asked about before it.
//!
//! The provider holds back a narrowed token: the question is decided, and not recorded yet, when
//! something is revoked.

use std::sync::Arc;

use base::{ExposeSecret, SecretString};
use hub::{
    Error, Result, agent,
    agent::NewAgent,
    connection,
    integration::{self, App},
    policy,
    release::{ConnectReason, TokenAsk},
    session::Answer,
    workspace,
    workspace::api_key::{self, Owner, Role},
};
use tokio::task::JoinHandle;

use super::{
    provider::Gate,
    scene::{READ, Scene, Tenant, refused, rule, strings, token_of, whole},
};

/// A question that is decided and waits before the provider's gate.
struct Asking {
    scene: Arc<Scene>,
    chat: Tenant,
    connection: String,
    gate: Arc<Gate>,
    answer: JoinHandle<Result<Answer>>,
}

fn narrowed() -> TokenAsk {
    TokenAsk { scopes: Some(strings(&[READ])), form: None, ..whole("ana") }
}

async fn asking() -> Asking {
    let (scene, chat, connection) = linked().await;
    let key = chat.agent_key.clone();
    ask(scene, chat, connection, &key, None).await
}

async fn linked() -> (Arc<Scene>, Tenant, String) {
    let scene = Arc::new(Scene::new().await);
    let chat = scene.tenant_with_policy("chat").await;
    let connection = scene.link(&chat, "ana", "ana-work").await.id;
    (scene, chat, connection)
}

async fn ask(
    scene: Arc<Scene>,
    chat: Tenant,
    connection: String,
    key: &SecretString,
    named_agent: Option<&'static str>,
) -> Asking {
    let principal = scene.principal(key, &chat).await;
    let gate = scene.acme.hold();
    let answer = tokio::spawn({
        let scene = scene.clone();
        async move { scene.ask_as(principal, named_agent, &narrowed()).await }
    });
    gate.arrived().await;
    Asking { scene, chat, connection, gate, answer }
}

impl Asking {
    async fn end(self) -> (Result<Answer>, Arc<Scene>, Tenant) {
        self.gate.open();
        (self.answer.await.unwrap(), self.scene, self.chat)
    }

    /// The provider gives the token; the hub must not.
    async fn end_refused(self) -> Error {
        let (answer, scene, chat) = self.end().await;
        assert_eq!(scene.count(&chat, "release").await, 0);
        refused(answer)
    }
}

async fn key_id(scene: &Scene, chat: &Tenant) -> String {
    scene.principal(&chat.agent_key, chat).await.key
}

#[tokio::test]
async fn a_revoked_key() {
    let asking = asking().await;
    let owner =
        Owner::Agent { workspace: asking.chat.id.clone(), agent: asking.chat.agent.clone() };
    let id = key_id(&asking.scene, &asking.chat).await;
    api_key::revoke(&asking.scene.store, &owner, &id).await.unwrap();
    assert_eq!(asking.end_refused().await.code, "unauthenticated");
}

#[tokio::test]
async fn a_removed_policy() {
    let asking = asking().await;
    policy::delete(&asking.scene.store, &asking.chat.id, "all").await.unwrap();
    assert_eq!(asking.end_refused().await.code, "policy_denied");
}

#[tokio::test]
async fn a_policy_that_is_switched_off() {
    let asking = asking().await;
    let rule = rule(&asking.chat);
    policy::put(&asking.scene.store, &asking.chat.id, "all", rule, false).await.unwrap();
    assert_eq!(asking.end_refused().await.code, "policy_denied");
}

#[tokio::test]
async fn an_ended_connection() {
    let asking = asking().await;
    let found = integration::get(&asking.scene.store, &asking.chat.id, "acme").await.unwrap();
    let app = App::load(&asking.scene.store, &asking.scene.registry, found).await.unwrap();
    connection::disconnect(&asking.scene.store, &asking.chat.id, &asking.connection, &app)
        .await
        .unwrap();
    let (answer, scene, chat) = asking.end().await;
    let Answer::ConnectRequired(required) = answer.unwrap() else { panic!("it was released") };
    assert_eq!(required.reason, ConnectReason::NotConnected);
    assert_eq!(scene.count(&chat, "release").await, 0);
}

#[tokio::test]
async fn a_connection_that_is_switched_off() {
    let asking = asking().await;
    let (store, id) = (&asking.scene.store, &asking.chat.id);
    connection::set_enabled(store, id, &asking.connection, false).await.unwrap();
    let (answer, scene, chat) = asking.end().await;
    assert!(!matches!(answer, Ok(Answer::Issued(_))));
    assert_eq!(scene.count(&chat, "release").await, 0);
}

#[tokio::test]
async fn a_disabled_agents_key() {
    let asking = asking().await;
    agent::disable(&asking.scene.store, &asking.chat.id, "support-bot").await.unwrap();
    assert_eq!(asking.end_refused().await.code, "unauthenticated");
}

#[tokio::test]
async fn a_disabled_agent_for_whom_the_platform_asks() {
    let (scene, chat, connection) = linked().await;
    let key = scene.key(Owner::Platform(vec![Role::Agent])).await;
    let asking = ask(scene, chat, connection, &key, Some("support-bot")).await;
    agent::disable(&asking.scene.store, &asking.chat.id, "support-bot").await.unwrap();
    assert_eq!(asking.end_refused().await.code, "agent_disabled");
}

#[tokio::test]
async fn a_platform_key_that_is_revoked() {
    let (scene, chat, connection) = linked().await;
    let key = scene.key(Owner::Platform(vec![Role::Agent])).await;
    let id = scene.principal(&key, &chat).await.key;
    let asking = ask(scene, chat, connection, &key, Some("support-bot")).await;
    api_key::revoke(&asking.scene.store, &Owner::Platform(Vec::new()), &id).await.unwrap();
    assert_eq!(asking.end_refused().await.code, "unauthenticated");
}

#[tokio::test]
async fn an_agent_that_is_trusted_no_more() {
    let asking = asking().await;
    let new = NewAgent { name: "Support bot".to_owned(), trusted_backend: false };
    agent::put(&asking.scene.store, &asking.chat.id, "support-bot", new).await.unwrap();
    assert_eq!(asking.end_refused().await.code, "end_user_not_vouched");
}

#[tokio::test]
async fn a_change_that_forbids_nothing_only_makes_it_decide_again() {
    let asking = asking().await;
    let new = NewAgent { name: "Another".to_owned(), trusted_backend: false };
    agent::put(&asking.scene.store, &asking.chat.id, "another", new).await.unwrap();
    let (answer, scene, chat) = asking.end().await;
    let Answer::Issued(issued) = answer.unwrap() else { panic!("it was not released") };
    // The token of the first decision was not used.
    assert_eq!(token_of(&issued), "narrow.ana-work.3");
    assert_eq!(scene.count(&chat, "release").await, 1);
}

#[tokio::test]
async fn a_change_in_another_workspace_disturbs_nobody() {
    let asking = asking().await;
    let new = workspace::NewWorkspace { name: "Shop".to_owned(), return_urls: Vec::new() };
    workspace::put(&asking.scene.store, "shop", new).await.unwrap();
    let (answer, ..) = asking.end().await;
    let Answer::Issued(issued) = answer.unwrap() else { panic!("it was not released") };
    assert_eq!(token_of(&issued), "narrow.ana-work.2");
}

#[tokio::test]
async fn a_key_that_was_revoked_before_opens_nothing() {
    let (scene, chat, _) = linked().await;
    let owner = Owner::Agent { workspace: chat.id.clone(), agent: chat.agent.clone() };
    let id = key_id(&scene, &chat).await;
    api_key::revoke(&scene.store, &owner, &id).await.unwrap();
    assert_eq!(refused(scene.ask(&chat, &whole("ana")).await).code, "unauthenticated");
}

#[tokio::test]
async fn a_key_opens_nothing_from_the_moment_it_expires() {
    let (scene, chat, _) = linked().await;
    let owner = Owner::Agent { workspace: chat.id.clone(), agent: chat.agent.clone() };
    let minute = std::time::Duration::from_mins(1);
    let end = scene.store.now().plus(minute);
    let made = api_key::create(&scene.store, owner, "short", Some(end)).await.unwrap();
    let text = made.secret.expose_secret();
    api_key::authenticate(&scene.store, text, None).await.unwrap();
    scene.later(minute);
    assert_eq!(
        refused(api_key::authenticate(&scene.store, text, None).await).code,
        "unauthenticated"
    );
}

#[tokio::test]
async fn a_key_of_one_workspace_does_not_act_in_another() {
    let (scene, chat, _) = linked().await;
    let shop = scene.tenant("shop").await;
    for key in [&chat.agent_key, &chat.workspace_key] {
        let tried =
            api_key::authenticate(&scene.store, key.expose_secret(), Some(shop.id.as_str())).await;
        assert_eq!(refused(tried).code, "not_found");
    }
}

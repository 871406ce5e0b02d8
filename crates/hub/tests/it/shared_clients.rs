//! A client that workspaces share: allowed only under rules that keep them apart.

use base::SecretString;
use hub::{
    client,
    connection::{Connection, Status},
    integration::ClientChoice,
    offboarding::{self, Target},
    page::PageQuery,
    provider,
    session::{self, Made, NewSession},
    store::SYSTEM,
    workspace::api_key::{Owner, Role},
};

use super::scene::{Scene, Tenant, new_client, new_session, query, refused};

/// A platform with a client for `mailo`, which two workspaces use.
struct Platform {
    scene: Scene,
    key: SecretString,
    chat: Tenant,
    shop: Tenant,
}

async fn platform() -> Platform {
    let scene = Scene::new().await;
    let key = scene.key(Owner::Platform(vec![Role::Sessions])).await;
    let new = new_client("mailo", &["mail.read"]);
    client::put(&scene.store, &scene.registry, client::Owner::Platform, "mailo-app", new)
        .await
        .unwrap();
    let chat = scene.tenant("chat").await;
    let shop = scene.tenant("shop").await;
    for tenant in [&chat, &shop] {
        let shared = ClientChoice::Named("mailo-app".to_owned());
        scene.integration(&tenant.id, "mailo", "mailo", shared, &["mail.read"]).await.unwrap();
    }
    Platform { scene, key, chat, shop }
}

async fn mailo_session(scene: &Scene, tenant: &Tenant) -> Made {
    let new = NewSession { integrations: vec!["mailo".to_owned()], ..new_session("ana") };
    session::create(&scene.store, &tenant.id, new).await.unwrap()
}

#[tokio::test]
async fn only_a_platform_key_completes_a_link_through_it() {
    let Platform { scene, key, chat, .. } = platform().await;
    let made = mailo_session(&scene, &chat).await;
    let code = scene.finish(&chat, &made, "ana-mail").await;
    let error = refused(scene.complete(&chat, &made, &code, "ana").await);
    assert_eq!((error.kind, error.code), (hub::Kind::Forbidden, "platform_key_required"));
    // That cost nothing: the platform still can.
    scene.complete_with(&key, &chat, &made, &code, "ana").await.unwrap();
}

#[tokio::test]
async fn the_providers_consent_is_forced() {
    let Platform { scene, chat, .. } = platform().await;
    let browser = scene.open(&mailo_session(&scene, &chat).await).await;
    let page = scene.go(&browser).await;
    assert_eq!(query(&page, "prompt").as_deref(), Some("consent"));
}

#[tokio::test]
async fn with_a_workspaces_own_client_the_provider_decides_whether_it_asks_again() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let own = ClientChoice::Inline { client_id: "own-1".to_owned(), client_secret: None };
    scene.integration(&chat.id, "mailo", "mailo", own, &["mail.read"]).await.unwrap();
    let browser = scene.open(&mailo_session(&scene, &chat).await).await;
    assert_eq!(query(&scene.go(&browser).await, "prompt"), None);
}

#[tokio::test]
async fn a_provider_with_a_free_host_is_not_shared() {
    let scene = Scene::new().await;
    let new = new_client("anywhere", &["all"]);
    let owner = client::Owner::Platform;
    let made = client::put(&scene.store, &scene.registry, owner, "anywhere-app", new).await;
    let error = refused(made);
    assert_eq!((error.kind, error.code), (hub::Kind::Invalid, "client_not_shareable"));
}

#[tokio::test]
async fn a_provider_that_a_workspace_made_is_not_shared() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let own = r#"
        slug = "own"
        display_name = "Own"
        category = "crm"
        auth.kind = "oauth2_code"
        [urls]
        authorize = "https://own.example/authorize"
        token = "https://own.example/token"
        [api]
        base = "https://own.example/api"
        [identity]
        url = "/me"
        account_path = ["id"]
        label_path = ["id"]
    "#;
    provider::add(&scene.store, &scene.registry, &chat.id, own).await.unwrap();
    let put = async |owner| {
        let new = new_client("own", &["all"]);
        client::put(&scene.store, &scene.registry, owner, "own-app", new).await
    };
    assert_eq!(refused(put(client::Owner::Platform).await).code, "client_not_shareable");
    put(client::Owner::Workspace(&chat.id)).await.unwrap();
}

#[tokio::test]
async fn a_shared_client_needs_a_ceiling() {
    let scene = Scene::new().await;
    let new = new_client("mailo", &[]);
    let owner = client::Owner::Platform;
    let made = client::put(&scene.store, &scene.registry, owner, "mailo-app", new).await;
    assert_eq!(refused(made).code, "scopes_required");
}

#[tokio::test]
async fn scopes_above_the_ceiling_are_refused() {
    let Platform { scene, chat, .. } = platform().await;
    let shared = || ClientChoice::Named("mailo-app".to_owned());
    let more = &["mail.read", "mail.send"];
    let error = refused(scene.integration(&chat.id, "more", "mailo", shared(), more).await);
    assert_eq!((error.kind, error.code), (hub::Kind::Invalid, "scopes_above_ceiling"));
    assert!(error.detail.contains("mail.send"), "{}", error.detail);
    // Also for the integration that is there already.
    let error = refused(scene.integration(&chat.id, "mailo", "mailo", shared(), more).await);
    assert_eq!(error.code, "scopes_above_ceiling");
}

#[tokio::test]
async fn a_ceiling_that_is_lowered_holds_for_links_from_then_on() {
    let Platform { scene, chat, .. } = platform().await;
    let made = mailo_session(&scene, &chat).await;
    let browser = scene.open(&made).await;
    let lower = new_client("mailo", &["mail.send"]);
    let owner = client::Owner::Platform;
    client::put(&scene.store, &scene.registry, owner, "mailo-app", lower).await.unwrap();
    let row = session::by_browser(&scene.store, &browser.cookie).await.unwrap();
    let answers = std::collections::BTreeMap::new();
    let started = session::start(&scene.store, &scene.registry, &row, &answers).await;
    assert_eq!(refused(started).code, "scopes_above_ceiling");
}

#[tokio::test]
async fn a_workspaces_client_is_never_used_by_another() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let shop = scene.tenant("shop").await;
    let of_chat = ClientChoice::Named(chat.client.clone());
    let made = scene.integration(&shop.id, "borrowed", "acme", of_chat, &[]).await;
    assert_eq!(refused(made).code, "client_unknown");
}

#[tokio::test]
async fn the_same_account_linked_in_two_workspaces_is_two_connections() {
    let Platform { scene, key, chat, shop } = platform().await;
    let mut rows: Vec<Connection> = Vec::new();
    for tenant in [&chat, &shop] {
        let made = mailo_session(&scene, tenant).await;
        let code = scene.finish(tenant, &made, "ana-mail").await;
        rows.push(scene.complete_with(&key, tenant, &made, &code, "ana").await.unwrap().connection);
    }
    assert_ne!(rows[0].id, rows[1].id);
    assert_ne!(rows[0].end_user_id, rows[1].end_user_id);
    let app = {
        let found = hub::integration::get(&scene.store, &chat.id, "mailo").await.unwrap();
        hub::integration::App::load(&scene.store, &scene.registry, found).await.unwrap()
    };
    hub::connection::disconnect(&scene.store, &chat.id, &rows[0].id, &app).await.unwrap();
    assert_eq!(scene.connection(&rows[1]).await, rows[1]);
}

#[tokio::test]
async fn the_kill_switch_stops_a_shared_client_in_every_workspace_at_once() {
    let Platform { scene, key, chat, shop } = platform().await;
    let mut rows: Vec<Connection> = Vec::new();
    for tenant in [&chat, &shop] {
        let made = mailo_session(&scene, tenant).await;
        let code = scene.finish(tenant, &made, "ana-mail").await;
        rows.push(scene.complete_with(&key, tenant, &made, &code, "ana").await.unwrap().connection);
    }
    let own = scene.link(&chat, "ana", "ana-work").await;
    let epoch = async |tenant: &Tenant| hub::store::read_epoch(&scene.store, &tenant.id).await;
    let before = (epoch(&chat).await.unwrap(), epoch(&shop).await.unwrap());

    // A workspace has no say over the platform's client.
    let target = Target::Client("mailo-app");
    let error = refused(offboarding::kill(&scene.store, &chat.id, target, true).await);
    assert_eq!(error.kind, hub::Kind::NotFound);
    assert_eq!(scene.connection(&rows[0]).await, rows[0]);

    let done = offboarding::kill_shared(&scene.store, "mailo-app", false).await.unwrap();
    assert_eq!((done.connections, done.revoking), (2, false));
    for row in &rows {
        assert_eq!(scene.connection(row).await.status, Status::Disabled);
    }
    assert_eq!(scene.connection(&own).await, own, "what uses another client goes on");
    assert!(epoch(&chat).await.unwrap() > before.0 && epoch(&shop).await.unwrap() > before.1);
    let platform = client::Owner::Platform;
    assert_eq!(client::get(&scene.store, platform, "mailo-app").await.unwrap().status, "suspended");
    let whole = PageQuery::new(None, Some(PageQuery::MOST)).unwrap();
    let chain = hub::audit::list(&scene.store, SYSTEM, &whole).await.unwrap().items;
    let last: serde_json::Value = serde_json::from_slice(&chain.last().unwrap().body).unwrap();
    assert_eq!(last["what"]["action"], "kill_switch.used");
    assert_eq!(last["what"]["details"]["workspaces"], 2);

    let error = refused(offboarding::kill_shared(&scene.store, "acme-app", false).await);
    assert_eq!(error.kind, hub::Kind::NotFound, "a workspace's own is not the platform's");
}

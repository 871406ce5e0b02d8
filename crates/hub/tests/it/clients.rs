//! A client's secret: changed without a gap, and refused without harm to the connections.

use std::time::Duration;

use base::ExposeSecret;
use hub::{
    Kind, client,
    client::Owner,
    connection::{self, Connection, Health, State, Status},
    integration::{self, App},
    policy::Form,
    provider,
    release::TokenAsk,
};

use super::{
    provider::SECRET,
    scene::{Scene, Tenant, new_client, refused, token_of, whole},
};

const HOUR: Duration = Duration::from_hours(1);
const NEW: &str = "acme-secret-2";

/// A workspace with one linked account whose access token has just ended.
async fn expired() -> (Scene, Tenant, Connection) {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    let row = scene.link(&chat, "ana", "ana-work").await;
    scene.later(HOUR);
    (scene, chat, row)
}

async fn change(scene: &Scene, tenant: &Tenant, secret: &str) {
    let owner = Owner::Workspace(&tenant.id);
    client::change_secret(&scene.store, &scene.registry, owner, "acme-app", secret.into())
        .await
        .unwrap();
}

async fn tried(scene: &Scene, tenant: &Tenant) -> Vec<String> {
    let owner = Owner::Workspace(&tenant.id);
    let row = client::get(&scene.store, owner, "acme-app").await.unwrap();
    let secrets = client::secrets(&scene.store, &row).await.unwrap();
    secrets.iter().map(|secret| secret.expose_secret().to_owned()).collect()
}

#[tokio::test]
async fn for_a_day_the_former_secret_is_tried_where_the_new_one_is_refused() {
    let (scene, chat, _) = expired().await;
    change(&scene, &chat, NEW).await;
    // The provider has not heard of the new one yet.
    let issued = scene.issued(&chat, &whole("ana")).await;
    assert_eq!(token_of(&issued), "access.ana-work.2");
    assert_eq!(scene.acme.refreshed(), [NEW, SECRET]);

    // Once it has, the former one is not shown to it.
    scene.acme.knows_secrets(&[NEW]);
    scene.later(23 * HOUR);
    scene.issued(&chat, &whole("ana")).await;
    assert_eq!(scene.acme.refreshed(), [NEW, SECRET, NEW]);
}

#[tokio::test]
async fn after_a_day_the_former_secret_is_tried_no_more() {
    let (scene, chat, row) = expired().await;
    change(&scene, &chat, NEW).await;
    scene.later(24 * HOUR);
    let error = refused(scene.ask(&chat, &whole("ana")).await);
    assert_eq!((error.kind, error.code), (Kind::Conflict, "client_suspended"));
    assert_eq!(scene.acme.refreshed(), [NEW]);
    assert_eq!(scene.connection(&row).await.status, Status::Active);
}

#[tokio::test]
async fn the_same_secret_again_does_not_push_the_former_one_out() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    change(&scene, &chat, NEW).await;
    change(&scene, &chat, NEW).await;
    assert_eq!(tried(&scene, &chat).await, [NEW, SECRET]);
    let mut again = new_client("acme", &[]);
    again.client_secret = Some(NEW.into());
    let owner = Owner::Workspace(&chat.id);
    client::put(&scene.store, &scene.registry, owner, "acme-app", again).await.unwrap();
    assert_eq!(tried(&scene, &chat).await, [NEW, SECRET]);
    // Setting up again without the secret keeps both.
    let mut silent = new_client("acme", &[]);
    silent.client_secret = None;
    client::put(&scene.store, &scene.registry, owner, "acme-app", silent).await.unwrap();
    assert_eq!(tried(&scene, &chat).await, [NEW, SECRET]);
    // And that does not lengthen the former one's day.
    scene.later(24 * HOUR);
    assert_eq!(tried(&scene, &chat).await, [NEW]);
}

#[tokio::test]
async fn a_refused_client_is_suspended_and_its_connections_are_kept() {
    let (scene, chat, row) = expired().await;
    scene.acme.knows_secrets(&["of-somebody-else"]);
    let error = refused(scene.ask(&chat, &whole("ana")).await);
    assert_eq!((error.kind, error.code), (Kind::Conflict, "client_suspended"));

    let owner = Owner::Workspace(&chat.id);
    let suspended = client::get(&scene.store, owner, "acme-app").await.unwrap();
    assert_eq!(suspended.status, "suspended");
    assert!(suspended.status_reason.is_some());
    let kept = scene.connection(&row).await;
    assert_eq!((kept.status, kept.health), (Status::Active, Health::Failing));
    assert_ne!(kept.state, State::Reauth);
    assert!(kept.credential_sealed.is_some());

    // The provider is left alone until somebody corrects it.
    scene.later(HOUR);
    refused(scene.ask(&chat, &whole("ana")).await);
    assert_eq!(scene.acme.refreshed(), [SECRET]);
}

#[tokio::test]
async fn a_corrected_client_works_again_and_nobody_links_again() {
    let (scene, chat, row) = expired().await;
    scene.acme.knows_secrets(&[NEW]);
    assert_eq!(refused(scene.ask(&chat, &whole("ana")).await).code, "client_suspended");

    change(&scene, &chat, NEW).await;
    let owner = Owner::Workspace(&chat.id);
    let lifted = client::lift_suspension(&scene.store, owner, "acme-app").await.unwrap();
    assert_eq!((lifted.status.as_str(), lifted.status_reason), ("active", None));
    // What kept it quiet after the refusal ends.
    scene.later(HOUR);

    let issued = scene.issued(&chat, &whole("ana")).await;
    assert_eq!(issued.connection, row.id);
    assert_eq!(token_of(&issued), "access.ana-work.2");
    assert_eq!(scene.connection(&row).await.health, Health::Healthy);
}

#[tokio::test]
async fn while_a_client_is_suspended_a_token_that_is_still_good_is_handed_out() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    scene.link(&chat, "ana", "ana-work").await;
    client::suspend(&scene.store, &chat.client, "the provider refuses it").await.unwrap();
    assert_eq!(token_of(&scene.issued(&chat, &whole("ana")).await), "access.ana-work.1");
}

#[tokio::test]
async fn a_secret_moved_to_another_clients_row_does_not_open() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let owner = Owner::Workspace(&chat.id);
    let other = new_client("acme", &[]);
    let (other, _) =
        client::put(&scene.store, &scene.registry, owner, "other", other).await.unwrap();
    let mut forged = client::get(&scene.store, owner, "acme-app").await.unwrap();
    client::secrets(&scene.store, &forged).await.unwrap();
    forged.secret_sealed = other.secret_sealed;
    assert_eq!(refused(client::secrets(&scene.store, &forged).await).kind, Kind::Internal);
}

#[tokio::test]
async fn the_former_secret_serves_links_narrower_tokens_and_revocations_too() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    change(&scene, &chat, NEW).await;

    let row = scene.link(&chat, "ana", "ana-work").await;
    let narrowed = TokenAsk { form: Some(Form::NarrowedToken), ..whole("ana") };
    assert_eq!(token_of(&scene.issued(&chat, &narrowed).await), "narrow.ana-work.2");
    let found = integration::get(&scene.store, &chat.id, "acme").await.unwrap();
    let app = App::load(&scene.store, &scene.registry, found).await.unwrap();
    connection::disconnect(&scene.store, &chat.id, &row.id, &app).await.unwrap();
    scene.work().await;
    assert_eq!(scene.acme.revoked(), ["refresh.ana-work"]);
}

const SIGNING: &str = r#"
slug = "signing"
display_name = "Signing"
category = "identity"
auth.kind = "oauth2_code"
urls.authorize = "https://signing.example/authorize"
urls.token = "https://signing.example/token"

[client]
auth = "private_key_jwt"
assertion = { algorithm = "RS256" }
"#;

/// A key that everybody knows: it opens nothing.
fn private_key() -> String {
    let der = include_str!("../../../conformance/src/rsa.b64");
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", der.trim())
}

#[tokio::test]
async fn where_clients_sign_the_secret_is_a_private_key_or_nothing_is_made() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    provider::add(&scene.store, &scene.registry, &chat.id, SIGNING).await.unwrap();
    let owner = Owner::Workspace(&chat.id);
    let put = async |secret: &str| {
        let new =
            client::NewClient { client_secret: Some(secret.into()), ..new_client("signing", &[]) };
        client::put(&scene.store, &scene.registry, owner, "signs", new).await
    };

    let error = put("pasted-by-mistake").await.unwrap_err();
    assert_eq!(error.code, "client_secret_invalid");
    assert!(error.detail.contains("RSA private key"), "{}", error.detail);
    assert!(!error.detail.contains("pasted"), "{}", error.detail);
    assert!(client::get(&scene.store, owner, "signs").await.is_err(), "one was made");

    put(&private_key()).await.unwrap();
    let change = async |secret: &str| {
        let secret = secret.into();
        client::change_secret(&scene.store, &scene.registry, owner, "signs", secret).await
    };
    assert_eq!(change("another").await.unwrap_err().code, "client_secret_invalid");
    let row = change(&private_key()).await.unwrap();
    let known = client::secrets(&scene.store, &row).await.unwrap();
    assert_eq!(known.len(), 1, "the key that was there stays the only one");
    assert_eq!(known[0].expose_secret(), private_key());
}

#[tokio::test]
async fn a_secret_that_is_sent_is_no_private_key() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let owner = Owner::Workspace(&chat.id);
    let secret = private_key().into();
    let done =
        client::change_secret(&scene.store, &scene.registry, owner, "acme-app", secret).await;
    assert_eq!(done.unwrap_err().code, "client_secret_invalid");
}

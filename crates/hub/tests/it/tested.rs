//! "Test now": what a person is told of a connection.

use std::time::Duration;

use hub::{
    Kind,
    connection::{self, Connection, Health, State},
    integration::ClientChoice,
    refresh,
    session::{self, NewSession},
};

use super::{
    provider::Mood,
    recovering::ended,
    scene::{Scene, Tenant, new_session, refused},
};

/// An app that is linked by a key and a site.
const KEYED: &str = r#"
    slug = "keyed"
    display_name = "Keyed"
    category = "crm"
    auth.kind = "api_key"
    api.base = "https://{site}.keyed.example/api"
    identity = { url = "/v1/me", account_path = ["id"], label_path = ["email"] }

    [[inputs]]
    name = "site"
    label = "Site"
    required = true
    pattern = '^[a-z]+$'

    [[inputs]]
    name = "api_key"
    label = "Key"
    secret = true
    required = true

    [api.credential]
    in = "header"
    name = "Authorization"
    template = "Bearer {api_key}"
"#;

async fn linked() -> (Scene, Tenant, Connection) {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let row = scene.link(&chat, "ana", "ana-work").await;
    (scene, chat, row)
}

async fn tested(scene: &Scene, row: &Connection) -> Connection {
    refresh::test(&scene.refresher, &row.workspace_id, &row.id).await.unwrap()
}

#[tokio::test]
async fn one_that_works_is_asked_once_and_keeps_its_token() {
    let (scene, _, row) = linked().await;
    scene.execute("UPDATE connection SET health = 'failing', health_reason = 'before'").await;
    let before = scene.acme.identified().len();
    let now = tested(&scene, &row).await;
    assert_eq!((now.health, now.health_reason), (Health::Healthy, None));
    assert_eq!(now.generation, row.generation);
    assert_eq!(scene.acme.refreshed().len(), 0);
    assert_eq!(scene.acme.identified()[before..], ["access.ana-work.1"]);
}

#[tokio::test]
async fn an_ended_token_is_refreshed_first() {
    let (scene, _, row) = ended().await;
    let before = scene.acme.identified().len();
    assert_eq!(tested(&scene, &row).await.health, Health::Healthy);
    assert_eq!(scene.acme.identified()[before..], ["access.ana-work.2"]);
    assert_eq!(scene.acme.refreshed().len(), 1);
}

#[tokio::test]
async fn a_token_that_the_provider_ended_early_is_refreshed_and_asked_with_again() {
    let (scene, _, row) = linked().await;
    scene.acme.ends("access.ana-work.1");
    let before = scene.acme.identified().len();
    let now = tested(&scene, &row).await;
    assert_eq!((now.health, now.generation), (Health::Healthy, row.generation + 1));
    assert_eq!(scene.acme.identified()[before..], ["access.ana-work.1", "access.ana-work.2"]);
    assert_eq!(scene.acme.refreshed().len(), 1);
}

#[tokio::test]
async fn a_fresh_token_that_is_refused_is_not_refreshed_once_more() {
    let (scene, _, row) = ended().await;
    scene.acme.is(Mood::Forgetful);
    let now = tested(&scene, &row).await;
    assert_eq!((now.state, now.health), (State::Ready, Health::Failing));
    assert!(now.health_reason.unwrap().contains("Acme"));
    assert_eq!(scene.acme.refreshed().len(), 1);
}

#[tokio::test]
async fn a_grant_that_is_found_dead_needs_its_person() {
    let (scene, _, row) = linked().await;
    scene.acme.ends("access.ana-work.1");
    scene.acme.is(Mood::Ended);
    let now = tested(&scene, &row).await;
    assert_eq!((now.state, now.health), (State::Reauth, Health::ReauthorizationRequired));
    // Known to be dead, nothing is asked for it any more.
    scene.later(Duration::from_hours(1));
    let (before, reason) = (scene.acme.identified().len(), now.health_reason);
    let again = tested(&scene, &row).await;
    assert_eq!((again.health, again.health_reason), (Health::ReauthorizationRequired, reason));
    assert_eq!(scene.acme.identified().len(), before);
    assert_eq!(scene.acme.refreshed().len(), 1);
}

#[tokio::test]
async fn a_provider_that_is_down_is_told_as_that() {
    let (scene, _, row) = linked().await;
    scene.acme.is(Mood::Down);
    let now = tested(&scene, &row).await;
    assert_eq!((now.state, now.health), (State::Ready, Health::Failing));
    assert_eq!(scene.acme.refreshed().len(), 0, "nothing says that its token is bad");
}

#[tokio::test]
async fn one_that_has_ended_is_not_tested() {
    let (scene, chat, row) = linked().await;
    connection::end_unasked(&scene.store, &chat.id, &row.id).await.unwrap();
    let error = refused(refresh::test(&scene.refresher, &chat.id, &row.id).await);
    assert_eq!((error.kind, error.code), (Kind::Conflict, "connection_revoked"));
}

#[tokio::test]
async fn of_a_key_the_providers_refusal_is_its_last_word_and_an_outage_is_not() {
    let scene = Scene::with(&[KEYED]).await;
    let chat = scene.tenant("chat").await;
    scene.integration(&chat.id, "keyed", "keyed", ClientChoice::None, &[]).await.unwrap();
    let new = NewSession { integrations: vec!["keyed".to_owned()], ..new_session("ana") };
    let made = session::create(&scene.store, &chat.id, new).await.unwrap();
    let browser = scene.open(&made).await;
    let answers = [("site", "north"), ("api_key", "access.ana-key")];
    scene.fill_in(&browser, &answers).await.unwrap();
    let code = scene.code(&chat, &made).await;
    let row = scene.complete(&chat, &made, &code, "ana").await.unwrap().connection;

    assert_eq!(tested(&scene, &row).await.health, Health::Healthy);
    scene.acme.is(Mood::Down);
    assert_eq!(tested(&scene, &row).await.health, Health::Failing);
    scene.acme.is(Mood::Forgetful);
    let now = tested(&scene, &row).await;
    assert_eq!(now.health, Health::ReauthorizationRequired);
    assert!(now.health_reason.unwrap().contains("Keyed"));
    assert_eq!(scene.acme.refreshed().len(), 0);
}

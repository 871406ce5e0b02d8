//! How long tokens live, who says so, and what of them is renewed.

use std::{collections::BTreeMap, time::Duration};

use base::Timestamp;
use hub::{refresh::can_renew, session};

use super::{other, provider::RefreshTokens};

const HOUR: Duration = Duration::from_hours(1);
/// A provider whose replies do not say how long a token lives, and that is asked.
const ASKED: &str = "introspect = \"https://mailo.example/oauth/introspect\"";
const UNSAID: &str = "[token.reply]\nexpires_in = [\"nowhere\"]\n[lifetime]\naccess_s = 7200";
/// A provider whose tokens are the client's own.
const SERVICE: &str = r#"
    slug = "other"
    display_name = "Other"
    category = "crm"
    auth.kind = "oauth2_client_credentials"
    urls.token = "https://other.example/oauth/token"
    api.base = "https://other.example/api"
    identity = { url = "/v1/me", account_path = ["id"], label_path = ["email"] }

    [[scopes]]
    name = "mail.read"
    title = "Read mail"
    access = "read"
"#;

/// As a server tells times.
fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_secs(at.secs())
}

#[tokio::test]
async fn a_provider_that_is_asked_says_until_when_a_token_is_good() {
    let (scene, chat) = other::scene(ASKED, UNSAID).await;
    let said = whole_seconds(scene.store.now().plus(HOUR / 4));
    scene.acme.tells_end(said);
    let row = other::link(&scene, &chat, "ana").await;
    assert_eq!(row.expires_at, Some(said.millis()));
    assert!(row.due_at.unwrap() < said.millis());

    scene.later(HOUR / 4);
    let said = whole_seconds(scene.store.now().plus(HOUR / 3));
    scene.acme.tells_end(said);
    scene.refresher.ensure(&row).await.unwrap();
    let now = scene.connection(&row).await;
    assert_eq!((now.generation, now.expires_at), (row.generation + 1, Some(said.millis())));
}

#[tokio::test]
async fn while_it_can_not_be_asked_the_usual_time_is_assumed() {
    let (scene, chat) = other::scene(ASKED, UNSAID).await;
    let row = other::link(&scene, &chat, "ana").await;
    assert_eq!(row.expires_at, Some(scene.store.now().plus(2 * HOUR).millis()));
    scene.later(2 * HOUR);
    scene.refresher.ensure(&row).await.unwrap();
    let assumed = scene.store.now().plus(2 * HOUR).millis();
    assert_eq!(scene.connection(&row).await.expires_at, Some(assumed));
}

#[tokio::test]
async fn without_a_refresh_token_nothing_is_renewed() {
    let (scene, chat) = other::scene("", "").await;
    scene.acme.gives(RefreshTokens::None);
    let row = other::link(&scene, &chat, "ana").await;
    assert_eq!(row.due_at, None);
    scene.later(24 * HOUR);
    assert!(scene.refresher.claim_due(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_token_that_is_exchanged_for_the_next_one_needs_no_refresh_token() {
    let exchange = "[refresh]\nexchange = { grant_type = \"again\" }";
    let (scene, chat) = other::scene("", exchange).await;
    scene.acme.gives(RefreshTokens::None);
    let row = other::link(&scene, &chat, "ana").await;
    assert!(row.due_at.is_some_and(|due| due < row.expires_at.unwrap()));
}

#[tokio::test]
async fn a_provider_may_want_a_token_to_be_so_old_before_it_is_renewed() {
    let old = "[lifetime]\naccess_s = 7200\nmin_refresh_interval_s = 1800";
    let (scene, chat) = other::scene("", old).await;
    let row = other::link(&scene, &chat, "ana").await;
    let provider = scene.registry.get("other").unwrap();
    let manifest = provider.manifest();
    let at = |after| scene.store.now().plus(after);
    assert!(!can_renew(&row, manifest, at(HOUR / 2).minus(Duration::from_millis(1))));
    assert!(can_renew(&row, manifest, at(HOUR / 2)));
    assert!(row.due_at.unwrap() >= at(HOUR / 2).millis());

    let unrenewable = hub::connection::Connection { due_at: None, ..row };
    assert!(!can_renew(&unrenewable, manifest, at(HOUR)));
}

#[tokio::test]
async fn a_token_for_the_client_itself_is_asked_for_again() {
    let (scene, chat) = other::with(SERVICE).await;
    scene.acme.gives(RefreshTokens::None);
    let made = session::create(&scene.store, &chat.id, other::session("ana")).await.unwrap();
    let browser = scene.open(&made).await;
    let at = session::by_browser(&scene.store, &browser.cookie).await.unwrap();
    session::start(&scene.store, &scene.registry, &at, &BTreeMap::new()).await.unwrap();
    let code = scene.code(&chat, &made).await;
    let row = scene.complete(&chat, &made, &code, "ana").await.unwrap().connection;
    assert!(row.due_at.is_some_and(|due| due < row.expires_at.unwrap()));

    scene.later(HOUR);
    scene.refresher.ensure(&row).await.unwrap();
    let now = scene.connection(&row).await;
    assert_eq!(now.expires_at, Some(scene.store.now().plus(HOUR).millis()));
}

//! Tokens that end, and a provider that fares well or badly meanwhile.

use std::{sync::Arc, time::Duration};

use hub::{
    Kind,
    connection::{Connection, Health, State, Status},
    release::{ConnectReason, TokenAsk},
    session::{Answer, Intent},
};
use tokio::task::JoinSet;

use super::{
    provider::Mood,
    scene::{Scene, Tenant, refused, token_of, whole},
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);

/// A workspace with one linked account; its access token lives for an hour.
async fn linked() -> (Scene, Tenant, Connection) {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    let row = scene.link(&chat, "ana", "ana-work").await;
    (scene, chat, row)
}

fn lasting(user: &str, min_ttl: Duration) -> TokenAsk {
    TokenAsk { min_ttl, ..whole(user) }
}

#[tokio::test]
async fn a_token_that_is_still_good_is_handed_out_while_the_provider_is_down() {
    let (scene, chat, _) = linked().await;
    scene.acme.is(Mood::Down);
    scene.later(Duration::from_secs(3599));
    assert_eq!(token_of(&scene.issued(&chat, &whole("ana")).await), "access.ana-work.1");
    // Also to one who wants a longer-lived one, which is not to be had.
    let ask = lasting("ana", 2 * SECOND);
    assert_eq!(token_of(&scene.issued(&chat, &ask).await), "access.ana-work.1");
    assert_eq!(scene.acme.refreshed().len(), 1);
    // And again, now that the refresh is known to fail.
    assert_eq!(token_of(&scene.issued(&chat, &ask).await), "access.ana-work.1");
    assert_eq!(scene.acme.refreshed().len(), 1);
}

#[tokio::test]
async fn an_ended_token_and_a_provider_that_is_down_are_nobodys_reason_to_link_again() {
    let (scene, chat, row) = linked().await;
    scene.acme.is(Mood::Down);
    scene.later(HOUR);

    let error = refused(scene.ask(&chat, &whole("ana")).await);
    assert_eq!((error.kind, error.code), (Kind::Unavailable, "provider_unavailable"));
    let wait = error.retry_after.unwrap();
    assert!(wait >= SECOND);
    let kept = scene.connection(&row).await;
    assert_eq!((kept.status, kept.health), (Status::Active, Health::Failing));
    assert_ne!(kept.state, State::Reauth);
    assert_eq!(scene.count(&chat, "release").await, 0);

    // Sooner than told, the provider is not asked again.
    assert_eq!(refused(scene.ask(&chat, &whole("ana")).await).code, "provider_unavailable");
    assert_eq!(scene.acme.refreshed().len(), 1);
    // As told, it works.
    scene.acme.is(Mood::Works);
    scene.later(wait);
    assert_eq!(token_of(&scene.issued(&chat, &whole("ana")).await), "access.ana-work.2");
    assert_eq!(scene.connection(&row).await.health, Health::Healthy);
}

#[tokio::test]
async fn a_grant_that_the_provider_ended_needs_its_person() {
    let (scene, chat, row) = linked().await;
    scene.acme.is(Mood::Ended);
    scene.later(HOUR);

    let required = scene.connect_required(&chat, &whole("ana")).await;
    assert_eq!(required.reason, ConnectReason::ReauthorizationRequired);
    let opened = scene.session_now(&chat, &required.session.unwrap().id).await;
    assert_eq!((opened.intent, opened.connection_id.as_ref()), (Intent::Reconnect, Some(&row.id)));
    let dead = scene.connection(&row).await;
    assert_eq!((dead.state, dead.health), (State::Reauth, Health::ReauthorizationRequired));
    assert_eq!(dead.provider_code.as_deref(), Some("invalid_grant"));
    // Known to be dead, it is not sent again.
    scene.connect_required(&chat, &whole("ana")).await;
    assert_eq!(scene.acme.refreshed().len(), 1);

    scene.acme.is(Mood::Works);
    let again = scene.link(&chat, "ana", "ana-work").await;
    assert_eq!(again.id, row.id);
    assert_eq!(scene.issued(&chat, &whole("ana")).await.connection, row.id);
}

#[tokio::test]
async fn a_token_that_would_end_too_soon_is_refreshed_first() {
    let (scene, chat, row) = linked().await;
    scene.later(Duration::from_secs(3500));
    let enough = scene.issued(&chat, &lasting("ana", 99 * SECOND)).await;
    assert_eq!(token_of(&enough), "access.ana-work.1");
    assert_eq!(scene.acme.refreshed().len(), 0);

    let fresh = scene.issued(&chat, &lasting("ana", 120 * SECOND)).await;
    assert_eq!(token_of(&fresh), "access.ana-work.2");
    assert_eq!(scene.acme.refreshed().len(), 1);
    let now = scene.connection(&row).await;
    assert_eq!(now.generation, row.generation + 1);
    assert_eq!(fresh.expires_at, Some(scene.store.now().plus(HOUR)));
}

#[tokio::test]
async fn a_wish_for_longer_than_tokens_live_is_met_as_far_as_it_can_be() {
    let (scene, chat, _) = linked().await;
    scene.later(HOUR / 2);
    let ask = lasting("ana", 24 * HOUR);
    assert_eq!(token_of(&scene.issued(&chat, &ask).await), "access.ana-work.2");
    // By one refresh, and not by one for each ask.
    assert_eq!(token_of(&scene.issued(&chat, &ask).await), "access.ana-work.2");
    assert_eq!(scene.acme.refreshed().len(), 1);
    scene.later(HOUR / 2);
    assert_eq!(token_of(&scene.issued(&chat, &ask).await), "access.ana-work.3");
}

#[tokio::test]
async fn a_refresh_that_brings_fewer_scopes_is_told_truthfully() {
    let (scene, chat, row) = linked().await;
    scene.acme.grants_only(&[super::scene::READ]);
    scene.later(HOUR);
    assert_eq!(scene.issued(&chat, &whole("ana")).await.scopes, [super::scene::READ]);
    assert_eq!(scene.connection(&row).await.scopes.0, [super::scene::READ]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_callers_at_once_cause_one_refresh() {
    let (scene, chat, row) = linked().await;
    scene.later(HOUR);
    scene.acme.takes(Duration::from_millis(100));
    let (scene, chat) = (Arc::new(scene), Arc::new(chat));
    let before = scene.chain(&chat).await.len();
    let mut callers = JoinSet::new();
    for _ in 0..1000 {
        let (scene, chat) = (scene.clone(), chat.clone());
        callers.spawn(async move {
            match scene.ask(&chat, &whole("ana")).await.unwrap() {
                Answer::Issued(issued) => token_of(&issued).to_owned(),
                _ => panic!("no token"),
            }
        });
    }
    let tokens = callers.join_all().await;
    assert_eq!(tokens.len(), 1000);
    assert!(tokens.iter().all(|token| token == "access.ana-work.2"));
    assert_eq!(scene.acme.refreshed().len(), 1);
    assert_eq!(scene.connection(&row).await.generation, row.generation + 1);
    assert_eq!(
        hub::audit::list(
            &scene.store,
            &chat.id,
            &hub::page::PageQuery::new(Some((before + 999).to_string()), None).unwrap()
        )
        .await
        .unwrap()
        .items
        .len(),
        1,
        "the chain has a thousand entries more"
    );
}

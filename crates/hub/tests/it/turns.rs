//! How fast refreshes go to a provider, and what is told of those that wait.

use std::time::Duration;

use hub::{
    connection::{Connection, Health, State},
    refresh::{Freshness, Refresher},
};

use super::{other, provider::Mood, recovering::ended, scene::Scene};

const HOUR: Duration = Duration::from_hours(1);

/// Two accounts, whose tokens have ended, at a provider that takes so many refreshes a second.
async fn two_of(rate: u32) -> (Scene, Connection, Connection) {
    let (scene, chat) = other::scene("", &format!("[refresh]\nmax_per_second = {rate}")).await;
    let ana = other::link(&scene, &chat, "ana").await;
    let eve = other::link(&scene, &chat, "eve").await;
    scene.later(HOUR);
    (scene, ana, eve)
}

/// What the worker does with all that are due, one after the other.
async fn run_all(refresher: &Refresher) {
    for lease in refresher.claim_due(100).await.unwrap() {
        refresher.run(lease).await;
    }
}

#[tokio::test]
async fn one_that_would_wait_beyond_its_lease_is_put_off_and_is_no_failure() {
    let (scene, ana, eve) = two_of(2).await;
    // A wait of up to 0.225 seconds; more than half a second is between two.
    let refresher = scene.scaled(0.1);
    run_all(&refresher).await;

    assert_eq!(scene.acme.refreshed().len(), 1);
    assert_eq!(scene.connection(&ana).await.generation, ana.generation + 1);
    let now = scene.store.now();
    let put_off = scene.connection(&eve).await;
    assert_eq!((put_off.state, put_off.failures), (State::Ready, 0));
    assert_eq!((put_off.health, put_off.health_reason), (Health::Healthy, None));
    assert!(put_off.quiet_until <= now.millis(), "whoever asks for it may have it at once");
    assert!(put_off.due_at.unwrap() >= now.plus(Duration::from_millis(300)).millis());
    assert!(scene.events(&eve).await.is_empty());
}

#[tokio::test]
async fn one_whose_turn_comes_soon_waits_for_it() {
    let (scene, ana, eve) = two_of(10).await;
    let refresher = scene.scaled(0.1);
    refresher.ensure(&ana).await.unwrap();
    refresher.ensure(&eve).await.unwrap();
    assert_eq!(scene.acme.refreshed().len(), 2);
    assert_eq!(scene.connection(&eve).await.generation, eve.generation + 1);
}

#[tokio::test]
async fn a_caller_waits_for_its_turn_as_long_as_it_is_patient() {
    let (scene, ana, eve) = two_of(2).await;
    // Each attempt waits for at most 0.225 seconds, a caller for 1.2.
    let refresher = scene.scaled(0.1);
    for row in [&ana, &eve] {
        refresher.ensure(row).await.unwrap();
        assert_eq!(scene.connection(row).await.generation, row.generation + 1);
    }
    let claims = scene.connection(&eve).await.fence - eve.fence;
    assert!(claims <= 3, "{claims} claims for one refresh");
}

#[tokio::test]
async fn a_caller_whose_turn_is_far_away_is_told_when_to_come_back() {
    let (scene, _, row) = ended().await;
    // A caller waits for 1.2 seconds at most; the breaker opens for longer with each failure.
    let refresher = scene.scaled(0.1);
    scene.acme.is(Mood::Down);
    for _ in 0..30 {
        let before = scene.acme.refreshed().len();
        let known = scene.connection(&row).await;
        if let Freshness::Later(wait) = refresher.ensure(&known).await.unwrap() {
            assert!(wait > Duration::from_millis(1200), "{wait:?}");
            assert_eq!(scene.acme.refreshed().len(), before);
            let claims = scene.connection(&row).await.fence - known.fence;
            assert_eq!(claims, 1, "one look was enough");
            return;
        }
        scene.later(HOUR);
    }
    panic!("each of thirty callers had the provider asked");
}

#[tokio::test]
async fn a_provider_that_is_down_is_asked_five_times_and_then_left_alone() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let rows = scene.link_many(&chat, 7).await;
    scene.later(HOUR);
    scene.acme.is(Mood::Down);
    run_all(&scene.refresher).await;
    assert_eq!(scene.acme.refreshed().len(), 5);
    for (number, row) in rows.iter().enumerate() {
        let now = scene.connection(row).await;
        let expected = if number < 5 { Health::Failing } else { Health::Healthy };
        assert_eq!((now.health, now.failures), (expected, i64::from(number < 5)), "{number}");
    }
}

#[tokio::test]
async fn a_provider_that_answers_is_not_taken_for_one_that_is_down() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let rows = scene.link_many(&chat, 9).await;
    scene.later(HOUR);
    for (number, row) in rows.iter().enumerate() {
        // An answer of any sort, also one that refuses, tells that it works.
        scene.acme.is(if number == 4 { Mood::Ended } else { Mood::Down });
        scene.refresher.ensure(row).await.unwrap();
    }
    assert_eq!(scene.acme.refreshed().len(), 9);
}

#[tokio::test]
async fn a_provider_that_says_when_is_asked_then() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let row = scene.link(&chat, "ana", "ana-work").await;
    scene.later(HOUR);
    scene.acme.is(Mood::Busy);
    scene.refresher.ensure(&row).await.unwrap();
    let then = scene.store.now().plus(Duration::from_mins(2)).millis();
    let now = scene.connection(&row).await;
    assert_eq!((now.quiet_until, now.due_at), (then, Some(then)));
    assert_eq!(now.provider_code.as_deref(), Some("slow_down"));
}

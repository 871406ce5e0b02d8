//! Two replicas on PostgreSQL, one of them in trouble, with real times.

use std::time::{Duration, Instant};

use futures::future::join;
use serde_json::json;

use super::budget;
use crate::{
    harness::Database,
    rig::{
        Acme, Asking, Class, End, Launch, Link, Proxy, Scene, Set, Way, now_ms, replies, seen,
        sends, until_sent, until_well,
    },
};

/// A lease: nobody sends again sooner, whatever became of the first request.
const LEASE_MS: i64 = 15_000;

fn set(class: Class) -> Set {
    Set { class, max_per_second: 1000, replicas: 2 }
}

fn asking(wish: u64, since: i64) -> Asking {
    Asking { replica: 1, wish, since, limit: Duration::from_mins(2) }
}

/// Two replicas and one link whose token lives so long, of which enough has passed that a token for one
/// second less must be fetched.
async fn two(class: Class, lives_s: u64, launch: &Launch) -> Option<(Acme, Scene, Link)> {
    let database = Database::postgres()?;
    let acme = Acme::start(lives_s).await;
    let scene = Scene::start(&acme, database, &set(class), launch).await;
    let link = scene.link(0).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    Some((acme, scene, link))
}

/// Asks both replicas for this long; each answer hands out a token, and nobody is told to link again.
async fn ask_both(scene: &Scene, link: &Link, wish: u64, time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        let (one, other) = join(scene.ask(0, link, wish), scene.ask(1, link, wish)).await;
        for answer in [one, other].into_iter().flatten() {
            assert_eq!(answer["status"], "issued", "{answer}");
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Asks the second replica for this long; a token that is still good is handed out throughout.
async fn ask_other(scene: &Scene, link: &Link, wish: u64, time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        let answer = scene.ask(1, link, wish).await.expect("this replica is well");
        assert_eq!(answer["status"], "issued", "{answer}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn never_overlapped(acme: &Acme, link: &Link) {
    assert_eq!(acme.most_at_once().await, 1, "two requests of one grant at once");
    let sent = sends(acme, link).await;
    crate::harness::process::show(&format!("    requests at Acme: {sent:?} ms"));
}

fn never_sooner_than_a_lease(sent: &[i64]) {
    let gaps: Vec<i64> = sent.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| *gap >= LEASE_MS), "sent again after {gaps:?} ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_slower_than_the_timeout_is_asked_again_in_its_grace_and_heals() {
    if budget().is_none() {
        return;
    }
    let launch = Launch::scaled(1.0);
    let Some((acme, scene, link)) = two(Class::ReplaySafe, 120, &launch).await else { return };
    acme.behave(&json!({ "token_delay_ms": 11_000 })).await;
    ask_both(&scene, &link, 119, Duration::from_secs(13)).await;
    let before = now_ms();
    acme.behave(&json!({})).await;

    let end = until_well(&scene, &acme, &link, &asking(119, before)).await;

    assert_eq!(end, End::Well);
    never_overlapped(&acme, &link).await;
    never_sooner_than_a_lease(&sends(&acme, &link).await);
    assert_eq!(seen(&acme, &link, &["refused"]).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strict_provider_slower_than_the_timeout_is_never_asked_twice_at_once() {
    if budget().is_none() {
        return;
    }
    let launch = Launch::scaled(1.0);
    let Some((acme, scene, link)) = two(Class::Strict, 120, &launch).await else { return };
    acme.behave(&json!({ "token_delay_ms": 11_000 })).await;
    // The first answer never arrives: the window that no protocol closes. Until the provider says so
    // nobody is told to link again.
    ask_both(&scene, &link, 119, Duration::from_secs(50)).await;
    never_overlapped(&acme, &link).await;
    never_sooner_than_a_lease(&sends(&acme, &link).await);
    acme.behave(&json!({})).await;

    let mut asking = asking(119, now_ms());
    asking.limit = Duration::from_mins(4);
    let end = until_well(&scene, &acme, &link, &asking).await;

    assert_eq!(end, End::Lost, "Acme has ended the grant");
    assert!(!seen(&acme, &link, &["refused"]).await.is_empty(), "lost without Acme's word");
    never_overlapped(&acme, &link).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strict_provider_that_takes_9_seconds_loses_nothing() {
    if budget().is_none() {
        return;
    }
    let launch = Launch::scaled(1.0);
    let Some((acme, scene, link)) = two(Class::Strict, 120, &launch).await else { return };
    acme.behave(&json!({ "token_delay_ms": 9_000 })).await;
    ask_both(&scene, &link, 119, Duration::from_secs(40)).await;
    acme.behave(&json!({})).await;

    let end = until_well(&scene, &acme, &link, &asking(119, now_ms())).await;

    assert_eq!(end, End::Well);
    never_overlapped(&acme, &link).await;
    assert_eq!(seen(&acme, &link, &["reused", "refused"]).await.len(), 0);
}

/// The first replica has sent and waits for the answer; then `trouble` begins, and ends after 30 s.
async fn in_trouble_mid_refresh(
    class: Class,
    acme: &Acme,
    scene: &mut Scene,
    link: &Link,
    begin: impl Fn(&Scene),
    end: impl Fn(&Scene),
) {
    acme.behave(&json!({ "token_delay_ms": 3_000 })).await;
    let first = async {
        until_sent(acme, link, 1).await;
        begin(scene);
        ask_other(scene, link, 299, Duration::from_secs(30)).await;
        end(scene);
    };
    join(scene.ask(0, link, 299), first).await;
    if class == Class::Strict {
        assert_eq!(sends(acme, link).await.len(), 1, "a strict token was sent before its time");
    }
    acme.behave(&json!({})).await;
    let well = until_well(scene, acme, link, &asking(299, now_ms())).await;
    assert_eq!(well, End::Well);
    // The late answer has found its place: nothing was ever presented to a strict provider twice.
    if class == Class::Strict {
        assert_eq!(seen(acme, link, &["reused", "refused"]).await.len(), 0);
    }
    assert!(seen(acme, link, &["refused"]).await.is_empty());
    assert!(replies(&scene.replicas[0].journal()).contains_key(&link.connection));
    never_overlapped(acme, link).await;
}

async fn stopped_mid_refresh(class: Class) {
    if budget().is_none() {
        return;
    }
    let Some((acme, mut scene, link)) = two(class, 300, &Launch::scaled(1.0)).await else { return };
    let stop = |scene: &Scene| scene.replicas[0].signal("STOP");
    let go_on = |scene: &Scene| scene.replicas[0].signal("CONT");
    in_trouble_mid_refresh(class, &acme, &mut scene, &link, stop, go_on).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_stopped_for_30_seconds_mid_refresh_keeps_a_strict_connection() {
    stopped_mid_refresh(Class::Strict).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_stopped_for_30_seconds_mid_refresh_keeps_a_replay_safe_connection() {
    stopped_mid_refresh(Class::ReplaySafe).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_stopped_before_it_sends_sends_nothing_when_it_goes_on() {
    if budget().is_none() {
        return;
    }
    let mut launch = Launch::scaled(1.0);
    launch.points = "refresh::before_connect=1*sleep(2500)".to_owned();
    // Held until half a minute before its end, that is for half a minute.
    let Some((acme, scene, link)) = two(Class::Strict, 60, &launch).await else { return };
    let other = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        scene.replicas[0].signal("STOP");
        // The second replica comes to the same point, once.
        ask_other(&scene, &link, 59, Duration::from_secs(40)).await;
        let sent = sends(&acme, &link).await.len();
        scene.replicas[0].signal("CONT");
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(sends(&acme, &link).await.len(), sent, "it sent though its lease was over");
    };
    join(scene.ask(0, &link, 59), other).await;

    let end = until_well(&scene, &acme, &link, &asking(59, now_ms())).await;

    assert_eq!(end, End::Well);
    assert_eq!(seen(&acme, &link, &["reused", "refused"]).await.len(), 0);
    never_overlapped(&acme, &link).await;
}

async fn cut_off(class: Class) {
    if budget().is_none() {
        return;
    }
    let Some(database) = Database::postgres() else { return };
    let acme = Acme::start(300).await;
    let url = database.url().unwrap().to_owned();
    let proxy = Proxy::before(&url).await;
    let urls = [Some(proxy.url(&url)), Some(url)];
    let launch = Launch::scaled(1.0);
    let mut scene = Scene::start_at(&acme, database, &urls, &set(class), &launch).await;
    let link = scene.link(0).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let cut = |_: &Scene| proxy.set(Way::Still);
    let mend = |_: &Scene| proxy.set(Way::Open);
    in_trouble_mid_refresh(class, &acme, &mut scene, &link, cut, mend).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_cut_off_from_the_database_keeps_a_strict_connections_answer() {
    cut_off(Class::Strict).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_cut_off_from_the_database_keeps_a_replay_safe_connection() {
    cut_off(Class::ReplaySafe).await;
}

//! A provider that is down while very many connections fall due.

use std::time::{Duration, Instant};

use futures::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::budget;
use crate::{
    harness::{Database, environment, process::show},
    rig::{Acme, Class, Launch, Link, Scene, Seed, Set, now_ms},
};

/// What the manifest declares.
const RATE: u32 = 50;

/// How large the outage is.
struct Size {
    links: usize,
    /// How long access tokens live; they fall due at half of it, or 300 s before their end.
    lives_s: u64,
    /// When the last of them has surely fallen due.
    due_after: Duration,
    scale: f64,
}

/// One in ten, unless `FAULT_FULL=1` asks for the whole: 10,000 connections, most of an hour.
fn size() -> Size {
    let secs = Duration::from_secs;
    if environment::optional("FAULT_FULL").as_deref() == Some("1") {
        return Size { links: 10_000, lives_s: 3_000, due_after: secs(2_440), scale: 1.0 };
    }
    Size { links: 1_000, lives_s: 300, due_after: secs(170), scale: 0.1 }
}

/// Links so many accounts, eight at a time.
pub(super) async fn link_many(scene: &Scene, count: usize) -> Vec<Link> {
    let began = Instant::now();
    let links: Vec<_> =
        stream::iter(0..count).map(|number| scene.link(number)).buffer_unordered(8).collect().await;
    show(&format!("    {count} accounts linked in {:.0?}", began.elapsed()));
    links
}

fn status(answer: Option<&Value>) -> &str {
    answer.and_then(|answer| answer["status"].as_str()).unwrap_or("problem")
}

/// Asks for some of the links, once a second; a token that is good is handed out at once.
async fn while_down(scene: &Scene, links: &[Link], until: Duration) -> (usize, Duration) {
    let (began, mut seed) = (Instant::now(), Seed::new(7));
    let (mut issued, mut slowest) = (0, Duration::ZERO);
    while began.elapsed() < until {
        for _ in 0..20 {
            let place = usize::try_from(seed.below(links.len() as u64)).unwrap();
            let asked = Instant::now();
            let answer = scene.ask(0, &links[place], 0).await;
            assert_eq!(status(answer.as_ref()), "issued", "{answer:?}");
            slowest = slowest.max(asked.elapsed());
            issued += 1;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    (issued, slowest)
}

/// The most of these moments within so many milliseconds.
fn most_within(at: &[i64], ms: i64) -> usize {
    let within = |start: &i64| at.iter().filter(|one| (*start..*start + ms).contains(*one)).count();
    at.iter().map(within).max().unwrap_or(0)
}

async fn until_refreshed(acme: &Acme, count: u64, limit: Duration) {
    let began = Instant::now();
    loop {
        let refreshed = acme.stats().await["refreshes"].as_u64().unwrap();
        if refreshed >= count {
            return;
        }
        assert!(began.elapsed() < limit, "only {refreshed} of {count} were refreshed");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_was_down_is_asked_again_at_its_rate_and_nobody_links_again() {
    if budget().is_none() {
        return;
    }
    let size = size();
    let acme = Acme::start(size.lives_s).await;
    let set = Set { class: Class::Strict, max_per_second: RATE, replicas: 1 };
    let mut launch = Launch::scaled(size.scale);
    launch.log = "warn";
    let scene = Scene::start(&acme, Database::sqlite(), &set, &launch).await;
    let links = link_many(&scene, size.links).await;
    acme.behave(&json!({ "mode": "status_503" })).await;

    let (issued, slowest) = while_down(&scene, &links, size.due_after).await;

    let asked = acme.stats().await["misbehaved"].as_u64().unwrap();
    assert_eq!(acme.stats().await["refreshes"], 0);
    show(&format!(
        "    down for {:.0?}: {asked} requests to the provider; {issued} still-valid tokens handed \
         out, the slowest in {slowest:.0?}",
        size.due_after
    ));
    acme.forget().await;
    let up = now_ms();
    acme.behave(&json!({ "access_ttl_s": 3600 })).await;
    until_refreshed(&acme, size.links as u64, Duration::from_mins(10)).await;

    let log = acme.log().await;
    let at: Vec<i64> =
        log.iter().filter(|one| one.kind == "refreshed").map(|one| one.at_ms).collect();
    let took = at.last().unwrap() - up;
    let (second, ten) = (most_within(&at, 1_000), most_within(&at, 10_000));
    show(&format!(
        "    up again: {} refreshed in {:.1} s; at most {second} within a second and {ten} within \
         ten, {RATE} a second declared",
        at.len(),
        Duration::from_millis(took.unsigned_abs()).as_secs_f64()
    ));
    assert_eq!(acme.most_at_once().await, 1);
    let all = scene.workspace.list("/v1/connections").await;
    assert_eq!(all.len(), size.links);
    let sick: Vec<_> = all.iter().filter(|one| one["health"] != "healthy").collect();
    assert!(sick.is_empty(), "{} are not healthy, as {}", sick.len(), sick[0]);
    let declared = RATE as usize;
    assert!(ten <= 11 * declared, "{ten} within ten seconds, {declared} a second declared");
    assert!(second <= declared + 1, "{second} within a second, {declared} declared");
}

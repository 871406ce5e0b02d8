//! Very many refreshes due at once.
//!
//! Linking 100,000 accounts through the API would take hours, and rows can't be copied: each credential is
//! sealed for its own row. So 2,000 connections fall due again and again, faster than they can be refreshed,
//! until 100,000 refreshes were made: what waits is always there, what a process holds is bounded.

use std::{
    fs,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{budget, outage::link_many};
use crate::{
    harness::{Database, process::show},
    rig::{Acme, Class, Launch, Replica, Scene, Set},
};

const LINKS: usize = 2_000;
const REFRESHES: u64 = 100_000;
/// They fall due at half of it.
const LIVES_S: u64 = 400;
/// How much memory the hub may have taken at most, in KiB: a debug build, and generous.
const MOST_KIB: u64 = 512 * 1024;

/// The most memory that a process has had, in KiB; none where there is no /proc.
fn peak_kib(replica: &Replica) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", replica.pid())).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

async fn refreshes(acme: &Acme) -> u64 {
    acme.stats().await["refreshes"].as_u64().unwrap()
}

/// How long it takes until Acme has refreshed so many.
async fn until(acme: &Acme, count: u64, limit: Duration) -> Duration {
    let began = Instant::now();
    while refreshes(acme).await < count {
        assert!(began.elapsed() < limit, "only {} of {count}", refreshes(acme).await);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    began.elapsed()
}

async fn drains(database: Database, refreshes: u64) {
    let acme = Acme::start(LIVES_S).await;
    let set = Set { class: Class::Strict, max_per_second: 100_000, replicas: 1 };
    let mut launch = Launch::scaled(1.0);
    launch.log = "warn";
    let mut scene = Scene::start(&acme, database, &set, &launch).await;
    link_many(&scene, LINKS).await;
    let Scene { replicas, settings, .. } = &mut scene;
    replicas[0].stop().await;
    tokio::time::sleep(Duration::from_secs(LIVES_S * 55 / 100)).await;
    acme.forget().await;
    acme.behave(&json!({ "token_delay_ms": 20, "access_ttl_s": 4 })).await;

    replicas[0].start(settings, &launch).await;
    let first = until(&acme, LINKS as u64, Duration::from_mins(10)).await;
    let early = peak_kib(&replicas[0]);
    let all = first + until(&acme, refreshes, Duration::from_hours(1)).await;
    let late = peak_kib(&replicas[0]);

    let rate = |count: u64, took: Duration| u128::from(count) * 1000 / took.as_millis().max(1);
    show(&format!(
        "    {LINKS} connections due at once were refreshed in {first:.1?} ({} a second); {refreshes} \
         refreshes in {all:.0?} ({} a second); peak memory {} MiB, then {} MiB",
        rate(LINKS as u64, first),
        rate(refreshes, all),
        early.unwrap_or(0) / 1024,
        late.unwrap_or(0) / 1024,
    ));
    assert_eq!(acme.most_at_once().await, 1);
    let stats = acme.stats().await;
    assert_eq!((&stats["reuses"], &stats["refused"]), (&json!(0), &json!(0)), "{stats}");
    assert!(late.is_none_or(|kib| kib < MOST_KIB), "{late:?} KiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn very_many_due_at_once_are_drained_in_bounded_memory_on_sqlite() {
    if budget().is_some() {
        drains(Database::sqlite(), REFRESHES).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn very_many_due_at_once_are_drained_in_bounded_memory_on_postgres() {
    if budget().is_some()
        && let Some(database) = Database::postgres()
    {
        drains(database, REFRESHES / 4).await;
    }
}

//! A database that stands still, or is slow, for half a minute; with real times.

use std::time::{Duration, Instant};

use futures::future::{join, join_all};
use serde_json::json;

use super::budget;
use crate::{
    harness::{Database, process::show},
    rig::{
        Acme, Asking, Class, End, Launch, Link, Proxy, Scene, Set, Way, now_ms, replies, seen,
        sends, until_sent, until_well,
    },
};

const HALF_A_MINUTE: Duration = Duration::from_secs(30);

struct Behind {
    acme: Acme,
    proxy: Proxy,
    scene: Scene,
    links: Vec<Link>,
}

/// A hub whose way to the database goes through a proxy, and strict links whose tokens live so long.
async fn behind_a_proxy(links: usize, lives_s: u64) -> Option<Behind> {
    budget()?;
    let database = Database::postgres()?;
    let acme = Acme::start(lives_s).await;
    let url = database.url().unwrap().to_owned();
    let proxy = Proxy::before(&url).await;
    let set = Set { class: Class::Strict, max_per_second: 1000, replicas: 1 };
    let ways = [Some(proxy.url(&url))];
    let scene = Scene::start_at(&acme, database, &ways, &set, &Launch::scaled(1.0)).await;
    let mut made = Vec::new();
    for number in 0..links {
        made.push(scene.link(number).await);
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    Some(Behind { acme, proxy, scene, links: made })
}

impl Behind {
    async fn all_are_well(&self, wish: u64) {
        let limit = Duration::from_mins(2);
        let asking = Asking { replica: 0, wish, since: now_ms(), limit };
        let all = self.links.iter();
        let ends = join_all(all.map(|link| until_well(&self.scene, &self.acme, link, &asking)));
        assert!(ends.await.iter().all(|end| *end == End::Well), "a connection was lost");
        for link in &self.links {
            let wrong = seen(&self.acme, link, &["reused", "refused"]).await;
            assert!(wrong.is_empty(), "{link:?}: {wrong:?}");
        }
        assert_eq!(self.acme.most_at_once().await, 1);
    }

    async fn sent(&self) -> usize {
        let mut count = 0;
        for link in &self.links {
            count += sends(&self.acme, link).await.len();
        }
        count
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_while_the_database_stands_still() {
    let Some(behind) = behind_a_proxy(20, 24).await else { return };
    // All of them fall due within the half minute: at twelve seconds, more or less.
    behind.proxy.set(Way::Still);
    tokio::time::sleep(Duration::from_secs(4)).await;
    let before = behind.sent().await;

    let asks = behind.links.iter().map(|link| behind.scene.ask(0, link, 23));
    let wait = tokio::time::sleep(HALF_A_MINUTE);
    tokio::pin!(wait);
    tokio::select! {
        _ = join_all(asks) => wait.await,
        () = &mut wait => {}
    }

    assert_eq!(behind.sent().await, before, "something was sent without a claim");
    behind.proxy.set(Way::Open);
    behind.all_are_well(23).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_while_the_database_stands_still_is_saved_afterwards() {
    let Some(behind) = behind_a_proxy(1, 120).await else { return };
    let link = &behind.links[0];
    behind.acme.behave(&json!({ "token_delay_ms": 2_000 })).await;
    let trouble = async {
        until_sent(&behind.acme, link, 1).await;
        behind.proxy.set(Way::Still);
        tokio::time::sleep(HALF_A_MINUTE).await;
        behind.proxy.set(Way::Open);
    };
    join(behind.scene.ask(0, link, 119), trouble).await;
    behind.acme.behave(&json!({})).await;

    behind.all_are_well(119).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_while_the_database_stands_still_survives_a_kill() {
    let Some(mut behind) = behind_a_proxy(1, 120).await else { return };
    let link = behind.links[0].clone();
    behind.acme.behave(&json!({ "token_delay_ms": 2_000 })).await;
    let trouble = async {
        until_sent(&behind.acme, &link, 1).await;
        behind.proxy.set(Way::Still);
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(replies(&behind.scene.replicas[0].journal()).contains_key(&link.connection));
        behind.scene.replicas[0].signal("KILL");
    };
    join(behind.scene.ask(0, &link, 119), trouble).await;
    tokio::time::sleep(HALF_A_MINUTE).await;
    behind.proxy.set(Way::Open);
    behind.acme.behave(&json!({})).await;
    let Scene { replicas, settings, .. } = &mut behind.scene;
    replicas[0].stop().await;
    replicas[0].start(settings, &Launch::scaled(1.0)).await;

    behind.all_are_well(119).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_slow_for_half_a_minute_loses_nothing() {
    let Some(behind) = behind_a_proxy(8, 24).await else { return };
    // At first so slow that no lease leaves time to send, then just slow.
    for piece in [400, 100] {
        behind.proxy.set(Way::Slow(Duration::from_millis(piece)));
        let (began, before) = (Instant::now(), behind.sent().await);
        while began.elapsed() < HALF_A_MINUTE / 2 {
            join_all(behind.links.iter().map(|link| behind.scene.ask(0, link, 23))).await;
        }
        let sent = behind.sent().await - before;
        show(&format!("    {sent} requests at Acme with each piece {piece} ms late"));
    }
    behind.proxy.set(Way::Open);
    behind.all_are_well(23).await;
}

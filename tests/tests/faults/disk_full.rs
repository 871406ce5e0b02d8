//! A disk that takes no more, mid-refresh.
//!
//! Simulated by the process's file size limit, which is set and lifted while it runs: every write that
//! makes a file longer fails, as on a full disk.

use std::{process::Command, time::Duration};

use futures::future::join;
use serde_json::json;

use crate::{
    harness::{Database, process::show},
    rig::{
        Acme, Asking, Class, End, Launch, Link, Replica, Scene, Set, now_ms, replies, seen,
        until_sent, until_well,
    },
};

/// A fifth: the answer may take 2 s, the quiet time is 4 s.
const SCALE: f64 = 0.2;

/// Lets the process's files grow no more, or again. Whether this machine can do that.
pub(crate) fn set_full(replica: &Replica, full: bool) -> bool {
    let limit = if full { "--fsize=1:unlimited" } else { "--fsize=unlimited:unlimited" };
    let pid = replica.pid().to_string();
    let set = Command::new("prlimit").args(["--pid", &pid, limit]).status();
    set.is_ok_and(|status| status.success())
}

/// A strict link whose refresh is under way when the disk is full; none where that can't be done here.
pub(crate) async fn full_mid_refresh(database: Database) -> Option<(Acme, Scene, Link)> {
    let acme = Acme::start(60).await;
    let set = Set { class: Class::Strict, max_per_second: 1000, replicas: 1 };
    let mut launch = Launch::scaled(SCALE);
    launch.survives_file_limit = true;
    let scene = Scene::start(&acme, database, &set, &launch).await;
    let link = scene.link(0).await;
    if !set_full(&scene.replicas[0], false) {
        show("!!! SKIPPED: no prlimit (util-linux) here, so no disk is made full");
        return None;
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    acme.behave(&json!({ "token_delay_ms": 500 })).await;
    let full = async {
        until_sent(&acme, &link, 1).await;
        set_full(&scene.replicas[0], true);
    };
    join(scene.ask(0, &link, 59), full).await;
    acme.behave(&json!({})).await;
    Some((acme, scene, link))
}

/// It gets a new token, and no refresh token was presented twice.
pub(crate) async fn is_well(acme: &Acme, scene: &Scene, link: &Link) {
    let limit = Duration::from_mins(1);
    let asking = Asking { replica: 0, wish: 59, since: now_ms(), limit };
    assert_eq!(until_well(scene, acme, link, &asking).await, End::Well);
    assert!(seen(acme, link, &["reused", "refused"]).await.is_empty(), "a token was lost");
    assert_eq!(acme.most_at_once().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_data_directory_does_not_keep_an_answer_from_the_database() {
    let Some(database) = Database::postgres() else { return };
    let Some((acme, scene, link)) = full_mid_refresh(database).await else { return };

    is_well(&acme, &scene, &link).await;
    assert!(!replies(&scene.replicas[0].journal()).contains_key(&link.connection));
}

//! While agents ask at two replicas without a pause, access is taken away: from that commit on the
//! chain has no release.

use std::{
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::Duration,
};

use futures::future::join_all;
use serde_json::{Value, json};

use crate::harness::{Agent, Database, Scene, hub::Settings, scene::APP};

const CALLERS: usize = 8;
const ROUNDS: usize = 5;
const A_WHILE: Duration = Duration::from_millis(400);

// A policy that goes, five times over.
on_both_databases!(a_revoked_policy_ends_every_release_under_load);
async fn a_revoked_policy_ends_every_release_under_load(database: Database) {
    let scene = Scene::with(database, Settings::new(), 2, 600).await;
    scene.link("ana").await;
    for round in 0..ROUNDS {
        scene.workspace.put_policy("all", "assistant", APP, &["*"]).await;
        let reply = revoke_under_load(&scene, round, "/v1/policies/all").await;
        assert_eq!(reply["code"], "policy_denied", "{reply}");
    }
}

// A connection that goes, and is linked again, five times over.
on_both_databases!(a_revoked_connection_ends_every_release_under_load);
async fn a_revoked_connection_ends_every_release_under_load(database: Database) {
    let scene = Scene::with(database, Settings::new(), 2, 600).await;
    for round in 0..ROUNDS {
        let connection = scene.link("ana").await;
        let path = format!("/v1/connections/{connection}");
        let answer = revoke_under_load(&scene, round, &path).await;
        assert_eq!(answer["status"], "connect_required", "{answer}");
    }
}

/// Deletes `path` while all callers ask, and looks at the chain. Returns the last answer.
async fn revoke_under_load(scene: &Scene, round: usize, path: &str) -> Value {
    let (stranger, stranger_id) = stranger(scene, round).await;
    let over = AtomicBool::new(false);
    let issued = AtomicU32::new(0);
    let callers = join_all((0..CALLERS).map(|caller| {
        let hub = &scene.hubs[caller % scene.hubs.len()];
        call(scene.agent.at(hub.address()), &over, &issued)
    }));
    let revocation = async {
        tokio::time::sleep(A_WHILE).await;
        let before = issued.load(Ordering::Relaxed);
        assert!(before > 0, "nothing was released before the revocation: nothing is shown");
        let gone = scene.workspace.request("DELETE", path).send().await;
        assert!((200..300).contains(&gone.status), "{}: {}", gone.status, gone.text());
        // Asked once the revocation is answered: the refusal can only stand after it in the chain.
        stranger.ask_for(APP, "ana").await.problem(403);
        tokio::time::sleep(A_WHILE).await;
        over.store(true, Ordering::Relaxed);
    };
    let (answers, ()) = tokio::join!(callers, revocation);

    let chain = scene.workspace.audit().await;
    let refusal =
        |entry: &Value| entry["kind"] == "denial" && entry.to_string().contains(&stranger_id);
    let at = chain.iter().position(refusal);
    let at = at.expect("the stranger's refusal is in the chain");
    let late: Vec<_> = chain[at..].iter().filter(|entry| is_release(entry)).collect();
    assert!(late.is_empty(), "round {round}: released after the revocation: {late:?}");
    let released = chain[..at].iter().filter(|entry| is_release(entry)).count();
    assert!(released > 0, "no release in the chain: {chain:?}");
    answers.into_iter().next().unwrap()
}

fn is_release(entry: &Value) -> bool {
    entry["id"].as_str().is_some_and(|id| id.starts_with("rel_"))
}

/// An agent that no policy names: its refusals are in the chain and can be told from the others'.
async fn stranger(scene: &Scene, round: usize) -> (Agent, String) {
    let slug = format!("stranger-{round}");
    scene.workspace.put_agent(&slug).await;
    let made = scene.workspace.get(&format!("/v1/agents/{slug}")).await;
    (scene.workspace.agent(&slug).await, made["id"].as_str().unwrap().to_owned())
}

/// Asks without a pause until it is over; returns the last answer.
async fn call(agent: Agent, over: &AtomicBool, issued: &AtomicU32) -> Value {
    let question = json!({ "integration": APP, "end_user": { "id": "ana" } });
    let mut last = Value::Null;
    while !over.load(Ordering::Relaxed) {
        let reply = agent.ask(&question).await;
        // A replica may say "later" while the workspace changes under it; it never says yes wrongly.
        last = reply.json();
        if reply.status == 200 && last["status"] == "issued" {
            issued.fetch_add(1, Ordering::Relaxed);
        } else if reply.status != 200 {
            last["code"] = crate::harness::http::code(&last).into();
        }
    }
    last
}

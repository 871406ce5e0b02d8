//! Many callers, tokens that live five seconds, and a provider that ends a grant when a refresh token
//! is used twice.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::json;

use crate::harness::{
    Agent, Database, Scene,
    hub::Settings,
    scene::{APP, CLIENT},
};

const CALLERS: u32 = 8;
const CALLS_EACH: u32 = 25;
const MINUTE: Duration = Duration::from_mins(1);

on_both_databases!(every_token_is_good_and_no_refresh_token_is_used_twice_under_load);
async fn every_token_is_good_and_no_refresh_token_is_used_twice_under_load(database: Database) {
    let scene = Scene::with(database, Settings::new(), 2, 5).await;
    scene.link("ana").await;

    let start = Instant::now();
    let callers = (0..CALLERS).map(|caller| {
        // The callers are spread over the replicas.
        let hub = &scene.hubs[caller as usize % scene.hubs.len()];
        call(&scene, scene.agent.at(hub.address()), start)
    });
    let answered: u32 = join_all(callers).await.into_iter().sum();

    assert_eq!(answered, CALLERS * CALLS_EACH);
    let stats = scene.provider.stats().await;
    assert_eq!(stats["refresh_tokens_reused"], 0, "{stats}");
    assert_eq!(stats["reuse_detected"], 0, "{stats}");
    assert_eq!(stats["grants_revoked"], 0, "{stats}");
    assert_eq!(stats["grant_errors"], json!({}), "{stats}");
    // A minute of tokens that live five seconds: at least one refresh in each of those.
    assert!(stats["refreshed"].as_u64().unwrap() >= 10, "{stats}");
}

/// Asks 25 times, spread over the minute; each token must be good when it arrives.
async fn call(scene: &Scene, agent: Agent, start: Instant) -> u32 {
    let question = json!({ "integration": APP, "end_user": { "id": "ana" }, "min_ttl_seconds": 2 });
    for turn in 0..CALLS_EACH {
        let at = start + MINUTE * turn / CALLS_EACH;
        tokio::time::sleep_until(at.into()).await;
        let reply = agent.ask(&question).await;
        let answer = reply.ok();
        assert_eq!(answer["status"], "issued", "{answer}");
        let token = answer["access_token"].as_str().unwrap();
        assert!(
            scene.provider.is_active(CLIENT, token).await,
            "a dead token was handed out: {answer}"
        );
    }
    CALLS_EACH
}

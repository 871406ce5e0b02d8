//! The main line: a person links, an agent asks.

use serde_json::json;

use crate::harness::{
    Database, Scene,
    scene::{APP, CLIENT},
};

on_both_databases!(an_agent_gets_a_working_token_once_the_person_has_linked);
async fn an_agent_gets_a_working_token_once_the_person_has_linked(database: Database) {
    let scene = Scene::start(database).await;

    let before = scene.agent.ask_for(APP, "ana").await.ok();
    assert_eq!(before["status"], "connect_required", "{before}");
    assert_eq!(before["reason"], "not_connected", "{before}");
    assert_eq!(before["fixable_by"], "end_user", "{before}");
    let connect_url = before["connect_url"].as_str().unwrap();
    assert!(connect_url.starts_with(scene.hubs[0].public_url()), "{connect_url}");

    let connection = scene.link("ana").await;

    let answer = scene.agent.ask_for(APP, "ana").await.ok();
    assert_eq!(answer["status"], "issued", "{answer}");
    assert_eq!(answer["connection"], connection, "{answer}");
    assert_eq!(answer["form"], "whole_token", "{answer}");
    let token = answer["access_token"].as_str().unwrap();
    assert_eq!(answer["apply"]["headers"]["authorization"], format!("Bearer {token}"));
    assert!(scene.provider.is_active(CLIENT, token).await, "the provider does not know the token");
    let chain = scene.workspace.audit().await;
    assert!(chain.iter().any(|entry| entry["id"] == answer["release"]), "{chain:?}");
}

on_both_databases!(an_agent_gets_a_new_token_when_the_old_one_has_too_little_time_left);
async fn an_agent_gets_a_new_token_when_the_old_one_has_too_little_time_left(database: Database) {
    let scene = Scene::start(database).await;
    scene.link("ana").await;
    let first = scene.agent.token(APP, "ana").await;

    let question =
        json!({ "integration": APP, "end_user": { "id": "ana" }, "min_ttl_seconds": 599 });
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let answer = scene.agent.ask(&question).await.ok();

    assert_eq!(answer["status"], "issued", "{answer}");
    assert_ne!(answer["access_token"], first, "the token was not renewed");
    assert_eq!(scene.provider.stats().await["refreshed"], 1);
}

on_both_databases!(an_agent_without_a_policy_gets_nothing);
async fn an_agent_without_a_policy_gets_nothing(database: Database) {
    let scene = Scene::start(database).await;
    scene.link("ana").await;
    scene.workspace.put_agent("stranger").await;
    let stranger = scene.workspace.agent("stranger").await;

    let problem = stranger.ask_for(APP, "ana").await.problem(403);

    assert_eq!(crate::harness::http::code(&problem), "policy_denied", "{problem}");
}

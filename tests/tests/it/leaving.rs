//! Leaving: a workspace is closed, a person is erased, everything is stopped at once.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{
    Database, Scene,
    http::code,
    scene::{APP, CLIENT},
};

/// Asks for how far the closing is, until it is through.
async fn until_closed(scene: &Scene) -> Value {
    let path = format!("/v1/workspaces/{}", scene.workspace.slug());
    for _ in 0..300 {
        let reply = scene.platform.request("DELETE", &path).send().await;
        let closing = reply.ok();
        if closing["workspace"]["status"] == "closed" {
            return closing;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the workspace is not closed after half a minute");
}

on_both_databases!(a_closed_workspace_hands_nothing_out_and_its_grants_end_at_the_provider);
async fn a_closed_workspace_hands_nothing_out_and_its_grants_end_at_the_provider(
    database: Database,
) {
    let scene = Scene::start(database).await;
    scene.link("ana").await;
    let token = scene.agent.token(APP, "ana").await;
    assert!(scene.provider.is_active(CLIENT, &token).await);

    let path = format!("/v1/workspaces/{}", scene.workspace.slug());
    let closing = scene.platform.request("DELETE", &path).send().await.ok();
    let status = closing["workspace"]["status"].as_str().unwrap();
    assert!(["closing", "closed"].contains(&status), "{closing}");
    let problem = scene.agent.ask_for(APP, "ana").await;
    assert!([401, 409].contains(&problem.status), "{}", problem.text());

    let closed = until_closed(&scene).await;
    assert_eq!(closed["receipts"]["revoked"], 1, "{closed}");
    assert!(!scene.provider.is_active(CLIENT, &token).await, "the token still works");
    scene.agent.ask_for(APP, "ana").await.problem(401);
    // The record can still be read, and says how it ended.
    let acts = actions(&scene.workspace.audit().await);
    assert!(acts.contains(&"workspace.closing".to_owned()), "{acts:?}");
    assert_eq!(acts.last().map(String::as_str), Some("workspace.closed"));
    // It can be looked at, without what nobody can read any more; not changed.
    let shown = scene.workspace.list("/v1/connections").await;
    assert_eq!(shown[0]["account"], Value::Null, "{shown:?}");
    let refused = scene.workspace.send("PUT", "/v1/agents/new", &json!({ "name": "New" })).await;
    assert_eq!(code(&refused.problem(409)), "workspace_closing");
}

fn actions(chain: &[Value]) -> Vec<String> {
    let changes = chain.iter().filter(|entry| entry["kind"] == "change");
    changes.map(|entry| entry["entry"]["what"]["action"].as_str().unwrap().to_owned()).collect()
}

on_both_databases!(an_erased_person_is_gone_and_everybody_else_stays);
async fn an_erased_person_is_gone_and_everybody_else_stays(database: Database) {
    let scene = Scene::start(database).await;
    scene.link("ana").await;
    scene.link("ben").await;
    let token = scene.agent.token(APP, "ana").await;

    let export =
        scene.workspace.request("GET", "/v1/end-users/ana/export").send().await.text().clone();
    let lines: Vec<Value> =
        export.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["profile"]["id"], "ana", "{export}");
    assert!(lines.iter().any(|line| line["type"] == "connection"), "{export}");
    assert!(!export.contains(&token), "an export with a token in it");

    let erased = scene.workspace.request("DELETE", "/v1/end-users/ana").send().await.ok();
    assert_eq!(erased["connections"].as_array().unwrap().len(), 1, "{erased}");
    let connection = erased["connections"][0]["connection"].as_str().unwrap();
    let mut shown = Value::Null;
    for _ in 0..100 {
        shown = scene.workspace.get(&format!("/v1/connections/{connection}")).await;
        if shown["receipt"] != "pending" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(shown["receipt"], "revoked", "{shown}");
    assert_eq!(shown["owner"]["id"], Value::Null, "{shown}");
    assert!(!scene.provider.is_active(CLIENT, &token).await);
    scene.workspace.request("GET", "/v1/end-users/ana/export").send().await.problem(404);
    // Who comes again is somebody new.
    let asked = scene.agent.ask_for(APP, "ana").await.ok();
    assert_eq!(asked["status"], "connect_required", "{asked}");
    assert_eq!(scene.agent.ask_for(APP, "ben").await.ok()["status"], "issued");
}

on_both_databases!(the_kill_switch_stops_every_hand_out_at_once_and_says_so_in_the_record);
async fn the_kill_switch_stops_every_hand_out_at_once_and_says_so_in_the_record(
    database: Database,
) {
    let scene = Scene::start(database).await;
    let connection = scene.link("ana").await;
    scene.agent.token(APP, "ana").await;

    for body in [json!({}), json!({ "agent": "a", "workspace": true }), json!({ "agnet": "a" })] {
        scene.workspace.send("POST", "/v1/kill-switch", &body).await.problem(422);
    }
    let all = json!({ "workspace": true });
    let killed = scene.workspace.post("/v1/kill-switch", &all).await;
    assert_eq!(killed, json!({ "connections": 1, "revoking": false }));
    assert_eq!(code(&scene.agent.ask_for(APP, "ana").await.problem(409)), "connection_disabled");
    let chain = scene.workspace.audit().await;
    let last = &chain.last().unwrap()["entry"];
    assert_eq!(last["what"]["action"], "kill_switch.used", "{last}");
    assert_eq!(last["actor"]["type"], "platform_key", "{last}");
    assert!(last["request_id"].as_str().unwrap().starts_with("req_"), "{last}");
    // It can be undone.
    let path = format!("/v1/connections/{connection}");
    scene.workspace.send("PATCH", &path, &json!({ "enabled": true })).await.ok();
    scene.agent.token(APP, "ana").await;
}

on_both_databases!(
    the_platform_stops_its_own_client_everywhere_and_anything_else_in_a_workspace_only
);
async fn the_platform_stops_its_own_client_everywhere_and_anything_else_in_a_workspace_only(
    database: Database,
) {
    let scene = Scene::start(database).await;
    let client = json!({
        "provider": "acme", "client_id": "shared", "client_secret": "s3cret",
        "scopes": ["crm.contacts.read"],
    });
    scene.platform.put("/v1/clients/shared", &client).await;
    let stop = async |body: Value| {
        scene.platform.request("POST", "/v1/kill-switch").json(&body).send().await
    };
    for body in
        [json!({ "provider": "acme" }), json!({ "agent": "a" }), json!({ "workspace": true })]
    {
        assert_eq!(code(&stop(body).await.problem(422)), "workspace_required");
    }
    stop(json!({ "client": "none" })).await.problem(404);
    // Of the workspace, and not of the platform.
    stop(json!({ "client": "idp" })).await.problem(404);
    scene
        .workspace
        .send("POST", "/v1/kill-switch", &json!({ "client": "shared" }))
        .await
        .problem(404);

    let stopped = stop(json!({ "client": "shared" })).await.ok();
    assert_eq!(stopped, json!({ "connections": 0, "revoking": false }));
    let after = scene.platform.request("GET", "/v1/clients/shared").send().await.ok();
    assert_eq!(after["status"], "suspended");
}

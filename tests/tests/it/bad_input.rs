//! Bad input gets a problem that says what to do, and changes nothing.

use serde_json::{Value, json};

use crate::harness::{
    Browser, Database, Scene,
    browser::{End, query},
    http::{Reply, code},
    platform::RETURN_URL,
    scene::APP,
};

/// All that a workspace could see change.
async fn state(scene: &Scene) -> Vec<Value> {
    let mut all = Vec::new();
    for list in ["clients", "integrations", "agents", "policies", "connections", "providers"] {
        all.push(json!(scene.workspace.list(&format!("/v1/{list}")).await));
    }
    all
}

/// A problem with this status and code, whose detail tells what to do in more than a word or two.
fn assert_problem(what: &str, reply: &Reply, status: u16, expected: &str) {
    assert_eq!(reply.status, status, "{what}: {}", reply.text());
    let problem = reply.problem(status);
    assert_eq!(code(&problem), expected, "{what}: {problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.len() >= 30, "{what}: `{detail}` tells nobody what to do");
}

on_both_databases!(wrong_settings_are_refused_and_change_nothing);
async fn wrong_settings_are_refused_and_change_nothing(database: Database) {
    let scene = Scene::start(database).await;
    let before = state(&scene).await;
    let idp = |scopes: Value, settings: Value| json!({ "provider": "generic-oidc", "client": "idp", "scopes": scopes, "settings": settings });
    let issuer = scene.provider.issuer();
    let rule = |agent: &str, integration: &str, scope: &str| json!({ "agents": [agent], "integrations": [integration], "scopes": [scope], "forms": ["whole_token"], "owners": ["end_user"] });
    #[rustfmt::skip]
    let table = [
        ("an unknown provider", "PUT", "/v1/integrations/new", json!({ "provider": "nobody", "client_id": "a", "client_secret": "b" }), 422, "provider_unknown"),
        ("an unknown setting", "PUT", "/v1/integrations/new", idp(json!(["openid"]), json!({ "issuer": issuer, "colour": "red" })), 422, "setting_unknown"),
        ("an issuer that is no URL", "PUT", "/v1/integrations/new", idp(json!(["openid"]), json!({ "issuer": "not a url" })), 422, "setting_invalid"),
        ("no issuer", "PUT", "/v1/integrations/new", idp(json!(["openid"]), json!({})), 422, "setting_required"),
        ("a slug with a space", "PUT", "/v1/agents/my%20agent", json!({ "name": "a" }), 422, "slug_invalid"),
        ("an agent without a name", "PUT", "/v1/agents/new", json!({ "name": "" }), 422, "name_invalid"),
        ("a policy for an unknown agent", "PUT", "/v1/policies/new", rule("nobody", APP, "*"), 422, "policy_names_unknown"),
        ("a policy with an unknown scope", "PUT", "/v1/policies/new", rule("assistant", APP, "everything"), 422, "scope_unknown"),
        ("a return URL of a stranger", "POST", "/v1/connect-sessions", json!({ "end_user": { "id": "ana" }, "return_url": "https://evil.example/" }), 422, "return_url_not_allowed"),
    ];
    for (what, method, path, body, status, expected) in table {
        let reply = scene.workspace.send(method, path, &body).await;
        assert_problem(what, &reply, status, expected);
    }
    assert_eq!(state(&scene).await, before);
}

on_both_databases!(a_malformed_manifest_is_refused_with_the_place);
async fn a_malformed_manifest_is_refused_with_the_place(database: Database) {
    let scene = Scene::start(database).await;
    let before = state(&scene).await;
    for manifest in ["", "slug = ", "slug = \"mine\"\nslug = \"twice\"", "unknown_key = 1"] {
        let reply =
            scene.workspace.send("POST", "/v1/providers", &json!({ "manifest": manifest })).await;
        assert_problem(manifest, &reply, 422, "manifest_invalid");
    }
    assert_eq!(state(&scene).await, before);
}

on_both_databases!(a_body_that_is_no_json_is_refused);
async fn a_body_that_is_no_json_is_refused(database: Database) {
    let scene = Scene::start(database).await;
    let before = state(&scene).await;
    let huge = format!("{{\"name\":\"{}\"}}", "a".repeat(10 * 1024 * 1024));
    let bodies: [(&str, Vec<u8>, &[u16]); 4] = [
        ("10 MB", huge.into(), &[413]),
        ("invalid UTF-8", b"{\"name\":\"\xff\xfe\"}".to_vec(), &[400, 422]),
        ("half of it", b"{\"name\":".to_vec(), &[400, 422]),
        ("nested too deep", "[".repeat(100_000).into(), &[400, 422]),
    ];
    for (what, body, allowed) in bodies {
        for (method, path) in [("PUT", "/v1/agents/new"), ("POST", "/v1/providers")] {
            let request =
                scene.workspace.request(method, path).body("application/json", body.clone());
            assert_refused(what, &request.send().await, allowed);
        }
        let request = scene.agent.request().body("application/json", body.clone());
        assert_refused(what, &request.send().await, allowed);
    }
    assert_eq!(state(&scene).await, before);
}

fn assert_refused(what: &str, reply: &Reply, allowed: &[u16]) {
    assert!(allowed.contains(&reply.status), "{what}: {}: {}", reply.status, reply.text());
    reply.problem(reply.status);
}

on_both_databases!(what_is_anothers_looks_like_what_is_not_there);
async fn what_is_anothers_looks_like_what_is_not_there(database: Database) {
    let scene = Scene::start(database).await;
    let connection = scene.link("ana").await;
    let session = scene.workspace.connect_session(APP, "ana").await;
    let agent = scene.workspace.get("/v1/agents/assistant").await;
    let stranger = scene.platform.workspace("stranger").await;
    let own = [
        ("connections", connection.as_str()),
        ("connect-sessions", session["id"].as_str().unwrap()),
        ("agents", agent["id"].as_str().unwrap()),
        ("integrations", APP),
        ("policies", "all"),
        ("clients", "idp"),
    ];
    for (list, id) in own {
        // There for its owner: else nothing is shown.
        scene.workspace.get(&format!("/v1/{list}/{id}")).await;
        let foreign = stranger.request("GET", &format!("/v1/{list}/{id}")).send().await;
        let absent =
            stranger.request("GET", &format!("/v1/{list}/{}", other_than(id))).send().await;
        assert_eq!(told(&foreign.problem(404)), told(&absent.problem(404)), "{list}");
    }
    let gone = stranger.request("DELETE", &format!("/v1/connections/{connection}")).send().await;
    gone.problem(404);
    assert_eq!(scene.live_connections().await.len(), 1);
}

/// An id of the same form that nobody has.
fn other_than(id: &str) -> String {
    let last = if id.ends_with('0') { '1' } else { '0' };
    format!("{}{last}", &id[..id.len() - 1])
}

/// A problem without what differs between any two.
fn told(problem: &Value) -> Value {
    let mut told = problem.clone();
    let members = told.as_object_mut().unwrap();
    members.retain(|name, _| !["request_id", "instance"].contains(&name.as_str()));
    told
}

on_both_databases!(a_scope_that_no_policy_allows_is_named_in_the_refusal);
async fn a_scope_that_no_policy_allows_is_named_in_the_refusal(database: Database) {
    let scene = Scene::start(database).await;
    scene.link("ana").await;
    scene.workspace.put_policy("all", "assistant", APP, &["openid", "offline_access"]).await;

    let question = json!({ "integration": APP, "end_user": { "id": "ana" }, "scopes": ["email"] });
    let reply = scene.agent.ask(&question).await;

    assert_problem("a scope beyond the policy", &reply, 403, "policy_denied");
    assert!(reply.json().to_string().contains("email"), "{}", reply.text());
}

on_both_databases!(a_wrong_key_is_refused);
async fn a_wrong_key_is_refused(database: Database) {
    let scene = Scene::start(database).await;
    let right = scene.agent.key.clone();
    let (public, _) = right.rsplit_once('_').unwrap();
    let keys = [
        other_than(&right),
        format!("{public}_{}", "A".repeat(43)),
        "vk_agent_".to_owned(),
        "x".repeat(5000),
    ];
    for key in keys {
        let agent = crate::harness::Agent { key, ..scene.agent.clone() };
        assert_problem("a wrong key", &agent.ask_for(APP, "ana").await, 401, "unauthenticated");
    }
}

on_both_databases!(a_completion_code_works_once);
async fn a_completion_code_works_once(database: Database) {
    let scene = Scene::start(database).await;
    let session = scene.workspace.connect_session(APP, "ana").await;
    let id = session["id"].as_str().unwrap();
    let back = Browser::of("ana").link(session["url"].as_str().unwrap(), RETURN_URL).await;
    let first = scene.workspace.complete(id, &query(&back, "code"), "ana").await;
    first.ok();
    let before = state(&scene).await;

    let again = scene.workspace.complete(id, &query(&back, "code"), "ana").await;

    assert_problem("a replayed code", &again, 422, "code_invalid");
    assert_eq!(state(&scene).await, before);
}

on_both_databases!(an_answer_with_a_wrong_or_used_state_links_nothing);
async fn an_answer_with_a_wrong_or_used_state_links_nothing(database: Database) {
    let scene = Scene::start(database).await;
    let session = scene.workspace.connect_session(APP, "ana").await;
    let url = session["url"].as_str().unwrap();
    let mut browser = Browser::of("ana");
    // Up to the provider's answer, which does not reach the hub yet.
    let callback = |url: &url::Url| url.path().starts_with("/oauth/callback/");
    let End::At(answer) = browser.walk(url, callback).await else { panic!("no answer came") };

    let mut wrong = answer.clone();
    let others = answer.query_pairs().filter(|(name, _)| name != "state");
    let others: Vec<_> =
        others.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    wrong.query_pairs_mut().clear().extend_pairs(others).append_pair("state", "wrong");
    let page = browser.open(wrong.as_str()).await;
    assert!(
        (400..500).contains(&page.reply.status),
        "{}: {}",
        page.reply.status,
        page.reply.text()
    );
    assert_eq!(scene.provider.stats().await["codes_exchanged"], 0);

    // The right one works, once.
    let finish = browser.walk(answer.as_str(), |url| url.as_str().starts_with(RETURN_URL)).await;
    let End::At(back) = finish else { panic!("{finish:?}") };
    let replayed = browser.open(answer.as_str()).await;
    assert!((400..500).contains(&replayed.reply.status), "{}", replayed.reply.status);
    assert_eq!(scene.provider.stats().await["codes_exchanged"], 1);
    let id = session["id"].as_str().unwrap();
    scene.workspace.complete(id, &query(&back, "code"), "ana").await.ok();
    assert_eq!(scene.live_connections().await.len(), 1);
}

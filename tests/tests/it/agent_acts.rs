//! Agents have things done by name, and are given the result.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::harness::{
    Agent, Browser, Database, Hub, Platform, Playground, Workspace,
    browser::query,
    http::{Reply, code, find},
    hub::Settings,
    platform::RETURN_URL,
};

const READ: &str = "crm.contacts.read";
const WRITE: &str = "crm.contacts.write";

struct Town {
    hub: Hub,
    settings: Settings,
    acme: Playground,
    workspace: Workspace,
    agent: Agent,
    database: Database,
}

impl Town {
    async fn start(database: Database) -> Self {
        let settings = Settings::new();
        let hub = Hub::start(&settings, &database, None).await;
        let platform = Platform::of(&hub, &settings.platform_key);
        let acme = Playground::start().await;
        let workspace = platform.workspace("chatty").await;
        let client = json!({ "provider": "acme", "client_id": "acme-demo", "client_secret": "acme-demo-secret" });
        workspace.put("/v1/clients/acme", &client).await;
        put_integration(&workspace, &acme.port()).await;
        workspace.put_agent("assistant").await;
        let agent = workspace.agent("assistant").await;
        Self { hub, settings, acme, workspace, agent, database }
    }

    /// Lets the agent run these actions, and have no token.
    async fn allow(&self, actions: &[&str]) {
        let body = json!({ "agents": ["assistant"], "integrations": ["crm"], "scopes": ["*"], "actions": actions });
        self.workspace.put("/v1/policies/actions", &body).await;
    }

    async fn link(&self, person: &str) -> String {
        let session = self.workspace.connect_session("crm", person).await;
        let mut browser = Browser::of(person);
        let back = browser.link(session["url"].as_str().unwrap(), RETURN_URL).await;
        let id = session["id"].as_str().unwrap();
        let done = self.workspace.complete(id, &query(&back, "code"), person).await.ok();
        find(&done, "con_").unwrap()
    }

    async fn act(&self, action: &str, more: Value) -> Reply {
        act(&self.agent, action, more).await
    }

    /// What Acme has of this person.
    async fn found(&self, email: &str) -> usize {
        let answer = self.act("contacts.search", json!({ "input": { "email": email } })).await.ok();
        assert_eq!(answer["status"], "done", "{answer}");
        answer["output"]["items"].as_array().unwrap().len()
    }
}

async fn put_integration(workspace: &Workspace, port: &str) {
    let body = json!({ "provider": "acme", "client": "acme", "scopes": [READ, WRITE], "settings": { "port": port } });
    workspace.put("/v1/integrations/crm", &body).await;
}

async fn act(agent: &Agent, action: &str, more: Value) -> Reply {
    let mut body = json!({ "integration": "crm", "end_user": { "id": "ana" } });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    agent.request_to("POST", &format!("/v1/actions/{action}")).json(&body).send().await
}

fn new_contact(email: &str) -> Value {
    json!({ "last_name": "Roth", "email": email })
}

on_both_databases!(an_agent_finds_and_adds_contacts_and_never_sees_a_token);
async fn an_agent_finds_and_adds_contacts_and_never_sees_a_token(database: Database) {
    let town = Town::start(database).await;
    town.allow(&["contacts.*"]).await;
    let search = json!({ "input": { "query": "" } });
    let before = town.act("contacts.search", search).await.ok();
    assert_eq!(before["status"], "connect_required", "{before}");
    assert_eq!(before["reason"], "not_connected", "{before}");

    let connection = town.link("ana").await;

    assert_eq!(town.found("lea@roth.example").await, 0);
    let input = json!({ "input": new_contact("lea@roth.example"), "reason": "she called" });
    let made = town.act("contacts.create", input).await.ok();
    assert_eq!(made["status"], "done", "{made}");
    assert_eq!(made["output"]["email"], "lea@roth.example", "{made}");
    assert_eq!(made["connection"], connection, "{made}");
    assert_eq!(town.found("lea@roth.example").await, 1);

    let token = town.agent.ask_for("crm", "ana").await.problem(403);
    assert_eq!(code(&token), "policy_denied", "{token}");
    let chain = town.workspace.audit().await;
    let release = chain.iter().find(|entry| entry["id"] == made["release"]).unwrap();
    assert_eq!(release["entry"]["what"]["form"], "action", "{release}");
    assert_eq!(release["entry"]["what"]["scopes"], json!([WRITE]), "{release}");
    let outcome = chain.iter().find(|entry| entry["entry"]["what"]["release"] == made["release"]);
    assert_eq!(outcome.unwrap()["entry"]["what"]["outcome"], "ok");
}

on_both_databases!(a_dry_run_shows_the_request_and_adds_nothing);
async fn a_dry_run_shows_the_request_and_adds_nothing(database: Database) {
    let town = Town::start(database).await;
    town.allow(&["*"]).await;
    town.link("ana").await;
    let input = json!({ "input": new_contact("dry@roth.example"), "dry_run": true });
    let shown = town.act("contacts.create", input).await.ok();
    assert_eq!(shown["status"], "dry_run", "{shown}");
    assert_eq!(shown["request"]["method"], "POST", "{shown}");
    assert_eq!(shown["request"]["body"]["email"], "dry@roth.example", "{shown}");
    assert!(!shown.to_string().to_lowercase().contains("bearer"), "{shown}");
    assert_eq!(town.found("dry@roth.example").await, 0);
}

on_both_databases!(what_no_policy_allows_is_not_sent_and_the_chain_says_denied);
async fn what_no_policy_allows_is_not_sent_and_the_chain_says_denied(database: Database) {
    let town = Town::start(database).await;
    town.allow(&["contacts.search"]).await;
    town.link("ana").await;
    let create = json!({ "input": new_contact("no@roth.example") });
    let problem = town.act("contacts.create", create).await.problem(403);
    assert_eq!(code(&problem), "policy_denied", "{problem}");
    assert_eq!(town.found("no@roth.example").await, 0);
    let chain = town.workspace.audit().await;
    let denial = chain.iter().find(|entry| entry["kind"] == "denial").unwrap();
    assert_eq!(denial["entry"]["what"]["action"], "contacts.create", "{denial}");

    // And what was allowed is not, once the policy is gone.
    town.workspace.request("DELETE", "/v1/policies/actions").send().await.ok();
    let search = json!({ "input": {} });
    town.act("contacts.search", search).await.problem(403);
}

on_both_databases!(wrong_input_is_told_by_field_and_an_action_that_is_not_there_by_name);
async fn wrong_input_is_told_by_field_and_an_action_that_is_not_there_by_name(database: Database) {
    let town = Town::start(database).await;
    town.allow(&["*"]).await;
    town.link("ana").await;
    for (action, more, status, told) in [
        ("contacts.search", json!({ "input": { "mail": "x" } }), 422, "action_input_invalid"),
        ("contacts.get", json!({ "input": {} }), 422, "action_input_invalid"),
        ("contacts.create", json!({ "input": { "last_name": "Roth" } }), 422, "provider_invalid"),
        ("contacts.get", json!({ "input": { "id": "none" } }), 404, "record_not_found"),
        ("deals.search", json!({ "input": {} }), 422, "action_unsupported"),
        ("contacts.steal", json!({ "input": {} }), 404, "action_unknown"),
    ] {
        let problem = town.act(action, more).await.problem(status);
        assert_eq!(code(&problem), told, "{problem}");
    }
    let listed = town.agent.request_to("GET", "/v1/actions?provider=acme").send().await.ok();
    let names: Vec<_> =
        listed["items"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert!(names.contains(&&json!("contacts.create")) && !names.contains(&&json!("deals.search")));
    assert_eq!(listed["items"][0]["providers"]["acme"]["all_of"], json!([READ]), "{listed}");
    assert_eq!(listed["items"][0]["input"]["type"], "object", "{listed}");
}

on_both_databases!(what_is_asked_again_with_its_key_is_done_once);
async fn what_is_asked_again_with_its_key_is_done_once(database: Database) {
    let town = Town::start(database).await;
    town.allow(&["*"]).await;
    town.link("ana").await;
    let body = json!({ "integration": "crm", "end_user": { "id": "ana" }, "input": new_contact("once@roth.example") });
    let ask = || {
        let request = town.agent.request_to("POST", "/v1/actions/contacts.create");
        request.header("idempotency-key", "once").json(&body).send()
    };
    let (first, again) = (ask().await.ok(), ask().await.ok());
    assert_eq!(first["output"]["email"], "once@roth.example", "{first}");
    assert_eq!((&again["release"], &again["output"]), (&first["release"], &Value::Null));
    assert_eq!(town.found("once@roth.example").await, 1);
}

on_both_databases!(an_action_that_a_crash_cut_off_stays_in_the_chain_without_an_outcome);
async fn an_action_that_a_crash_cut_off_stays_in_the_chain_without_an_outcome(database: Database) {
    let town = Town::start(database).await;
    town.allow(&["*"]).await;
    town.link("ana").await;
    // Someone who takes the request and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    put_integration(&town.workspace, &silent.local_addr().unwrap().port().to_string()).await;
    let agent = town.agent.clone();
    let asking = tokio::spawn(async move {
        let body = json!({ "integration": "crm", "end_user": { "id": "ana" }, "input": {} });
        agent.request_to("POST", "/v1/actions/contacts.search").json(&body).try_send().await.is_ok()
    });
    let arrived = tokio::time::timeout(Duration::from_secs(20), silent.accept()).await;
    let _held = arrived.expect("nothing was sent").unwrap();

    let Town { hub, settings, acme, database, .. } = town;
    drop(hub);
    assert!(!asking.await.unwrap(), "it was answered");
    let hub = Hub::start(&settings, &database, None).await;
    let platform = Platform::of(&hub, &settings.platform_key);
    let workspace = platform.workspace("chatty").await;
    let chain = workspace.audit().await;
    let release = chain.iter().find(|entry| entry["kind"] == "release").unwrap();
    assert_eq!(release["entry"]["what"]["action"], "contacts.search", "{release}");
    assert!(chain.iter().all(|entry| entry["kind"] != "outcome"), "{chain:?}");
    drop(acme);
}

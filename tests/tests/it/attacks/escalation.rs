//! An agent asks for more than it was given.

use serde_json::{Value, json};

use super::{
    Attack,
    town::{READ, Town, WRITE},
    way::assert_refuses,
};
use crate::harness::{Agent, Workspace, http::Reply};

struct Office {
    town: Town,
    workspace: Workspace,
    /// May read on end users' own connections, in the whole form.
    assistant: Agent,
    /// May do everything; another program.
    other: Agent,
    ana: String,
    ben: String,
    shared: String,
    foreign: String,
}

impl Office {
    async fn open() -> Self {
        let town = Town::start().await;
        let workspace = town.workspace("chatty").await;
        town.furnish(&workspace, "acme", &[READ, WRITE]).await;
        // Each of them works for one end user at a time and says so by id, except the untrusted one.
        workspace.put("/v1/agents/untrusted", &json!({ "name": "untrusted" })).await;
        workspace.put_agent("other").await;
        let all = json!({ "agents": ["other", "untrusted"], "integrations": ["crm"], "scopes": ["*"],
            "forms": ["whole_token"], "owners": ["end_user", "workspace"] });
        workspace.put("/v1/policies/all", &all).await;
        let ana = town.link(&workspace, "ana", "ana").await;
        let ben = town.link(&workspace, "ben", "ben").await;
        let shared = link_shared(&workspace).await;
        let stranger = town.workspace("stranger").await;
        let foreign = town.link(&stranger, "ana", "ana").await;
        let (assistant, other) =
            (workspace.agent("assistant").await, workspace.agent("other").await);
        Self { town, workspace, assistant, other, ana, ben, shared, foreign }
    }
}

/// An account that the workspace shares.
async fn link_shared(workspace: &Workspace) -> String {
    use super::way::complete;
    use crate::harness::{Browser, platform::RETURN_URL};
    let body = json!({ "end_user": { "id": "chief" }, "owner": { "type": "workspace" }, "integrations": ["crm"], "return_url": RETURN_URL });
    let session = workspace.post("/v1/connect-sessions", &body).await;
    let back = Browser::of("team").link(session["url"].as_str().unwrap(), RETURN_URL).await;
    complete(workspace, &back, "chief").await
}

/// No token, and nothing that says more than no.
fn assert_no_token(what: &str, reply: &Reply) {
    let text = reply.text();
    assert!(!text.contains("access_token") && !text.contains("Bearer"), "{what}: {text}");
    if reply.status == 200 {
        assert_eq!(reply.json()["status"], "connect_required", "{what}: {text}");
    } else {
        assert_refuses(what, reply);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_an_agent_gets_no_more_than_its_policy_allows() {
    let mut attack = Attack::new("scope_escalation");
    let office = Office::open().await;
    let Office { workspace, assistant, ana, ben, shared, foreign, .. } = &office;
    let person = |id: &str| json!({ "id": id });

    // A narrow question of a policy for the whole form is told the truth of what the token can do.
    let honest = json!({ "integration": "crm", "end_user": person("ana"), "scopes": [READ] });
    let issued = assistant.ask(&honest).await.ok();
    assert_eq!(issued["status"], "issued", "{issued}");
    let token = issued["access_token"].as_str().unwrap();
    assert_eq!(office.town.acme.account_of(token).await, "ana@acme.example");
    attack.works("the scope that the policy allows");
    #[rustfmt::skip]
    let attempts = [
        ("a scope that no policy allows", json!({ "integration": "crm", "end_user": person("ana"), "scopes": [WRITE] })),
        ("one scope too many", json!({ "integration": "crm", "end_user": person("ana"), "scopes": [READ, WRITE] })),
        ("every scope", json!({ "integration": "crm", "end_user": person("ana"), "scopes": ["*"] })),
        ("a scope in another case", json!({ "integration": "crm", "end_user": person("ana"), "scopes": ["CRM.contacts.read"] })),
        ("two scopes in one", json!({ "integration": "crm", "end_user": person("ana"), "scopes": [format!("{READ} {WRITE}")] })),
        ("no scope at all", json!({ "integration": "crm", "end_user": person("ana"), "scopes": [] })),
        ("a form that no policy allows", json!({ "integration": "crm", "end_user": person("ana"), "form": "narrowed_token" })),
        ("a form that is none", json!({ "integration": "crm", "end_user": person("ana"), "form": "every_token" })),
        ("the workspace's account", json!({ "connection": shared })),
        ("the workspace's account for a person", json!({ "connection": shared, "end_user": person("ana") })),
        ("no person, to get the shared one", json!({ "integration": "crm" })),
        ("another person's connection", json!({ "connection": ben, "end_user": person("ana") })),
        ("a person's connection for nobody", json!({ "connection": ana })),
        ("a connection of another workspace", json!({ "connection": foreign, "end_user": person("ana") })),
        ("a person by the hub's own word for a shared one", json!({ "integration": "crm", "end_user": person("workspace") })),
        ("two targets", json!({ "integration": "crm", "connection": ana, "end_user": person("ana") })),
        ("two persons", json!({ "integration": "crm", "end_user": [person("ana"), person("ben")] })),
        ("an agent of its choice in the body", json!({ "integration": "crm", "end_user": person("ana"), "scopes": [WRITE], "agent": "other" })),
    ];
    for (what, question) in attempts {
        assert_no_token(what, &assistant.ask(&question).await);
        attack.refused(what);
    }
    // The name of a mightier agent beside its own key.
    let write = json!({ "integration": "crm", "end_user": person("ana"), "scopes": [WRITE] });
    let reply = assistant.request().header("x-valetkey-agent", "other").json(&write).send().await;
    assert_no_token("another agent's name", &reply);
    attack.refused("another agent's name in a header");
    assert_no_token("another workspace's name", &assistant.ask_in("stranger", &honest).await);
    attack.refused("another workspace's name in a header");
    let issued = office.other.ask(&write).await.ok();
    assert_eq!(issued["status"], "issued", "{issued}");
    attack.works("the scope by the agent that may have it");

    // Who is not trusted to say whom it asks for can't.
    let untrusted = workspace.agent("untrusted").await;
    for question in [
        honest,
        json!({ "connection": ana, "end_user": person("ana") }),
        json!({ "connection": ana }),
    ] {
        assert_no_token("an untrusted agent", &untrusted.ask(&question).await);
        attack.refused(format!("an agent that is no trusted back end: {question}"));
    }
    let issued = untrusted.ask(&json!({ "connection": shared })).await.ok();
    assert_eq!(issued["connection"], *shared, "{issued}");
    attack.works("the shared account by an agent that a policy lets at it");
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_an_agent_sees_nothing_of_another_agent() {
    let mut attack = Attack::new("another_agents_things");
    let office = Office::open().await;
    office.workspace.put_agent("colleague").await;
    office.workspace.put_policy("read-too", "colleague", "crm", &[READ]).await;
    let (assistant, other) = (&office.assistant, &office.workspace.agent("colleague").await);
    let mut sessions = Vec::new();
    for agent in [assistant, other] {
        let answer = agent.ask_for("crm", "newcomer").await.ok();
        sessions.push(answer["poll"].as_str().unwrap().split('?').next().unwrap().to_owned());
    }
    assert_ne!(sessions[0], sessions[1], "two agents share a session");
    let caller = |agent: &Agent| office.town.with_key(&agent.key);
    caller(assistant).request("GET", &sessions[0]).send().await.ok();
    attack.works("an agent's own session");
    for query in ["", "?wait=25"] {
        let path = format!("{}{query}", sessions[1]);
        caller(assistant).request("GET", &path).send().await.problem(404);
        attack.refused(format!("another agent's session{query}"));
    }
    let platforms = office.workspace.connect_session("crm", "newcomer").await;
    let path = format!("/v1/connect-sessions/{}", platforms["id"].as_str().unwrap());
    caller(assistant).request("GET", &path).send().await.problem(404);
    attack.refused("a session that the platform made");

    // A create that is sent again shows no secret; another's key with the same idempotency key is its own.
    let body = json!({ "name": "replayed" });
    let create = async |caller: &crate::harness::Platform, path: &str| {
        caller
            .request("POST", path)
            .header("idempotency-key", "one-and-the-same")
            .json(&body)
            .send()
            .await
    };
    let key = office.town.key_of(&office.workspace).await;
    let first = create(&key, "/v1/agents/other/keys").await.ok();
    assert!(first["secret"].is_string(), "{first}");
    attack.works("the first create shows its secret");
    let again = create(&key, "/v1/agents/other/keys").await.ok();
    assert_eq!((&again["id"], &again["secret"]), (&first["id"], &Value::Null), "{again}");
    attack.refused("a create that is sent again by the same key");
    let second_key = office.town.key_of(&office.workspace).await;
    let elsewhere = create(&second_key, "/v1/agents/other/keys").await.ok();
    assert_ne!(elsewhere["id"], first["id"], "another key was shown the first one's answer");
    attack.refused("another key's idempotency key");
    assert_refuses("an agent", &create(&caller(assistant), "/v1/agents/other/keys").await);
    attack.refused("an agent's key with that idempotency key");
    create(&key, "/v1/agents/assistant/keys").await.problem(409);
    attack.refused("the idempotency key on another target");
}

//! Workspaces share the platform's one client: one of them tries to get at another's link, and so at the
//! account of another's user.

use serde_json::{Value, json};

use super::{
    Attack,
    town::{READ, Town, WRITE},
    way::{Way, assert_page_refuses, assert_refuses, complete},
};
use crate::harness::{
    Browser, Platform, Workspace,
    browser::query,
    http::{Reply, code},
};

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_link_of_another_workspace_can_not_be_taken_over() {
    let mut attack = Attack::new("cross_workspace_callback");
    let town = Town::start().await;
    let shared = json!({
        "provider": "acme",
        "client_id": "acme-demo",
        "client_secret": "acme-demo-secret",
        "scopes": [READ],
    });
    town.platform.put("/v1/clients/shared", &shared).await;
    let (a, b) =
        (town.platform.workspace("aurora").await, town.platform.workspace("borealis").await);
    for workspace in [&a, &b] {
        town.furnish(workspace, "shared", &[READ]).await;
    }

    // Ana of A finishes at Acme; her code is known to the attacker.
    let mut ana = Way::of(&a, "crm", "ana", Browser::of("ana")).await;
    let answer = ana.answer().await;
    let mut eve = Way::of(&b, "crm", "ana", Browser::of("ben")).await;
    let hers = eve.answer().await;
    assert_page_refuses("A's answer in B's flow", &eve.browser.open(answer.as_str()).await);
    attack.refused("A's answer in the browser of B's flow");
    let back = ana.finish(&answer).await;
    for (what, reply) in takeovers(&town, (&a, &b), &ana, &eve, &back).await {
        assert_refuses(&what, &reply);
        assert!(!reply.text().contains("con_"), "{what}: {}", reply.text());
        attack.refused(what);
    }
    let state = a.get(&format!("/v1/connect-sessions/{}", ana.id())).await;
    assert_eq!(state["status"], "pending", "an attempt spent the code: {state}");

    // The platform itself completes, each workspace's own.
    complete(&a, &back, "ana").await;
    let eves = eve.finish(&hers).await;
    complete(&b, &eves, "ana").await;
    attack.works("the platform completes the session in its own workspace");
    // Both have a user `ana`; each has the account that she linked there.
    for (workspace, email) in [(&a, "ana@acme.example"), (&b, "ben@acme.example")] {
        let question = json!({ "integration": "crm", "end_user": { "id": "ana" } });
        let issued = workspace.ask_as("assistant", &question).await.ok();
        let token = issued["access_token"].as_str().unwrap();
        assert_eq!(town.acme.account_of(token).await, email);
    }
    attack.works("a user of the same id has in each workspace what she linked there");
}

/// Everybody who is not the platform, or not in A, tries to complete Ana's session.
async fn takeovers(
    town: &Town,
    (a, b): (&Workspace, &Workspace),
    ana: &Way,
    eve: &Way,
    back: &url::Url,
) -> Vec<(String, Reply)> {
    let (own, foreign) = (town.key_of(a).await, town.key_of(b).await);
    let provision = town.platform_key(&["provision", "agent", "import"]).await;
    let agent = town.with_key(&a.agent("assistant").await.key);
    let path = format!("/v1/connect-sessions/{}/complete", ana.id());
    let body = json!({ "code": query(back, "code"), "end_user": { "id": "ana" } });
    let try_with = async |what: &str, caller: &Platform, workspace: Option<&str>| {
        let mut request = caller.request("POST", &path);
        if let Some(workspace) = workspace {
            request = request.header("x-valetkey-workspace", workspace);
        }
        (what.to_owned(), request.json(&body).send().await)
    };
    let code_at_b = b.complete(eve.id(), &query(back, "code"), "ana").await;
    let own_key =
        try_with("A's own key, where only the platform says who is who", &own, None).await;
    assert_eq!(code(&own_key.1.problem(403)), "platform_key_required");
    vec![
        own_key,
        try_with("the platform in workspace B", &town.platform, Some(b.slug())).await,
        try_with("the platform in no workspace", &town.platform, None).await,
        try_with("B's key", &foreign, None).await,
        try_with("B's key with A's name in the header", &foreign, Some(a.slug())).await,
        try_with("a platform key without the role", &provision, Some(a.slug())).await,
        try_with("an agent's key of A", &agent, None).await,
        ("A's code for B's session".to_owned(), code_at_b),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_client_is_used_by_its_owner_and_within_its_ceiling() {
    let mut attack = Attack::new("client_of_another_workspace");
    let town = Town::start().await;
    let (a, b) = (town.workspace("aurora").await, town.platform.workspace("borealis").await);
    let of_a = a.get("/v1/clients/acme").await["id"].as_str().unwrap().to_owned();
    let shared = json!({ "provider": "acme", "client_id": "acme-strict", "client_secret": "acme-strict-secret", "scopes": [READ] });
    town.platform.put("/v1/clients/shared", &shared).await;
    let integration = |client: &str, scope: &str, settings: Value| json!({ "provider": "acme", "client": client, "scopes": [scope], "settings": settings });

    let port = json!({ "port": town.acme.port() });
    let attempts = [
        ("A's client by id", integration(&of_a, READ, port.clone())),
        ("A's client by slug", integration("acme", READ, port.clone())),
        ("more than the shared client's ceiling", integration("shared", WRITE, port.clone())),
        (
            "a host in the place of a port",
            integration("shared", READ, json!({ "port": "80@evil.example" })),
        ),
    ];
    for (what, body) in attempts {
        assert_refuses(what, &b.send("PUT", "/v1/integrations/crm", &body).await);
        attack.refused(what);
    }
    let own_provider = json!({ "provider": "generic-oidc", "client": "shared", "settings": { "issuer": "http://localhost:9" } });
    assert_refuses("another provider", &b.send("PUT", "/v1/integrations/crm", &own_provider).await);
    attack.refused("the shared client at a provider of B's choice");
    for (method, body) in [("PUT", &shared), ("PATCH", &json!({ "client_secret": "mine" }))] {
        let reply = town
            .key_of(&b)
            .await
            .request(method, &format!("/v1/clients/{of_a}"))
            .json(body)
            .send()
            .await;
        assert_refuses(method, &reply);
        attack.refused(format!("{method} on A's client by B's key"));
    }
    assert_eq!(b.list("/v1/integrations").await, Vec::<Value>::new());

    b.put("/v1/integrations/crm", &integration("shared", READ, port)).await;
    attack.works("the shared client within its ceiling");
    town.link(&a, "ana", "ana").await;
    attack.works("A's client in A");
}

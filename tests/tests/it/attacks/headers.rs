//! Requests that two programs would read differently, and headers that other servers obey.

use serde_json::{Value, json};

use super::{
    Attack,
    raw::{Answer, Wire},
    town::Town,
};
use crate::harness::{Platform, Workspace};

/// A hub, a workspace with an agent to lose, another workspace, and a connection to send bytes on.
struct Stage {
    town: Town,
    workspace: Workspace,
    own: Platform,
    foreign: Platform,
    wire: Wire,
    host: String,
}

impl Stage {
    async fn set() -> Self {
        let town = Town::start().await;
        let workspace = town.workspace("chatty").await;
        workspace.put_agent("victim").await;
        let other = town.platform.workspace("other").await;
        let (own, foreign) = (town.key_of(&workspace).await, town.key_of(&other).await);
        let wire = Wire::to(town.hub.address());
        let host = town.hub.public_url().trim_start_matches("http://").to_owned();
        Self { town, workspace, own, foreign, wire, host }
    }

    /// `Authorization` of the workspace's own key.
    fn mine(&self) -> String {
        format!("Authorization: Bearer {}", self.own.key())
    }

    fn theirs(&self) -> String {
        format!("Authorization: Bearer {}", self.foreign.key())
    }

    fn platform(&self) -> String {
        format!("Authorization: Bearer {}", self.town.settings.platform_key)
    }

    /// `GET target` with these header lines, after which the connection ends.
    fn get(&self, target: &str, lines: &[&str]) -> String {
        let lines = [lines, &["Connection: close"]].concat().join("\r\n");
        format!("GET {target} HTTP/1.1\r\nHost: {}\r\n{lines}\r\n\r\n", self.host)
    }

    async fn send(&self, text: &str) -> Vec<Answer> {
        self.wire.send(text.as_bytes()).await
    }

    async fn assert_victim_lives(&self, what: &str) {
        let victim = self.workspace.get("/v1/agents/victim").await;
        assert_eq!(victim["status"], "active", "{what}: {victim}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_request_that_can_be_read_in_two_ways_is_refused() {
    let mut attack = Attack::new("header_confusion");
    let stage = Stage::set().await;
    let (mine, theirs, platform) = (stage.mine(), stage.theirs(), stage.platform());
    let list = |lines: &[&str]| stage.get("/v1/agents", lines);

    for (what, text) in [
        ("the workspace's key", list(&[&mine])),
        ("the platform's key and a workspace", list(&[&platform, "X-Valetkey-Workspace: chatty"])),
    ] {
        let answers = stage.send(&text).await;
        assert!(
            matches!(&answers[..], [one] if one.is_good() && one.body.contains("victim")),
            "{answers:?}"
        );
        attack.works(what);
    }
    let folded = mine.replace(' ', "\r\n  ");
    let (with_nul, with_cr) = (format!("{mine}\0"), format!("{mine}\rX-A: b"));
    let spaced = mine.replace(':', " :");
    let long = format!("X-Long: {}", "a".repeat(1024 * 1024));
    let many: Vec<String> = (0..500).map(|n| format!("X-{n}: a")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).chain([mine.as_str()]).collect();
    #[rustfmt::skip]
    let ambiguous: [(&str, &[&str]); 14] = [
        ("two keys, the good one first", &[&mine, &theirs]),
        ("two keys, the good one last", &[&theirs, &mine]),
        ("a key and an empty one", &[&mine, "Authorization:"]),
        ("two workspaces", &[&platform, "X-Valetkey-Workspace: chatty", "X-Valetkey-Workspace: other"]),
        ("two workspaces in one header", &[&platform, "X-Valetkey-Workspace: chatty, other"]),
        ("two agents", &[&platform, "X-Valetkey-Workspace: chatty", "X-Valetkey-Agent: assistant", "X-Valetkey-Agent: victim"]),
        ("two hosts", &[&mine, "Host: evil.example"]),
        ("a folded key", &[&folded]),
        ("a blank before the colon", &[&spaced]),
        ("a NUL in the key", &[&with_nul]),
        ("a carriage return in the key", &[&with_cr]),
        ("a header of 1 MiB", &[&long, &mine]),
        ("500 headers", &many),
        ("a header without a name", &[": x", &mine]),
    ];
    for (what, lines) in ambiguous {
        assert_none_good(what, &stage.send(&list(lines)).await);
        attack.refused(what);
    }
    for target in ["/v1/agents/vic\0tim", "/v1/agents /v1/agents", "v1/agents", "*"] {
        assert_none_good(target, &stage.send(&stage.get(target, &[&mine])).await);
        attack.refused(format!("the target {target:?}"));
    }
    let page = stage.workspace.connect_session("crm", "ana").await;
    let path = format!("/connect/{}", page["token"].as_str().unwrap());
    let answers = stage.send(&stage.get(&path, &[])).await;
    assert!(matches!(&answers[..], [one] if one.is_good()), "{answers:?}");
    attack.works("the page of a link");
    assert_none_good(
        "a page with two hosts",
        &stage.send(&stage.get(&path, &["Host: evil.example"])).await,
    );
    attack.refused("a page with two hosts");
}

fn assert_none_good(what: &str, answers: &[Answer]) {
    assert!(answers.iter().all(|one| (400..500).contains(&one.status)), "{what}: {answers:?}");
    assert!(answers.len() <= 1, "{what}: {answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_no_request_hides_in_the_body_of_another() {
    let mut attack = Attack::new("request_smuggling");
    let stage = Stage::set().await;
    let mine = stage.mine();
    let hidden =
        format!("DELETE /v1/agents/victim HTTP/1.1\r\nHost: {}\r\n{mine}\r\n\r\n", stage.host);
    let body = format!("0\r\n\r\n{hidden}");
    let length = format!("Content-Length: {}", body.len());
    let post = |lines: &[&str]| {
        let (host, lines) = (&stage.host, lines.join("\r\n"));
        format!(
            "POST /v1/agents HTTP/1.1\r\nHost: {host}\r\n{mine}\r\n\
             Content-Type: application/json\r\n{lines}\r\n\r\n{body}"
        )
    };
    let chunked = "Transfer-Encoding: chunked";
    #[rustfmt::skip]
    let hiding: [(&str, &[&str]); 10] = [
        ("length, then chunks", &[&length, chunked]),
        ("chunks, then length", &[chunked, &length]),
        ("chunks in another case", &[&length, "transfer-encoding: CHUNKED"]),
        ("chunks that are none", &[&length, "Transfer-Encoding: xchunked"]),
        ("chunks in the middle", &[&length, "Transfer-Encoding: chunked, identity"]),
        ("chunks after a tab", &[&length, "Transfer-Encoding:\tchunked"]),
        ("two encodings", &[&length, chunked, "Transfer-Encoding: identity"]),
        ("two lengths", &["Content-Length: 0", &length]),
        ("a length with a sign", &["Content-Length: +0"]),
        ("a length in two parts", &["Content-Length: 0, 5"]),
    ];
    for (what, lines) in hiding {
        let answers = stage.send(&post(lines)).await;
        assert!(answers.len() <= 1, "{what}: the hidden request was answered: {answers:?}");
        assert!(!answers.iter().any(Answer::is_good), "{what}: {answers:?}");
        stage.assert_victim_lives(what).await;
        attack.refused(what);
    }
    // Two requests, one after the other, neither hidden: so would the hidden one have been answered.
    let seen = hidden.replacen("DELETE", "GET", 1).replacen(
        "\r\n\r\n",
        "\r\nConnection: close\r\n\r\n",
        1,
    );
    let first = post(&[chunked]);
    let first = first.split_once(&hidden).unwrap().0;
    let answers = stage.send(&format!("{first}{seen}")).await;
    assert_eq!(answers.iter().map(|one| one.status).collect::<Vec<_>>(), [400, 200], "{answers:?}");
    attack.works("a request after a body in chunks");
    let two = format!(
        "GET /v1/agents/victim HTTP/1.1\r\nHost: {0}\r\n{mine}\r\n\r\n{1}",
        stage.host,
        hidden.replacen("\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1)
    );
    let answers = stage.send(&two).await;
    assert_eq!(answers.iter().map(|one| one.status).collect::<Vec<_>>(), [200, 204], "{answers:?}");
    attack.works("the same request in the open");
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_no_header_changes_links_methods_or_targets() {
    let mut attack = Attack::new("header_tricks");
    let stage = Stage::set().await;
    let (workspace, own) = (&stage.workspace, stage.town.hub.public_url().to_owned());
    let tricks = [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "gopher"),
        ("x-forwarded-port", "1"),
        ("x-forwarded-prefix", "/evil.example"),
        ("x-forwarded-server", "evil.example"),
        ("x-original-host", "evil.example"),
        ("forwarded", "host=evil.example;proto=gopher"),
        ("x-original-url", "/evil.example"),
        ("x-rewrite-url", "/evil.example"),
        ("origin", "https://evil.example"),
        ("referer", "https://evil.example/"),
    ];
    for (name, value) in tricks {
        for link in links(&stage, (name, value)).await {
            assert!(
                link.starts_with(&format!("{own}/")) && !link.contains("evil"),
                "{name}: {link}"
            );
        }
        attack.refused(format!("{name} in the links that the hub builds"));
    }
    attack.works("links are built of the hub's own address");

    for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
        for method in ["GET", "POST"] {
            workspace
                .request(method, "/v1/agents/victim?_method=DELETE")
                .header(name, "DELETE")
                .send()
                .await;
            stage.assert_victim_lives(name).await;
            attack.refused(format!("{method} with {name}: DELETE"));
        }
    }
    let mine = stage.mine();
    for name in ["X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Path"] {
        let line = format!("{name}: /v1/agents/victim");
        let answers = stage.send(&stage.get("/healthz", &[&mine, &line])).await;
        assert!(
            matches!(&answers[..], [one] if !one.body.contains("victim")),
            "{name}: {answers:?}"
        );
        attack.refused(format!("{name} for another target"));
    }
    let page = workspace.connect_session("crm", "ana").await;
    let path = format!("/connect/{}", page["token"].as_str().unwrap());
    let answers = stage.send(&stage.get(&format!("http://evil.example{path}"), &[])).await;
    for answer in &answers {
        let there = answer.header("location").unwrap_or(&own);
        assert!(there.starts_with(&own) && !answer.body.contains("evil"), "{answer:?}");
    }
    attack.refused("a whole URL as the target");
    let without_key = stage.get(
        "/v1/agents",
        &["X-Forwarded-User: admin", "X-Real-IP: 127.0.0.1", "X-Forwarded-For: 127.0.0.1"],
    );
    let answers = stage.send(&without_key).await;
    assert!(matches!(&answers[..], [one] if one.status == 401), "{answers:?}");
    attack.refused("headers that say who calls");
    workspace.request("DELETE", "/v1/agents/victim").send().await.ok();
    attack.works("the method itself");
}

/// Every link that the hub builds, asked for with one header more.
async fn links(stage: &Stage, (name, value): (&str, &str)) -> Vec<String> {
    let workspace = &stage.workspace;
    let asked = |method: &str, path: &str, body: Value| {
        let request = stage.own.bare(method, path).json(&body);
        if name == "host" {
            request.header("host", value)
        } else {
            request.header("host", &stage.host).header(name, value)
        }
    };
    let session = json!({ "end_user": { "id": "ana" }, "integrations": ["crm"] });
    let session = asked("POST", "/v1/connect-sessions", session).send().await.ok();
    let client = json!({ "provider": "acme", "client_id": "acme-demo" });
    let client = asked("PUT", "/v1/clients/acme", client).send().await.ok();
    let agent = workspace.agent("assistant").await;
    let question = json!({ "integration": "crm", "end_user": { "id": "ana" } });
    let mut asking = agent.request().json(&question);
    if name != "host" {
        asking = asking.header(name, value);
    }
    let answer = asking.send().await.ok();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    vec![text(&session["url"]), text(&client["redirect_uri"]), text(&answer["connect_url"])]
}

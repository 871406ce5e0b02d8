//! Tokens, codes and secrets are nowhere in clear: not in what is stored, not in what is logged, not in what
//! the hub says when something is wrong.

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use serde_json::json;

use crate::harness::{
    Browser, Database, Hub, Scene,
    browser::{End, query},
    environment::canary,
    http::Request,
    hub::Settings,
    platform::RETURN_URL,
    scene::APP,
};

/// What may be found nowhere, with a name for the message.
type Secrets = Vec<(String, String)>;

on_both_databases!(no_secret_is_found_in_the_database_or_in_the_logs);
async fn no_secret_is_found_in_the_database_or_in_the_logs(database: Database) {
    // Each database with one of the two forms of the log.
    let log_format = if database.url().is_some() { "json" } else { "text" };
    let settings = Settings { log: "trace", log_format, ..Settings::new() };
    let scene = Scene::with(database, settings, 1, 5).await;
    let mut secrets = live(&scene).await;
    let mut said = said_when_wrong(&scene, &mut secrets).await;
    said.extend(said_when_echoed(&scene).await);
    secrets.extend(of_provider(&scene).await);
    let commands = said_by_commands(&scene);

    let mut stored = scene.database.dump();
    for hub in &scene.hubs {
        stored.extend(hub.files());
    }
    let logged: Vec<u8> = scene.hubs.iter().flat_map(Hub::log).collect();

    // What is open there is found: the search works, and there was something to search.
    assert!(holds(&stored, scene.workspace.slug()), "the dump is not the database");
    assert!(logged.len() > 5_000, "at TRACE there is more than {} bytes of log", logged.len());
    assert!(holds(&logged, "TRACE"), "the log is not at TRACE");
    assert!(holds(&stored, "\"fence\":"), "the journal of the refreshes is not among the files");
    assert!(holds(&commands, scene.workspace.slug()), "no command showed the workspace's keys");
    assert!(holds(&said, "/problems/") && holds(&said, "<html"), "no problem and no page was read");
    for (what, secret) in &secrets {
        assert!(!holds(&stored, secret), "{what} is stored in clear: {secret}");
        assert!(!holds(&logged, secret), "{what} is logged: {secret}");
        assert!(!holds(&said, secret), "{what} is in an answer: {secret}");
        assert!(!holds(&commands, secret), "{what} is printed by a command: {secret}");
    }
}

/// Goes through all that handles secrets, and returns the secrets.
async fn live(scene: &Scene) -> Secrets {
    let mut secrets = vec![
        ("the client's secret".to_owned(), scene.client_secret.clone()),
        ("the platform's key".to_owned(), scene.settings.platform_key.clone()),
        ("the sealing key".to_owned(), scene.settings.key.clone()),
        ("the agent's key".to_owned(), scene.agent.key.clone()),
    ];
    let session = scene.workspace.connect_session(APP, "ana").await;
    let (id, url) = (session["id"].as_str().unwrap(), session["url"].as_str().unwrap());
    let mut browser = Browser::of("ana");
    let back = browser.link(url, RETURN_URL).await;
    let code = query(&back, "code");
    scene.workspace.complete(id, &code, "ana").await.ok();
    let reason = canary("reason");
    secrets.push(("an agent's reason, which is personal".to_owned(), reason.clone()));
    // With a refresh, so that refresh tokens have moved too.
    let first = scene.agent.token(APP, "ana").await;
    let question = json!({
        "integration": APP,
        "end_user": { "id": "ana" },
        "min_ttl_seconds": 4,
        "reason": reason,
    });
    while scene.agent.ask(&question).await.ok()["access_token"] == first {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    scene
        .agent
        .ask(&json!({ "integration": APP, "end_user": { "id": "ana" }, "scopes": ["none"] }))
        .await;
    let link = url.rsplit('/').next().unwrap();
    secrets.push(("the connect link's token".to_owned(), link.to_owned()));
    secrets.push(("the completion code".to_owned(), code));
    let hub_cookie = |cookie: &String| cookie.starts_with("ses_");
    for cookie in browser.cookies().into_iter().filter(hub_cookie) {
        secrets.push(("the browser's cookie".to_owned(), cookie));
    }
    secrets
}

/// Every code and token that the provider gave out.
async fn of_provider(scene: &Scene) -> Secrets {
    let given = scene.provider.secrets().await;
    assert!(given.len() >= 7, "two codes, two access and two refresh tokens: {given:?}");
    given.into_iter().map(|one| ("a code or token of the provider".to_owned(), one)).collect()
}

/// All that is said while the provider repeats in its errors what it was sent: codes when people link,
/// refresh tokens when agents ask.
async fn said_when_echoed(scene: &Scene) -> Vec<u8> {
    let mut said = Vec::new();
    for person in ["ben", "cleo", "dan"] {
        scene.provider.echo(1).await;
        let session = scene.workspace.connect_session(APP, person).await;
        let end = Browser::of(person).walk(session["url"].as_str().unwrap(), |_| false).await;
        let End::On(page) = end else { unreachable!("nothing stops it") };
        said.extend(page.url.as_str().bytes());
        said.extend(page.reply.body);
        let id = session["id"].as_str().unwrap();
        let seen = scene.workspace.get(&format!("/v1/connect-sessions/{id}")).await;
        said.extend(seen.to_string().into_bytes());
    }
    // Each refresh fails so, until the token that was there has ended.
    scene.provider.echo(100).await;
    let refused = until(async || {
        let reply = scene.agent.ask_for(APP, "ana").await;
        (reply.status != 200).then_some(reply)
    });
    said.extend(refused.await.body);
    said.extend(json!(scene.workspace.list("/v1/connections").await).to_string().into_bytes());
    assert!(scene.provider.echo(0).await >= 4, "the provider repeated what it was sent");
    // Nothing was lost by it.
    until(async || (scene.agent.ask_for(APP, "ana").await.status == 200).then_some(())).await;
    said
}

/// What comes of asking again and again.
async fn until<T>(ask: impl AsyncFn() -> Option<T>) -> T {
    for _ in 0..120 {
        if let Some(come) = ask().await {
            return come;
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    panic!("it does not come to that within a minute");
}

/// Secrets in wrong places and wrong secrets in the right ones; all that the hub says to that.
async fn said_when_wrong(scene: &Scene, secrets: &mut Secrets) -> Vec<u8> {
    let mut one = |what: &str| {
        let secret = canary(what);
        secrets.push((what.to_owned(), secret.clone()));
        secret
    };
    let (workspace, public) = (&scene.workspace, scene.hubs[0].public_url().to_owned());
    let page = |method: &str, place: &str| Request::new(method, format!("{public}{place}"));
    let key = format!("vk_agent_abcdefgh_{}", one("a wrong key"));
    let client = |secret: serde_json::Value| json!({ "provider": "generic-oidc", "client_id": "x", "client_secret": secret });
    let broken = format!("{{\"client_secret\":\"{}", one("a secret in broken JSON"));
    let token = [("token".to_owned(), format!("ses_x.{}", one("a wrong link in a form")))];
    let id = workspace.connect_session(APP, "ana").await["id"].as_str().unwrap().to_owned();
    let requests = [
        page("GET", "/v1/agents").header("authorization", &format!("Bearer {key}")),
        page("GET", "/v1/agents").header("authorization", &one("a key without a scheme")),
        workspace.request("GET", &format!("/v1/agents?key={}", one("a key in a query"))),
        workspace.request("GET", &format!("/v1/agents/{}", one("a key in a path"))),
        workspace.request("GET", &format!("/v1/{}", one("a key as an address"))),
        workspace.request("PUT", "/v1/clients/x").json(&client(json!([one("a secret in a list")]))),
        workspace
            .request("PUT", "/v1/clients/x")
            .json(&client(json!({ one("a secret as a name"): 1 }))),
        workspace
            .request("PUT", "/v1/clients/x")
            .json(&client(json!(format!("{}\n", one("a secret and a line's end"))))),
        workspace.request("PUT", "/v1/clients/x").body("application/json", broken),
        workspace
            .request("PUT", "/v1/clients/x")
            .body("text/plain", one("a secret that is no JSON")),
        workspace
            .request("POST", &format!("/v1/connect-sessions/{id}/complete"))
            .json(&json!({ "code": one("a wrong code"), "end_user": { "id": "ana" } })),
        page("GET", &format!("/connect/ses_x.{}", one("a wrong link"))),
        page("POST", "/connect").header("origin", &public).form(&token),
        page(
            "GET",
            &format!(
                "/oauth/callback/x?code={}&state={}",
                one("a stray code"),
                one("a stray state")
            ),
        ),
        page("GET", "/connect/review")
            .header("cookie", &format!("valetkey_connect=ses_x.{}", one("a wrong cookie"))),
        page("GET", "/metrics"),
    ];
    let mut said = Vec::new();
    for request in requests {
        let reply = request.send().await;
        assert!(
            reply.status >= 400 || holds(&reply.body, "items") || holds(&reply.body, "# HELP"),
            "{}",
            reply.text()
        );
        said.extend(format!("{:?}", reply.headers).into_bytes());
        said.extend(reply.body);
    }
    said
}

/// All that operators' commands print and log, at TRACE too: of keys that move, above all.
fn said_by_commands(scene: &Scene) -> Vec<u8> {
    let commands: [&[&str]; 4] =
        [&["keys", "rotate", "--all"], &["keys", "rewrap"], &["keys", "status"], &["openapi"]];
    let run = |arguments: &[&str]| {
        let mut command = scene.hubs[0].command(&scene.settings, &scene.database);
        let output = command.args(arguments).output().unwrap();
        let all = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&all));
        all
    };
    commands.into_iter().flat_map(run).collect()
}

/// Whether `secret` is in there: plain, as in a URL, in hex, or in base64 at any offset.
fn holds(bytes: &[u8], secret: &str) -> bool {
    let hex = in_hex(secret);
    let mut shapes = vec![secret.to_owned(), in_url(secret), hex.to_uppercase(), hex];
    for offset in 0..3 {
        // What stands before it shifts it; its first and last characters depend on its neighbours.
        let text = STANDARD_NO_PAD.encode([&vec![0; offset], secret.as_bytes()].concat());
        shapes.push(text[4..text.len() - 2].to_owned());
        shapes.push(shapes[shapes.len() - 1].replace('+', "-").replace('/', "_"));
    }
    shapes.iter().any(|shape| contains(bytes, shape.as_bytes()))
}

fn in_url(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn in_hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    let Some(first) = part.first() else { return false };
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        if rest[at..].starts_with(part) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

#[test]
fn the_search_finds_a_secret_in_any_dress() {
    let secret = "vk_agent_abcdefgh_0123456789+/~?";
    for before in ["", "x", "xy", "xyz"] {
        let text = format!("{before}{secret} and more");
        let encoded = STANDARD_NO_PAD.encode(&text);
        assert!(holds(text.as_bytes(), secret));
        assert!(holds(encoded.as_bytes(), secret), "after {before:?}");
        assert!(holds(encoded.replace('+', "-").replace('/', "_").as_bytes(), secret));
        assert!(holds(in_hex(&text).as_bytes(), secret));
        assert!(holds(in_url(&text).as_bytes(), secret));
        assert!(!holds(text.as_bytes(), "vk_agent_abcdefgh_0123456789+/~!"));
    }
}

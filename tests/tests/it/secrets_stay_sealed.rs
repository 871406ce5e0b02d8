//! Tokens, codes and secrets are nowhere in clear: not in what is stored, not in what is logged.

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use serde_json::json;

use crate::harness::{
    Browser, Database, Hub, Scene, browser::query, hub::Settings, platform::RETURN_URL, scene::APP,
};

/// What may be found nowhere, with a name for the message.
type Secrets = Vec<(String, String)>;

on_both_databases!(no_secret_is_found_in_the_database_or_in_the_logs);
async fn no_secret_is_found_in_the_database_or_in_the_logs(database: Database) {
    let settings = Settings { log: "trace", ..Settings::new() };
    let scene = Scene::with(database, settings, 1, 5).await;
    let secrets = live(&scene).await;

    let stored = scene.database.dump();
    let logged: Vec<u8> = scene.hubs.iter().flat_map(Hub::log).collect();

    // What is open there is found: the search works, and there was something to search.
    assert!(holds(&stored, scene.workspace.slug()), "the dump is not the database");
    assert!(logged.len() > 5_000, "at TRACE there is more than {} bytes of log", logged.len());
    assert!(holds(&logged, "TRACE"), "the log is not at TRACE");
    for (what, secret) in &secrets {
        assert!(!holds(&stored, secret), "{what} is stored in clear: {secret}");
        assert!(!holds(&logged, secret), "{what} is logged: {secret}");
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
    // With a refresh, so that refresh tokens have moved too.
    let first = scene.agent.token(APP, "ana").await;
    let question = json!({
        "integration": APP,
        "end_user": { "id": "ana" },
        "min_ttl_seconds": 4,
        "reason": "to see what is written down",
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
    let given = scene.provider.secrets().await;
    assert!(given.len() >= 5, "a code, two access and two refresh tokens: {given:?}");
    secrets
        .extend(given.into_iter().map(|one| ("a code or token of the provider".to_owned(), one)));
    secrets
}

/// Whether `secret` is in there: plain, in hex, or in base64 at any offset.
fn holds(bytes: &[u8], secret: &str) -> bool {
    let hex = in_hex(secret);
    let mut shapes = vec![secret.to_owned(), hex.to_uppercase(), hex];
    for offset in 0..3 {
        // What stands before it shifts it; its first and last characters depend on its neighbours.
        let text = STANDARD_NO_PAD.encode([&vec![0; offset], secret.as_bytes()].concat());
        shapes.push(text[4..text.len() - 2].to_owned());
        shapes.push(shapes[shapes.len() - 1].replace('+', "-").replace('/', "_"));
    }
    shapes.iter().any(|shape| contains(bytes, shape.as_bytes()))
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
        assert!(!holds(text.as_bytes(), "vk_agent_abcdefgh_0123456789+/~!"));
    }
}

//! Apps that give a token for what is signed with a key that a person fills in: the key stays with the hub, agents
//! get the token, and another is had before one ends.

use serde_json::{Value, json};

use crate::harness::{
    Browser, Database, Scene,
    browser::{End, query},
    hub::Settings,
    platform::RETURN_URL,
};

/// Each database with one of the two algorithms.
fn algorithm(scene: &Scene) -> &'static str {
    if scene.database.url().is_some() { "ES256" } else { "RS256" }
}

/// A hub with such an app, at a provider whose tokens live five seconds.
async fn scene(database: Database) -> Scene {
    let settings = Settings { log: "trace", ..Settings::new() };
    let scene = Scene::with(database, settings, 1, 5).await;
    let (issuer, algorithm) = (scene.provider.issuer(), algorithm(&scene));
    let manifest = format!(
        r#"slug = "robots"
display_name = "Robots"
category = "crm"
auth.kind = "jwt_bearer"
urls.token = "{issuer}/token"
refresh.class = "static"
session.params = {{ client_id = "{{login}}" }}
assertion = {{ algorithm = "{algorithm}", key = "private_key", issuer = "{{login}}", subject = "{{login}}", scope_claim = "scope" }}
authorize.default_scopes = ["things"]
api.base = "{issuer}"

[[inputs]]
name = "login"
label = "Robot"
required = true

[[inputs]]
name = "private_key"
label = "Private key"
kind = "private_key"
secret = true
required = true

[[scopes]]
name = "things"
title = "See things"
access = "read"
"#
    );
    scene.workspace.post("/v1/providers", &json!({ "manifest": manifest })).await;
    let integration = json!({ "provider": "robots", "scopes": ["things"] });
    scene.workspace.put("/v1/integrations/robots", &integration).await;
    scene.workspace.put_policy("robots", "assistant", "robots", &["*"]).await;
    scene
}

/// Fills in the form, with this key; where that leads.
async fn fill_in(scene: &Scene, person: &str, key: &str) -> (Value, End) {
    let session = scene.workspace.connect_session("robots", person).await;
    let url = session["url"].as_str().unwrap().to_owned();
    let mut browser = Browser::of(person).pasting("private_key", key);
    let end = browser.walk(&url, |url| url.as_str().starts_with(RETURN_URL)).await;
    (session, end)
}

/// Parts of a key that stand nowhere by chance, whatever becomes of its lines.
fn parts(key: &str) -> impl Iterator<Item = &str> {
    key.lines().filter(|line| !line.starts_with("-----")).map(|line| &line[..line.len().min(40)])
}

async fn until(scene: &Scene, done: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..60 {
        let answer = scene.agent.ask_for("robots", "ana").await.json();
        if done(&answer) {
            return answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    panic!("it did not come to that");
}

on_both_databases!(a_private_key_becomes_tokens_and_no_agent_sees_it);
async fn a_private_key_becomes_tokens_and_no_agent_sees_it(database: Database) {
    let scene = scene(database).await;
    let (key, public) = scene.provider.key(algorithm(&scene)).await;
    scene.provider.put_bearer_client("ana", &public).await;
    let (session, end) = fill_in(&scene, "ana", &key).await;
    let back = match end {
        End::At(back) => back,
        End::On(page) => panic!("{}", page.reply.text()),
    };
    let id = session["id"].as_str().unwrap();
    let done = scene.workspace.complete(id, &query(&back, "code"), "ana").await.ok();

    let first = scene.agent.ask_for("robots", "ana").await.ok();
    assert_eq!(first["status"], "issued", "{first}");
    assert_eq!(first["scopes"], json!(["things"]), "{first}");
    let token = first["access_token"].as_str().unwrap();
    assert!(scene.provider.secrets().await.iter().any(|known| known == token));

    // Another token is had before this one has ended, and then another, each for an assertion of its own.
    let mut seen = vec![token.to_owned()];
    let mut answers = vec![done, first.clone()];
    while seen.len() < 3 {
        let next =
            until(&scene, |next| !seen.iter().any(|one| next["access_token"] == **one)).await;
        assert_eq!(next["status"], "issued", "{next}");
        seen.push(next["access_token"].as_str().unwrap().to_owned());
        answers.push(next);
    }
    let stats = scene.provider.stats().await;
    assert!(stats["assertions_exchanged"].as_u64().unwrap() >= 3, "{stats}");
    assert_eq!(stats["grant_errors"], json!({}), "{stats}");

    answers.push(scene.workspace.audit().await.into());
    answers.push(scene.workspace.list("/v1/connections").await.into());
    let mut kept = scene.database.dump();
    kept.extend(scene.hubs[0].files());
    kept.extend(scene.hubs[0].log());
    let kept = String::from_utf8_lossy(&kept);
    assert!(kept.contains("robots"));
    let told = Value::from(answers).to_string();
    for part in parts(&key) {
        assert!(!kept.contains(part), "a part of the key is stored or logged in clear");
        assert!(!told.contains(part), "a part of the key is told");
    }
    for secret in scene.provider.secrets().await {
        assert!(!kept.contains(&secret), "an assertion or a token is stored or logged in clear");
        assert!(seen.contains(&secret) || !told.contains(&secret), "an assertion is told");
    }

    // The key is replaced at the provider: from then on, and only then, the person is asked.
    let (_, other) = scene.provider.key(algorithm(&scene)).await;
    scene.provider.put_bearer_client("ana", &other).await;
    let asked = until(&scene, |answer| answer["status"] == "connect_required").await;
    assert_eq!(asked["reason"], "reauthorization_required", "{asked}");
}

on_both_databases!(a_key_that_signs_nothing_is_told_on_the_form_and_nothing_is_sent);
async fn a_key_that_signs_nothing_is_told_on_the_form_and_nothing_is_sent(database: Database) {
    let scene = scene(database).await;
    let (key, public) = scene.provider.key(algorithm(&scene)).await;
    scene.provider.put_bearer_client("ana", &public).await;
    let other = if algorithm(&scene) == "RS256" { "ES256" } else { "RS256" };
    let (other_kind, _) = scene.provider.key(other).await;
    let cut = key.replacen("MI", "", 1);
    for wrong in ["no-key-at-all", &other_kind, &cut] {
        let (_, end) = fill_in(&scene, "ana", wrong).await;
        let End::On(page) = end else { panic!("linked") };
        let text = page.reply.text();
        assert!(text.contains("PKCS#8") && text.contains("BEGIN PRIVATE KEY"), "{text}");
        assert!(!text.contains("no-key-at-all"), "{text}");
        parts(wrong).for_each(|part| assert!(!text.contains(part), "{text}"));
    }
    let assertions = scene.provider.secrets().await;
    assert_eq!(assertions, [""; 0], "something was sent");

    // A good one that the provider does not know.
    let (stranger, _) = scene.provider.key(algorithm(&scene)).await;
    let (_, end) = fill_in(&scene, "ana", &stranger).await;
    let End::On(page) = end else { panic!("linked") };
    assert!(page.reply.text().contains("does not accept this"), "{}", page.reply.text());
    assert_eq!(scene.provider.secrets().await.len(), 1);
    assert_eq!(scene.live_connections().await, [json!(null); 0]);
}

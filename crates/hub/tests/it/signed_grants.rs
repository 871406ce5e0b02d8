//! Apps that give a token for what is signed with a key that a person fills in.

use std::time::Duration;

use hub::{
    integration::ClientChoice,
    policy::{Form, Rule},
    provider,
    release::{Target, TokenAsk},
    session::{self, Made, NewSession},
};
use serde_json::{Value, json};

use super::{
    linking::Browser,
    provider::{Mood, RefreshTokens},
    scene::{READ, START, Scene, Tenant, WRITE, new_session, refused, rule, token_of, whole},
};

const ROBOTS: &str = r#"
    slug = "robots"
    display_name = "Robots"
    category = "crm"
    auth.kind = "jwt_bearer"
    urls.token = "https://robots.example/oauth/token"
    refresh = { class = "static", accepts_scope = true }
    session.params = { client_secret = "acme-secret-1" }
    api.base = "https://robots.example/api"
    identity = { url = "/v1/me", account_path = ["id"], label_path = ["email"] }

    [authorize]
    default_scopes = ["crm.contacts.read", "crm.contacts.write"]

    [assertion]
    algorithm = "RS256"
    key = "private_key"
    issuer = "{robot}@robots.example"
    subject = "{robot}"
    scope_claim = "scope"

    [[inputs]]
    name = "robot"
    label = "Robot"
    required = true

    [[inputs]]
    name = "private_key"
    label = "Its private key"
    kind = "private_key"
    secret = true
    required = true

    [[scopes]]
    name = "crm.contacts.read"
    title = "Read contacts"
    access = "read"

    [[scopes]]
    name = "crm.contacts.write"
    title = "Change contacts"
    access = "write"
"#;

/// A key that everybody knows: it opens nothing.
fn private_key() -> String {
    let der = include_str!("../../../conformance/src/rsa.b64");
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", der.trim())
}

async fn open() -> (Scene, Tenant, Made, Browser) {
    let scene = Scene::with(&[ROBOTS]).await;
    let chat = scene.tenant("chat").await;
    let scopes = [READ, WRITE];
    let integration = scene.integration(&chat.id, "robots", "robots", ClientChoice::None, &scopes);
    let integrations = vec![integration.await.unwrap()];
    scene.allow(&chat, "robots", Rule { integrations, ..rule(&chat) }).await;
    let new = NewSession { integrations: vec!["robots".to_owned()], ..new_session("ana") };
    let made = session::create(&scene.store, &chat.id, new).await.unwrap();
    let browser = scene.open(&made).await;
    // As all of them do: what renews is the key.
    scene.acme.gives(RefreshTokens::None);
    (scene, chat, made, browser)
}

/// Fills in the form.
async fn fill_in(scene: &Scene, browser: &Browser, key: &str) -> hub::Result<()> {
    scene.fill_in(browser, &[("robot", "r2"), ("private_key", key)]).await
}

fn ask(form: Form, scopes: &[&str]) -> TokenAsk {
    let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    let target = Target::Integration("robots".to_owned());
    let min_ttl = Duration::from_mins(1);
    TokenAsk { target, form: Some(form), scopes: Some(scopes), min_ttl, ..whole("ana") }
}

#[tokio::test]
async fn a_key_that_was_filled_in_gives_tokens_again_and_again_and_narrower_ones() {
    let (scene, chat, made, browser) = open().await;
    fill_in(&scene, &browser, &private_key()).await.unwrap();
    let code = scene.code(&chat, &made).await;
    scene.complete(&chat, &made, &code, "ana").await.unwrap();

    let both = ask(Form::WholeToken, &[READ, WRITE]);
    assert_eq!(token_of(&scene.issued(&chat, &both).await), "access.r2.1");
    scene.later(Duration::from_secs(3590));
    assert_eq!(token_of(&scene.issued(&chat, &both).await), "access.r2.2", "it ends too soon");
    let less = ask(Form::NarrowedToken, &[READ]);
    assert_eq!(token_of(&scene.issued(&chat, &less).await), "access.r2.3");

    let said = scene.acme.asserted();
    let all = format!("{READ} {WRITE}");
    let scopes: Vec<&Value> = said.iter().map(|claims| &claims["scope"]).collect();
    assert_eq!(scopes, [&json!(all), &json!(all), &json!(READ)]);
    for claims in &said {
        assert_eq!(claims["iss"], "r2@robots.example");
        assert_eq!(claims["aud"], "https://robots.example/oauth/token");
    }
    let later = |claims: &Value| claims["iat"].as_i64().unwrap() - START.secs();
    assert_eq!((later(&said[0]), later(&said[1])), (0, 3590), "the hub's clock");

    // The provider knows the key no more: the person is asked.
    scene.acme.is(Mood::Ended);
    scene.later(Duration::from_hours(2));
    scene.connect_required(&chat, &both).await;
}

#[tokio::test]
async fn a_wrong_key_is_told_at_its_field_before_anything_is_sent() {
    let (scene, chat, made, browser) = open().await;
    for wrong in ["s3cret", "-----BEGIN PRIVATE KEY-----s3cret-----END PRIVATE KEY-----"] {
        let error = refused(fill_in(&scene, &browser, wrong).await);
        assert_eq!((error.code, &error.extra["input"]), ("input_invalid", &json!("private_key")));
        assert!(error.detail.starts_with("`Its private key` must be an RSA private key"));
        assert!(!error.detail.contains("s3cret"), "{}", error.detail);
        assert_eq!(scene.acme.asserted(), [Value::Null; 0]);
    }
    // It may be tried again, in the same session.
    fill_in(&scene, &browser, &private_key()).await.unwrap();
    let code = scene.code(&chat, &made).await;
    scene.complete(&chat, &made, &code, "ana").await.unwrap();
}

#[tokio::test]
async fn where_an_assertion_goes_is_shown_and_nothing_is_signed() {
    let scene = Scene::new().await;
    let settings = [("robot".to_owned(), "r2".to_owned())].into();
    let run = provider::dry_run(&scene.store, &scene.registry, ROBOTS, &settings).await.unwrap();
    let names: Vec<_> = run.steps.iter().map(|step| step.name).collect();
    assert_eq!(names, ["token", "identify"]);
    let sent = run.steps[0].request.as_ref().unwrap();
    assert_eq!(
        (sent.method.as_str(), sent.url.as_str()),
        ("POST", "https://robots.example/oauth/token")
    );
    let wanted = json!({
        "assertion": "ASSERTION", "client_secret": "acme-secret-1",
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
    });
    assert_eq!(sent.body, wanted);
    let whose = run.steps[1].request.as_ref().unwrap();
    assert_eq!(whose.headers["authorization"], "Bearer ACCESS_TOKEN");
    assert_eq!(scene.acme.asserted(), [Value::Null; 0], "nothing was sent");
}

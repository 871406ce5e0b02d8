//! A client that proves itself with a signed assertion, at a provider that takes nothing else.

use serde_json::{Value, json};

use crate::harness::{
    Agent, Browser, Database, Hub, OpenIdProvider, Platform, Workspace, browser::query,
    environment::canary, hub::Settings, platform::RETURN_URL,
};

const CLIENT: &str = "signing-client";

/// The provider as a workspace's own.
fn manifest(issuer: &str, algorithm: &str) -> String {
    format!(
        r#"slug = "signed-idp"
display_name = "Signed IdP"
category = "identity"
auth.kind = "oauth2_code"
issuer = "{issuer}"

[authorize]
default_scopes = ["openid"]
offline_scopes = ["offline_access"]
params = {{ prompt = "consent" }}

[client]
auth = "private_key_jwt"
assertion = {{ algorithm = "{algorithm}" }}

[refresh]
class = "strict"

[identity]
url = "userinfo"
account_path = ["sub"]
"#
    )
}

struct Scene {
    agent: Agent,
    workspace: Workspace,
    provider: OpenIdProvider,
    private_key: String,
    hub: Hub,
    database: Database,
}

impl Scene {
    async fn start(database: Database, algorithm: &str) -> Self {
        let settings = Settings { log: "trace", ..Settings::new() };
        let hub = Hub::start(&settings, &database, None).await;
        let provider = OpenIdProvider::start(600).await;
        let workspace = Platform::of(&hub, &settings.platform_key).workspace("chatty").await;
        let manifest = manifest(provider.issuer(), algorithm);
        workspace.post("/v1/providers", &json!({ "manifest": manifest })).await;
        // The provider wants to know the redirect URI first, the hub the key: so a key of no use comes first.
        let (private_key, _) = provider.key(algorithm).await;
        let made = workspace.put("/v1/clients/idp", &client(&private_key)).await;
        assert!(made.get("client_secret").is_none(), "{made}");
        let (private_key, public_key) = provider.key(algorithm).await;
        let redirect_uri = made["redirect_uri"].as_str().unwrap();
        provider.put_signing_client(CLIENT, algorithm, &public_key, redirect_uri).await;
        workspace.put("/v1/clients/idp", &client(&private_key)).await;
        let integration = json!({
            "provider": "signed-idp", "client": "idp", "scopes": ["openid", "offline_access"],
        });
        workspace.put("/v1/integrations/idp", &integration).await;
        workspace.put_agent("assistant").await;
        workspace.put_policy("all", "assistant", "idp", &["*"]).await;
        let agent = workspace.agent("assistant").await;
        Self { agent, workspace, provider, private_key, hub, database }
    }

    async fn link(&self, person: &str) {
        let session = self.workspace.connect_session("idp", person).await;
        let mut browser = Browser::of(person);
        let back = browser.link(session["url"].as_str().unwrap(), RETURN_URL).await;
        let id = session["id"].as_str().unwrap();
        self.workspace.complete(id, &query(&back, "code"), person).await.ok();
    }
}

fn client(secret: &str) -> Value {
    json!({ "provider": "signed-idp", "client_id": CLIENT, "client_secret": secret })
}

on_both_databases!(a_person_links_and_an_agent_gets_new_tokens_by_a_key_that_is_never_sent);
async fn a_person_links_and_an_agent_gets_new_tokens_by_a_key_that_is_never_sent(
    database: Database,
) {
    // Each database with one of the two algorithms.
    let algorithm = if database.url().is_some() { "ES256" } else { "RS256" };
    let scene = Scene::start(database, algorithm).await;
    scene.link("ana").await;
    let first = scene.agent.token("idp", "ana").await;

    let question =
        json!({ "integration": "idp", "end_user": { "id": "ana" }, "min_ttl_seconds": 599 });
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let answer = scene.agent.ask(&question).await.ok();
    assert_eq!(answer["status"], "issued", "{answer}");
    assert_ne!(answer["access_token"], first, "the token was not renewed");
    let stats = scene.provider.stats().await;
    assert_eq!((&stats["codes_exchanged"], &stats["refreshed"]), (&json!(1), &json!(1)), "{stats}");
    assert_eq!(stats["grant_errors"], json!({}), "another key was tried");

    let mut seen = scene.database.dump();
    seen.extend(scene.hub.files());
    seen.extend(scene.hub.log());
    let text = String::from_utf8_lossy(&seen);
    let inside = scene.private_key.lines().filter(|line| !line.starts_with("-----"));
    for line in inside {
        assert!(!text.contains(line), "a part of the private key is stored or logged");
    }
}

on_both_databases!(a_secret_that_is_no_private_key_is_refused_and_not_repeated);
async fn a_secret_that_is_no_private_key_is_refused_and_not_repeated(database: Database) {
    let scene = Scene::start(database, "RS256").await;
    let secret = canary("no private key");
    let (other_kind, _) = scene.provider.key("ES256").await;
    for wrong in [&secret, &other_kind] {
        let put = scene.workspace.send("PUT", "/v1/clients/idp", &client(wrong)).await;
        let patch = json!({ "client_secret": wrong });
        let patched = scene.workspace.send("PATCH", "/v1/clients/idp", &patch).await;
        for reply in [put, patched] {
            let problem = reply.problem(422);
            let text = problem.to_string();
            assert!(text.contains("RSA private key") && text.contains("PKCS#8"), "{text}");
            assert!(!text.contains(secret.as_str()), "{text}");
        }
    }
    // Nothing has changed.
    scene.link("ana").await;
    scene.agent.token("idp", "ana").await;
}

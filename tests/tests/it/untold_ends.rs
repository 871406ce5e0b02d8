//! A provider whose replies do not say how long a token lives, and that says so when it is asked.

use serde_json::json;

use crate::harness::{
    Browser, Database, Hub, OpenIdProvider, Platform, browser::query, hub::Settings,
    platform::RETURN_URL,
};

/// As if the replies had no lifetime: it is looked for where it does not stand.
fn manifest(issuer: &str) -> String {
    format!(
        r#"slug = "untold-idp"
display_name = "Untold IdP"
category = "identity"
auth.kind = "oauth2_code"
issuer = "{issuer}"
urls.introspect = "{issuer}/token/introspection"

[authorize]
default_scopes = ["openid"]
offline_scopes = ["offline_access"]
params = {{ prompt = "consent" }}

[client]
auth = "basic"

[token.reply]
expires_in = ["nowhere"]

[lifetime]
access_s = 86400

[refresh]
class = "strict"

[identity]
url = "userinfo"
account_path = ["sub"]
"#
    )
}

on_both_databases!(an_agent_is_told_when_a_token_ends_though_the_reply_did_not_say);
async fn an_agent_is_told_when_a_token_ends_though_the_reply_did_not_say(database: Database) {
    let settings = Settings::new();
    let hub = Hub::start(&settings, &database, None).await;
    let mut provider = OpenIdProvider::start(600).await;
    let workspace = Platform::of(&hub, &settings.platform_key).workspace("chatty").await;
    workspace.post("/v1/providers", &json!({ "manifest": manifest(provider.issuer()) })).await;
    let client = json!({ "provider": "untold-idp", "client_id": "c", "client_secret": "a secret" });
    let made = workspace.put("/v1/clients/idp", &client).await;
    provider.put_client("c", "a secret", made["redirect_uri"].as_str().unwrap()).await;
    let integration = json!({
        "provider": "untold-idp", "client": "idp", "scopes": ["openid", "offline_access"],
    });
    workspace.put("/v1/integrations/idp", &integration).await;
    workspace.put_agent("assistant").await;
    workspace.put_policy("all", "assistant", "idp", &["*"]).await;
    let agent = workspace.agent("assistant").await;
    let session = workspace.connect_session("idp", "ana").await;
    let back = Browser::of("ana").link(session["url"].as_str().unwrap(), RETURN_URL).await;
    workspace.complete(session["id"].as_str().unwrap(), &query(&back, "code"), "ana").await.ok();

    // Ten minutes it lives, and not the day that would be assumed: enough for five, and too little for an hour.
    let ask = async |seconds: u64| {
        let question = json!({
            "integration": "idp", "end_user": { "id": "ana" }, "min_ttl_seconds": seconds,
        });
        agent.ask(&question).await.ok()["access_token"].as_str().unwrap().to_owned()
    };
    let first = ask(300).await;
    assert_eq!(ask(300).await, first);
    assert_eq!(provider.stats().await["refreshed"], 0);
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_ne!(ask(3600).await, first);
    assert_eq!(provider.stats().await["refreshed"], 1);
}

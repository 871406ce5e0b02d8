//! Sets the demo workspace up, with nothing but the public API.

use http::Method;
use serde_json::{Value, json};

use super::{
    DemoError, PLATFORM, WORKSPACE,
    api::{Hub, text},
    note::Note,
};
use crate::config::Config;

/// What the demo's integration asks for.
pub(super) const SCOPES: [&str; 3] =
    ["crm.contacts.read", "crm.contacts.write", "calendar.events.read"];

/// Makes the workspace with all that is in it, unless that was done. Whether it is new.
pub(super) async fn seed(config: &Config, platform: &Hub, hub: &Hub) -> Result<bool, DemoError> {
    if Note::read(config).is_some() {
        return Ok(false);
    }
    let put = |path: &'static str, body: Value| async move {
        hub.call(Method::PUT, path, Some(&body)).await
    };
    let workspace = json!({ "name": "Chatty", "return_urls": [format!("{PLATFORM}/linked")] });
    platform.call(Method::PUT, &format!("/v1/workspaces/{WORKSPACE}"), Some(&workspace)).await?;
    let client = json!({ "provider": "acme", "client_id": "acme-demo", "client_secret": "acme-demo-secret" });
    put("/v1/clients/acme", client).await?;
    put("/v1/integrations/acme", json!({ "provider": "acme", "client": "acme", "scopes": SCOPES }))
        .await?;
    put("/v1/agents/helper", json!({ "name": "Chatty's helper", "trusted_backend": true })).await?;
    let rule = json!({
        "agents": ["helper"],
        "integrations": ["acme"],
        "scopes": ["crm.contacts.read"],
        "forms": ["narrowed_token", "whole_token"],
        "owners": ["end_user"],
    });
    put("/v1/policies/helper-reads-contacts", rule).await?;
    let key = json!({ "name": "demo" });
    let made = hub.call(Method::POST, "/v1/agents/helper/keys", Some(&key)).await?;
    Note { agent_key: text(&made, "secret")?.to_owned() }.write(config)?;
    Ok(true)
}

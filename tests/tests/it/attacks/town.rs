//! A hub with Acme and several workspaces, for attacks of one on another.

use serde_json::json;

use super::way::{Way, complete};
use crate::harness::{
    Browser, Database, Hub, Platform, Playground, Workspace, hub::Settings, platform::RETURN_URL,
};

/// What Acme's integrations ask for here.
pub(crate) const READ: &str = "crm.contacts.read";
/// What they ask for besides where a test needs more than one scope.
pub(crate) const WRITE: &str = "crm.contacts.write";

/// One process of the hub on SQLite, and Acme.
pub(crate) struct Town {
    pub(crate) hub: Hub,
    pub(crate) settings: Settings,
    pub(crate) acme: Playground,
    pub(crate) platform: Platform,
    pub(crate) database: Database,
}

impl Town {
    /// A hub without workspaces.
    pub(crate) async fn start() -> Self {
        let (settings, database) = (Settings::new(), Database::sqlite());
        let hub = Hub::start(&settings, &database, None).await;
        let platform = Platform::of(&hub, &settings.platform_key);
        Self { hub, settings, acme: Playground::start().await, platform, database }
    }

    /// Ends the hub as a power cut would, lets `meanwhile` at the database, and starts it again.
    pub(crate) async fn stopped<T>(self, meanwhile: impl AsyncFnOnce(&Database) -> T) -> (Self, T) {
        let Self { hub, settings, acme, database, .. } = self;
        drop(hub);
        let done = meanwhile(&database).await;
        let hub = Hub::start(&settings, &database, None).await;
        let platform = Platform::of(&hub, &settings.platform_key);
        (Self { hub, settings, acme, platform, database }, done)
    }

    /// A workspace with an integration `crm`, an agent `assistant` and a policy that lets it read.
    pub(crate) async fn workspace(&self, slug: &str) -> Workspace {
        let workspace = self.platform.workspace(slug).await;
        let client = json!({ "provider": "acme", "client_id": "acme-demo", "client_secret": "acme-demo-secret" });
        workspace.put("/v1/clients/acme", &client).await;
        self.furnish(&workspace, "acme", &[READ]).await;
        workspace
    }

    /// Integration, agent and policy on a client that is there.
    pub(crate) async fn furnish(&self, workspace: &Workspace, client: &str, scopes: &[&str]) {
        let integration = json!({
            "provider": "acme",
            "client": client,
            "scopes": scopes,
            "settings": { "port": self.acme.port() },
        });
        workspace.put("/v1/integrations/crm", &integration).await;
        workspace.put_agent("assistant").await;
        workspace.put_policy("read", "assistant", "crm", &[READ]).await;
    }

    /// Links `person`, who has the account of `at_acme` there; returns the connection's id.
    pub(crate) async fn link(&self, workspace: &Workspace, person: &str, at_acme: &str) -> String {
        let mut way = Way::of(workspace, "crm", person, Browser::of(at_acme)).await;
        let url = way.url().to_owned();
        let back = way.browser.link(&url, RETURN_URL).await;
        complete(workspace, &back, person).await
    }

    /// A key of this workspace's own.
    pub(crate) async fn key_of(&self, workspace: &Workspace) -> Platform {
        let path = format!("/v1/workspaces/{}/keys", workspace.slug());
        let made =
            self.platform.request("POST", &path).json(&json!({ "name": "own" })).send().await.ok();
        self.with_key(made["secret"].as_str().unwrap())
    }

    /// A platform key with these roles alone.
    pub(crate) async fn platform_key(&self, roles: &[&str]) -> Platform {
        let body = json!({ "name": "some", "roles": roles });
        let made = self.platform.request("POST", "/v1/platform-keys").json(&body).send().await.ok();
        self.with_key(made["secret"].as_str().unwrap())
    }

    /// One who calls with this key.
    pub(crate) fn with_key(&self, key: &str) -> Platform {
        Platform::at(self.hub.address(), self.hub.public_url(), key)
    }
}

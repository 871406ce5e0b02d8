//! A hub with one workspace, one agent and one integration with the OpenID provider.

use serde_json::{Value, json};

use super::{
    Agent, Browser, Database, Hub, OpenIdProvider, Platform, Workspace, browser::query,
    environment, http::find, hub::Settings, platform::RETURN_URL,
};

/// The slug of the integration.
pub(crate) const APP: &str = "idp";
/// The client's id at the provider.
pub(crate) const CLIENT: &str = "valetkey-test";

/// Everything that a test of one workspace needs. Ends from top to bottom.
pub(crate) struct Scene {
    /// The replicas.
    pub(crate) hubs: Vec<Hub>,
    /// What they share.
    pub(crate) settings: Settings,
    /// The provider.
    pub(crate) provider: OpenIdProvider,
    /// The platform's key, at the first replica.
    pub(crate) platform: Platform,
    /// The workspace.
    pub(crate) workspace: Workspace,
    /// Its agent, at the first replica.
    pub(crate) agent: Agent,
    /// The client's secret at the provider.
    pub(crate) client_secret: String,
    /// The database.
    pub(crate) database: Database,
}

impl Scene {
    /// One process of the hub, access tokens that live ten minutes.
    pub(crate) async fn start(database: Database) -> Self {
        Self::with(database, Settings::new(), 1, 600).await
    }

    /// So many processes on one database (on SQLite always one), tokens that live this long.
    pub(crate) async fn with(
        database: Database,
        settings: Settings,
        replicas: usize,
        access_ttl_seconds: u64,
    ) -> Self {
        let replicas = if database.url().is_some() { replicas } else { 1 };
        let mut hubs = vec![Hub::start(&settings, &database, None).await];
        while hubs.len() < replicas {
            let public_url = hubs[0].public_url().to_owned();
            hubs.push(Hub::start(&settings, &database, Some(&public_url)).await);
        }
        let mut provider = OpenIdProvider::start(access_ttl_seconds).await;
        let platform = Platform::of(&hubs[0], &settings.platform_key);
        let client_secret = environment::canary("client secret");
        let workspace = platform.workspace("chatty").await;
        set_up(&workspace, &mut provider, &client_secret).await;
        let agent = workspace.agent("assistant").await;
        Self { hubs, settings, provider, platform, workspace, agent, client_secret, database }
    }

    /// Links a person's account: session, browser, provider, completion. Returns the connection's id.
    pub(crate) async fn link(&self, person: &str) -> String {
        let session = self.workspace.connect_session(APP, person).await;
        let mut browser = Browser::of(person);
        let url = session["url"].as_str().unwrap();
        let back = browser.link(url, RETURN_URL).await;
        let id = session["id"].as_str().unwrap();
        assert_eq!(query(&back, "session"), id);
        let done = self.workspace.complete(id, &query(&back, "code"), person).await.ok();
        find(&done, "con_").unwrap_or_else(|| panic!("no connection came of it: {done}"))
    }

    /// The connections of the workspace that have not ended.
    pub(crate) async fn live_connections(&self) -> Vec<Value> {
        let all = self.workspace.list("/v1/connections").await;
        all.into_iter().filter(|one| one["status"] != "revoked").collect()
    }
}

async fn set_up(workspace: &Workspace, provider: &mut OpenIdProvider, client_secret: &str) {
    let client =
        json!({ "provider": "generic-oidc", "client_id": CLIENT, "client_secret": client_secret });
    let client = workspace.put("/v1/clients/idp", &client).await;
    let redirect_uri = client["redirect_uri"].as_str().unwrap();
    provider.put_client(CLIENT, client_secret, redirect_uri).await;
    let integration = json!({
        "provider": "generic-oidc",
        "client": "idp",
        "scopes": ["openid", "offline_access", "email"],
        "settings": { "issuer": provider.issuer() },
    });
    workspace.put(&format!("/v1/integrations/{APP}"), &integration).await;
    workspace.put_agent("assistant").await;
    workspace.put_policy("all", "assistant", APP, &["*"]).await;
}

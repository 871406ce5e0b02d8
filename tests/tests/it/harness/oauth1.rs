//! A strict provider of OAuth 1.0a, and a hub that knows it.

use std::{process::Command, time::Duration};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    Agent, Browser, Database, Hub, Platform, Workspace,
    browser::query,
    environment,
    http::{Request, find},
    hub::Settings,
    platform::RETURN_URL,
    process::Process,
};

/// The slug of the provider and of the integration.
pub(crate) const NOTES: &str = "notes";
const CLIENT: &str = "cl:ient&1";

/// The provider; verifies signatures with code that shares nothing with the hub's.
pub(crate) struct Oauth1Provider {
    process: Process,
    /// Where it is.
    pub(crate) address: String,
    _folder: TempDir,
}

impl Oauth1Provider {
    async fn start(client_secret: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let options = json!({ "client_id": CLIENT, "client_secret": client_secret });
        let script = environment::required("OIDC_PROVIDER").with_file_name("oauth1-provider.mjs");
        let mut command = Command::new("node");
        command.arg(script).arg(options.to_string());
        let process = Process::start("oauth1-provider", &mut command, folder.path().join("log"));
        let mut this = Self { process, address: String::new(), _folder: folder };
        for _ in 0..300 {
            let words = this.process.last_words();
            assert!(!this.process.has_ended(), "oauth1-provider ended: {words}");
            let printed = String::from_utf8(this.process.printed()).unwrap();
            let ready = printed.lines().find_map(|line| serde_json::from_str::<Value>(line).ok());
            if let Some(port) = ready.and_then(|ready| ready["port"].as_u64()) {
                this.address = format!("http://127.0.0.1:{port}");
                return this;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("oauth1-provider does not start: {}", this.process.last_words());
    }

    /// What it accepted, and what it refused and why.
    pub(crate) async fn stats(&self) -> Value {
        Request::new("GET", format!("{}/_stats", self.address)).send().await.ok()
    }

    /// Every token, secret and verifier that it ever gave out.
    pub(crate) async fn secrets(&self) -> Vec<String> {
        let list = Request::new("GET", format!("{}/_secrets", self.address)).send().await.ok();
        list.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
    }

    /// Ends every token.
    pub(crate) async fn revoke(&self) {
        Request::new("POST", format!("{}/_revoke", self.address)).send().await.ok();
    }

    fn manifest(&self) -> String {
        let address = &self.address;
        format!(
            "slug = \"{NOTES}\"\ndisplay_name = \"Notes\"\ncategory = \"storage\"\nauth.kind = \"oauth1\"\n\
             urls.request_token = \"{address}/request_token\"\nurls.authorize = \"{address}/authorize\"\n\
             urls.token = \"{address}/access_token\"\napi.base = \"{address}/api\"\n\
             identity = {{ url = \"/me\", account_path = [\"id\"], label_path = [\"name\"] }}\n\
             [[scopes]]\nname = \"notes.read\"\ntitle = \"Read notes\"\naccess = \"read\"\nallows = [\"GET /notes\"]\n\
             [[scopes]]\nname = \"notes.write\"\ntitle = \"Write notes\"\naccess = \"write\"\nallows = [\"POST /notes\"]\n"
        )
    }
}

/// A hub with one workspace, one agent and one integration with that provider.
pub(crate) struct NotesScene {
    /// The hub.
    pub(crate) hub: Hub,
    /// The provider.
    pub(crate) provider: Oauth1Provider,
    /// The workspace.
    pub(crate) workspace: Workspace,
    /// Its agent.
    pub(crate) agent: Agent,
    /// The client's secret, where it is right.
    pub(crate) client_secret: String,
    /// The database.
    pub(crate) database: Database,
}

impl NotesScene {
    /// All of it, with the client's right secret.
    pub(crate) async fn start(database: Database) -> Self {
        let secret = environment::canary("client secret");
        Self::with(database, &secret.clone(), secret).await
    }

    /// With what the hub takes for the client's secret.
    pub(crate) async fn with(database: Database, known: &str, secret: String) -> Self {
        let settings = Settings { log: "trace", ..Settings::new() };
        let hub = Hub::start(&settings, &database, None).await;
        let provider = Oauth1Provider::start(&secret).await;
        let platform = Platform::of(&hub, &settings.platform_key);
        let workspace = platform.workspace("chatty").await;
        workspace.post("/v1/providers", &json!({ "manifest": provider.manifest() })).await;
        let client = json!({ "provider": NOTES, "client_id": CLIENT, "client_secret": known });
        workspace.put("/v1/clients/notes", &client).await;
        let integration = json!({ "provider": NOTES, "client": "notes" });
        workspace.put(&format!("/v1/integrations/{NOTES}"), &integration).await;
        workspace.put_agent("assistant").await;
        let agent = workspace.agent("assistant").await;
        Self { hub, provider, workspace, agent, client_secret: secret, database }
    }

    /// Allows the agent these scopes, in this form.
    pub(crate) async fn allow(&self, form: &str, scopes: &[&str]) {
        let body = json!({
            "agents": ["assistant"], "integrations": [NOTES], "scopes": scopes, "forms": [form],
            "owners": ["end_user"],
        });
        self.workspace.put("/v1/policies/all", &body).await;
    }

    /// Links a person's account; returns the connection's id.
    pub(crate) async fn link(&self, person: &str) -> String {
        let session = self.workspace.connect_session(NOTES, person).await;
        let mut browser = Browser::of(person);
        let back = browser.link(session["url"].as_str().unwrap(), RETURN_URL).await;
        let id = session["id"].as_str().unwrap();
        let done = self.workspace.complete(id, &query(&back, "code"), person).await.ok();
        find(&done, "con_").unwrap_or_else(|| panic!("no connection came of it: {done}"))
    }

    /// The agent's question for a signature.
    pub(crate) fn question(&self, method: &str, path: &str, form: &Value) -> Value {
        json!({
            "integration": NOTES, "end_user": { "id": "ana" },
            "request": { "method": method, "url": format!("{}{path}", self.provider.address), "form": form },
        })
    }
}

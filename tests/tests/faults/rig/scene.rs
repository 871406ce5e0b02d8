//! A workspace whose agent asks for people's accounts at Acme.

use serde_json::{Value, json};

use super::{Acme, Class, Launch, Replica};
use crate::harness::{
    Agent, Browser, Database, Platform, Workspace, browser::query, hub::Settings,
    platform::RETURN_URL,
};

/// The slug of the integration.
const APP: &str = "acme-app";

/// What a scene is made of.
#[derive(Clone, Debug)]
pub(crate) struct Set {
    /// The class of the client at Acme.
    pub(crate) class: Class,
    /// What the manifest says of the provider's pace.
    pub(crate) max_per_second: u32,
    /// How many processes.
    pub(crate) replicas: usize,
}

/// A linked account.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// As the how-manyeth, from 0: Acme's grants come in the same order.
    pub(crate) number: usize,
    /// Who linked it.
    pub(crate) person: String,
    /// The connection's id.
    pub(crate) connection: String,
}

/// A hub with one workspace, one agent and one integration with Acme.
pub(crate) struct Scene {
    pub(crate) replicas: Vec<Replica>,
    pub(crate) settings: Settings,
    pub(crate) workspace: Workspace,
    agent: Agent,
    /// Goes last: its server outlives whoever is connected to it.
    _database: Database,
}

impl Scene {
    /// Starts it; all replicas alike.
    pub(crate) async fn start(acme: &Acme, database: Database, set: &Set, launch: &Launch) -> Self {
        let url = database.url().map(str::to_owned);
        let urls = vec![url; set.replicas];
        Self::start_at(acme, database, &urls, set, launch).await
    }

    /// Starts one replica for each of these ways to the database.
    pub(crate) async fn start_at(
        acme: &Acme,
        database: Database,
        urls: &[Option<String>],
        set: &Set,
        launch: &Launch,
    ) -> Self {
        let settings = Settings::new();
        let mut replicas: Vec<Replica> = Vec::new();
        for url in urls {
            let public_url = replicas.first().map(|first| first.public_url().to_owned());
            let mut replica = Replica::new(url.as_deref(), public_url.as_deref());
            replica.start(&settings, launch).await;
            replicas.push(replica);
        }
        let first = &replicas[0];
        let platform = Platform::at(&first.address(), first.public_url(), &settings.platform_key);
        let workspace = platform.workspace("faulty").await;
        set_up(&workspace, acme, set).await;
        let agent = workspace.agent("assistant").await;
        Self { replicas, settings, workspace, agent, _database: database }
    }

    /// Links an account of the nth person, from 0.
    pub(crate) async fn link(&self, number: usize) -> Link {
        let person = &format!("person-{number}");
        let session = self.workspace.connect_session(APP, person).await;
        let mut browser = Browser::of(person);
        let back = browser.link(session["url"].as_str().unwrap(), RETURN_URL).await;
        let id = session["id"].as_str().unwrap();
        let done = self.workspace.complete(id, &query(&back, "code"), person).await.ok();
        let connection = crate::harness::http::find(&done, "con_");
        let connection = connection.unwrap_or_else(|| panic!("no connection came of it: {done}"));
        Link { number, person: person.to_owned(), connection }
    }

    /// Asks a replica for a token that lasts so long; none = nobody answered.
    pub(crate) async fn ask(&self, replica: usize, link: &Link, min_ttl_s: u64) -> Option<Value> {
        let question = json!({
            "integration": APP,
            "end_user": { "id": link.person },
            "min_ttl_seconds": min_ttl_s,
        });
        let agent = self.agent.at(&self.replicas[replica].address());
        let reply = agent.request().json(&question).try_send().await.ok()?;
        serde_json::from_slice(&reply.body).ok()
    }
}

async fn set_up(workspace: &Workspace, acme: &Acme, set: &Set) {
    let manifest = manifest(set, acme.port());
    workspace.post("/v1/providers", &json!({ "manifest": manifest })).await;
    let id = set.class.client();
    let client = json!({ "provider": "faulty-acme", "client_id": id, "client_secret": format!("{id}-secret") });
    workspace.put("/v1/clients/acme", &client).await;
    let integration = json!({
        "provider": "faulty-acme",
        "client": "acme",
        "scopes": ["crm.contacts.read"],
    });
    workspace.put(&format!("/v1/integrations/{APP}"), &integration).await;
    workspace.put_agent("assistant").await;
    workspace.put_policy("all", "assistant", APP, &["*"]).await;
}

/// Acme as a workspace's own provider, of the class that the client has there.
fn manifest(set: &Set, port: u16) -> String {
    format!(
        r#"slug = "faulty-acme"
display_name = "Acme"
category = "crm"
auth.kind = "oauth2_code"

[urls]
authorize = "http://localhost:{port}/oauth/authorize"
token = "http://localhost:{port}/oauth/token"

[client]
auth = "post"

[refresh]
class = "{class}"
max_per_second = {rate}

[api]
base = "http://localhost:{port}/api"

[identity]
url = "/v1/me"
account_path = ["id"]
label_path = ["email", "name"]

[[scopes]]
name = "crm.contacts.read"
title = "See your contacts"
access = "read"
allows = ["GET /v1/me"]
"#,
        class = set.class.name(),
        rate = set.max_per_second,
    )
}

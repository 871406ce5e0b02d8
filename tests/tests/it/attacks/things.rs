//! A workspace that has one of everything, and what each operation is asked of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    document::{Document, Operation},
    town::{READ, Town},
    way::Way,
};
use crate::harness::{Browser, Workspace, browser::query, platform::RETURN_URL};

/// Stands in everything of the workspace that could be shown to somebody.
pub(crate) const MARK: &str = "of-first";
const PERSON: &str = "ana-of-first";

/// The workspace, and what it has: ids and slugs.
pub(crate) struct Things {
    pub(crate) workspace: Workspace,
    /// By a path parameter's name.
    values: Vec<(&'static str, Vec<String>)>,
    /// `{id}` by how the path starts.
    ids: Vec<(&'static str, String)>,
    session: String,
    code: String,
    port: String,
}

async fn put(workspace: &Workspace, path: &str, body: Value) -> String {
    text(&workspace.put(path, &body).await, "id")
}

fn text(made: &Value, member: &str) -> String {
    made[member].as_str().unwrap_or_else(|| panic!("no `{member}`: {made}")).to_owned()
}

impl Things {
    pub(crate) async fn make(town: &Town) -> Self {
        let workspace = town.platform.workspace("first-of-first").await;
        let id = text(&workspace.get("/v1/workspaces/first-of-first").await, "id");
        let client = put(&workspace, "/v1/clients/client-of-first", client_body()).await;
        let port = town.acme.port();
        let integration =
            put(&workspace, "/v1/integrations/crm-of-first", integration_body(&client, &port))
                .await;
        let agent = put(&workspace, "/v1/agents/agent-of-first", agent_body()).await;
        let policy =
            put(&workspace, "/v1/policies/policy-of-first", policy_body(&agent, &integration))
                .await;
        workspace.post("/v1/providers", &json!({ "manifest": manifest("own-of-first") })).await;
        let key = async |path: &str| {
            let made = workspace.post(path, &json!({ "name": "key-of-first" })).await;
            text(&made, "id")
        };
        let agent_key = key("/v1/agents/agent-of-first/keys").await;
        let own_key = key("/v1/workspaces/first-of-first/keys").await;
        let body = json!({ "name": "platform-of-first", "roles": ["import"] });
        let platform_key = text(
            &town.platform.request("POST", "/v1/platform-keys").json(&body).send().await.ok(),
            "id",
        );

        let mut way = Way::of(&workspace, "crm-of-first", PERSON, Browser::of("ana")).await;
        let (answer, completed) = (way.answer().await, way.id().to_owned());
        let back = way.finish(&answer).await;
        let done = workspace.complete(&completed, &query(&back, "code"), PERSON).await.ok();
        let connection = text(&done["connection"], "id");
        // One more that waits to be completed.
        let mut way = Way::of(&workspace, "crm-of-first", "ben-of-first", Browser::of("ben")).await;
        let answer = way.answer().await;
        let code = query(&way.finish(&answer).await, "code");
        let pair = |id: &str, slug: &str| vec![id.to_owned(), slug.to_owned()];
        let values = vec![
            ("workspace", pair(&id, "first-of-first")),
            ("client", pair(&client, "client-of-first")),
            ("integration", pair(&integration, "crm-of-first")),
            ("agent", pair(&agent, "agent-of-first")),
            ("policy", pair(&policy, "policy-of-first")),
            ("provider", vec!["own-of-first".to_owned()]),
            ("connection", vec![connection]),
            ("session", vec![way.id().to_owned()]),
            ("end_user", vec![PERSON.to_owned()]),
            ("name", vec!["contacts.search".to_owned()]),
        ];
        let ids = vec![
            ("/v1/agents/", agent_key),
            ("/v1/workspaces/", own_key),
            ("/v1/platform-keys/", platform_key),
            ("/v1/end-users/", PERSON.to_owned()),
        ];
        Self { session: way.id().to_owned(), workspace, values, ids, code, port }
    }

    fn value(&self, name: &str) -> &str {
        &self.values.iter().find(|(found, _)| *found == name).unwrap().1[0]
    }

    /// Every value of a parameter; none = a kind of thing that nobody has told this test about.
    fn of_parameter(&self, path: &str, name: &str) -> Option<Vec<String>> {
        if name == "id" {
            let found = self.ids.iter().find(|(start, _)| path.starts_with(start))?;
            return Some(vec![found.1.clone()]);
        }
        self.values.iter().find(|(found, _)| *found == name).map(|(_, values)| values.clone())
    }

    /// The operation's addresses with this workspace's things in them, first by id, then by slug.
    pub(crate) fn addresses(&self, operation: &Operation) -> Vec<String> {
        let mut all = vec![operation.path.clone()];
        for name in operation.parameters() {
            let values = self.of_parameter(&operation.path, name).unwrap_or_else(|| {
                panic!("{}: no `{name}` is made to attack: add it to Things", operation.name())
            });
            let filled = all.iter().flat_map(|path| {
                values.iter().map(move |value| path.replacen(&format!("{{{name}}}"), value, 1))
            });
            all = filled.collect();
        }
        all
    }

    /// A good body that names this workspace's things.
    #[rustfmt::skip]
    pub(crate) fn body(&self, document: &Document, operation: &Operation) -> Option<Value> {
        let with_slug = |mut body: Value| { body["slug"] = json!("made-by-post"); body };
        let (client, agent, integration) = (self.value("client"), self.value("agent"), self.value("integration"));
        Some(match operation.name().as_str() {
            "POST /v1/token" => json!({ "connection": self.value("connection"), "end_user": { "id": PERSON } }),
            "POST /v1/actions/{name}" => json!({ "connection": self.value("connection"), "end_user": { "id": PERSON }, "input": {} }),
            "POST /v1/connect-sessions" => json!({ "end_user": { "id": PERSON }, "integrations": [integration], "return_url": RETURN_URL }),
            "POST /v1/connect-sessions/{session}/complete" => json!({ "code": self.code, "end_user": { "id": "ben-of-first" } }),
            "POST /v1/clients" => with_slug(client_body()),
            "PUT /v1/clients/{client}" => client_body(),
            "PATCH /v1/clients/{client}" => json!({ "client_secret": "acme-demo-secret" }),
            "POST /v1/integrations" => with_slug(integration_body(client, &self.port)),
            "PUT /v1/integrations/{integration}" => integration_body(client, &self.port),
            "POST /v1/agents" => with_slug(agent_body()),
            "PUT /v1/agents/{agent}" => agent_body(),
            "POST /v1/policies" => with_slug(policy_body(agent, integration)),
            "PUT /v1/policies/{policy}" => policy_body(agent, integration),
            "POST /v1/providers" => json!({ "manifest": manifest("made-by-post") }),
            "POST /v1/kill-switch" => json!({ "provider": "acme" }),
            "POST /v1/workspaces" => json!({ "slug": "made-by-post", "name": "Made by POST" }),
            "PUT /v1/workspaces/{workspace}" => json!({ "name": "Workspace first-of-first", "return_urls": [RETURN_URL] }),
            _ => return document.least_body(operation),
        })
    }

    /// All that the workspace could see changed.
    pub(crate) async fn state(&self) -> BTreeMap<String, Value> {
        let mut all = BTreeMap::new();
        let lists = ["clients", "integrations", "agents", "policies", "connections", "providers"];
        let keys = ["agents/agent-of-first/keys", "workspaces/first-of-first/keys"];
        for list in lists.into_iter().chain(keys) {
            all.insert(list.to_owned(), json!(self.workspace.list(&format!("/v1/{list}")).await));
        }
        for one in ["workspaces/first-of-first", &format!("connect-sessions/{}", self.session)] {
            all.insert(one.to_owned(), self.workspace.get(&format!("/v1/{one}")).await);
        }
        all
    }

    /// What an answer to a stranger must not hold.
    pub(crate) fn secrets(&self) -> Vec<&str> {
        let ids = self.values.iter().flat_map(|(_, values)| values).map(String::as_str);
        let ids = ids.filter(|value| value.contains('_'));
        ids.chain([MARK, "ana@acme.example", "ben@acme.example"]).collect()
    }
}

fn client_body() -> Value {
    json!({ "provider": "acme", "client_id": "acme-demo", "client_secret": "acme-demo-secret" })
}

fn integration_body(client: &str, port: &str) -> Value {
    json!({ "provider": "acme", "client": client, "scopes": [READ], "settings": { "port": port } })
}

fn agent_body() -> Value {
    json!({ "name": "An agent", "trusted_backend": true })
}

fn policy_body(agent: &str, integration: &str) -> Value {
    json!({ "agents": [agent], "integrations": [integration], "scopes": ["*"], "forms": ["whole_token"], "actions": ["contacts.search"] })
}

fn manifest(slug: &str) -> String {
    format!(
        "slug = \"{slug}\"\ndisplay_name = \"Own\"\ncategory = \"crm\"\nauth.kind = \"api_key\"\n\n\
         [[inputs]]\nname = \"api_key\"\nlabel = \"Key\"\nsecret = true\nrequired = true\n\n\
         [api]\nbase = \"https://own.example\"\ncredential = {{ in = \"header\", name = \"X-Api-Key\" }}\n\n[identity]\nurl = \"/me\"\naccount_path = [\"id\"]\nlabel_path = [\"name\"]\n"
    )
}

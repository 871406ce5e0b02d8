//! A platform's back end: makes workspaces, sets them up, opens and completes connect sessions.

use serde_json::{Value, json};

use super::{
    Agent, Hub,
    http::{Reply, Request},
};

/// Where the browser is sent at the end. Nobody listens there: browsers in tests stop before it.
pub(crate) const RETURN_URL: &str = "http://localhost:9/linked";

/// A platform key, at one replica of the hub.
#[derive(Clone, Debug)]
pub(crate) struct Platform {
    address: String,
    host: String,
    key: String,
}

/// What a platform key does in one workspace.
#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    platform: Platform,
    slug: String,
}

impl Platform {
    /// A platform that talks to this process.
    pub(crate) fn of(hub: &Hub, key: &str) -> Self {
        Self::at(hub.address(), hub.public_url(), key)
    }

    /// A platform that talks to the process at this address.
    pub(crate) fn at(address: &str, public_url: &str, key: &str) -> Self {
        let public: url::Url = public_url.parse().unwrap();
        let host = format!("{}:{}", public.host_str().unwrap(), public.port().unwrap());
        Self { address: address.to_owned(), host, key: key.to_owned() }
    }

    /// The key.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// A call without a workspace.
    pub(crate) fn request(&self, method: &str, path: &str) -> Request {
        self.bare(method, path).header("host", &self.host)
    }

    /// A call that does not say yet at which host.
    pub(crate) fn bare(&self, method: &str, path: &str) -> Request {
        Request::new(method, format!("{}{path}", self.address))
            .header("authorization", &format!("Bearer {}", self.key))
    }

    /// Makes or changes something; it must work.
    pub(crate) async fn put(&self, path: &str, body: &Value) -> Value {
        self.request("PUT", path).json(body).send().await.ok()
    }

    /// Makes a workspace.
    pub(crate) async fn workspace(&self, slug: &str) -> Workspace {
        let body = json!({ "name": format!("Workspace {slug}"), "return_urls": [RETURN_URL] });
        self.put(&format!("/v1/workspaces/{slug}"), &body).await;
        Workspace { platform: self.clone(), slug: slug.to_owned() }
    }
}

impl Workspace {
    /// The workspace's slug.
    pub(crate) fn slug(&self) -> &str {
        &self.slug
    }

    /// A call in this workspace.
    pub(crate) fn request(&self, method: &str, path: &str) -> Request {
        self.platform.request(method, path).header("x-valetkey-workspace", &self.slug)
    }

    /// Sends JSON; whatever the answer.
    pub(crate) async fn send(&self, method: &str, path: &str, body: &Value) -> Reply {
        self.request(method, path).json(body).send().await
    }

    /// Makes or changes something; it must work.
    pub(crate) async fn put(&self, path: &str, body: &Value) -> Value {
        self.send("PUT", path, body).await.ok()
    }

    /// Makes something; it must work.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        self.send("POST", path, body).await.ok()
    }

    /// Reads something that is there.
    pub(crate) async fn get(&self, path: &str) -> Value {
        self.request("GET", path).send().await.ok()
    }

    /// Reads a list from its first part to its last, oldest first.
    pub(crate) async fn list(&self, path: &str) -> Vec<Value> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let next = if cursor.is_empty() { String::new() } else { format!("&cursor={cursor}") };
            let part = self.get(&format!("{path}?limit=200{next}")).await;
            all.extend(part["items"].as_array().unwrap().iter().cloned());
            match part["next_cursor"].as_str() {
                Some(text) => cursor = text.to_owned(),
                None => return all,
            }
        }
    }

    /// Makes an agent that may say by id whom it asks for.
    pub(crate) async fn put_agent(&self, slug: &str) {
        let body = json!({ "name": slug, "trusted_backend": true });
        self.put(&format!("/v1/agents/{slug}"), &body).await;
    }

    /// Makes a key for an agent.
    pub(crate) async fn agent(&self, slug: &str) -> Agent {
        let made = self.post(&format!("/v1/agents/{slug}/keys"), &json!({ "name": "test" })).await;
        let key = made["secret"].as_str().unwrap_or_else(|| panic!("no key is shown: {made}"));
        let key = key.to_owned();
        Agent { address: self.platform.address.clone(), host: self.platform.host.clone(), key }
    }

    /// The same agent, asked for with the platform key: nothing but `PUT`s is needed before.
    pub(crate) async fn ask_as(&self, agent: &str, question: &Value) -> Reply {
        self.request("POST", "/v1/token")
            .header("x-valetkey-agent", agent)
            .json(question)
            .send()
            .await
    }

    /// Allows an agent these scopes of an integration, on people's own connections.
    pub(crate) async fn put_policy(
        &self,
        slug: &str,
        agent: &str,
        integration: &str,
        scopes: &[&str],
    ) {
        let body = json!({
            "agents": [agent],
            "integrations": [integration],
            "scopes": scopes,
            "forms": ["whole_token"],
            "owners": ["end_user"],
        });
        self.put(&format!("/v1/policies/{slug}"), &body).await;
    }

    /// Opens a connect session for a person.
    pub(crate) async fn connect_session(&self, integration: &str, person: &str) -> Value {
        let body = json!({
            "end_user": { "id": person },
            "integrations": [integration],
            "return_url": RETURN_URL,
        });
        self.post("/v1/connect-sessions", &body).await
    }

    /// Completes a session with the code that a browser brought; `person` is who is signed in there.
    pub(crate) async fn complete(&self, session: &str, code: &str, person: &str) -> Reply {
        let body = json!({ "code": code, "end_user": { "id": person } });
        self.send("POST", &format!("/v1/connect-sessions/{session}/complete"), &body).await
    }

    /// The chain, oldest entry first.
    pub(crate) async fn audit(&self) -> Vec<Value> {
        self.list("/v1/audit").await
    }
}

//! The OpenID provider that we did not write.

use std::{collections::BTreeMap, process::Command, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{environment, http::Request, process::Process};

/// npm oidc-provider: rotating refresh tokens; a reused one ends the grant.
pub(crate) struct OpenIdProvider {
    process: Process,
    issuer: String,
    clients: BTreeMap<String, String>,
    _folder: TempDir,
}

impl OpenIdProvider {
    /// Starts one whose access tokens live this long.
    pub(crate) async fn start(access_ttl_seconds: u64) -> Self {
        let folder = TempDir::new().unwrap();
        let options = json!({ "port": 0, "access_ttl": access_ttl_seconds });
        let mut command = Command::new("node");
        command.arg(environment::required("OIDC_PROVIDER")).arg(options.to_string());
        let process = Process::start("oidc-provider", &mut command, folder.path().join("log"));
        let mut this =
            Self { process, issuer: String::new(), clients: BTreeMap::new(), _folder: folder };
        for _ in 0..300 {
            assert!(
                !this.process.has_ended(),
                "oidc-provider ended: {}",
                this.process.last_words()
            );
            let printed = String::from_utf8(this.process.printed()).unwrap();
            let ready = printed.lines().find(|line| line.starts_with("{\"ready\""));
            if let Some(ready) = ready.and_then(|line| serde_json::from_str::<Value>(line).ok()) {
                ready["issuer"].as_str().unwrap().clone_into(&mut this.issuer);
                return this;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("oidc-provider does not start: {}", this.process.last_words());
    }

    /// Its issuer.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Makes a client there.
    pub(crate) async fn put_client(&mut self, id: &str, secret: &str, redirect_uri: &str) {
        let url = format!("{}/_clients/{id}", self.issuer);
        let client = json!({ "client_secret": secret, "redirect_uris": [redirect_uri] });
        Request::new("PUT", url).json(&client).send().await.ok();
        self.clients.insert(id.to_owned(), secret.to_owned());
    }

    /// A new pair of keys: the private one as PEM, the public one as JWK.
    pub(crate) async fn key(&self, algorithm: &str) -> (String, Value) {
        let request = Request::new("POST", format!("{}/_keys", self.issuer));
        let pair = request.json(&json!({ "algorithm": algorithm })).send().await.ok();
        (pair["private_key"].as_str().unwrap().to_owned(), pair["public_key"].clone())
    }

    /// Makes a client there that proves itself with what it signs with a key, and in no other way.
    pub(crate) async fn put_signing_client(
        &self,
        id: &str,
        algorithm: &str,
        public_key: &Value,
        redirect_uri: &str,
    ) {
        let client = json!({
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": algorithm,
            "jwks": { "keys": [public_key] },
            "redirect_uris": [redirect_uri],
        });
        let url = format!("{}/_clients/{id}", self.issuer);
        Request::new("PUT", url).json(&client).send().await.ok();
    }

    /// Makes a client there that is given tokens for what it signs with a key (RFC 7523, section 2.1), and for
    /// nothing else.
    pub(crate) async fn put_bearer_client(&self, id: &str, public_key: &Value) {
        let client = json!({
            "grant_types": ["urn:ietf:params:oauth:grant-type:jwt-bearer"],
            "token_endpoint_auth_method": "none",
            "jwks": { "keys": [public_key] },
            "redirect_uris": [], "response_types": [],
        });
        let url = format!("{}/_clients/{id}", self.issuer);
        Request::new("PUT", url).json(&client).send().await.ok();
    }

    /// Makes its next so many token and userinfo requests fail, with answers that repeat what was sent.
    /// Returns how often it did so before.
    pub(crate) async fn echo(&self, times: u32) -> u64 {
        let request = Request::new("PUT", format!("{}/_echo", self.issuer));
        let done = request.json(&json!({ "times": times })).send().await.ok();
        done["echoed"].as_u64().unwrap()
    }

    /// What it counted.
    pub(crate) async fn stats(&self) -> Value {
        Request::new("GET", format!("{}/_stats", self.issuer)).send().await.ok()
    }

    /// Every code and token that it ever gave out.
    pub(crate) async fn secrets(&self) -> Vec<String> {
        let list = Request::new("GET", format!("{}/_secrets", self.issuer)).send().await.ok();
        list.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
    }

    /// Whether it still honours a token of this client (RFC 7662).
    pub(crate) async fn is_active(&self, client: &str, token: &str) -> bool {
        let fields = [("token".to_owned(), token.to_owned())];
        self.call(client, "/token/introspection", &fields).await["active"] == true
    }

    /// A request that a client of it sends with its credentials; whatever the answer.
    pub(crate) async fn call(
        &self,
        client: &str,
        path: &str,
        fields: &[(String, String)],
    ) -> Value {
        let basic = STANDARD.encode(format!("{client}:{}", self.clients[client]));
        Request::new("POST", format!("{}{path}", self.issuer))
            .header("authorization", &format!("Basic {basic}"))
            .form(fields)
            .send()
            .await
            .json()
    }
}

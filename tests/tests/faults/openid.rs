//! A server that we did not write and that ends the whole grant at the first reuse: npm oidc-provider.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    harness::{
        Agent, Browser, Database, OpenIdProvider, Platform, Workspace, browser::query, environment,
        hub::Settings, platform::RETURN_URL,
    },
    matrix::POINTS,
    rig::{Launch, Replica},
};

const SCALE: f64 = 0.05;

/// A hub whose one connection is to the provider.
struct Linked {
    replica: Replica,
    settings: Settings,
    provider: OpenIdProvider,
    workspace: Workspace,
    agent: Agent,
    _database: Database,
}

async fn linked(database: Database, launch: &Launch) -> Linked {
    let settings = Settings::new();
    let mut replica = Replica::new(database.url(), None);
    replica.start(&settings, launch).await;
    let mut provider = OpenIdProvider::start(4).await;
    let platform = Platform::at(&replica.address(), replica.public_url(), &settings.platform_key);
    let workspace = platform.workspace("faulty").await;
    let secret = environment::canary("client secret");
    let client = json!({ "provider": "generic-oidc", "client_id": "hub", "client_secret": secret });
    let client = workspace.put("/v1/clients/idp", &client).await;
    provider.put_client("hub", &secret, client["redirect_uri"].as_str().unwrap()).await;
    let integration = json!({
        "provider": "generic-oidc",
        "client": "idp",
        "scopes": ["openid", "offline_access", "email"],
        "settings": { "issuer": provider.issuer() },
    });
    workspace.put("/v1/integrations/idp", &integration).await;
    workspace.put_agent("assistant").await;
    workspace.put_policy("all", "assistant", "idp", &["*"]).await;
    let agent = workspace.agent("assistant").await;
    let this = Linked { replica, settings, provider, workspace, agent, _database: database };
    this.link().await;
    this
}

impl Linked {
    async fn link(&self) {
        let session = self.workspace.connect_session("idp", "ana").await;
        let mut browser = Browser::of("ana");
        let back = browser.link(session["url"].as_str().unwrap(), RETURN_URL).await;
        let id = session["id"].as_str().unwrap();
        self.workspace.complete(id, &query(&back, "code"), "ana").await.ok();
    }

    /// For a fresh token; none = nobody answered.
    async fn ask(&self) -> Option<Value> {
        let question =
            json!({ "integration": "idp", "end_user": { "id": "ana" }, "min_ttl_seconds": 60 });
        let reply = self.agent.request().json(&question).try_send().await.ok()?;
        serde_json::from_slice(&reply.body).ok()
    }

    async fn until_killed(&mut self) {
        for _ in 0..400 {
            if self.replica.was_killed() {
                return;
            }
            self.ask().await;
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the hub did not come to its point");
    }

    async fn count(&self, what: &str) -> u64 {
        self.provider.stats().await[what].as_u64().unwrap()
    }

    /// Whether it gets a working token of a further refresh; false = a person must link again.
    async fn is_well(&self) -> bool {
        let before = self.count("refreshed").await;
        let began = Instant::now();
        let mut last = None;
        while began.elapsed() < Duration::from_secs(25) {
            last = self.ask().await;
            let status = last.as_ref().and_then(|answer| answer["status"].as_str());
            if status == Some("connect_required") {
                return false;
            }
            if status == Some("issued") && self.count("refreshed").await > before {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it does not recover within 25 s: {last:?}");
    }
}

/// One kill after the other, each at the next point, on the same connection.
async fn survives(database: Database) {
    let points = POINTS.into_iter().filter(|point| *point != "after_send");
    let launch = |point| Launch::scaled(SCALE).killed_at(point, 2);
    let mut linked = linked(database, &Launch::scaled(SCALE)).await;
    for point in points {
        linked.replica.stop().await;
        linked.replica.start(&linked.settings, &launch(point)).await;
        linked.until_killed().await;
        linked.replica.start(&linked.settings, &Launch::scaled(SCALE)).await;

        assert!(linked.is_well().await, "lost by a kill at {point}");
        assert_eq!(linked.count("refresh_tokens_reused").await, 0, "a kill at {point}");
        assert_eq!(linked.count("grants_revoked").await, 0, "a kill at {point}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_openid_grant_survives_kills_at_all_steps_but_one_on_sqlite() {
    survives(Database::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_openid_grant_survives_kills_at_all_steps_but_one_on_postgres() {
    if let Some(database) = Database::postgres() {
        survives(database).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_openid_answer_that_never_reached_the_disk_is_told_as_the_provider_tells_it() {
    let launch = Launch::scaled(SCALE).killed_at("after_send", 1);
    let mut linked = linked(Database::sqlite(), &launch).await;
    linked.until_killed().await;
    linked.replica.start(&linked.settings, &Launch::scaled(SCALE)).await;

    assert!(!linked.is_well().await, "the only refresh token was never received");
    assert_eq!(linked.count("refresh_tokens_reused").await, 1, "presented once more, not oftener");
    assert_eq!(linked.count("reuse_detected").await, 1);
}

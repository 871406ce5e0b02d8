//! A whole hub without a server: a real database, a clock that stands until it is moved, and a provider
//! in this process.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use base::{ExposeSecret, ManualClock, SecretString, SeededRng, Timestamp};
use connector::{Connector, Declarative, Manifest};
use hub::{
    Error, Result,
    agent::{self, NewAgent},
    audit::{self, Writer},
    client::{self, NewClient},
    connection::{self, Connection},
    integration::{self, ClientChoice, NewIntegration},
    page::PageQuery,
    policy::{self, Form, OwnerKind, Rule},
    provider::Registry,
    refresh::{Journal, Process, Refresher, Timings},
    release::{Asker, Issued, Target, TokenAsk},
    session::{self, Answer, ConnectRequired},
    store::{Database, PoolSizes, Store, outbox},
    workspace::{
        self, NewWorkspace,
        api_key::{self, Owner, Principal},
    },
};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::Value;
use tempfile::TempDir;
use vault::LocalKeys;

pub(crate) use super::linking::{new_session, query};
use super::{
    manifests::{ANYWHERE, MAILO},
    provider::{Acme, SECRET},
};

pub(crate) const READ: &str = "crm.contacts.read";
pub(crate) const WRITE: &str = "crm.contacts.write";
const HALF_A_SECOND: Duration = Duration::from_millis(500);
pub(crate) const START: Timestamp = Timestamp::from_secs(1_795_000_000);

/// A hub.
pub(crate) struct Scene {
    pub(crate) store: Store,
    pub(crate) registry: Registry,
    pub(crate) writer: Writer,
    pub(crate) refresher: Refresher,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) acme: Acme,
    pub(crate) dir: TempDir,
}

/// A workspace with the integration `acme`, for which it has a client of its own, and one agent.
pub(crate) struct Tenant {
    pub(crate) id: String,
    /// The client's id.
    pub(crate) client: String,
    /// The integration's id.
    pub(crate) integration: String,
    /// The agent's id; its slug is `support-bot`.
    pub(crate) agent: String,
    pub(crate) agent_key: SecretString,
    pub(crate) workspace_key: SecretString,
}

fn declarative(manifest: &str) -> Arc<dyn Connector> {
    Arc::new(Declarative::new(Manifest::parse(manifest).unwrap()))
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// With these manifests' providers too.
    pub(crate) async fn with(manifests: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::Sqlite(file(&dir));
        Store::migrate(&database).await.unwrap();
        let clock = Arc::new(ManualClock::at(START));
        let rng = Arc::new(SeededRng::new(7));
        let key = LocalKeys::generate_text(rng.as_ref());
        let keys = Arc::new(LocalKeys::from_text(&key, "the test").unwrap());
        let store =
            Store::open(&database, PoolSizes::default(), keys, clock.clone(), rng).await.unwrap();
        let acme = Acme::new();
        let connectors = [acme::connector(), declarative(MAILO), declarative(ANYWHERE)];
        let connectors =
            connectors.into_iter().chain(manifests.iter().map(|text| declarative(text)));
        let registry = Registry::new(connectors, acme.outbound(), "https://hub.example");
        let writer = Writer::start(store.clone());
        let process = process(&dir, "instance", "first", Timings::default());
        let refresher = Refresher::new(store.clone(), registry.clone(), writer.clone(), process);
        Self { store, registry, writer, refresher, clock, acme, dir }
    }

    /// A refresher as it is after a restart of the process, on the same data directory.
    pub(crate) fn restarted(&self) -> Refresher {
        self.refresher(process(&self.dir, "instance", "second", Timings::default()))
    }

    /// Another process's, with a data directory of its own.
    pub(crate) fn replica(&self) -> Refresher {
        self.refresher(process(&self.dir, "other", "replica", Timings::default()))
    }

    /// One whose times are these parts of the usual ones.
    pub(crate) fn scaled(&self, factor: f64) -> Refresher {
        self.refresher(process(&self.dir, "instance", "scaled", Timings::scaled(factor)))
    }

    fn refresher(&self, process: Process) -> Refresher {
        Refresher::new(self.store.clone(), self.registry.clone(), self.writer.clone(), process)
    }

    /// The process dies half a second after it began to refresh this.
    pub(crate) async fn dies(&self, row: &Connection) {
        let (refresher, row) = (self.refresher.clone(), row.clone());
        let died = tokio::task::spawn_blocking(move || {
            let process = tokio::runtime::Runtime::new().unwrap();
            let asked = async { tokio::time::timeout(HALF_A_SECOND, refresher.ensure(&row)).await };
            let unanswered = process.block_on(asked).is_err();
            process.shutdown_background();
            unanswered
        });
        assert!(died.await.unwrap(), "it was answered before it died");
    }

    pub(crate) fn database(&self) -> Database {
        Database::Sqlite(file(&self.dir))
    }

    pub(crate) fn later(&self, by: Duration) {
        self.clock.advance(by);
    }

    pub(crate) fn earlier(&self, by: Duration) {
        self.clock.turn_back(by);
    }

    /// A workspace, ready for links; its agent is allowed nothing yet.
    pub(crate) async fn tenant(&self, slug: &str) -> Tenant {
        let id = self.workspace(slug).await;
        let client = client::put(
            &self.store,
            &self.registry,
            client::Owner::Workspace(&id),
            "acme-app",
            new_client("acme", &[]),
        )
        .await
        .unwrap()
        .0
        .id;
        let choice = ClientChoice::Named("acme-app".to_owned());
        let integration =
            self.integration(&id, "acme", "acme", choice, &[READ, WRITE]).await.unwrap();
        let new = NewAgent { name: "Support bot".to_owned(), trusted_backend: true };
        let agent = agent::put(&self.store, &id, "support-bot", new).await.unwrap().0.id;
        let of_agent = Owner::Agent { workspace: id.clone(), agent: agent.clone() };
        let agent_key = self.key(of_agent).await;
        let workspace_key = self.key(Owner::Workspace(id.clone())).await;
        Tenant { id, client, integration, agent, agent_key, workspace_key }
    }

    /// A workspace whose agent may have everything of its users, and nothing that is shared.
    pub(crate) async fn tenant_with_policy(&self, slug: &str) -> Tenant {
        let tenant = self.tenant(slug).await;
        self.allow(&tenant, "all", rule(&tenant)).await;
        tenant
    }

    pub(crate) async fn workspace(&self, slug: &str) -> String {
        let new = NewWorkspace {
            name: slug.to_owned(),
            return_urls: vec!["https://chat.example/linked".to_owned()],
        };
        workspace::put(&self.store, slug, new).await.unwrap().0.id
    }

    pub(crate) async fn key(&self, owner: Owner) -> SecretString {
        api_key::create(&self.store, owner, "test", None).await.unwrap().secret
    }

    pub(crate) async fn integration(
        &self,
        workspace: &str,
        slug: &str,
        provider: &str,
        client: ClientChoice,
        scopes: &[&str],
    ) -> Result<String> {
        let new = NewIntegration {
            provider: provider.to_owned(),
            client,
            scopes: Some(strings(scopes)),
            settings: BTreeMap::new(),
        };
        Ok(integration::put(&self.store, &self.registry, workspace, slug, new).await?.0.id)
    }

    pub(crate) async fn allow(&self, tenant: &Tenant, slug: &str, rule: Rule) {
        policy::put(&self.store, &tenant.id, slug, rule, true).await.unwrap();
    }

    /// Whose key this is, in this workspace.
    pub(crate) async fn principal(&self, key: &SecretString, tenant: &Tenant) -> Principal {
        let named = Some(tenant.id.as_str());
        api_key::authenticate(&self.store, key.expose_secret(), named).await.unwrap()
    }

    /// The token call, with the agent's key.
    pub(crate) async fn ask(&self, tenant: &Tenant, ask: &TokenAsk) -> Result<Answer> {
        let principal = api_key::authenticate(
            &self.store,
            tenant.agent_key.expose_secret(),
            Some(tenant.id.as_str()),
        )
        .await?;
        self.ask_as(principal, None, ask).await
    }

    /// The token call of a caller who was recognized before.
    pub(crate) async fn ask_as(
        &self,
        principal: Principal,
        named_agent: Option<&str>,
        ask: &TokenAsk,
    ) -> Result<Answer> {
        let asker = Asker {
            principal,
            named_agent: named_agent.map(str::to_owned),
            request_id: "req-1".to_owned(),
        };
        session::token(
            &self.store,
            &self.registry,
            &self.writer,
            &self.refresher,
            &asker,
            ask,
            None,
        )
        .await
    }

    pub(crate) async fn issued(&self, tenant: &Tenant, ask: &TokenAsk) -> Issued {
        match self.ask(tenant, ask).await.unwrap() {
            Answer::Issued(issued) => *issued,
            Answer::ConnectRequired(required) => panic!("connect: {:?}", required.reason),
            Answer::SelectionRequired(choices) => panic!("choose among {}", choices.len()),
        }
    }

    pub(crate) async fn connect_required(
        &self,
        tenant: &Tenant,
        ask: &TokenAsk,
    ) -> ConnectRequired {
        match self.ask(tenant, ask).await.unwrap() {
            Answer::ConnectRequired(required) => *required,
            Answer::Issued(_) => panic!("a token was handed out"),
            Answer::SelectionRequired(choices) => panic!("choose among {}", choices.len()),
        }
    }

    /// Does the background work that is due; returns how many pieces.
    pub(crate) async fn work(&self) -> usize {
        let due = outbox::claim(&self.store, "test", 60_000, 100).await.unwrap();
        for work in &due {
            if work.kind == audit::EVENT {
                continue;
            }
            assert_eq!(work.kind, connection::REVOKE_GRANT);
            connection::revoke_grant(&self.store, &self.registry, work).await.unwrap();
        }
        due.len()
    }

    /// What was told of this connection's health, in its order: each event's type.
    pub(crate) async fn events(&self, row: &Connection) -> Vec<Value> {
        let mut all = outbox::claim(&self.store, "test", 0, 1000).await.unwrap();
        all.retain(|work| work.kind == audit::EVENT && work.subject == row.id);
        all.sort_by(|a, b| a.id.cmp(&b.id));
        let mut bodies = Vec::new();
        for event in all {
            let body = event.body(&self.store).await.unwrap();
            bodies.push(serde_json::from_slice(&body).unwrap());
        }
        bodies
    }

    /// Does something to the database behind the hub's back.
    pub(crate) async fn execute(&self, sql: &str) {
        let statement = Statement::from_string(self.store.backend(), sql);
        self.store.write().execute_raw(statement).await.unwrap();
    }

    /// The workspace's data keys, as the key source wrapped them.
    pub(crate) async fn wrapped_keys(&self, tenant: &Tenant) -> Vec<Vec<u8>> {
        let statement = Statement::from_sql_and_values(
            self.store.backend(),
            "SELECT wrapped FROM data_key WHERE workspace_id = $1",
            [tenant.id.clone().into()],
        );
        let rows = self.store.read().query_all_raw(statement).await.unwrap();
        rows.iter().map(|row| row.try_get("", "wrapped").unwrap()).collect()
    }

    /// The workspace's whole chain.
    pub(crate) async fn chain(&self, tenant: &Tenant) -> Vec<audit::Row> {
        let whole = PageQuery::new(None, Some(PageQuery::MOST)).unwrap();
        audit::list(&self.store, &tenant.id, &whole).await.unwrap().items
    }

    /// Of the workspace's chain what was handed out or refused.
    pub(crate) async fn answers(&self, tenant: &Tenant) -> Vec<audit::Row> {
        let mut rows = self.chain(tenant).await;
        rows.retain(|row| row.kind != "change");
        rows
    }

    /// How many entries of this kind the workspace's chain has.
    pub(crate) async fn count(&self, tenant: &Tenant, kind: &str) -> usize {
        self.chain(tenant).await.iter().filter(|row| row.kind == kind).count()
    }
}

/// Waits for what is done beside the test, two seconds at most; what did not come the test sees by itself.
pub(crate) async fn soon(holds: impl AsyncFn() -> bool) {
    for _ in 0..100 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn process(dir: &TempDir, instance: &str, incarnation: &str, timings: Timings) -> Process {
    Process {
        instance: instance.to_owned(),
        journal: Journal::open(dir.path(), incarnation).unwrap(),
        timings,
        incarnation: incarnation.to_owned(),
    }
}

fn file(dir: &TempDir) -> PathBuf {
    dir.path().join("valetkey.db")
}

/// A client of a provider, with the secret that everybody begins with.
pub(crate) fn new_client(provider: &str, scopes: &[&str]) -> NewClient {
    NewClient {
        provider: provider.to_owned(),
        client_id: "client-1".to_owned(),
        client_secret: Some(SECRET.into()),
        redirect_uri: None,
        scopes: strings(scopes),
    }
}

/// The workspace's agent may have everything of `acme`, in every form, of the end user's own.
pub(crate) fn rule(tenant: &Tenant) -> Rule {
    Rule {
        agents: vec![tenant.agent.clone()],
        integrations: vec![tenant.integration.clone()],
        scopes: strings(&["*"]),
        forms: vec![Form::NarrowedToken, Form::WholeToken],
        actions: Vec::new(),
        owners: vec![OwnerKind::EndUser],
    }
}

/// The whole token of this user's `acme`.
pub(crate) fn whole(user: &str) -> TokenAsk {
    TokenAsk {
        target: Target::Integration("acme".to_owned()),
        end_user: Some(user.to_owned()),
        scopes: None,
        form: Some(Form::WholeToken),
        min_ttl: Duration::ZERO,
        reason: None,
        action: None,
        request: None,
    }
}

/// The token in an answer.
pub(crate) fn token_of(issued: &Issued) -> &str {
    issued.access_token.as_ref().unwrap().expose_secret()
}

/// Why it failed, of what must fail.
pub(crate) fn refused<T>(outcome: Result<T>) -> Error {
    match outcome {
        Ok(_) => panic!("it was not refused"),
        Err(error) => error,
    }
}

pub(crate) fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

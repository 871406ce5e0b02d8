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
    end_user::Profile,
    integration::{self, ClientChoice, NewIntegration},
    page::PageQuery,
    policy::{self, Form, OwnerKind, Rule},
    provider::Registry,
    refresh::{Journal, Process, Refresher, Timings},
    release::{Asker, Issued, Target, TokenAsk},
    session::{
        self, Answer, Completed, ConnectRequired, Intent, Made, NewOwner, NewSession, Session,
        Start,
    },
    store::{Database, PoolSizes, Store, outbox},
    workspace::{
        self, NewWorkspace,
        api_key::{self, Owner, Principal},
    },
};
use sea_orm::{ConnectionTrait, Statement};
use tempfile::TempDir;
use url::Url;
use vault::LocalKeys;

use super::provider::{Acme, SECRET};

pub(crate) const READ: &str = "crm.contacts.read";
pub(crate) const WRITE: &str = "crm.contacts.write";
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

/// A browser that opened a link.
pub(crate) struct Browser {
    pub(crate) cookie: String,
}

/// A provider that may be shared, asks again where it is told to, and gives no narrower tokens.
const MAILO: &str = r#"
    slug = "mailo"
    display_name = "Mailo"
    category = "crm"
    auth.kind = "oauth2_code"

    [urls]
    authorize = "https://mailo.example/oauth/authorize"
    token = "https://mailo.example/oauth/token"
    revoke = "https://mailo.example/oauth/revoke"

    [authorize]
    default_scopes = ["mail.read"]
    consent_params = { prompt = "consent" }

    [api]
    base = "https://mailo.example/api"

    [identity]
    url = "/v1/me"
    account_path = ["id"]
    label_path = ["email"]

    [[scopes]]
    name = "mail.read"
    title = "Read your mail"
    access = "read"

    [[scopes]]
    name = "mail.send"
    title = "Send mail in your name"
    access = "write"
"#;

/// A provider that runs wherever its workspace says.
const ANYWHERE: &str = r#"
    slug = "anywhere"
    display_name = "Anywhere"
    category = "crm"
    auth.kind = "oauth2_code"

    [[inputs]]
    name = "site"
    label = "Site"
    kind = "host"
    required = true

    [urls]
    authorize = "https://{site}/oauth/authorize"
    token = "https://{site}/oauth/token"

    [authorize]
    default_scopes = ["all"]

    [api]
    base = "https://{site}/api"

    [identity]
    url = "/v1/me"
    account_path = ["id"]
    label_path = ["email"]

    [[scopes]]
    name = "all"
    title = "Everything"
    access = "admin"
"#;

fn declarative(manifest: &str) -> Arc<dyn Connector> {
    Arc::new(Declarative::new(Manifest::parse(manifest).unwrap()))
}

impl Scene {
    pub(crate) async fn new() -> Self {
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
        let registry = Registry::new(connectors, acme.outbound(), "https://hub.example");
        let writer = Writer::start(store.clone());
        let process = Process {
            instance: "instance".to_owned(),
            journal: Journal::open(dir.path(), "first").unwrap(),
            timings: Timings::default(),
            incarnation: "first".to_owned(),
        };
        let refresher = Refresher::new(store.clone(), registry.clone(), writer.clone(), process);
        Self { store, registry, writer, refresher, clock, acme, dir }
    }

    pub(crate) fn database(&self) -> Database {
        Database::Sqlite(file(&self.dir))
    }

    pub(crate) fn later(&self, by: Duration) {
        self.clock.advance(by);
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

    /// A session for one of the workspace's users to link `acme`.
    pub(crate) async fn session(&self, tenant: &Tenant, user: &str) -> Made {
        session::create(&self.store, &tenant.id, new_session(user)).await.unwrap()
    }

    /// The session as it stands.
    pub(crate) async fn session_now(&self, tenant: &Tenant, id: &str) -> Session {
        session::get(&self.store, &tenant.id, id).await.unwrap()
    }

    pub(crate) async fn open(&self, made: &Made) -> Browser {
        Browser { cookie: session::bind(&self.store, &made.token).await.unwrap().1 }
    }

    /// Clicks "Continue": the provider's page.
    pub(crate) async fn go(&self, browser: &Browser) -> Url {
        let row = session::by_browser(&self.store, &browser.cookie).await.unwrap();
        let started =
            session::start(&self.store, &self.registry, &row, &BTreeMap::new()).await.unwrap();
        match started {
            Start::Provider(url) => url,
            Start::Finished => panic!("no provider page was needed"),
        }
    }

    /// The provider sends the browser back with this account's consent.
    pub(crate) async fn back(&self, browser: &Browser, page: &Url, account: &str) -> Result<()> {
        self.answer(browser, page, &[("code", account)]).await
    }

    /// The provider sends the browser back with this answer.
    pub(crate) async fn answer(
        &self,
        browser: &Browser,
        page: &Url,
        answer: &[(&str, &str)],
    ) -> Result<()> {
        let row = session::by_browser(&self.store, &browser.cookie).await?;
        self.answer_to(&row, page, answer).await
    }

    /// The same, with the session as it was read before.
    pub(crate) async fn answer_to(
        &self,
        row: &Session,
        page: &Url,
        answer: &[(&str, &str)],
    ) -> Result<()> {
        let redirect = query(page, "redirect_uri").unwrap();
        let client = redirect.rsplit('/').next().unwrap().to_owned();
        let mut all = vec![("state".to_owned(), query(page, "state").unwrap())];
        all.extend(answer.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        session::callback(&self.store, &self.registry, row, &client, &all).await
    }

    /// Goes through a session to its end in one browser; returns the completion code.
    pub(crate) async fn finish(&self, tenant: &Tenant, made: &Made, account: &str) -> String {
        let browser = self.open(made).await;
        let page = self.go(&browser).await;
        self.back(&browser, &page, account).await.unwrap();
        self.code(tenant, made).await
    }

    /// The code that the finishing browser is shown.
    pub(crate) async fn code(&self, tenant: &Tenant, made: &Made) -> String {
        session::completion_code(&self.store, &self.session_now(tenant, &made.row.id).await)
    }

    /// The platform's word, with the workspace's key: this user is signed in at that browser.
    pub(crate) async fn complete(
        &self,
        tenant: &Tenant,
        made: &Made,
        code: &str,
        user: &str,
    ) -> Result<Completed> {
        self.complete_with(&tenant.workspace_key, tenant, made, code, user).await
    }

    pub(crate) async fn complete_with(
        &self,
        key: &SecretString,
        tenant: &Tenant,
        made: &Made,
        code: &str,
        user: &str,
    ) -> Result<Completed> {
        let principal = self.principal(key, tenant).await;
        let (workspace, id) = (&tenant.id, &made.row.id);
        session::complete(&self.store, &self.registry, &principal, workspace, id, code, user).await
    }

    /// Links one of a user's accounts.
    pub(crate) async fn link(&self, tenant: &Tenant, user: &str, account: &str) -> Connection {
        self.link_by(tenant, new_session(user), account).await
    }

    /// Links an account that the whole workspace shares.
    pub(crate) async fn link_shared(&self, tenant: &Tenant, account: &str) -> Connection {
        let new = NewSession { owner: NewOwner::Workspace, ..new_session("admin") };
        self.link_by(tenant, new, account).await
    }

    pub(crate) async fn link_by(
        &self,
        tenant: &Tenant,
        new: NewSession,
        account: &str,
    ) -> Connection {
        // Of two ids of one millisecond either may be the smaller one.
        self.later(Duration::from_millis(1));
        let user = new.end_user.id.clone();
        let made = session::create(&self.store, &tenant.id, new).await.unwrap();
        let code = self.finish(tenant, &made, account).await;
        self.complete(tenant, &made, &code, &user).await.unwrap().connection
    }

    pub(crate) async fn connection(&self, row: &Connection) -> Connection {
        connection::get(&self.store, &row.workspace_id, &row.id).await.unwrap()
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
            assert_eq!(work.kind, connection::REVOKE_GRANT);
            connection::revoke_grant(&self.store, &self.registry, work).await.unwrap();
        }
        due.len()
    }

    /// Does something to the database behind the hub's back.
    pub(crate) async fn execute(&self, sql: &str) {
        let statement = Statement::from_string(self.store.backend(), sql);
        self.store.write().execute_raw(statement).await.unwrap();
    }

    /// The workspace's whole chain.
    pub(crate) async fn chain(&self, tenant: &Tenant) -> Vec<audit::Row> {
        let whole = PageQuery::new(None, Some(PageQuery::MOST)).unwrap();
        audit::list(&self.store, &tenant.id, &whole).await.unwrap().items
    }

    /// How many entries of this kind the workspace's chain has.
    pub(crate) async fn count(&self, tenant: &Tenant, kind: &str) -> usize {
        self.chain(tenant).await.iter().filter(|row| row.kind == kind).count()
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

/// A session for this user and `acme`, as a platform makes it.
pub(crate) fn new_session(user: &str) -> NewSession {
    NewSession {
        end_user: Profile::of_id(user),
        owner: NewOwner::EndUser,
        integrations: vec!["acme".to_owned()],
        scopes: None,
        intent: Intent::Add,
        connection: None,
        return_url: None,
        created_by: "key-of-the-test".to_owned(),
        agent: None,
    }
}

/// The workspace's agent may have everything of `acme`, in every form, of the end user's own.
pub(crate) fn rule(tenant: &Tenant) -> Rule {
    Rule {
        agents: vec![tenant.agent.clone()],
        integrations: vec![tenant.integration.clone()],
        scopes: strings(&["*"]),
        forms: vec![Form::NarrowedToken, Form::WholeToken],
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

/// A parameter of a URL.
pub(crate) fn query(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

pub(crate) fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

//! Connections of OAuth 1.0a: actions are signed, the same grant is never refreshed, and its end is noticed.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use connector::{
    Account, Action, Api, Connector, Error, Manifest,
    commerce::{
        Commerce, Customer, GetOrder, ListOrders, ListProducts, Order, Product, SearchCustomers,
        SearchProducts,
    },
    identify_by_manifest,
    model::Page,
    unsupported,
};
use http::Response;
use hub::{
    action::{self, Came, Done, Told},
    connection::Connection,
    policy::{Form, Rule},
    provider::Registry,
    release::{Asker, ConnectReason, Parts, Request, Target, TokenAsk},
    session,
};
use outbound::Outbound;
use serde_json::{Value, json};
use url::Url;

use super::scene::{READ, Scene, Tenant, WRITE, new_session, query, refused, rule, strings, whole};

/// In the place of `acme`, so that a scene's tenant is one of it.
const SHOP: &str = r#"
    slug = "acme"
    display_name = "Shop"
    category = "commerce"
    auth.kind = "oauth1"

    [urls]
    request_token = "https://shop.example/request"
    authorize = "https://shop.example/authorize"
    token = "https://shop.example/token"

    [api]
    base = "https://shop.example/api"

    [identity]
    url = "/me"
    account_path = ["id"]

    [[scopes]]
    name = "crm.contacts.read"
    title = "Look"
    access = "read"
    allows = ["GET /products"]

    [[scopes]]
    name = "crm.contacts.write"
    title = "Change"
    access = "write"
    allows = ["POST /products"]

    [actions]
    "products.search" = ["crm.contacts.read"]
"#;

struct Shop(Manifest);

#[async_trait]
impl Connector for Shop {
    fn manifest(&self) -> &Manifest {
        &self.0
    }

    async fn identify(&self, api: &Api) -> Result<Account, Error> {
        identify_by_manifest(&self.0, api).await
    }

    fn commerce(&self) -> Option<&dyn Commerce> {
        Some(self)
    }
}

#[async_trait]
impl Commerce for Shop {
    async fn search_customers(&self, _: &Api, _: SearchCustomers) -> Result<Page<Customer>, Error> {
        Err(unsupported("customers.search"))
    }

    async fn list_orders(&self, _: &Api, _: ListOrders) -> Result<Page<Order>, Error> {
        Err(unsupported("orders.list"))
    }

    async fn get_order(&self, _: &Api, _: GetOrder) -> Result<Order, Error> {
        Err(unsupported("orders.get"))
    }

    async fn list_products(&self, _: &Api, _: ListProducts) -> Result<Page<Product>, Error> {
        Err(unsupported("products.list"))
    }

    async fn search_products(
        &self,
        api: &Api,
        ask: SearchProducts,
    ) -> Result<Page<Product>, Error> {
        api.call(connector::Method::GET, "/products").query("q", ask.query).fetch().await?;
        Ok(Page::last(Vec::new()))
    }
}

#[derive(Default)]
struct State {
    /// Path and header of each request, in their order.
    seen: Vec<(String, String)>,
    /// Whether the token has ended.
    over: bool,
}

#[derive(Clone, Default)]
struct Provider(Arc<Mutex<State>>);

impl Provider {
    fn outbound(&self) -> Outbound {
        let provider = self.clone();
        Outbound::in_process(move |request: http::Request<Bytes>| {
            let path = request.uri().path().to_owned();
            let header = request.headers().get("authorization");
            let header = header.and_then(|value| value.to_str().ok()).unwrap_or_default();
            let mut state = provider.0.lock().unwrap();
            state.seen.push((path.clone(), header.to_owned()));
            let over = state.over && path.starts_with("/api");
            let (status, body) = match path.as_str() {
                _ if over => (401, "{}"),
                "/request" => {
                    (200, "oauth_token=tmp&oauth_token_secret=ts&oauth_callback_confirmed=true")
                }
                "/token" => (200, "oauth_token=tok&oauth_token_secret=toks3cret"),
                "/api/me" => (200, r#"{"id": "ana-work"}"#),
                _ => (200, "[]"),
            };
            let answer =
                Response::builder().status(status).body(Bytes::from_static(body.as_bytes()));
            async move { answer.unwrap() }
        })
    }

    /// The headers of requests to this path.
    fn headers(&self, path: &str) -> Vec<String> {
        let state = self.0.lock().unwrap();
        state.seen.iter().filter(|(of, _)| of == path).map(|(_, header)| header.clone()).collect()
    }

    fn end(&self) {
        self.0.lock().unwrap().over = true;
    }
}

async fn scene() -> (Scene, Provider, Tenant) {
    scene_of(SHOP).await
}

async fn scene_of(manifest: &str) -> (Scene, Provider, Tenant) {
    let mut scene = Scene::new().await;
    let provider = Provider::default();
    let shop: Arc<dyn Connector> = Arc::new(Shop(Manifest::parse(manifest).unwrap()));
    scene.registry = Registry::new([shop], provider.outbound(), "https://hub.example");
    let tenant = scene.tenant("chat").await;
    (scene, provider, tenant)
}

/// What OAuth says in a header, decoded.
fn said(header: &str, name: &str) -> String {
    let rest = header.strip_prefix("OAuth ").unwrap();
    let part = rest.split(", ").find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    let value = part.unwrap_or_else(|| panic!("no `{name}` in {header}")).trim_matches('"');
    percent_encoding::percent_decode_str(value).decode_utf8().unwrap().into_owned()
}

async fn link(scene: &Scene, provider: &Provider, tenant: &Tenant) -> Connection {
    let made = session::create(&scene.store, &tenant.id, new_session("ana")).await.unwrap();
    let browser = scene.open(&made).await;
    let page = scene.go(&browser).await;
    let expected = format!("https://shop.example/authorize?oauth_token=tmp&scope={READ}%20{WRITE}");
    assert_eq!(page.as_str(), expected);
    // The state stands in the callback, which the provider was told.
    let asked = provider.headers("/request").pop().unwrap();
    let callback: Url = said(&asked, "oauth_callback").parse().unwrap();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let answer = [
        pair("state", &query(&callback, "state").unwrap()),
        pair("oauth_token", "tmp"),
        pair("oauth_verifier", "v1"),
    ];
    let row = session::by_browser(&scene.store, &browser.cookie).await.unwrap();
    let (store, registry) = (&scene.store, &scene.registry);
    session::callback(store, registry, &row, &tenant.client, &answer).await.unwrap();
    let replayed = session::callback(store, registry, &row, &tenant.client, &answer).await;
    assert_eq!(refused(replayed).code, "state_invalid");
    assert_eq!(provider.headers("/token").len(), 1, "a replay is not exchanged");
    let code = scene.code(tenant, &made).await;
    scene.complete(tenant, &made, &code, "ana").await.unwrap().connection
}

fn wish(dry_run: bool) -> Done {
    Done {
        action: Action::named("products.search").unwrap(),
        target: Target::Integration("acme".to_owned()),
        end_user: Some("ana".to_owned()),
        input: json!({ "query": "a b&c" }),
        dry_run,
        reason: None,
        return_url: None,
    }
}

async fn perform(scene: &Scene, tenant: &Tenant) -> Told {
    let principal = scene.principal(&tenant.agent_key, tenant).await;
    let asker = Asker { principal, named_agent: None, request_id: "req-1".to_owned() };
    let parts = Parts {
        store: &scene.store,
        registry: &scene.registry,
        refresher: &scene.refresher,
        writer: &scene.writer,
    };
    action::perform(&parts, &asker, &wish(false)).await.unwrap()
}

fn acting(tenant: &Tenant) -> Rule {
    Rule { actions: strings(&["products.*"]), forms: Vec::new(), ..rule(tenant) }
}

#[tokio::test]
async fn actions_are_signed_each_anew_and_a_provider_that_ends_the_token_asks_for_a_person() {
    let (scene, provider, tenant) = scene().await;
    scene.allow(&tenant, "actions", acting(&tenant)).await;
    let row = link(&scene, &provider, &tenant).await;
    assert_eq!((row.expires_at, row.due_at), (None, None), "it is never refreshed");
    assert_eq!(row.scopes.0, [READ, WRITE]);

    for _ in 0..2 {
        let Told::Ran(ran) = perform(&scene, &tenant).await else { panic!("it was not done") };
        let Came::Output(output) = &ran.came else { panic!("it was not done") };
        assert_eq!(output["items"], Value::Array(Vec::new()));
    }
    // Years later too.
    scene.later(Duration::from_hours(5 * 365 * 24));
    assert!(matches!(perform(&scene, &tenant).await, Told::Ran(_)));
    let headers = provider.headers("/api/products");
    assert_eq!(headers.len(), 3);
    let nonces: BTreeSet<_> = headers.iter().map(|header| said(header, "oauth_nonce")).collect();
    assert_eq!(nonces.len(), 3, "a nonce is used once");
    assert_ne!(said(&headers[1], "oauth_timestamp"), said(&headers[2], "oauth_timestamp"));
    for header in &headers {
        assert_eq!(said(header, "oauth_token"), "tok");
        assert!(!header.contains("toks3cret"), "{header}");
    }

    provider.end();
    let Told::ConnectRequired(required) = perform(&scene, &tenant).await else { panic!("done") };
    assert_eq!(required.reason, ConnectReason::ReauthorizationRequired);
}

#[tokio::test]
async fn a_hand_out_is_one_signature_recorded_before_it_is_made() {
    let (scene, provider, tenant) = scene().await;
    let reading = Rule { scopes: strings(&[READ]), ..rule(&tenant) };
    scene.allow(&tenant, "reading", reading).await;
    link(&scene, &provider, &tenant).await;
    let request = |method: &str, url: &str| {
        let method = method.parse().unwrap();
        Some(Request { method, url: url.to_owned(), form: Vec::new() })
    };
    for form in [Some(Form::WholeToken), Some(Form::NarrowedToken), None] {
        let ask = |request| TokenAsk { request, form, ..whole("ana") };
        let error = refused(scene.ask(&tenant, &ask(None)).await);
        assert_eq!(error.code, "request_required");
        let before = scene.count(&tenant, "release").await;
        let asked = ask(request("GET", "https://shop.example/api/products?q=1"));
        let issued = scene.issued(&tenant, &asked).await;
        assert!(issued.access_token.is_none() && issued.apply.query.is_empty());
        assert_eq!((issued.scopes, issued.expires_at), (strings(&[READ]), Some(scene.store.now())));
        assert_eq!(issued.apply.headers.len(), 1);
        assert_eq!(scene.count(&tenant, "release").await, before + 1);
        // The connection could do it; the policy does not give it, in whatever form.
        let error = refused(
            scene.ask(&tenant, &ask(request("POST", "https://shop.example/api/products"))).await,
        );
        assert_eq!(error.code, "policy_denied");
        let error =
            refused(scene.ask(&tenant, &ask(request("GET", "https://evil.example/api"))).await);
        assert_eq!(error.code, "request_invalid");
        assert_eq!(scene.count(&tenant, "release").await, before + 1);
    }
}

#[tokio::test]
async fn a_signature_that_is_made_of_the_secrets_is_handed_to_nobody_and_actions_work() {
    let plain = format!("oauth1.signature = \"plaintext\"\n{SHOP}");
    let (scene, provider, tenant) = scene_of(&plain).await;
    scene.allow(&tenant, "all", rule(&tenant)).await;
    scene.allow(&tenant, "actions", acting(&tenant)).await;
    link(&scene, &provider, &tenant).await;
    let url = "https://shop.example/api/products".to_owned();
    let request = Some(Request { method: connector::Method::GET, url, form: Vec::new() });
    let error = refused(scene.ask(&tenant, &TokenAsk { request, ..whole("ana") }).await);
    assert_eq!(error.code, "request_not_signable");
    assert_eq!(scene.count(&tenant, "release").await, 0);
    assert!(matches!(perform(&scene, &tenant).await, Told::Ran(_)));
}

#[tokio::test]
async fn a_request_to_sign_is_refused_where_there_is_a_token() {
    let scene = Scene::new().await;
    let tenant = scene.tenant_with_policy("chat").await;
    scene.link(&tenant, "ana", "ana-work").await;
    let url = "https://acme.example/api/v1/contacts".to_owned();
    let request = Some(Request { method: connector::Method::GET, url, form: Vec::new() });
    let error = refused(scene.ask(&tenant, &TokenAsk { request, ..whole("ana") }).await);
    assert_eq!(error.code, "request_not_signed");
}

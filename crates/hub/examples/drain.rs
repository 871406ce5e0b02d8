//! Many connections fall due at once: how fast are they refreshed, and in how much memory?
//!
//! `drain [HOW MANY] [postgres://…]` makes them on a database of its own (a SQLite file where no server is
//! named), with a provider in this process that answers after 20 ms, and lets the background worker loose.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a tool for people; it stops where it fails, and its numbers are for reading"
)]

use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use base::{OsRng, SecretString, SystemClock};
use bytes::Bytes;
use connector::{Account, Credential, Declarative, Manifest, RefreshClass, TokenSet};
use http::{Request, Response, header};
use hub::{
    audit::Writer,
    client::{self, NewClient},
    connection::{Linked, Stored, activate},
    integration::{self, ClientChoice, Integration, NewIntegration},
    jobs::{Keeping, Worker},
    provider::Registry,
    refresh::{Journal, Process, Refresher, Timings, incarnation},
    store::{Database, PoolSizes, Store},
    workspace::{self, NewWorkspace},
};
use outbound::Outbound;
use tokio_util::sync::CancellationToken;
use vault::LocalKeys;

const MANIFEST: &str = r#"
    slug = "busy"
    display_name = "Busy"
    category = "crm"
    auth.kind = "oauth2_code"
    urls.authorize = "https://busy.example/authorize"
    urls.token = "https://busy.example/token"
    api.base = "https://busy.example/api"
    authorize.default_scopes = ["all"]
    refresh.class = "strict"
    refresh.max_per_second = 1000000

    [[scopes]]
    name = "all"
    title = "Everything"
    access = "admin"
"#;

/// How many rows one transaction makes.
const BATCH: usize = 1000;

/// What the provider counts.
#[derive(Default)]
struct Seen {
    answered: AtomicU64,
    under_way: AtomicU64,
    most: AtomicU64,
}

/// A provider that needs 20 ms for each answer.
fn provider(seen: Arc<Seen>) -> Outbound {
    Outbound::in_process(move |_: Request<Bytes>| {
        let seen = seen.clone();
        async move {
            let now = seen.under_way.fetch_add(1, Ordering::SeqCst) + 1;
            seen.most.fetch_max(now, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            seen.under_way.fetch_sub(1, Ordering::SeqCst);
            let number = seen.answered.fetch_add(1, Ordering::SeqCst);
            let body = format!(
                r#"{{"access_token":"access-{number}","refresh_token":"refresh-{number}","token_type":"Bearer","expires_in":3600}}"#
            );
            Response::builder()
                .header(header::CONTENT_TYPE, "application/json")
                .body(Bytes::from(body))
                .unwrap()
        }
    })
}

async fn integration(store: &Store, registry: &Registry) -> Integration {
    let new = NewWorkspace { name: "Busy".to_owned(), return_urls: Vec::new() };
    let slug = format!("busy-{}", incarnation(store).to_lowercase());
    let workspace = workspace::put(store, &slug, new).await.unwrap().0.id;
    let new = NewClient {
        provider: "busy".to_owned(),
        client_id: "busy".to_owned(),
        client_secret: Some("secret".to_owned().into()),
        redirect_uri: None,
        scopes: Vec::new(),
    };
    client::put(store, registry, client::Owner::Workspace(&workspace), "busy", new).await.unwrap();
    let new = NewIntegration {
        provider: "busy".to_owned(),
        client: ClientChoice::Named("busy".to_owned()),
        scopes: None,
        settings: std::collections::BTreeMap::new(),
    };
    integration::put(store, registry, &workspace, "busy", new).await.unwrap().0
}

fn tokens(number: usize) -> TokenSet {
    let secret = |kind: &str| SecretString::from(format!("{kind}-first-{number}"));
    TokenSet { refresh: Some(secret("refresh")), ..TokenSet::bearer(secret("access")) }
}

/// Links `count` accounts, all due at once.
async fn link(store: &Store, integration: &Integration, count: usize) {
    for first in (0..count).step_by(BATCH) {
        let tx = store.begin().await.unwrap();
        for number in first..count.min(first + BATCH) {
            let account = Account {
                id: format!("account-{number}"),
                label: format!("Account {number}"),
                extra: std::collections::BTreeMap::new(),
            };
            let credential = Credential::OAuth(tokens(number));
            let stored = Stored { inputs: std::collections::BTreeMap::new(), credential };
            let linked = Linked {
                integration,
                end_user: None,
                account: &account,
                stored: &stored,
                scopes: vec!["all".to_owned()],
                expires_at: Some(store.now().plus(Duration::from_mins(1))),
                refresh_expires_at: None,
                due_at: Some(store.now()),
                class: RefreshClass::Strict,
            };
            activate(store, &tx, linked).await.unwrap();
        }
        tx.commit().await.unwrap();
        print!("\rlinked {} of {count}", count.min(first + BATCH));
        std::io::stdout().flush().unwrap();
    }
    println!();
}

/// A line of `/proc/self/status`, in MB.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    let digits: String = line.chars().filter(char::is_ascii_digit).collect();
    digits.parse::<u64>().unwrap_or(0) / 1024
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let count: usize = arguments.next().map_or(100_000, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let database = match arguments.next() {
        Some(url) => Database::Postgres(url),
        None => Database::Sqlite(folder.path().join("drain.db")),
    };
    let kind = if matches!(database, Database::Postgres(_)) { "PostgreSQL" } else { "SQLite" };
    Store::migrate(&database).await.unwrap();
    let key = LocalKeys::generate_text(&OsRng);
    let keys = Arc::new(LocalKeys::from_text(&key, "drain").unwrap());
    let (clock, rng) = (Arc::new(SystemClock), Arc::new(OsRng));
    let store = Store::open(&database, PoolSizes::default(), keys, clock, rng).await.unwrap();
    let seen = Arc::new(Seen::default());
    let connector = Arc::new(Declarative::new(Manifest::parse(MANIFEST).unwrap()));
    let connectors = [connector as Arc<dyn connector::Connector>];
    let registry = Registry::new(connectors, provider(seen.clone()), "https://hub.example");
    let integration = integration(&store, &registry).await;
    link(&store, &integration, count).await;

    let writer = Writer::start(store.clone());
    let process = Process {
        instance: "drain".to_owned(),
        journal: Journal::open(folder.path(), "drain").unwrap(),
        timings: Timings::default(),
        incarnation: "drain".to_owned(),
    };
    let refresher = Refresher::new(store.clone(), registry.clone(), writer, process);
    let before = memory("VmRSS");
    let started = Instant::now();
    let stop = CancellationToken::new();
    let keeping = Keeping { name: "drain".to_owned(), keep: None };
    let worker = Worker { store, registry, refresher, keeping };
    let working = tokio::spawn(worker.run(stop.clone().cancelled_owned()));
    let mut last = 0;
    while seen.answered.load(Ordering::SeqCst) < count as u64 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = seen.answered.load(Ordering::SeqCst);
        print!("\r{now} of {count} refreshed, {}/s, {} MB   ", now - last, memory("VmRSS"));
        std::io::stdout().flush().unwrap();
        last = now;
        assert!(started.elapsed() < Duration::from_mins(10), "not drained within 10 minutes");
    }
    let took = started.elapsed().as_secs_f64();
    stop.cancel();
    working.await.unwrap();
    println!(
        "\n{kind}: {count} connections due at once, provider at 20 ms: {took:.1} s, {:.0}/s; \
         at most {} requests under way; memory {before} MB before, {} MB at its peak; each sent {} times",
        count as f64 / took,
        seen.most.load(Ordering::SeqCst),
        memory("VmHWM"),
        seen.answered.load(Ordering::SeqCst) as f64 / count as f64,
    );
}

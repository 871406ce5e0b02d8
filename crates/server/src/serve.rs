//! Running: API, connect page and background work, until told to stop.

use std::{net::SocketAddr, time::Duration};

use base::OsRng;
use hub::{
    audit::Writer,
    jobs::{Keeping, Worker},
    provider::Registry,
    refresh::{Journal, Process, Recovered, Refresher, incarnation},
    store::Store,
};
use outbound::Outbound;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Config, audit_name},
    connectors,
    http::{self, limits::Limits, serving::make_room},
    open,
    state::{AppState, Hub},
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How long requests under way may take to finish when the process is told to stop.
const GRACE: Duration = Duration::from_secs(20);

/// Runs until SIGINT or SIGTERM.
pub(crate) async fn serve(config: Config) -> Result<(), Failure> {
    #[cfg(feature = "failpoints")]
    let _points = crate::failpoints::set(&config.failpoints)?;
    let listener = if config.serves { Some(listen(config.listen).await?) } else { None };
    let held = open::hold(&config.data_dir)?;
    let store = open::store(&config).await?;
    let outbound = Outbound::network(&outbound::Config {
        allow: config.outbound_allow.clone(),
        user_agent: concat!("valetkey/", env!("CARGO_PKG_VERSION")).to_owned(),
    })?;
    if !config.outbound_allow.is_empty() {
        tracing::warn!(hosts = ?config.outbound_allow, "VALETKEY_OUTBOUND_ALLOW exempts hosts from the guard: for development only");
    }
    let registry = Registry::new(connectors::all(), outbound, config.public());
    let writer = Writer::start(store.clone());
    let incarnation = incarnation(&store);
    let process = Process {
        instance: held.instance.clone(),
        journal: Journal::open(&config.data_dir, &incarnation)?,
        timings: config.timings,
        incarnation,
    };
    let refresher = Refresher::new(store.clone(), registry.clone(), writer.clone(), process);
    // Before anything is claimed or handed out by this process.
    let found = refresher.recover().await?;
    if found != Recovered::default() {
        let Recovered { replies, acknowledged } = found;
        tracing::info!(replies, acknowledged, "went through what earlier processes left behind");
    }
    let stop = CancellationToken::new();
    tokio::spawn(signalled(stop.clone()));
    tokio::spawn(keep_keys_alive(store.clone(), stop.clone()));
    let worker = config.works.then(|| {
        let worker = Worker {
            store: store.clone(),
            registry: registry.clone(),
            refresher: refresher.clone(),
            keeping: Keeping { name: audit_name(&config.public_url), keep: config.audit_keep },
        };
        tokio::spawn(worker.run(stop.clone().cancelled_owned()))
    });
    let state = AppState::new(Hub {
        store,
        registry,
        writer,
        refresher,
        limits: Limits::new(&config.limits, &OsRng),
        public_url: config.public_url.clone(),
    });
    if let Some(listener) = listener {
        tracing::info!(address = %config.listen, public_url = config.public(), "the hub is ready");
        let connections = make_room(config.limits.connections);
        let app = http::router(state, connections);
        let serving = http::serving::serve(listener, app, connections, stop.clone());
        let late = async {
            stop.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            () = serving => {}
            () = late => tracing::warn!("some requests were cut off after {} s", GRACE.as_secs()),
        }
    }
    if let Some(worker) = worker {
        worker.await?;
    }
    tracing::info!("the hub has stopped");
    drop(held);
    Ok(())
}

/// Renews what the key source lives on: in every process, because each has its own.
async fn keep_keys_alive(store: Store, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(Duration::from_mins(1))).await.is_some() {
        if let Err(error) = store.keys().keep_alive().await {
            tracing::warn!(%error, "the key source could not be kept usable; it is tried again in a minute");
        }
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                "it is in use by another program. Stop that, or set VALETKEY_LISTEN".to_owned()
            }
            _ => error.to_string(),
        };
        format!("The hub can't listen on {address}: {why}").into()
    })
}

/// Cancels `stop` at the first SIGINT or SIGTERM.
async fn signalled(stop: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        },
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
    tracing::info!("stopping: what is under way is finished first");
    stop.cancel();
}

//! Acme, told how to behave, and asked what it was sent.

use std::{process::Command, time::Duration};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{environment, http::Request, process::Process};

/// What becomes of a refresh token that is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    Static,
    ReplaySafe,
    Strict,
}

impl Class {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Static, Self::ReplaySafe, Self::Strict];

    /// As a manifest calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::ReplaySafe => "replay_safe",
            Self::Strict => "strict",
        }
    }

    /// Acme's client of this class.
    pub(crate) fn client(self) -> &'static str {
        match self {
            Self::Static => "acme-demo",
            Self::ReplaySafe => "acme-replay-safe",
            Self::Strict => "acme-strict",
        }
    }
}

/// A line of Acme's log.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// Milliseconds since 1970.
    pub(crate) at_ms: i64,
    /// `issued`, `refreshed`, `reused`, `refused`, `revoked` or `misbehaved`.
    pub(crate) kind: String,
    /// Whose.
    pub(crate) grant: Option<String>,
}

/// A running Acme.
pub(crate) struct Acme {
    process: Process,
    port: u16,
    _folder: TempDir,
}

impl Acme {
    /// Starts one whose access tokens live this long.
    pub(crate) async fn start(access_ttl_s: u64) -> Self {
        let folder = TempDir::new().unwrap();
        let port = environment::free_port();
        let mut this = Self { process: launch(port, access_ttl_s, &folder), port, _folder: folder };
        for _ in 0..600 {
            assert!(!this.process.has_ended(), "playground ended: {}", this.process.last_words());
            if Request::new("GET", this.url("/")).try_send().await.is_ok() {
                return this;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("playground does not start: {}", this.process.last_words());
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Orders misbehaviour, as its README has it.
    pub(crate) async fn behave(&self, order: &Value) {
        Request::new("PUT", self.url("/_playground/behaviour")).json(order).send().await.ok();
    }

    /// Forgets what was sent and ordered.
    pub(crate) async fn forget(&self) {
        for what in ["log", "behaviour"] {
            let url = self.url(&format!("/_playground/{what}"));
            Request::new("DELETE", url).send().await.ok();
        }
    }

    /// What it was sent.
    pub(crate) async fn log(&self) -> Vec<Event> {
        let log = Request::new("GET", self.url("/_playground/log")).send().await.ok();
        let event = |one: &Value| Event {
            at_ms: one["at_ms"].as_i64().unwrap(),
            kind: one["kind"].as_str().unwrap().to_owned(),
            grant: one["grant"].as_str().map(str::to_owned),
        };
        log.as_array().unwrap().iter().map(event).collect()
    }

    /// What it counted.
    pub(crate) async fn stats(&self) -> Value {
        Request::new("GET", self.url("/_playground/stats")).send().await.ok()
    }

    /// The most refresh requests of one grant that were under way at once.
    pub(crate) async fn most_at_once(&self) -> u64 {
        self.stats().await["max_concurrent_refreshes_per_grant"].as_u64().unwrap()
    }

    /// Whether it takes this access token.
    pub(crate) async fn takes(&self, token: &str) -> bool {
        let request = Request::new("GET", self.url("/api/v1/me"));
        request.header("authorization", &format!("Bearer {token}")).send().await.status == 200
    }
}

fn launch(port: u16, access_ttl_s: u64, folder: &TempDir) -> Process {
    let mut command = Command::new(environment::required("PLAYGROUND_BIN"));
    command.args(["serve", "--listen", &format!("127.0.0.1:{port}")]);
    command.args(["--access-ttl", &access_ttl_s.to_string()]);
    Process::start("playground", &mut command, folder.path().join("log"))
}

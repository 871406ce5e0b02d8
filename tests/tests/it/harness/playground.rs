//! Acme, the playground provider.

use std::{process::Command, time::Duration};

use tempfile::TempDir;

use super::{environment, http::Request, process::Process};

/// A running Acme.
pub(crate) struct Playground {
    process: Process,
    port: u16,
    _folder: TempDir,
}

impl Playground {
    /// Starts one on a port of its own.
    pub(crate) async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let port = environment::free_port();
        let mut command = Command::new(environment::required("PLAYGROUND_BIN"));
        command.args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--access-ttl", "600"]);
        let process = Process::start("playground", &mut command, folder.path().join("log"));
        let mut this = Self { process, port, _folder: folder };
        for _ in 0..300 {
            assert!(!this.process.has_ended(), "playground ended: {}", this.process.last_words());
            if Request::new("GET", format!("http://127.0.0.1:{port}/")).try_send().await.is_ok() {
                return this;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("playground does not start: {}", this.process.last_words());
    }

    /// Its port, which the connector's input `port` takes.
    pub(crate) fn port(&self) -> String {
        self.port.to_string()
    }

    /// Who a token belongs to, by Acme's own word.
    pub(crate) async fn account_of(&self, token: &str) -> String {
        let me = Request::new("GET", format!("http://127.0.0.1:{}/api/v1/me", self.port))
            .header("authorization", &format!("Bearer {token}"))
            .send()
            .await
            .ok();
        me["email"].as_str().unwrap().to_owned()
    }
}

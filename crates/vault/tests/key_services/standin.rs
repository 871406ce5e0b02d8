//! A stand-in for a key service, in a process of its own.

use std::{
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use bytes::Bytes;
use http::Request;
use outbound::{Config, Limits, Outbound};
use serde_json::Value;

/// Ends with the test: its standard input closes, and it is killed besides.
pub(crate) struct StandIn {
    child: Child,
    url: String,
    control: Outbound,
}

impl Drop for StandIn {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[allow(clippy::disallowed_methods, reason = "tests take what to run from the environment")]
fn folder() -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os("KMS_STANDIN").filter(|path| !path.is_empty())?);
    path.parent().map(Into::into)
}

/// Nothing is skipped there.
#[allow(clippy::disallowed_methods, reason = "tests take what to run from the environment")]
fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|ci| ci == "true")
}

impl StandIn {
    /// Starts `script`, or says loudly that this test is skipped.
    pub(crate) fn start(script: &str, options: &Value) -> Option<Self> {
        let Some(folder) = folder() else {
            assert!(!in_ci(), "KMS_STANDIN is not set: run the tests with `make test`");
            // Not by print, which is shown for failures only.
            let _ = writeln!(
                std::io::stderr(),
                "!!! SKIPPED: KMS_STANDIN is not set, so no key service was asked; run `make test`"
            );
            return None;
        };
        let mut child = Command::new("node")
            .arg(folder.join(script))
            .arg(options.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).expect("the stand-in starts");
        let place = format!("127.0.0.1:{}", ready["port"]);
        let config = Config { allow: vec![place.clone()], user_agent: "test".to_owned() };
        let control = Outbound::network(&config).unwrap();
        Some(Self { child, url: format!("http://{place}"), control })
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// Uses one of its controls.
    pub(crate) async fn put(&self, door: &str, value: Value) {
        self.control("PUT", door, value.to_string()).await;
    }

    /// What was asked so far, in order.
    pub(crate) async fn seen(&self) -> Vec<String> {
        serde_json::from_value(self.control("GET", "_seen", String::new()).await).unwrap()
    }

    /// How often `what` was asked.
    pub(crate) async fn count(&self, what: &str) -> usize {
        self.seen().await.iter().filter(|one| *one == what).count()
    }

    async fn control(&self, method: &str, door: &str, body: String) -> Value {
        let uri = format!("{}/{door}", self.url);
        let request = Request::builder().method(method).uri(uri).body(Bytes::from(body)).unwrap();
        let answer = self.control.send(request, Limits::default()).await.unwrap();
        assert!(answer.status().is_success(), "{door}: {answer:?}");
        serde_json::from_slice(answer.body()).unwrap()
    }
}

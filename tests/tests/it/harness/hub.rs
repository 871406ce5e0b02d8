//! The real binary.

use std::{path::Path, path::PathBuf, process::Command, time::Duration};

use tempfile::TempDir;

use super::{Database, environment, http::Request, process::Process};

/// What all replicas of one hub share.
pub(crate) struct Settings {
    /// The key that seals.
    pub(crate) key: String,
    /// The platform's API key.
    pub(crate) platform_key: String,
    /// What is logged.
    pub(crate) log: &'static str,
    /// How: `text` or `json`.
    pub(crate) log_format: &'static str,
    /// The limits that are not as usual, by their variables.
    pub(crate) limits: &'static [(&'static str, &'static str)],
}

/// For tests that are about something else, and ask more than anybody does.
const NO_RATES: &[(&str, &str)] = &[
    ("VALETKEY_RATE_AGENT", "off"),
    ("VALETKEY_RATE_WORKSPACE", "off"),
    ("VALETKEY_RATE_PLATFORM_KEY", "off"),
    ("VALETKEY_RATE_WRONG_KEYS", "off"),
    ("VALETKEY_RATE_PAGES", "0"),
];

impl Settings {
    /// Settings that no other test has, without rates.
    pub(crate) fn new() -> Self {
        Self {
            key: format!("vkk1_{}", environment::canary("sealing key")),
            platform_key: format!("vk_platform_blackbox_{}", environment::canary("platform key")),
            log: "info",
            log_format: "text",
            limits: NO_RATES,
        }
    }
}

/// A running process of the hub; killed when it is dropped.
pub(crate) struct Hub {
    process: Process,
    address: String,
    public_url: String,
    data: PathBuf,
    _folder: TempDir,
}

impl Hub {
    /// Starts a process on this database and waits until it is ready. `public_url` is another replica's;
    /// none = its own address.
    pub(crate) async fn start(
        settings: &Settings,
        database: &Database,
        public_url: Option<&str>,
    ) -> Self {
        for _ in 0..3 {
            if let Some(hub) = Self::try_start(settings, database, public_url).await {
                return hub;
            }
        }
        panic!("no port stays free for the hub");
    }

    /// None = another program took the port first.
    async fn try_start(
        settings: &Settings,
        database: &Database,
        public_url: Option<&str>,
    ) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let port = environment::free_port();
        let address = format!("http://127.0.0.1:{port}");
        let public_url =
            public_url.map_or_else(|| format!("http://localhost:{port}"), str::to_owned);
        let data = database.folder().map_or_else(|| folder.path().join("data"), Path::to_owned);
        let mut command = command(settings, database, &data);
        command
            .arg("serve")
            .env("VALETKEY_LISTEN", format!("127.0.0.1:{port}"))
            .env("VALETKEY_PUBLIC_URL", &public_url);
        let process = Process::start("valetkey", &mut command, folder.path().join("log"));
        let mut hub = Self { process, address, public_url, data, _folder: folder };
        for _ in 0..600 {
            if hub.process.has_ended() {
                let words = hub.process.last_words();
                assert!(words.contains("in use"), "the hub ended while it started: {words}");
                return None;
            }
            let asked = Request::new("GET", format!("{}/readyz", hub.address)).try_send().await;
            if asked.is_ok_and(|reply| reply.status == 200) {
                return Some(hub);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the hub is not ready after a minute: {}", hub.process.last_words());
    }

    /// Where this process listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Where people's browsers reach the hub.
    pub(crate) fn public_url(&self) -> &str {
        &self.public_url
    }

    /// All files of its data directory, one after the other: its journal too.
    pub(crate) fn files(&self) -> Vec<u8> {
        super::database::files(&self.data)
    }

    /// The program with this process's settings, for what is done beside it.
    pub(crate) fn command(&self, settings: &Settings, database: &Database) -> Command {
        let mut command = command(settings, database, &self.data);
        command.env("VALETKEY_PUBLIC_URL", &self.public_url);
        command
    }

    /// Asks it to stop, as a supervisor does.
    pub(crate) fn terminate(&self) {
        let pid = self.process.pid().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(sent.success(), "the hub could not be asked to stop");
    }

    /// All that it has logged.
    pub(crate) fn log(&self) -> Vec<u8> {
        self.process.printed()
    }
}

/// A command of the binary, as an operator runs it beside the hub.
#[allow(dead_code, reason = "the fault tests run none")]
pub(crate) fn operator(settings: &Settings, database: &Database, data: &Path) -> Command {
    let mut command = command(settings, database, &data.to_owned());
    command.env("VALETKEY_LOG", "warn").stdin(std::process::Stdio::null());
    command
}

fn command(settings: &Settings, database: &Database, data: &PathBuf) -> Command {
    let mut command = Command::new(environment::required("VALETKEY_BIN"));
    command
        .env("VALETKEY_DATA_DIR", data)
        .env("VALETKEY_KEY", &settings.key)
        .env("VALETKEY_PLATFORM_KEY", &settings.platform_key)
        .env("VALETKEY_OUTBOUND_ALLOW", "127.0.0.1,localhost")
        .env("VALETKEY_LOG", settings.log)
        .env("VALETKEY_LOG_FORMAT", settings.log_format)
        .envs(settings.limits.iter().copied());
    match database.url() {
        Some(url) => command.env("DATABASE_URL", url),
        None => command.env_remove("DATABASE_URL"),
    };
    command
}

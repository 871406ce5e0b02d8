//! One process of the hub that can be killed, paused, and started again on the same data directory.

use std::{
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::binary;
use crate::harness::{environment, http::Request, hub::Settings, process::Process};

/// How a process is started.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    /// As `VALETKEY_FAILPOINTS` takes it; empty = none.
    pub(crate) points: String,
    /// All of a refresh's times are multiplied by it.
    pub(crate) scale: f64,
    /// What is logged.
    pub(crate) log: &'static str,
    /// Whether a write beyond the process's file limit fails instead of ending it.
    pub(crate) survives_file_limit: bool,
}

impl Launch {
    /// Without points, with times multiplied by `scale`.
    pub(crate) fn scaled(scale: f64) -> Self {
        // `outbound` tells of each request that brought no answer.
        let log = "info,sea_orm_migration=warn,outbound=debug";
        Self { points: String::new(), scale, log, survives_file_limit: false }
    }

    /// That is killed when it comes to this point for the nth time.
    pub(crate) fn killed_at(self, point: &str, nth: u64) -> Self {
        Self { points: format!("refresh::{point}=kill:{nth}"), ..self }
    }
}

/// A replica: its data directory and address stay, its process comes and goes.
pub(crate) struct Replica {
    process: Option<Process>,
    port: u16,
    public_url: String,
    database_url: Option<String>,
    starts: u32,
    folder: TempDir,
}

impl Replica {
    /// A replica on a port of its own, not started. `public_url` is another's; none = its own.
    pub(crate) fn new(database_url: Option<&str>, public_url: Option<&str>) -> Self {
        let port = environment::free_port();
        let own = || format!("http://localhost:{port}");
        Self {
            process: None,
            port,
            public_url: public_url.map_or_else(own, str::to_owned),
            database_url: database_url.map(str::to_owned),
            starts: 0,
            folder: TempDir::new().unwrap(),
        }
    }

    /// Starts it and waits until it is ready.
    pub(crate) async fn start(&mut self, settings: &Settings, launch: &Launch) {
        self.starts += 1;
        let mut command = self.command(settings, launch);
        let process = Process::start("valetkey", &mut command, self.log_path(self.starts));
        self.process = Some(process);
        let began = Instant::now();
        while began.elapsed() < Duration::from_mins(2) {
            let process = self.process.as_mut().unwrap();
            assert!(
                !process.has_ended(),
                "the hub ended while it started: {}",
                process.last_words()
            );
            let asked = Request::new("GET", format!("{}/readyz", self.address())).try_send().await;
            if asked.is_ok_and(|reply| reply.status == 200) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the hub is not ready after two minutes");
    }

    fn command(&self, settings: &Settings, launch: &Launch) -> Command {
        let mut command = if launch.survives_file_limit {
            // Its log goes through a pipe, as under a supervisor: the pipe knows no limit.
            let script = "trap '' XFSZ; mkfifo \"$0\"; cat \"$0\" & exec \"$@\" 2>\"$0\"";
            let mut shell = Command::new("sh");
            let pipe = self.folder.path().join(format!("pipe-{}", self.starts));
            shell.args(["-c", script]).arg(pipe).arg(binary::path());
            shell
        } else {
            Command::new(binary::path())
        };
        command
            .arg("serve")
            .env("VALETKEY_LISTEN", format!("127.0.0.1:{}", self.port))
            .env("VALETKEY_PUBLIC_URL", &self.public_url)
            .env("VALETKEY_DATA_DIR", self.data())
            .env("VALETKEY_KEY", &settings.key)
            .env("VALETKEY_PLATFORM_KEY", &settings.platform_key)
            .env("VALETKEY_OUTBOUND_ALLOW", "127.0.0.1,localhost")
            .env("VALETKEY_LOG", launch.log)
            .envs(settings.limits.iter().copied())
            .env("VALETKEY_FAILPOINTS", &launch.points)
            .env("VALETKEY_TIME_SCALE", launch.scale.to_string());
        match &self.database_url {
            Some(url) => command.env("DATABASE_URL", url),
            None => command.env_remove("DATABASE_URL"),
        };
        command
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where people's browsers reach the hub.
    pub(crate) fn public_url(&self) -> &str {
        &self.public_url
    }

    /// Its data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log_path(&self, start: u32) -> PathBuf {
        self.folder.path().join(format!("log-{start}"))
    }

    /// All that its processes have logged.
    pub(crate) fn log(&self) -> String {
        let read = |start| std::fs::read(self.log_path(start)).unwrap_or_default();
        let all: Vec<u8> = (1..=self.starts).flat_map(read).collect();
        String::from_utf8_lossy(&all).into_owned()
    }

    /// Whether its process was killed.
    pub(crate) fn was_killed(&mut self) -> bool {
        let end = self.process.as_mut().and_then(Process::end);
        end.is_some_and(|status| status.signal() == Some(9))
    }

    /// The number of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.as_ref().unwrap().pid()
    }

    /// Sends its process a signal, by its short name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(sent.success(), "signal {name} could not be sent to {pid}");
    }

    /// Asks it to end and waits until it has, 30 s at most; then it is killed.
    pub(crate) async fn stop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        if !process.has_ended() {
            let pid = process.pid().to_string();
            Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap();
        }
        for _ in 0..1500 {
            if process.has_ended() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Its journal's folder.
    pub(crate) fn journal(&self) -> PathBuf {
        Path::join(&self.data(), "journal")
    }
}

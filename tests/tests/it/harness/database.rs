//! A database for each test.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use tempfile::TempDir;

use super::{environment, process};

/// An empty database that goes away with the test.
pub(crate) enum Database {
    /// In a folder of its own, which becomes the hub's data directory.
    Sqlite(TempDir),
    /// In the server of `TEST_DATABASE_URL`.
    Postgres {
        /// The server, to make and remove the database with.
        server: String,
        /// The database.
        url: String,
        /// Its name.
        name: String,
    },
}

impl Database {
    /// A folder for SQLite's file.
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(TempDir::new().unwrap())
    }

    /// A new database in PostgreSQL. None only where whoever runs the tests chose to do without.
    pub(crate) fn postgres() -> Option<Self> {
        let Some(server) = environment::optional("TEST_DATABASE_URL") else {
            let skip = environment::optional("VALETKEY_SKIP_POSTGRES").as_deref() == Some("1");
            assert!(
                skip,
                "TEST_DATABASE_URL is not set, so nothing was tested on PostgreSQL. \
                 Run `make test`, which starts one, or set VALETKEY_SKIP_POSTGRES=1 to do without."
            );
            process::show(
                "!!! SKIPPED: VALETKEY_SKIP_POSTGRES=1, nothing was tested on PostgreSQL",
            );
            return None;
        };
        let name = format!("valetkey_{}", environment::unique());
        run(&server, &["create", &name]);
        let mut url = url::Url::parse(&server).unwrap();
        url.set_path(&name);
        Some(Self::Postgres { server, url: url.into(), name })
    }

    /// What `DATABASE_URL` is to be; none for SQLite.
    pub(crate) fn url(&self) -> Option<&str> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres { url, .. } => Some(url),
        }
    }

    /// SQLite's folder.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(folder) => Some(folder.path()),
            Self::Postgres { .. } => None,
        }
    }

    /// Everything that is kept, as bytes: all files of the data directory, or all values of all tables.
    pub(crate) fn dump(&self) -> Vec<u8> {
        match self {
            Self::Sqlite(folder) => files(folder.path()),
            Self::Postgres { url, .. } => run(url, &["dump"]).stdout,
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Self::Postgres { server, name, .. } = self {
            command(server, &["drop", name]).output().ok();
        }
    }
}

/// The bytes of all files in there.
pub(super) fn files(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.extend(fs::read(path).unwrap());
        }
    }
    all
}

fn command(url: &str, arguments: &[&str]) -> Command {
    let script = environment::required("OIDC_PROVIDER").with_file_name("database.mjs");
    let mut command = Command::new("node");
    command.arg(script).arg(url).args(arguments);
    command
}

fn run(url: &str, arguments: &[&str]) -> Output {
    let output = command(url, arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{arguments:?} failed in PostgreSQL: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

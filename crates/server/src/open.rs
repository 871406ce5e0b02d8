//! What a process opens before it works: log, data directory, sealing key, database.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{IsTerminal, Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::Path,
    sync::Arc,
};

use base::{ExposeSecret, OsRng, SystemClock, random_token};
use hub::{
    store::{PoolSizes, Store},
    workspace::api_key::{self, Owner, Role},
};
use tracing_subscriber::{EnvFilter, fmt};
use vault::{Created, KeySource, KeySources, LocalKeys, Transit, open_or_create_key_file};

use crate::config::{Config, Key, Log};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Starts logging to stderr.
pub(crate) fn log(log: &Log) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&log.filter)
        .map_err(|error| format!("VALETKEY_LOG: {error}; write info, or debug,sqlx=warn"))?;
    // A line that can't be written is lost. By default the loss itself is printed to stderr, and that
    // panics where stderr is a file on a full disk: in the middle of whatever was being logged.
    let lines =
        fmt().with_env_filter(filter).with_writer(std::io::stderr).log_internal_errors(false);
    if log.json {
        lines.json().try_init()
    } else {
        lines.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init()
    }
}

/// Makes the data directory for its owner alone; what is made in it is for the owner alone in any case.
pub(crate) fn data_dir(path: &Path) -> Result<(), Failure> {
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let told = |error: std::io::Error| format!("The data directory {}: {error}", path.display());
    if !path.exists() {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(told)?;
    }
    let mode = fs::metadata(path).map_err(told)?.mode();
    if mode & 0o077 != 0 {
        tracing::warn!(folder = %path.display(), "others may enter the data directory; chmod 700 closes it");
    }
    Ok(())
}

/// The data directory, locked for this process alone while it lives, and its name.
pub(crate) struct Held {
    /// The same after a restart.
    pub(crate) instance: String,
    _lock: File,
}

/// Locks the data directory: its journal belongs to one process, and whoever gets the lock knows that
/// the one before is gone.
pub(crate) fn hold(path: &Path) -> Result<Held, Failure> {
    data_dir(path)?;
    let told = |error: std::io::Error| format!("The data directory {}: {error}", path.display());
    let open = |name: &str| {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path.join(name))
    };
    let lock = open("lock").map_err(told)?;
    if lock.try_lock().is_err() {
        let path = path.display();
        return Err(format!(
            "The data directory {path} is in use by another process of the hub. Stop that, or give this one a directory of its own: VALETKEY_DATA_DIR."
        )
        .into());
    }
    let mut file = open("instance").map_err(told)?;
    let mut instance = String::new();
    file.read_to_string(&mut instance).map_err(told)?;
    let instance = instance.trim();
    if (8..=64).contains(&instance.len()) && instance.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Ok(Held { instance: instance.to_owned(), _lock: lock });
    }
    let fresh: String =
        random_token(&OsRng).chars().filter(char::is_ascii_alphanumeric).take(20).collect();
    file.set_len(0).and_then(|()| file.rewind()).map_err(told)?;
    writeln!(file, "{fresh}").and_then(|()| file.sync_all()).map_err(told)?;
    Ok(Held { instance: fresh, _lock: lock })
}

/// Brings the database to the newest shape.
pub(crate) async fn migrate(config: &Config) -> Result<(), Failure> {
    data_dir(&config.data_dir)?;
    let ran = Store::migrate(&config.database).await?;
    tracing::info!(ran, "the database has the newest shape");
    Ok(())
}

/// The database, migrated, with its keys.
pub(crate) async fn store(config: &Config) -> Result<Store, Failure> {
    data_dir(&config.data_dir)?;
    let source = key_source(config).await?;
    let ran = Store::migrate(&config.database).await?;
    if ran > 0 {
        tracing::info!(ran, "the database was brought to the newest shape");
    }
    let store = Store::open(
        &config.database,
        PoolSizes::default(),
        source,
        Arc::new(SystemClock),
        Arc::new(OsRng),
    )
    .await?;
    platform_key(config, &store).await?;
    Ok(store)
}

/// The configured sources, each asked whether its keys are there and fit.
async fn key_source(config: &Config) -> Result<Arc<dyn KeySource>, Failure> {
    let mut all = Vec::new();
    for key in &config.keys {
        all.push(one_source(key)?);
    }
    let source = KeySources::new(all)?;
    source.ready().await?;
    Ok(Arc::new(source))
}

fn one_source(key: &Key) -> Result<Arc<dyn KeySource>, Failure> {
    let keys = match key {
        Key::Transit(settings) => {
            return Ok(Arc::new(Transit::new((**settings).clone(), Arc::new(SystemClock))?));
        }
        #[cfg(feature = "aws-kms")]
        Key::Kms(settings) => {
            return Ok(Arc::new(vault::Kms::new((**settings).clone(), Arc::new(SystemClock))?));
        }
        Key::Text(text) => LocalKeys::from_text(text, "VALETKEY_KEY")?,
        Key::File { path, default: false } if !path.exists() => {
            return Err(format!("VALETKEY_KEY_FILE: {} does not exist", path.display()).into());
        }
        Key::File { path, .. } => {
            let (keys, created) = open_or_create_key_file(path, &OsRng)?;
            if created == Created::Now {
                tracing::warn!(
                    file = %path.display(),
                    "made the key that seals everything. Back this file up, apart from the database: \
                     without it nothing can be opened again, and with both anyone can open all"
                );
            }
            keys
        }
    };
    Ok(Arc::new(keys))
}

/// Takes over the configured platform key; where there is none at all, makes one and leaves it beside the
/// database, for its owner's eyes.
async fn platform_key(config: &Config, store: &Store) -> Result<(), Failure> {
    if let Some(key) = &config.platform_key {
        api_key::adopt_configured(store, key).await?;
        return Ok(());
    }
    if api_key::platform_has_key(store).await? {
        return Ok(());
    }
    let path = config.data_dir.join("platform.key");
    let made =
        api_key::create(store, Owner::Platform(Role::ALL.to_vec()), "first start", None).await?;
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    writeln!(file, "{}", made.secret.expose_secret())?;
    file.sync_all()?;
    tracing::warn!(
        file = %path.display(),
        "made the platform's first API key. Move it to where you keep secrets"
    );
    Ok(())
}

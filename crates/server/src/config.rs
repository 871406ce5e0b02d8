//! Configuration: the only place that reads the environment.
//!
//! Every setting is a variable `VALETKEY_…`, or a line of the TOML file that `VALETKEY_CONFIG` names;
//! the environment wins. A secret can also be given as a file, by `…_FILE`.

mod keys;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use base::{ExposeSecret, SecretString};
use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use hub::{refresh::Timings, store::Database};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::http::limits;

/// What the environment can say, as it says it.
#[derive(Deserialize, Serialize)]
#[serde(default)]
struct Raw {
    listen: String,
    public_url: String,
    data_dir: PathBuf,
    outbound_allow: String,
    roles: String,
    log: String,
    log_format: String,
    audit_keep_days: Option<u32>,
    #[serde(flatten)]
    keys: keys::Raw,
    #[serde(skip_serializing)]
    platform_key: Option<String>,
    platform_key_file: Option<PathBuf>,
    #[serde(skip_serializing)]
    database_url: Option<String>,
    database_url_file: Option<PathBuf>,
    #[serde(flatten)]
    limits: limits::Raw,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            public_url: "http://localhost:8080".to_owned(),
            data_dir: PathBuf::from("./data"),
            outbound_allow: String::new(),
            roles: "serve,worker".to_owned(),
            log: "info,sea_orm_migration=warn".to_owned(),
            log_format: "text".to_owned(),
            audit_keep_days: None,
            keys: keys::Raw::default(),
            platform_key: None,
            platform_key_file: None,
            database_url: None,
            database_url_file: None,
            limits: limits::Raw::default(),
        }
    }
}

/// Where the sealing key comes from.
pub(crate) enum Key {
    /// The text itself, from the environment.
    Text(SecretString),
    /// A file; made on the first start where it is the default one.
    File {
        /// Where it is.
        path: PathBuf,
        /// Whether nobody named it: then it may be made.
        default: bool,
    },
    /// The transit engine of Vault or OpenBao.
    Transit(Box<vault::TransitSettings>),
    /// AWS KMS.
    #[cfg(feature = "aws-kms")]
    Kms(Box<vault::KmsSettings>),
}

/// The configuration of one process.
pub(crate) struct Config {
    /// Where the API listens.
    pub(crate) listen: SocketAddr,
    /// Where people's browsers reach the hub.
    pub(crate) public_url: Url,
    /// Where files are kept.
    pub(crate) data_dir: PathBuf,
    /// The database.
    pub(crate) database: Database,
    /// Where the key comes from that wraps all others: the first wraps, all unwrap.
    pub(crate) keys: Vec<Key>,
    /// A platform key that the configuration gives.
    pub(crate) platform_key: Option<SecretString>,
    /// Hosts exempt from the SSRF guard.
    pub(crate) outbound_allow: Vec<String>,
    /// Whether it answers requests.
    pub(crate) serves: bool,
    /// Whether it does background work.
    pub(crate) works: bool,
    /// What is logged.
    pub(crate) log: Log,
    /// How long audit entries are kept; for ever where it is none.
    pub(crate) audit_keep: Option<Duration>,
    /// How much of what is taken from whom.
    pub(crate) limits: limits::Settings,
    /// How long a refresh's steps may take.
    pub(crate) timings: Timings,
    /// Where a fault test stops, delays or kills the process.
    #[cfg(feature = "failpoints")]
    pub(crate) failpoints: String,
    /// Whether a terminal may show colours (no-color.org).
    pub(crate) colour: bool,
}

/// What is logged, and how.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    /// A `tracing` filter.
    pub(crate) filter: String,
    /// Whether lines are JSON.
    pub(crate) json: bool,
}

/// The configuration can't be used; the text says which setting and what to write.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ConfigError(String);

fn bad(name: &str, why: impl std::fmt::Display) -> ConfigError {
    ConfigError(format!("{name}: {why}"))
}

impl Config {
    /// Reads the environment and the file.
    pub(crate) fn load() -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(Raw::default()));
        if let Some(path) = Env::var("VALETKEY_CONFIG") {
            figment = figment.merge(Toml::file_exact(path));
        }
        let raw: Raw = figment
            .merge(Env::raw().only(&["DATABASE_URL", "DATABASE_URL_FILE"]))
            .merge(Env::raw().only(&keys::AWS))
            .merge(Env::prefixed("VALETKEY_"))
            .extract()
            .map_err(|error| ConfigError(format!("The configuration can't be read: {error}")))?;
        Self::check(raw)
    }

    fn check(raw: Raw) -> Result<Self, ConfigError> {
        let listen = raw.listen.parse().map_err(|_| {
            bad("VALETKEY_LISTEN", "write an address and a port, such as 127.0.0.1:8080")
        })?;
        let public_url = public_url(&raw.public_url)?;
        let database = match secret("DATABASE_URL", raw.database_url, raw.database_url_file)? {
            None => Database::Sqlite(raw.data_dir.join("valetkey.db")),
            Some(url) => database(url.expose_secret(), &raw.data_dir)?,
        };
        let keys = keys::sources(&raw.keys, &raw.data_dir)?;
        let (serves, works) = roles(&raw.roles)?;
        let json = match raw.log_format.as_str() {
            "text" => false,
            "json" => true,
            _ => return Err(bad("VALETKEY_LOG_FORMAT", "write text or json")),
        };
        Ok(Self {
            listen,
            public_url,
            database,
            keys,
            platform_key: secret("VALETKEY_PLATFORM_KEY", raw.platform_key, raw.platform_key_file)?,
            outbound_allow: list(&raw.outbound_allow),
            serves,
            works,
            log: Log { filter: raw.log, json },
            audit_keep: raw.audit_keep_days.map(audit_keep).transpose()?,
            limits: raw.limits.check().map_err(|(name, why)| bad(name, why))?,
            timings: timings()?,
            #[cfg(feature = "failpoints")]
            failpoints: Env::var("VALETKEY_FAILPOINTS").unwrap_or_default(),
            colour: colour_wanted(),
            data_dir: raw.data_dir,
        })
    }

    /// The public URL without a slash at its end.
    pub(crate) fn public(&self) -> &str {
        self.public_url.as_str().trim_end_matches('/')
    }
}

/// Whether a terminal may show colours (no-color.org); also for what runs without a configuration.
pub(crate) fn colour_wanted() -> bool {
    Env::var("NO_COLOR").is_none_or(|text| text.is_empty())
}

/// The name under which audit notes are signed: the hub's host, and its port where it has one.
pub(crate) fn audit_name(public_url: &Url) -> String {
    let host = public_url.host_str().unwrap_or_default();
    public_url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// How long so many days are.
pub(crate) fn days(count: u32) -> Duration {
    Duration::from_hours(24) * count
}

fn audit_keep(count: u32) -> Result<Duration, ConfigError> {
    if (1..=36_500).contains(&count) {
        return Ok(days(count));
    }
    Err(bad(
        "VALETKEY_AUDIT_KEEP_DAYS",
        "write a number of days from 1 to 36500, or leave it out to keep all",
    ))
}

/// One factor for all of a refresh's times: for fault tests, and in their builds only.
#[cfg(feature = "failpoints")]
fn timings() -> Result<Timings, ConfigError> {
    let factor = Env::var("VALETKEY_TIME_SCALE").unwrap_or_else(|| "1".to_owned());
    match factor.parse::<f64>() {
        Ok(factor) if factor > 0.0 && factor <= 1.0 => Ok(Timings::scaled(factor)),
        _ => Err(bad("VALETKEY_TIME_SCALE", "write a number above 0 and up to 1")),
    }
}

#[cfg(not(feature = "failpoints"))]
#[allow(clippy::unnecessary_wraps, reason = "a fault test's build reads it, and may fail")]
fn timings() -> Result<Timings, ConfigError> {
    Ok(Timings::default())
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
}

fn roles(text: &str) -> Result<(bool, bool), ConfigError> {
    let roles = list(text);
    let unknown = roles.iter().any(|role| role != "serve" && role != "worker");
    if unknown || roles.is_empty() {
        return Err(bad("VALETKEY_ROLES", "write serve, worker, or serve,worker"));
    }
    let has = |name: &str| roles.iter().any(|role| role == name);
    Ok((has("serve"), has("worker")))
}

fn public_url(text: &str) -> Result<Url, ConfigError> {
    let why = "write where browsers reach the hub, such as https://keys.example.com (http only for localhost)";
    let url = Url::parse(text).map_err(|_| bad("VALETKEY_PUBLIC_URL", why))?;
    let loopback = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && loopback);
    let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if scheme && plain && url.username().is_empty() && url.password().is_none() {
        return Ok(url);
    }
    Err(bad("VALETKEY_PUBLIC_URL", why))
}

/// The database that a URL names. The URL may hold a password: it is not printed.
fn database(url: &str, data_dir: &std::path::Path) -> Result<Database, ConfigError> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(Database::Postgres(url.to_owned()));
    }
    match url.strip_prefix("sqlite:") {
        Some(path) => {
            let path = path.strip_prefix("//").unwrap_or(path);
            Ok(Database::Sqlite(data_dir.join(path)))
        }
        None => {
            Err(bad("DATABASE_URL", "write postgres://user@host/name, or sqlite:path for a file"))
        }
    }
}

/// A secret as text, or from a file.
fn secret(
    name: &str,
    text: Option<String>,
    file: Option<PathBuf>,
) -> Result<Option<SecretString>, ConfigError> {
    match (text, file) {
        (Some(_), Some(_)) => Err(bad(name, format!("set it or {name}_FILE, not both"))),
        (Some(text), None) => Ok(Some(text.into())),
        (None, Some(path)) => {
            let text = std::fs::read_to_string(&path).map_err(|error| {
                bad(&format!("{name}_FILE"), format!("{}: {error}", path.display()))
            })?;
            Ok(Some(text.trim().to_owned().into()))
        }
        (None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw() -> Raw {
        Raw::default()
    }

    #[test]
    fn without_any_setting_the_hub_keeps_sqlite_in_data_and_listens_on_loopback() {
        let config = Config::check(raw()).expect("the defaults are good");
        assert!(config.listen.ip().is_loopback());
        assert!(matches!(config.database, Database::Sqlite(path) if path.starts_with("./data")));
        assert!(matches!(config.keys[..], [Key::File { default: true, .. }]));
        assert!(config.serves && config.works);
    }

    #[test]
    fn a_public_url_that_browsers_would_reach_in_clear_is_refused() {
        for url in ["http://keys.example.com", "https://keys.example.com/hub", "keys.example.com"] {
            let raw = Raw { public_url: url.to_owned(), ..raw() };
            let error = Config::check(raw).err().expect("refused");
            assert!(error.to_string().contains("VALETKEY_PUBLIC_URL"), "{error}");
        }
    }

    #[test]
    fn audit_entries_are_kept_for_ever_unless_a_number_of_days_is_set() {
        assert_eq!(Config::check(raw()).expect("good").audit_keep, None);
        let keep = |days| Config::check(Raw { audit_keep_days: Some(days), ..raw() });
        assert_eq!(keep(30).expect("good").audit_keep, Some(days(30)));
        assert!(keep(0).is_err() && keep(40_000).is_err());
    }

    #[test]
    fn notes_are_signed_under_the_hubs_host() {
        let name = |url: &str| audit_name(&Url::parse(url).expect("a URL"));
        assert_eq!(name("https://keys.example.com"), "keys.example.com");
        assert_eq!(name("http://localhost:8080"), "localhost:8080");
    }

    #[test]
    fn an_unknown_role_or_database_is_refused() {
        assert!(Config::check(Raw { roles: "serve,cook".into(), ..raw() }).is_err());
        assert!(Config::check(Raw { database_url: Some("mysql://x".into()), ..raw() }).is_err());
    }
}

//! The limits that can be set.

use serde::{Deserialize, Deserializer, Serialize};

use super::{rate::Rate, source::Proxies};

/// What the environment can say, as it says it.
#[derive(Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Raw {
    #[serde(deserialize_with = "text")]
    rate_agent: String,
    #[serde(deserialize_with = "text")]
    rate_workspace: String,
    #[serde(deserialize_with = "text")]
    rate_platform_key: String,
    #[serde(deserialize_with = "text")]
    rate_wrong_keys: String,
    #[serde(deserialize_with = "text")]
    rate_pages: String,
    trusted_proxies: String,
    max_connections: u32,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            rate_agent: "50/s,burst=100".to_owned(),
            rate_workspace: "500/s,burst=1000".to_owned(),
            rate_platform_key: "1000/s,burst=2000".to_owned(),
            rate_wrong_keys: "20/min,burst=20".to_owned(),
            rate_pages: "300/min,burst=300".to_owned(),
            trusted_proxies: String::new(),
            max_connections: 4096,
        }
    }
}

/// A text, of which `0` is read as a number.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Told {
        Text(String),
        Number(u64),
    }
    Ok(match Told::deserialize(deserializer)? {
        Told::Text(text) => text,
        Told::Number(number) => number.to_string(),
    })
}

/// The limits that can be set. A rate that is none is no limit.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Requests of one agent.
    pub(super) agent: Option<Rate>,
    /// Requests in one workspace, by whomever.
    pub(super) workspace: Option<Rate>,
    /// Requests with one platform key.
    pub(super) platform_key: Option<Rate>,
    /// Requests of one source with wrong keys.
    pub(super) wrong_keys: Option<Rate>,
    /// Requests of one source for the connect pages.
    pub(super) pages: Option<Rate>,
    /// From whom `X-Forwarded-For` is believed.
    pub(super) proxies: Proxies,
    /// Connections that are open at once.
    pub(crate) connections: usize,
}

impl Raw {
    /// Checks it; the error has the setting's name and what to write.
    pub(crate) fn check(&self) -> Result<Settings, (&'static str, String)> {
        let rate = |name, text| Rate::read(text).map_err(|why| (name, why));
        let connections = usize::try_from(self.max_connections).unwrap_or_default();
        if !(1..=1_000_000).contains(&connections) {
            return Err((
                "VALETKEY_MAX_CONNECTIONS",
                "write a number from 1 to 1000000".to_owned(),
            ));
        }
        Ok(Settings {
            agent: rate("VALETKEY_RATE_AGENT", &self.rate_agent)?,
            workspace: rate("VALETKEY_RATE_WORKSPACE", &self.rate_workspace)?,
            platform_key: rate("VALETKEY_RATE_PLATFORM_KEY", &self.rate_platform_key)?,
            wrong_keys: rate("VALETKEY_RATE_WRONG_KEYS", &self.rate_wrong_keys)?,
            pages: rate("VALETKEY_RATE_PAGES", &self.rate_pages)?,
            proxies: Proxies::read(&self.trusted_proxies)
                .map_err(|why| ("VALETKEY_TRUSTED_PROXIES", why))?,
            connections,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_good() {
        let settings = Raw::default().check().expect("good");
        assert!(settings.agent.is_some() && settings.wrong_keys.is_some());
    }

    #[test]
    fn a_wrong_setting_is_refused_by_its_name() {
        let wrong = [
            ("VALETKEY_RATE_PAGES", Raw { rate_pages: "many".to_owned(), ..Raw::default() }),
            (
                "VALETKEY_TRUSTED_PROXIES",
                Raw { trusted_proxies: "lb".to_owned(), ..Raw::default() },
            ),
            ("VALETKEY_MAX_CONNECTIONS", Raw { max_connections: 0, ..Raw::default() }),
        ];
        for (name, raw) in wrong {
            assert_eq!(raw.check().expect_err(name).0, name);
        }
    }

    #[test]
    fn zero_is_read_as_off() {
        let raw: Raw = serde_json::from_str(r#"{"rate_agent": 0, "rate_pages": "off"}"#).unwrap();
        let settings = raw.check().expect("good");
        assert_eq!((settings.agent, settings.pages), (None, None));
    }
}

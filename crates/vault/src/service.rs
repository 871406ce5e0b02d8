//! Asking a key service over HTTP.

use std::{net::IpAddr, time::Duration};

use base::SecretString;
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode};
use outbound::{Config, Limits, Outbound};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use tokio::time::sleep;
use url::{Host, Url};
use zeroize::{Zeroize, Zeroizing};

use crate::Error;

/// How long a key service may take to answer, if nothing else is said.
pub const KEY_SERVICE_TIMEOUT: Duration = Duration::from_secs(5);

/// What is waited before each of the repetitions.
const RETRIES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(300)];
/// The most bytes of an answer.
const ANSWER: usize = 64 * 1024;
/// The most characters of a service's own words that are passed on.
const WORDS: usize = 200;

/// One service at one address; nothing else can be reached through it.
pub(crate) struct Service {
    name: String,
    base: String,
    outbound: Outbound,
    limits: Limits,
}

/// An answer. Its body is wiped when it is dropped, as far as it lies in memory of ours.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    body: Bytes,
}

/// What an answer means to the one who asked.
pub(crate) enum Verdict {
    /// It is to be looked at.
    Final,
    /// The service can't now, and says why.
    Busy(String),
}

impl Service {
    /// The service at `url`, which the setting of this name holds; `what` says to people what it is.
    pub(crate) fn new(
        what: &str,
        setting: &'static str,
        url: &str,
        timeout: Duration,
    ) -> Result<Self, Error> {
        let bad = |why: &str| Error::Setting { setting, why: why.to_owned() };
        let url = Some(url)
            .filter(|url| url.len() <= 2048)
            .and_then(|url| Url::parse(url).ok())
            .ok_or_else(|| bad("write a URL such as https://keys.example.com:8200"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad("it holds a user or password; leave them out"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(bad("write it without ? and #"));
        }
        let host = url.host().ok_or_else(|| bad("it names no host"))?;
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&host) => {}
            _ => {
                return Err(bad("write https://; keys go over plain http to this machine only"));
            }
        }
        let port = url.port_or_known_default().ok_or_else(|| bad("it names no port"))?;
        let place = format!("{host}:{port}");
        let config = Config {
            allow: vec![place.clone()],
            user_agent: concat!("valetkey/", env!("CARGO_PKG_VERSION")).to_owned(),
        };
        let outbound = Outbound::network(&config).map_err(|error| bad(&error.to_string()))?;
        let limits =
            Limits { connect: timeout.min(KEY_SERVICE_TIMEOUT), total: timeout, max_body: ANSWER };
        Ok(Self {
            name: format!("{what} at {place}"),
            base: url.as_str().trim_end_matches('/').to_owned(),
            outbound,
            limits,
        })
    }

    /// What it is and where, for people.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The URL at which it was configured, without a slash at its end.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Sends a request that may be repeated; it is, at most twice and soon, where the service can't
    /// be reached or is busy. One that was too slow is not: the caller has waited.
    pub(crate) async fn send(
        &self,
        request: &Request<Bytes>,
        judge: impl Fn(&Answer) -> Verdict,
    ) -> Result<Answer, Error> {
        let mut waits = RETRIES.into_iter();
        loop {
            let (why, again) = match self.outbound.send(request.clone(), self.limits).await {
                Ok(answer) => {
                    let answer = Answer { status: answer.status(), body: answer.into_body() };
                    match judge(&answer) {
                        Verdict::Final => return Ok(answer),
                        Verdict::Busy(why) => (why, true),
                    }
                }
                Err(error) => self.unanswered(&error)?,
            };
            match waits.next() {
                Some(wait) if again => sleep(wait).await,
                _ => return Err(Error::KeyServiceUnavailable { service: self.name.clone(), why }),
            }
        }
    }

    /// Why no answer came, and whether to ask again; an error where that would not help.
    fn unanswered(&self, error: &outbound::Error) -> Result<(String, bool), Error> {
        match error {
            outbound::Error::Connect { .. } => Ok((
                "no connection; it is down, or its certificate is not one that this machine trusts"
                    .to_owned(),
                true,
            )),
            outbound::Error::Broken { .. } => Ok((error.to_string(), true)),
            outbound::Error::Timeout { .. } => Ok((error.to_string(), false)),
            _ => Err(self.refused(error.to_string())),
        }
    }

    /// It answered, and does not do it.
    pub(crate) fn refused(&self, why: impl Into<String>) -> Error {
        Error::KeyServiceRefused { service: self.name.clone(), why: why.into() }
    }

    /// The answer's JSON.
    pub(crate) fn read<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, Error> {
        serde_json::from_slice(&answer.body).map_err(|_| {
            self.refused("its answer is not one of this service's; is the address the right one?")
        })
    }
}

impl Answer {
    /// The answer's JSON, if it is of this shape.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Whether the service, or something before it, can't answer now.
    pub(crate) fn is_overloaded(&self) -> bool {
        self.status.is_server_error()
            || matches!(
                self.status,
                StatusCode::TOO_MANY_REQUESTS
                    | StatusCode::REQUEST_TIMEOUT
                    | StatusCode::PRECONDITION_FAILED
            )
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Ok(mut body) = std::mem::take(&mut self.body).try_into_mut() {
            body.as_mut().zeroize();
        }
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(v4) => IpAddr::V4(*v4).is_loopback(),
        Host::Ipv6(v6) => IpAddr::V6(*v6).is_loopback(),
    }
}

/// A body of JSON that is wiped once it was sent.
pub(crate) fn body(json: &impl Serialize) -> Bytes {
    // Large enough not to grow, which would leave a copy behind.
    let mut text = Zeroizing::new(Vec::with_capacity(32 * 1024));
    serde_json::to_writer(&mut *text, json).expect("strings and numbers are JSON");
    Bytes::from_owner(text)
}

/// A header that no log shows. `setting` is named where the text can't be one.
pub(crate) fn secret_header(
    setting: &'static str,
    text: &SecretString,
) -> Result<HeaderValue, Error> {
    use base::ExposeSecret;
    let text = text.expose_secret();
    let fits = !text.is_empty() && text.len() <= 16 * 1024;
    let mut value =
        fits.then(|| HeaderValue::from_str(text).ok()).flatten().ok_or_else(|| Error::Setting {
            setting,
            why: "it is empty, too long, or has characters that no header can carry".to_owned(),
        })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Some of a service's own words: printable, and not many.
pub(crate) fn words(text: &str) -> String {
    let plain = text.split_whitespace().collect::<Vec<_>>().join(" ");
    plain.chars().filter(|c| !c.is_control()).take(WORDS).collect()
}

/// Reads a text that is wiped when it is dropped.
pub(crate) fn wiped<'de, D: Deserializer<'de>>(from: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(from).map(Zeroizing::new)
}

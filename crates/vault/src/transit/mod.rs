//! Keys in the transit engine of HashiCorp Vault or OpenBao. They never leave it.
//!
//! Data keys are bound to their workspace and id by the engine's `associated_data`, which Vault has
//! since 1.13 and OpenBao always had.

mod faults;
mod token;
mod wire;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use base::{Clock, Rng};
use bytes::Bytes;
use data_encoding::BASE64;
use http::{HeaderValue, Method, Request, header};
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::{
    DataKey, Error, KEY_SERVICE_TIMEOUT, KeyRef, KeySource, Place, Wrapped,
    key::key_bytes,
    noted::{Kind, Noted},
    sealed::VERSION,
    service::{Answer, Service, body, words},
    source::place,
};
use faults::{is_complaint, judge, not_decrypted, remedy, said};
use token::Held;
pub use token::TransitToken;
use wire::{Ask, Decrypted, Described, Encrypted, Lookup, Renewed, Reply};

const MOUNT: &str = "VALETKEY_TRANSIT_MOUNT";
const KEY: &str = "VALETKEY_TRANSIT_KEY";
const NAMESPACE: &str = "VALETKEY_TRANSIT_NAMESPACE";

/// The most keys.
const MOST: usize = 32;
/// What is encrypted to see that the engine binds places. No secret.
const PROBE: &[u8] = b"valetkey asks whether places are bound";

/// Where the transit engine is, and how to ask it.
#[derive(Clone, Debug)]
pub struct TransitSettings {
    /// The server, such as `https://vault.example.com:8200`.
    pub url: String,
    /// Where the engine is mounted; `transit` as a rule.
    pub mount: String,
    /// One or more keys of it; the first wraps, all unwrap.
    pub keys: Vec<String>,
    /// The namespace, for servers that have them.
    pub namespace: Option<String>,
    /// What to ask with.
    pub token: TransitToken,
    /// How long it may take to answer.
    pub timeout: Duration,
}

impl TransitSettings {
    /// One key, with the usual mount and time.
    pub fn new(url: impl Into<String>, key: impl Into<String>, token: TransitToken) -> Self {
        Self {
            url: url.into(),
            mount: "transit".to_owned(),
            keys: vec![key.into()],
            namespace: None,
            token,
            timeout: KEY_SERVICE_TIMEOUT,
        }
    }
}

/// A key of the engine and what is known of it.
struct Key {
    name: String,
    /// `mount/name`, as it is noted beside what it wrapped.
    label: String,
    /// Its newest version; zero before anything is known.
    latest: AtomicU64,
    derived: AtomicBool,
}

/// The transit engine as a key source.
pub struct Transit {
    service: Service,
    mount: String,
    keys: Vec<Key>,
    namespace: Option<HeaderValue>,
    token: Held,
}

impl Transit {
    /// Checks the settings; asks nobody yet, which [`ready`](KeySource::ready) does.
    pub fn new(settings: TransitSettings, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let TransitSettings { url, mount, keys, namespace, token, timeout } = settings;
        let service = Service::new("the transit engine", "VALETKEY_TRANSIT_URL", &url, timeout)?;
        let mount = mount.trim_matches('/').to_owned();
        if !mount.split('/').all(is_name) {
            return Err(bad(MOUNT, "write where the engine is mounted, such as transit"));
        }
        if keys.is_empty() || keys.len() > MOST || !keys.iter().all(|key| is_name(key)) {
            return Err(bad(KEY, "write the name of a key, or up to 32 with commas between"));
        }
        let namespace = namespace
            .map(|name| {
                let fits = name.len() <= 512
                    && name.split('/').all(|part| part.is_empty() || is_name(part));
                fits.then(|| HeaderValue::from_str(&name).ok())
                    .flatten()
                    .ok_or_else(|| bad(NAMESPACE, "write a namespace such as team/hub"))
            })
            .transpose()?;
        let key = |name: String| Key {
            label: format!("{mount}/{name}"),
            name,
            latest: AtomicU64::new(0),
            derived: AtomicBool::new(false),
        };
        let keys = keys.into_iter().map(key).collect();
        Ok(Self { service, mount, keys, namespace, token: Held::new(token, clock) })
    }

    fn key_of(&self, label: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.label == label)
    }

    /// Sends a request. An answer is a good one, or a complaint about what was asked.
    async fn ask(&self, method: Method, path: &str, body: Bytes) -> Result<Answer, Error> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}/v1/{path}", self.service.base()))
            .header("x-vault-request", "true")
            .header("x-vault-token", self.token.header().await?);
        if let Some(namespace) = &self.namespace {
            request = request.header("x-vault-namespace", namespace);
        }
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request
            .body(body)
            .map_err(|_| self.service.refused("its address makes no URL to call"))?;
        let answer = self.service.send(&request, judge).await?;
        match answer.status {
            status if status.is_success() || is_complaint(status) => Ok(answer),
            status => Err(self.service.refused(remedy(&self.mount, status, &said(&answer)))),
        }
    }

    /// Renews the token when more than half of its time is over. Not for a file's: who writes it does.
    async fn renew_if_due(&self) -> Result<(), Error> {
        let renew = async || {
            let answer = self
                .ask(Method::POST, "auth/token/renew-self", body(&serde_json::json!({})))
                .await?;
            let renewed: Renewed = self.good(&answer)?;
            Ok((renewed.auth.renewable, Duration::from_secs(renewed.auth.lease_duration)))
        };
        self.token.when_due(renew).await
    }

    /// Before a call: a renewal that fails is told by `keep_alive`; the call may still succeed.
    async fn before_call(&self) {
        let _ = self.renew_if_due().await;
    }

    fn good<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, Error> {
        if is_complaint(answer.status) {
            return Err(self.service.refused(format!("it says: {}", said(answer))));
        }
        self.service.read(answer)
    }

    async fn describe(&self, key: &Key) -> Result<(), Error> {
        let answer = self.ask(Method::GET, &self.path("keys", key), Bytes::new()).await?;
        let Reply { data } = self.good::<Reply<Described>>(&answer)?;
        if !matches!(data.kind.as_str(), "aes256-gcm96" | "chacha20-poly1305") {
            return Err(Error::UnfitKey {
                key: key.label.clone(),
                why: format!(
                    "its type is {}. Make one of type aes256-gcm96 and name it in {KEY}",
                    words(&data.kind)
                ),
            });
        }
        key.derived.store(data.derived, Ordering::Relaxed);
        key.latest.store(data.latest_version, Ordering::Relaxed);
        Ok(())
    }

    /// Describes a key of which nothing is known yet.
    async fn know(&self, key: &Key) -> Result<(), Error> {
        match key.latest.load(Ordering::Relaxed) {
            0 => self.describe(key).await,
            _ => Ok(()),
        }
    }

    fn path(&self, verb: &str, key: &Key) -> String {
        format!("{}/{verb}/{}", self.mount, key.name)
    }

    async fn encrypt(&self, key: &Key, at: &Place<'_>, plain: &[u8]) -> Result<String, Error> {
        let plain = Zeroizing::new(BASE64.encode(plain));
        let bound = BASE64.encode(&at.aad(VERSION));
        let derived = key.derived.load(Ordering::Relaxed);
        let ask = Ask {
            plaintext: Some(&plain),
            ciphertext: None,
            associated_data: &bound,
            context: derived.then_some(&*bound),
        };
        let answer = self.ask(Method::POST, &self.path("encrypt", key), body(&ask)).await?;
        let Reply { data } = self.good::<Reply<Encrypted>>(&answer)?;
        let version = wire::version(data.ciphertext.as_bytes())
            .ok_or_else(|| self.service.refused("what it encrypted begins with no version"))?;
        key.latest.fetch_max(version, Ordering::Relaxed);
        Ok(data.ciphertext)
    }

    async fn decrypt(
        &self,
        key: &Key,
        at: &Place<'_>,
        ciphertext: &str,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let bound = BASE64.encode(&at.aad(VERSION));
        let derived = key.derived.load(Ordering::Relaxed);
        let ask = Ask {
            plaintext: None,
            ciphertext: Some(ciphertext),
            associated_data: &bound,
            context: derived.then_some(&*bound),
        };
        let answer = self.ask(Method::POST, &self.path("decrypt", key), body(&ask)).await?;
        if is_complaint(answer.status) {
            return Err(not_decrypted(&self.service, &said(&answer)));
        }
        let Reply { data } = self.service.read::<Reply<Decrypted>>(&answer)?;
        BASE64
            .decode(data.plaintext.as_bytes())
            .map(Zeroizing::new)
            .map_err(|_| self.service.refused("what it decrypted is not base64"))
    }

    /// Whether the engine binds places: an old one ignores `associated_data` without a word.
    async fn probe(&self, key: &Key) -> Result<(), Error> {
        let (here, elsewhere) = (place("probe", "here"), place("probe", "elsewhere"));
        let ciphertext = self.encrypt(key, &here, PROBE).await?;
        if *self.decrypt(key, &here, &ciphertext).await? != PROBE {
            return Err(self.service.refused("it decrypts to something else than it encrypted"));
        }
        match self.decrypt(key, &elsewhere, &ciphertext).await {
            Err(Error::DoesNotOpen) => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(Error::UnfitKey {
                key: key.label.clone(),
                why: "the server ignores associated_data, so a wrapped key could be moved between \
                      workspaces. Use Vault 1.13 or newer, or OpenBao"
                    .to_owned(),
            }),
        }
    }
}

fn bad(setting: &'static str, why: &str) -> Error {
    Error::Setting { setting, why: why.to_owned() }
}

fn is_name(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && !matches!(text, "." | "..")
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

#[async_trait]
impl KeySource for Transit {
    fn name(&self) -> &str {
        self.service.name()
    }

    /// `mount/key:vN`, or without a version before one is known.
    fn primary(&self) -> String {
        let key = &self.keys[0];
        match key.latest.load(Ordering::Relaxed) {
            0 => key.label.clone(),
            latest => format!("{}:v{latest}", key.label),
        }
    }

    fn knows(&self, wrapped: &Wrapped) -> bool {
        Noted::read(Kind::Transit, wrapped).is_ok_and(|it| self.key_of(it.key).is_some())
    }

    fn is_current(&self, wrapped: &Wrapped) -> bool {
        let key = &self.keys[0];
        Noted::read(Kind::Transit, wrapped).is_ok_and(|it| {
            it.key == key.label
                && wire::version(it.blob) == Some(key.latest.load(Ordering::Relaxed))
        })
    }

    /// Looks the token and all keys up, and tries the first key.
    async fn ready(&self) -> Result<(), Error> {
        if self.token.is_ours() {
            let answer = self.ask(Method::GET, "auth/token/lookup-self", Bytes::new()).await?;
            let Reply { data } = self.good::<Reply<Lookup>>(&answer)?;
            self.token.learn(data.renewable, Duration::from_secs(data.ttl)).await;
        }
        for key in &self.keys {
            self.describe(key).await?;
        }
        self.probe(&self.keys[0]).await
    }

    async fn keep_alive(&self) -> Result<(), Error> {
        self.renew_if_due().await
    }

    async fn wrap(
        &self,
        _: &dyn Rng,
        workspace: &str,
        data_key: &DataKey,
    ) -> Result<Wrapped, Error> {
        let key = &self.keys[0];
        self.before_call().await;
        self.know(key).await?;
        let id = data_key.id().to_string();
        let ciphertext =
            self.encrypt(key, &place(workspace, &id), data_key.bytes().as_slice()).await?;
        Noted { key: &key.label, blob: ciphertext.as_bytes() }.assemble(Kind::Transit)
    }

    async fn unwrap(
        &self,
        workspace: &str,
        id: KeyRef,
        wrapped: &Wrapped,
    ) -> Result<DataKey, Error> {
        let noted = Noted::read(Kind::Transit, wrapped)?;
        let key =
            self.key_of(noted.key).ok_or_else(|| Error::UnknownWrappingKey(words(noted.key)))?;
        let ciphertext = std::str::from_utf8(noted.blob)
            .ok()
            .filter(|text| wire::version(text.as_bytes()).is_some())
            .ok_or(Error::Malformed("no transit engine wrapped them"))?;
        self.before_call().await;
        self.know(key).await?;
        let plain = self.decrypt(key, &place(workspace, &id.to_string()), ciphertext).await?;
        Ok(DataKey::from_parts(id, &key_bytes(&plain)?))
    }
}

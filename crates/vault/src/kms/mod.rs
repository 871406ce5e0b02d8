//! Keys in AWS KMS. They never leave it.
//!
//! Data keys are bound to their workspace and id by the encryption context.

mod faults;
mod sign;
mod wire;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use base::{Clock, Rng};
use bytes::Bytes;
use data_encoding::BASE64;
use http::{Request, header};
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::{
    DataKey, Error, KEY_SERVICE_TIMEOUT, KeyRef, KeySource, Wrapped,
    key::key_bytes,
    noted::{Kind, NAME, Noted},
    service::{Service, body, words},
};
pub use sign::AwsCredentials;
use wire::{Context, Decrypt, Decrypted, DescribeKey, Described, Encrypt, Encrypted};

const KEY: &str = "VALETKEY_KMS_KEY";
const REGION: &str = "VALETKEY_KMS_REGION";

/// The most keys.
const MOST: usize = 32;

/// Which keys, and how to ask for them.
#[derive(Clone, Debug)]
pub struct KmsSettings {
    /// One or more symmetric keys: an id, an ARN, or an alias such as `alias/valetkey`. The first
    /// wraps, all unwrap.
    pub keys: Vec<String>,
    /// The region, such as `eu-central-1`.
    pub region: String,
    /// Another address than the region's own, for a VPC's endpoint.
    pub endpoint: Option<String>,
    /// What requests are signed with.
    pub credentials: AwsCredentials,
    /// How long it may take to answer.
    pub timeout: Duration,
}

impl KmsSettings {
    /// One key at its region's own address.
    pub fn new(
        key: impl Into<String>,
        region: impl Into<String>,
        credentials: AwsCredentials,
    ) -> Self {
        Self {
            keys: vec![key.into()],
            region: region.into(),
            endpoint: None,
            credentials,
            timeout: KEY_SERVICE_TIMEOUT,
        }
    }
}

/// A key, as it was configured, and the ARN that this is.
struct Key {
    given: String,
    /// Looked up once: an alias that is pointed elsewhere counts from the next start.
    arn: OnceLock<String>,
}

impl Key {
    fn arn(&self) -> &str {
        self.arn.get().unwrap_or(&self.given)
    }
}

/// AWS KMS as a key source.
pub struct Kms {
    service: Service,
    region: String,
    credentials: AwsCredentials,
    keys: Vec<Key>,
    clock: Arc<dyn Clock>,
}

impl Kms {
    /// Checks the settings; asks nobody yet, which [`ready`](KeySource::ready) does.
    pub fn new(settings: KmsSettings, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let KmsSettings { keys, region, endpoint, credentials, timeout } = settings;
        let in_region = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=64).contains(&region.len()) || !region.bytes().all(in_region) {
            return Err(bad(REGION, "write a region such as eu-central-1"));
        }
        let fits = |b: u8| b.is_ascii_alphanumeric() || b":/_-".contains(&b);
        let is_key = |key: &String| (1..=NAME).contains(&key.len()) && key.bytes().all(fits);
        if keys.is_empty() || keys.len() > MOST || !keys.iter().all(is_key) {
            return Err(bad(
                KEY,
                "write a key's ARN, id or alias, or up to 32 with commas between",
            ));
        }
        credentials.check()?;
        let china = if region.starts_with("cn-") { ".cn" } else { "" };
        let url = endpoint.unwrap_or_else(|| format!("https://kms.{region}.amazonaws.com{china}"));
        let service = Service::new("AWS KMS", "VALETKEY_KMS_ENDPOINT", &url, timeout)?;
        let keys = keys.into_iter().map(|given| Key { given, arn: OnceLock::new() }).collect();
        Ok(Self { service, region, credentials, keys, clock })
    }

    fn key_of(&self, arn: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.arn() == arn)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        action: &'static str,
        key: &str,
        what: &impl Serialize,
    ) -> Result<T, Error> {
        let request = self.request(action, body(what))?;
        let answer = self.service.send(&request, faults::judge).await?;
        if !answer.status.is_success() {
            return Err(faults::error(&self.service, key, &answer));
        }
        self.service.read(&answer)
    }

    fn request(&self, action: &str, body: Bytes) -> Result<Request<Bytes>, Error> {
        let mut request = Request::post(format!("{}/", self.service.base()))
            .header(header::CONTENT_TYPE, "application/x-amz-json-1.1")
            .header("x-amz-target", format!("TrentService.{action}"))
            .body(body)
            .map_err(|_| self.service.refused("its address makes no URL to call"))?;
        self.credentials.sign(&self.region, self.clock.now(), &mut request)?;
        Ok(request)
    }

    /// Looks a key up, and says what is wrong with it.
    async fn describe(&self, key: &Key) -> Result<(), Error> {
        let ask = DescribeKey { key_id: key.arn() };
        let found = self.ask::<Described>("DescribeKey", key.arn(), &ask).await?.key_metadata;
        let unfit = |why: String| Error::UnfitKey { key: key.given.clone(), why };
        if found.key_usage != "ENCRYPT_DECRYPT" || found.key_spec != "SYMMETRIC_DEFAULT" {
            return Err(unfit(format!(
                "it is of kind {} for {}. Name a symmetric key for ENCRYPT_DECRYPT in {KEY}",
                words(&found.key_spec),
                words(&found.key_usage)
            )));
        }
        if found.key_state != "Enabled" {
            return Err(unfit(format!(
                "its state is {}. Enable it (or cancel its deletion), or name another in {KEY}",
                words(&found.key_state)
            )));
        }
        if found.arn.is_empty() || found.arn.len() > NAME {
            return Err(self.service.refused("it describes a key without a usable ARN"));
        }
        key.arn.get_or_init(|| found.arn);
        Ok(())
    }

    /// Describes the keys of which nothing is known yet.
    async fn know(&self) -> Result<(), Error> {
        for key in self.keys.iter().filter(|key| key.arn.get().is_none()) {
            self.describe(key).await?;
        }
        Ok(())
    }
}

fn bad(setting: &'static str, why: &str) -> Error {
    Error::Setting { setting, why: why.to_owned() }
}

#[async_trait]
impl KeySource for Kms {
    fn name(&self) -> &str {
        self.service.name()
    }

    /// The key's ARN, or what was configured before that is known.
    fn primary(&self) -> String {
        self.keys[0].arn().to_owned()
    }

    fn knows(&self, wrapped: &Wrapped) -> bool {
        Noted::read(Kind::Kms, wrapped).is_ok_and(|it| self.key_of(it.key).is_some())
    }

    /// KMS turns a key's material over by itself, unseen from here; what counts is the key.
    fn is_current(&self, wrapped: &Wrapped) -> bool {
        Noted::read(Kind::Kms, wrapped).is_ok_and(|it| it.key == self.keys[0].arn())
    }

    /// Looks all keys up.
    async fn ready(&self) -> Result<(), Error> {
        for key in &self.keys {
            self.describe(key).await?;
        }
        Ok(())
    }

    async fn wrap(&self, _: &dyn Rng, workspace: &str, key: &DataKey) -> Result<Wrapped, Error> {
        self.know().await?;
        let arn = self.keys[0].arn();
        let plaintext = Zeroizing::new(BASE64.encode(key.bytes().as_slice()));
        let ask = Encrypt {
            key_id: arn,
            plaintext: &plaintext,
            encryption_context: Context { workspace, data_key: &key.id().to_string() },
        };
        let reply: Encrypted = self.ask("Encrypt", arn, &ask).await?;
        if reply.key_id != arn {
            return Err(self.service.refused("it encrypted with another key than it was asked to"));
        }
        let blob = BASE64
            .decode(reply.ciphertext_blob.as_bytes())
            .map_err(|_| self.service.refused("what it encrypted is not base64"))?;
        Noted { key: arn, blob: &blob }.assemble(Kind::Kms)
    }

    async fn unwrap(
        &self,
        workspace: &str,
        id: KeyRef,
        wrapped: &Wrapped,
    ) -> Result<DataKey, Error> {
        let noted = Noted::read(Kind::Kms, wrapped)?;
        self.know().await?;
        let unknown = || Error::UnknownWrappingKey(words(noted.key));
        let arn = self.key_of(noted.key).ok_or_else(unknown)?.arn();
        let ask = Decrypt {
            key_id: arn,
            ciphertext_blob: &BASE64.encode(noted.blob),
            encryption_context: Context { workspace, data_key: &id.to_string() },
        };
        let reply: Decrypted = self.ask("Decrypt", arn, &ask).await?;
        if reply.key_id != arn {
            return Err(Error::DoesNotOpen);
        }
        let plain = BASE64
            .decode(reply.plaintext.as_bytes())
            .map(Zeroizing::new)
            .map_err(|_| self.service.refused("what it decrypted is not base64"))?;
        Ok(DataKey::from_parts(id, &key_bytes(&plain)?))
    }
}

//! Signed assertions (RFC 7523, section 3): how they are made, and those with which a client proves itself
//! (section 2.2; OpenID Connect Core, section 9, `private_key_jwt`). [`crate::jwt_bearer`] has the others.

use std::{collections::BTreeMap, fmt, sync::Arc};

use base::{Clock, ExposeSecret, Rng, SecretString, random_token};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use connector::{
    ErrorKind,
    manifest::{AssertionAlgorithm, AssertionSpec},
};
use ring::{rand::SystemRandom, signature};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::{Client, Endpoints, Error};

/// What `client_assertion_type` says (RFC 7523, section 2.2).
pub(crate) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Where assertions come from. Each request has one of its own.
#[derive(Clone, Default)]
pub enum Proof {
    /// Nowhere: it can make none.
    #[default]
    None,
    /// They are signed with a private key: the client's secret, or what a person filled in.
    Signed {
        /// What time it is.
        clock: Arc<dyn Clock>,
        /// Where their ids come from.
        rng: Arc<dyn Rng>,
    },
    /// This stands for one, in a request that is shown and never sent.
    Shown(&'static str),
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Signed { .. } => "Signed",
            Self::Shown(_) => "Shown",
        })
    }
}

/// Says what a private key for this algorithm is, unless this is one: `an RSA private key of …`.
pub fn check_key(algorithm: AssertionAlgorithm, secret: &SecretString) -> Result<(), &'static str> {
    Key::read(algorithm, secret).map(drop)
}

/// What an assertion says, besides when it was made and its id.
pub(crate) struct Claims {
    pub(crate) key_id: Option<String>,
    pub(crate) lifetime_s: u32,
    /// `iss`, `sub`, `aud` and whatever else.
    pub(crate) all: Map<String, Value>,
}

impl Proof {
    /// An assertion, signed with the key; both are made only where something is to be sent. `wrong` says
    /// whose fault it is that nothing can be signed.
    pub(crate) fn assertion(
        &self,
        algorithm: AssertionAlgorithm,
        key: impl FnOnce() -> Result<Key, Error>,
        claims: impl FnOnce() -> Result<Claims, Error>,
        wrong: impl FnOnce(&str) -> Error,
    ) -> Result<String, Error> {
        let (clock, rng) = match self {
            Self::Signed { clock, rng } => (clock, rng),
            Self::Shown(text) => return Ok((*text).to_owned()),
            Self::None => {
                let text = "there is no clock to sign an assertion with";
                return Err(Error::unsent(ErrorKind::Invalid, text));
            }
        };
        let (key, mut claims) = (key()?, claims()?);
        let mut header = json!({ "alg": algorithm.name(), "typ": "JWT" });
        if let Some(id) = claims.key_id {
            header["kid"] = Value::from(id);
        }
        let now = clock.now().secs();
        let ends = now.saturating_add(i64::from(claims.lifetime_s));
        claims.all.insert("iat".to_owned(), Value::from(now));
        claims.all.insert("exp".to_owned(), Value::from(ends));
        claims.all.insert("jti".to_owned(), Value::from(random_token(rng.as_ref())));
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&header), part(&Value::Object(claims.all)));
        let signed =
            key.sign(text.as_bytes()).ok_or_else(|| wrong("the private key can't sign"))?;
        Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signed)))
    }
}

/// The assertion for one request of this client.
pub(crate) fn of(
    client: &Client,
    spec: &AssertionSpec,
    endpoints: &Endpoints,
) -> Result<String, Error> {
    let config = |text: &str| Error::unsent(ErrorKind::ClientConfig, text);
    let key = || {
        let secret = client.client_secret.as_ref();
        let secret = secret.ok_or_else(|| config("the client has no private key to sign with"))?;
        Key::read(spec.algorithm, secret)
            .map_err(|wanted| config(&format!("the client's secret must be {wanted}")))
    };
    let claims = || {
        let texts = Texts::of(client, endpoints);
        let named = |template: &Option<String>| match template.as_deref() {
            Some(text) => texts.fill(text),
            None => Ok(client.client_id.clone()),
        };
        let mut all = Map::new();
        all.insert("iss".to_owned(), named(&spec.issuer)?.into());
        all.insert("sub".to_owned(), named(&spec.subject)?.into());
        all.insert("aud".to_owned(), texts.audience(spec.audience.as_deref(), endpoints)?.into());
        let key_id = spec.key_id.as_deref().map(|text| texts.fill(text)).transpose()?;
        Ok(Claims { key_id, lifetime_s: spec.lifetime_s, all })
    };
    client.proof.assertion(spec.algorithm, key, claims, config)
}

/// What templates may name.
pub(crate) struct Texts<'a>(pub(crate) BTreeMap<&'a str, &'a str>);

impl<'a> Texts<'a> {
    fn of(client: &'a Client, endpoints: &'a Endpoints) -> Self {
        let issuer = endpoints.issuer.as_deref().map(|issuer| ("issuer", issuer));
        let answers = endpoints.answers.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        let ours = issuer.into_iter().chain([("client_id", client.client_id.as_str())]);
        Self(ours.chain(answers).collect())
    }

    pub(crate) fn fill(&self, template: &str) -> Result<String, Error> {
        self.fill_known(template).ok_or_else(|| {
            let text = format!(
                "the assertion needs an answer that is missing, for `{template}`; complete the settings"
            );
            Error::unsent(ErrorKind::Invalid, text)
        })
    }

    /// None where something is missing.
    pub(crate) fn fill_known(&self, template: &str) -> Option<String> {
        connector::fill_header(template, &self.0)
    }

    /// Whom an assertion is for: as the manifest says, else the token endpoint (RFC 7523, section 3).
    pub(crate) fn audience(
        &self,
        template: Option<&str>,
        endpoints: &Endpoints,
    ) -> Result<String, Error> {
        if let Some(template) = template {
            return self.fill(template);
        }
        endpoints.token.as_ref().map(ToString::to_string).ok_or_else(|| {
            let text = "the assertion is for the token endpoint, and there is none; write its audience into the manifest";
            Error::unsent(ErrorKind::Invalid, text)
        })
    }
}

/// A private key.
pub(crate) enum Key {
    Rsa(signature::RsaKeyPair),
    Ecdsa(signature::EcdsaKeyPair),
}

impl Key {
    pub(crate) fn read(
        algorithm: AssertionAlgorithm,
        secret: &SecretString,
    ) -> Result<Self, &'static str> {
        let wrong = match algorithm {
            AssertionAlgorithm::Rs256 => {
                "an RSA private key of 2048 to 4096 bits as PEM (PKCS#8), from -----BEGIN PRIVATE KEY----- on; `openssl pkcs8 -topk8 -nocrypt` writes it so"
            }
            AssertionAlgorithm::Es256 => {
                "a P-256 private key with its public part as PEM (PKCS#8), from -----BEGIN PRIVATE KEY----- on; `openssl pkcs8 -topk8 -nocrypt` writes it so"
            }
        };
        let der = der(secret.expose_secret()).ok_or(wrong)?;
        let key = match algorithm {
            AssertionAlgorithm::Rs256 => signature::RsaKeyPair::from_pkcs8(&der).map(Self::Rsa),
            AssertionAlgorithm::Es256 => {
                let curve = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
                signature::EcdsaKeyPair::from_pkcs8(curve, &der, &SystemRandom::new())
                    .map(Self::Ecdsa)
            }
        };
        // ring's own words may tell of the key.
        key.map_err(|_| wrong)
    }

    /// The signature. Its nonce is ring's: no other source may give it.
    fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        let rng = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let mut signed = vec![0; key.public().modulus_len()];
                key.sign(&signature::RSA_PKCS1_SHA256, &rng, text, &mut signed).ok()?;
                Some(signed)
            }
            Self::Ecdsa(key) => Some(key.sign(&rng, text).ok()?.as_ref().to_vec()),
        }
    }
}

/// What PEM (RFC 7468) holds: one private key, PKCS#8, and nothing around it.
fn der(pem: &str) -> Option<Zeroizing<Vec<u8>>> {
    let text = pem.trim().trim_end_matches("\\n").strip_prefix("-----BEGIN PRIVATE KEY-----")?;
    let text = text.strip_suffix("-----END PRIVATE KEY-----")?;
    // Large enough not to move: old places are not wiped.
    let mut bare = Zeroizing::new(String::with_capacity(text.len()));
    // Out of a JSON file, such as Google's, it comes with `\n` for the ends of its lines.
    let lines = text.split("\\n").flat_map(str::chars);
    bare.extend(lines.filter(|c| !c.is_ascii_whitespace()));
    STANDARD.decode(bare.as_bytes()).ok().map(Zeroizing::new)
}

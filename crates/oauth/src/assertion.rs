//! A client that proves itself with a signed assertion (RFC 7523, sections 2.2 and 3; OpenID Connect Core,
//! section 9, `private_key_jwt`).

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
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::{Client, Endpoints, Error};

/// What `client_assertion_type` says (RFC 7523, section 2.2).
pub(crate) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Where a client's assertions come from. Each request has one of its own.
#[derive(Clone, Default)]
pub enum Proof {
    /// Nowhere: it can make none.
    #[default]
    None,
    /// They are signed with the client's secret, a private key.
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

/// Says what a client's secret must be to sign with this algorithm, unless it is that.
pub fn check_key(algorithm: AssertionAlgorithm, secret: &SecretString) -> Result<(), &'static str> {
    Key::read(algorithm, secret).map(drop)
}

/// The assertion for one request of this client.
pub(crate) fn of(
    client: &Client,
    spec: &AssertionSpec,
    endpoints: &Endpoints,
) -> Result<String, Error> {
    let (clock, rng) = match &client.proof {
        Proof::Signed { clock, rng } => (clock, rng),
        Proof::Shown(text) => return Ok((*text).to_owned()),
        Proof::None => {
            let text = "this client has no clock to sign an assertion with";
            return Err(Error::unsent(ErrorKind::Invalid, text));
        }
    };
    let config = |text: &str| Error::unsent(ErrorKind::ClientConfig, text);
    let secret = client.client_secret.as_ref();
    let secret = secret.ok_or_else(|| config("the client has no private key to sign with"))?;
    let key = Key::read(spec.algorithm, secret).map_err(config)?;
    let texts = Texts::of(client, endpoints);
    let audience = match &spec.audience {
        Some(template) => texts.fill(template)?,
        None => token_endpoint(endpoints)?,
    };
    let named = |template: &Option<String>| {
        template.as_deref().map_or_else(|| Ok(client.client_id.clone()), |text| texts.fill(text))
    };
    let mut header = json!({ "alg": spec.algorithm.name(), "typ": "JWT" });
    if let Some(template) = &spec.key_id {
        header["kid"] = Value::from(texts.fill(template)?);
    }
    let now = clock.now().secs();
    let claims = json!({
        "iss": named(&spec.issuer)?,
        "sub": named(&spec.subject)?,
        "aud": audience,
        "iat": now,
        "exp": now.saturating_add(i64::from(spec.lifetime_s)),
        "jti": random_token(rng.as_ref()),
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&header), part(&claims));
    let signed = key.sign(text.as_bytes()).ok_or_else(|| config("the private key can't sign"))?;
    Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signed)))
}

fn token_endpoint(endpoints: &Endpoints) -> Result<String, Error> {
    endpoints.token.as_ref().map(ToString::to_string).ok_or_else(|| {
        let text = "the assertion is for the token endpoint, and there is none; write client.assertion.audience";
        Error::unsent(ErrorKind::Invalid, text)
    })
}

/// What templates may name.
struct Texts<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Texts<'a> {
    fn of(client: &'a Client, endpoints: &'a Endpoints) -> Self {
        let issuer = endpoints.issuer.as_deref().map(|issuer| ("issuer", issuer));
        let answers = endpoints.answers.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        let ours = issuer.into_iter().chain([("client_id", client.client_id.as_str())]);
        Self(ours.chain(answers).collect())
    }

    fn fill(&self, template: &str) -> Result<String, Error> {
        connector::fill_header(template, &self.0).ok_or_else(|| {
            let text = format!(
                "the client's assertion needs an answer that is missing, for `{template}`; complete the settings"
            );
            Error::unsent(ErrorKind::Invalid, text)
        })
    }
}

/// A private key.
enum Key {
    Rsa(signature::RsaKeyPair),
    Ecdsa(signature::EcdsaKeyPair),
}

impl Key {
    fn read(algorithm: AssertionAlgorithm, secret: &SecretString) -> Result<Self, &'static str> {
        let wrong = match algorithm {
            AssertionAlgorithm::Rs256 => {
                "the client's secret must be an RSA private key of 2048 to 4096 bits as PEM (PKCS#8), from -----BEGIN PRIVATE KEY----- on; `openssl pkcs8 -topk8 -nocrypt` writes it so"
            }
            AssertionAlgorithm::Es256 => {
                "the client's secret must be a P-256 private key with its public part as PEM (PKCS#8), from -----BEGIN PRIVATE KEY----- on; `openssl pkcs8 -topk8 -nocrypt` writes it so"
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
    let text = pem.trim().strip_prefix("-----BEGIN PRIVATE KEY-----")?;
    let text = text.strip_suffix("-----END PRIVATE KEY-----")?;
    // Large enough not to move: old places are not wiped.
    let mut bare = Zeroizing::new(String::with_capacity(text.len()));
    bare.extend(text.chars().filter(|c| !c.is_ascii_whitespace()));
    STANDARD.decode(bare.as_bytes()).ok().map(Zeroizing::new)
}

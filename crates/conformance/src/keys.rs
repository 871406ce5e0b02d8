//! Signed assertions: the keys for them, and a strict reader of what is signed.

use std::sync::LazyLock;

use base::{ExposeSecret, SecretString};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use connector::{ClientAuth, Manifest, manifest::AssertionAlgorithm};
use outbound::ClientCertificate;
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
        RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey,
    },
};
use serde_json::Value;

use crate::flow::SECRET;

/// An RSA key that everybody knows: it opens nothing.
const RSA: &str = include_str!("rsa.b64");

/// A P-256 key of this run.
static EC: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
    made.expect("a key is made").as_ref().to_vec()
});

/// The secret of a client at this provider: a private key, where it signs.
pub(crate) fn secret(manifest: &Manifest) -> String {
    let spec = manifest.client.assertion.as_ref();
    spec.map_or(SECRET.to_owned(), |spec| pem(spec.algorithm))
}

/// A certificate that nobody trusts, of this run, and its key.
static CERTIFICATE: LazyLock<[String; 2]> = LazyLock::new(|| {
    let made = rcgen::generate_simple_self_signed(["client.example".to_owned()]);
    let made = made.expect("a certificate is made");
    [made.cert.pem(), made.signing_key.serialize_pem()]
});

/// What a client of this provider has: a secret, a certificate, or both.
pub(crate) fn client(manifest: &Manifest) -> (Option<SecretString>, Option<ClientCertificate>) {
    let secret = SecretString::from(secret(manifest));
    if !manifest.client.certificate {
        return (Some(secret), None);
    }
    let whole = match manifest.client.auth {
        ClientAuth::Mtls | ClientAuth::None => CERTIFICATE.concat(),
        _ => format!("{}\n{}", secret.expose_secret(), CERTIFICATE.concat()),
    };
    let (secret, certificate) = oauth::take_apart(manifest, &whole.into()).expect("it is whole");
    (secret, Some(certificate))
}

/// The private key for this algorithm.
pub(crate) fn pem(algorithm: AssertionAlgorithm) -> String {
    let der = match algorithm {
        AssertionAlgorithm::Rs256 => RSA.trim().to_owned(),
        AssertionAlgorithm::Es256 => BASE64_STANDARD.encode(EC.as_slice()),
    };
    format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n")
}

/// The parts of the secrets of this provider which nobody may see.
pub(crate) fn secret_parts(manifest: &Manifest) -> Vec<String> {
    let filled_in = manifest.assertion.as_ref().map(|spec| pem(spec.algorithm));
    let of_certificate = manifest.client.certificate.then(|| CERTIFICATE[1].clone());
    let all: Vec<_> =
        [secret(manifest)].into_iter().chain(filled_in).chain(of_certificate).collect();
    all.iter()
        .flat_map(|text| text.lines())
        .filter(|line| !line.starts_with("-----"))
        .map(str::to_owned)
        .collect()
}

/// Header and claims of an assertion, if it is signed in this way with that key.
pub(crate) fn verified(algorithm: AssertionAlgorithm, assertion: &str) -> (Value, Value) {
    let (text, signature) = assertion.rsplit_once('.').expect("a JWT has three parts");
    let part = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).expect("base64url");
    let signature = part(signature);
    let good = match algorithm {
        AssertionAlgorithm::Rs256 => {
            let der = RSA.split_whitespace().collect::<String>();
            let der = BASE64_STANDARD.decode(der).expect("base64");
            let key = RsaKeyPair::from_pkcs8(&der).expect("an RSA key");
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public().as_ref())
                .verify(text.as_bytes(), &signature)
        }
        AssertionAlgorithm::Es256 => {
            let curve = &ECDSA_P256_SHA256_FIXED_SIGNING;
            let key = EcdsaKeyPair::from_pkcs8(curve, &EC, &SystemRandom::new());
            let key = key.expect("a P-256 key");
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.public_key().as_ref())
                .verify(text.as_bytes(), &signature)
        }
    };
    assert!(good.is_ok(), "the assertion is not signed with the key that there is");
    let (header, claims) = text.split_once('.').expect("a JWT has three parts");
    let json = |text: &str| serde_json::from_slice(&part(text)).expect("JSON");
    (json(header), json(claims))
}

//! Data keys: they seal values, and other data keys.

use std::{fmt, str::FromStr};

use aes_gcm::{
    KeyInit,
    aead::{Aead, Payload},
};
use base::Rng;
use data_encoding::HEXLOWER;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{
    Error, Place, Sealed,
    locked::LockedKey,
    sealed::{KEY_ID, MOST, NONCE, VERSION},
};

/// A data key's id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyRef([u8; KEY_ID]);

impl KeyRef {
    /// A new id.
    pub fn random(rng: &dyn Rng) -> Self {
        let mut id = [0; KEY_ID];
        rng.fill(&mut id);
        Self(id)
    }

    /// The id with these bytes.
    pub const fn from_bytes(bytes: [u8; KEY_ID]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; KEY_ID] {
        &self.0
    }
}

impl fmt::Display for KeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for KeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for KeyRef {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bytes = HEXLOWER.decode(text.as_bytes()).ok();
        let bytes: Option<[u8; KEY_ID]> = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(Error::Malformed("a key id is 32 hexadecimal digits"))
    }
}

/// A key that seals values. Locked in memory where the system allows, and wiped from it when dropped;
/// not printable, not copyable.
pub struct DataKey {
    id: KeyRef,
    key: LockedKey,
}

base::lacks!(DataKey: fmt::Debug, fmt::Display, Clone, serde::Serialize);

impl DataKey {
    /// A new key with a new id.
    pub fn generate(rng: &dyn Rng) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        rng.fill(key.as_mut_slice());
        Self::from_parts(KeyRef::random(rng), &key)
    }

    pub(crate) fn from_parts(id: KeyRef, key: &Zeroizing<[u8; 32]>) -> Self {
        Self { id, key: LockedKey::new(key) }
    }

    /// A copy, which is not locked: to be sealed, and gone.
    pub(crate) fn bytes(&self) -> Zeroizing<[u8; 32]> {
        self.key.with(|bytes, _| Zeroizing::new(*bytes))
    }

    /// Its id.
    pub fn id(&self) -> KeyRef {
        self.id
    }

    /// Seals a value of at most 1 MiB for its place.
    pub fn seal(
        &self,
        rng: &dyn Rng,
        place: &Place<'_>,
        plaintext: &[u8],
    ) -> Result<Sealed, Error> {
        if plaintext.len() > MOST {
            return Err(Error::TooLarge);
        }
        let mut nonce = [0; NONCE];
        rng.fill(&mut nonce);
        let aad = place.aad(VERSION);
        let payload = Payload { msg: plaintext, aad: &aad };
        let ciphertext = self
            .key
            .with(|_, cipher| cipher.encrypt((&nonce).into(), payload))
            .map_err(|_| Error::TooLarge)?;
        Ok(Sealed::assemble(self.id, &nonce, &ciphertext))
    }

    /// Opens a value at its place.
    pub fn open(&self, place: &Place<'_>, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, Error> {
        if sealed.key_id() != self.id {
            return Err(Error::DoesNotOpen);
        }
        let nonce = sealed.nonce();
        let aad = place.aad(VERSION);
        let payload = Payload { msg: sealed.ciphertext(), aad: &aad };
        self.key
            .with(|_, cipher| cipher.decrypt((&nonce).into(), payload))
            .map(Zeroizing::new)
            .map_err(|_| Error::DoesNotOpen)
    }

    /// Seals another data key: an end user's under the workspace's.
    pub fn seal_key(&self, rng: &dyn Rng, place: &Place<'_>, key: &Self) -> Result<Sealed, Error> {
        self.seal(rng, place, key.bytes().as_slice())
    }

    /// Opens a data key that [`seal_key`](Self::seal_key) sealed and gives it its id.
    pub fn open_key(&self, place: &Place<'_>, id: KeyRef, sealed: &Sealed) -> Result<Self, Error> {
        Ok(Self::from_parts(id, &key_bytes(&self.open(place, sealed)?)?))
    }

    /// HMAC-SHA-256 under a subkey of this key for `domain` (HKDF-SHA-256, RFC 5869): equal bytes
    /// give equal digests within a domain, and nothing can be told from them without the key.
    pub fn digest(&self, domain: &str, bytes: &[u8]) -> [u8; 32] {
        let mut subkey = Zeroizing::new([0; 32]);
        let hkdf = self.key.with(|key, _| Hkdf::<Sha256>::new(Some(b"valetkey digest v1"), key));
        hkdf.expand(domain.as_bytes(), subkey.as_mut_slice())
            .expect("32 bytes are fewer than HKDF's most");
        let mut mac = Hmac::<Sha256>::new_from_slice(subkey.as_slice())
            .expect("HMAC takes keys of every length");
        mac.update(bytes);
        mac.finalize().into_bytes().into()
    }
}

pub(crate) fn key_bytes(plain: &[u8]) -> Result<Zeroizing<[u8; 32]>, Error> {
    let mut key = Zeroizing::new([0; 32]);
    if plain.len() != key.len() {
        return Err(Error::Malformed("a data key is 32 bytes"));
    }
    key.copy_from_slice(plain);
    Ok(key)
}

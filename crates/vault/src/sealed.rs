//! The format of a sealed value: version ‖ key id ‖ nonce ‖ ciphertext with tag.

use std::fmt;

use crate::{Error, KeyRef};

/// The one version there is.
pub(crate) const VERSION: u8 = 1;
pub(crate) const KEY_ID: usize = 16;
pub(crate) const NONCE: usize = 12;
pub(crate) const TAG: usize = 16;
const HEAD: usize = 1 + KEY_ID + NONCE;
/// The largest plaintext.
pub(crate) const MOST: usize = 1024 * 1024;

/// A sealed value.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// Reads bytes in the vault's format; does not open them.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, Error> {
        match bytes.first() {
            None => Err(Error::Malformed("they are empty")),
            Some(&VERSION) if bytes.len() < HEAD + TAG => {
                Err(Error::Malformed("they are too short"))
            }
            Some(&VERSION) if bytes.len() > HEAD + TAG + MOST => {
                Err(Error::Malformed("they are too long"))
            }
            Some(&VERSION) => Ok(Self(bytes)),
            Some(_) => Err(Error::Malformed("their version is unknown")),
        }
    }

    pub(crate) fn assemble(key: KeyRef, nonce: &[u8; NONCE], ciphertext: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(HEAD + ciphertext.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(key.as_bytes());
        bytes.extend_from_slice(nonce);
        bytes.extend_from_slice(ciphertext);
        Self(bytes)
    }

    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes to store.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Which key opens it.
    pub fn key_id(&self) -> KeyRef {
        let mut id = [0; KEY_ID];
        id.copy_from_slice(&self.0[1..=KEY_ID]);
        KeyRef::from_bytes(id)
    }

    pub(crate) fn nonce(&self) -> [u8; NONCE] {
        let mut nonce = [0; NONCE];
        nonce.copy_from_slice(&self.0[1 + KEY_ID..HEAD]);
        nonce
    }

    pub(crate) fn ciphertext(&self) -> &[u8] {
        &self.0[HEAD..]
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

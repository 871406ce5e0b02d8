//! Signed notes in the form of C2SP (<https://c2sp.org/signed-note>), with Ed25519.

use std::{fmt, str::FromStr};

use base::constant_time_eq;
use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

/// The longest note that is read, in bytes.
pub const MOST_NOTE: usize = 16 * 1024;
/// The most signatures that are looked at.
const MOST_SIGNATURES: usize = 16;
/// Ed25519, as the form numbers the kinds of signatures.
const ED25519: u8 = 1;
/// What a line with a signature begins with: an em dash and a space.
const DASH: &str = "\u{2014} ";

/// Why a note is not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It is not in the form of a signed note.
    #[error("it is not in the form of a signed note")]
    Malformed,
    /// Nobody signed it whose key is trusted.
    #[error("it is not signed with the expected key")]
    OtherKey,
    /// The signature is not one of this text.
    #[error("its signature does not fit its text")]
    BadSignature,
    /// The text is not a chain's place and hash.
    #[error("its text is not the place and hash of a chain")]
    NotOfAChain,
    /// The text is no verifier key.
    #[error("a verifier key is written <name>+<8 hexadecimal digits>+<base64>")]
    NotAKey,
}

/// What a note of ours says: a chain up to this place has this hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which chain of which hub: `keys.example.com/ws/ws_…`
    pub origin: String,
    /// How many entries.
    pub size: i64,
    /// The hash of the last of them.
    pub hash: [u8; 32],
    /// Whether the entries were cut off, and the chain begins behind them.
    pub anchor: bool,
}

impl Checkpoint {
    /// The text that is signed.
    pub fn text(&self) -> String {
        let Self { origin, size, hash, anchor } = self;
        let last = if *anchor { "anchor\n" } else { "" };
        format!("{origin}\n{size}\n{}\n{last}", BASE64.encode(hash))
    }

    /// Reads a note's text. Only what [`text`](Self::text) writes is taken.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let parse = || {
            let mut lines = text.lines();
            let origin = lines.next()?.to_owned();
            let size = lines.next()?.parse().ok()?;
            let hash = BASE64.decode(lines.next()?.as_bytes()).ok()?.try_into().ok()?;
            let anchor = lines.next() == Some("anchor");
            Some(Self { origin, size, hash, anchor })
        };
        let said: Self = parse().ok_or(NoteError::NotOfAChain)?;
        if said.text() == text && said.size >= 0 && !said.origin.is_empty() {
            Ok(said)
        } else {
            Err(NoteError::NotOfAChain)
        }
    }
}

/// SHA-256 over the name, a line feed, the kind and the key; its first four bytes.
fn key_id(name: &str, key: &VerifyingKey) -> [u8; 4] {
    let mut hasher = Sha256::new();
    hasher.update(name);
    hasher.update([b'\n', ED25519]);
    hasher.update(key);
    let hash = hasher.finalize();
    [hash[0], hash[1], hash[2], hash[3]]
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c == '+' || c.is_whitespace() || c.is_control())
}

/// Signs notes. The key is wiped when it is dropped.
pub struct Signer {
    name: String,
    key: SigningKey,
}

impl Signer {
    /// A signer with this name: the hub's host, and its port where it has one.
    pub fn new(name: &str, seed: &[u8; 32]) -> Self {
        // A host has no spaces; a plus would end the name where a verifier key is read.
        let name = name.replace(|c: char| !is_name(c.encode_utf8(&mut [0; 4])), "-");
        let name = if name.is_empty() { "-".to_owned() } else { name };
        Self { name, key: SigningKey::from_bytes(seed) }
    }

    /// What others verify with.
    pub fn verifier_key(&self) -> VerifierKey {
        VerifierKey { name: self.name.clone(), key: self.key.verifying_key() }
    }

    /// The origin of a chain's notes.
    pub fn origin(&self, chain: &str) -> String {
        format!("{}/ws/{chain}", self.name)
    }

    /// The note that says this.
    pub fn sign(&self, what: &Checkpoint) -> String {
        let text = what.text();
        let mut signed = key_id(&self.name, &self.key.verifying_key()).to_vec();
        signed.extend(self.key.sign(text.as_bytes()).to_bytes());
        format!("{text}\n{DASH}{} {}\n", self.name, BASE64.encode(&signed))
    }
}

/// The key with which notes are verified: `<name>+<key id>+<base64 of the kind and the key>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    key: VerifyingKey,
}

impl VerifierKey {
    /// What a note says that this key signed.
    ///
    /// The name beside the signature may be another than the key's: a hub that moves to another host
    /// keeps its key. What counts is the key.
    pub fn open(&self, note: &str) -> Result<Checkpoint, NoteError> {
        let (text, signatures) = split(note)?;
        let mut why = NoteError::OtherKey;
        for line in signatures.lines() {
            let (name, id, signature) = signature_of(line).ok_or(NoteError::Malformed)?;
            if !constant_time_eq(&key_id(name, &self.key), &id) {
                continue;
            }
            if self.key.verify_strict(text.as_bytes(), &signature).is_ok() {
                return Checkpoint::parse(text);
            }
            why = NoteError::BadSignature;
        }
        Err(why)
    }
}

/// The text with its last line feed, and the lines of signatures.
fn split(note: &str) -> Result<(&str, &str), NoteError> {
    let control = |c: char| c.is_control() && c != '\n';
    let at = note.rfind("\n\n").ok_or(NoteError::Malformed)?;
    let (text, signatures) = (&note[..=at], &note[at + 2..]);
    let count = signatures.lines().count();
    let good = note.len() <= MOST_NOTE
        && !note.contains(control)
        && signatures.ends_with('\n')
        && (1..=MOST_SIGNATURES).contains(&count);
    if good { Ok((text, signatures)) } else { Err(NoteError::Malformed) }
}

/// Name, key id and signature; a signature of another kind is one of zeros, which no key has.
fn signature_of(line: &str) -> Option<(&str, [u8; 4], Signature)> {
    let (name, text) = line.strip_prefix(DASH)?.split_once(' ')?;
    let bytes = BASE64.decode(text.as_bytes()).ok()?;
    let (id, signature) = bytes.split_first_chunk::<4>()?;
    if !is_name(name) || signature.is_empty() {
        return None;
    }
    let signature = signature.try_into().unwrap_or([0; 64]);
    Some((name, *id, Signature::from_bytes(&signature)))
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = HEXLOWER.encode(&key_id(&self.name, &self.key));
        let key = [&[ED25519], self.key.as_bytes().as_slice()].concat();
        write!(f, "{}+{id}+{}", self.name, BASE64.encode(&key))
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let parse = || {
            let mut parts = text.splitn(3, '+');
            let (name, id, key) = (parts.next()?, parts.next()?, parts.next()?);
            let key = BASE64.decode(key.as_bytes()).ok()?;
            let (kind, key) = key.split_first()?;
            let key = VerifyingKey::from_bytes(key.try_into().ok()?).ok()?;
            let id_fits = id == HEXLOWER.encode(&key_id(name, &key));
            let good = is_name(name) && *kind == ED25519 && id_fits && !key.is_weak();
            good.then(|| Self { name: name.to_owned(), key })
        };
        parse().ok_or(NoteError::NotAKey)
    }
}

#[cfg(test)]
#[path = "note_tests.rs"]
mod tests;

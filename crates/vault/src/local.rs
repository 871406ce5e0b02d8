//! Keys held by this machine: in a file, or in the environment.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use async_trait::async_trait;
use base::{ExposeSecret, Rng, SecretString};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{
    DataKey, Error, KeyRef, KeySource, Sealed, Wrapped, key::key_bytes, noted, sealed::VERSION,
    source::place,
};

const PREFIX: &str = "vkk1_";
/// The most keys in one text.
const MOST: usize = 32;

/// One or more wrapping keys; the first wraps, all unwrap.
pub struct LocalKeys {
    name: String,
    keys: Vec<DataKey>,
}

base::lacks!(LocalKeys: std::fmt::Debug, std::fmt::Display, Clone, serde::Serialize);

impl LocalKeys {
    /// Reads lines of `vkk1_…`; blank lines and lines that start with `#` do not count.
    ///
    /// `name` says to people where the text came from.
    pub fn from_text(text: &SecretString, name: &str) -> Result<Self, Error> {
        let bad = |why| Error::BadKeyText(name.to_owned(), why);
        let mut keys = Vec::new();
        for line in text.expose_secret().lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let encoded =
                line.strip_prefix(PREFIX).ok_or_else(|| bad("a key starts with vkk1_"))?;
            let bytes = BASE64URL_NOPAD
                .decode(encoded.as_bytes())
                .map(Zeroizing::new)
                .map_err(|_| bad("after vkk1_ come 43 characters of base64url"))?;
            let key = key_bytes(&bytes)
                .map_err(|_| bad("after vkk1_ come 43 characters of base64url"))?;
            keys.push(DataKey::from_parts(wrapping_id(key.as_slice()), &key));
        }
        match keys.len() {
            0 => Err(bad("it is empty; a key reads vkk1_ and 43 characters")),
            1..=MOST => Ok(Self { name: name.to_owned(), keys }),
            _ => Err(bad("it holds more than 32 keys")),
        }
    }

    /// The text of a new key.
    pub fn generate_text(rng: &dyn Rng) -> SecretString {
        let mut key = Zeroizing::new([0; 32]);
        rng.fill(key.as_mut_slice());
        format!("{PREFIX}{}", BASE64URL_NOPAD.encode(key.as_slice())).into()
    }
}

/// A wrapping key's id is drawn from the key itself, so that the same key has the same id anywhere.
fn wrapping_id(key: &[u8]) -> KeyRef {
    let digest =
        Sha256::new().chain_update(b"valetkey wrapping key id v1").chain_update(key).finalize();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    KeyRef::from_bytes(id)
}

fn sealed(wrapped: &Wrapped) -> Result<Sealed, Error> {
    match wrapped.as_bytes().first() {
        Some(&first) if first != VERSION => Err(noted::unknown(first)),
        _ => Sealed::from_bytes(wrapped.as_bytes().to_vec()),
    }
}

#[async_trait]
impl KeySource for LocalKeys {
    fn name(&self) -> &str {
        &self.name
    }

    fn primary(&self) -> String {
        HEXLOWER.encode(&self.keys[0].id().as_bytes()[..8])
    }

    fn knows(&self, wrapped: &Wrapped) -> bool {
        sealed(wrapped).is_ok_and(|it| self.keys.iter().any(|key| key.id() == it.key_id()))
    }

    fn is_current(&self, wrapped: &Wrapped) -> bool {
        sealed(wrapped).is_ok_and(|it| self.keys[0].id() == it.key_id())
    }

    /// The keys were read when this was made.
    async fn ready(&self) -> Result<(), Error> {
        Ok(())
    }

    async fn wrap(&self, rng: &dyn Rng, workspace: &str, key: &DataKey) -> Result<Wrapped, Error> {
        let id = key.id().to_string();
        let sealed = self.keys[0].seal_key(rng, &place(workspace, &id), key)?;
        Wrapped::from_bytes(sealed.into_bytes())
    }

    async fn unwrap(
        &self,
        workspace: &str,
        id: KeyRef,
        wrapped: &Wrapped,
    ) -> Result<DataKey, Error> {
        let sealed = sealed(wrapped)?;
        let wanted = sealed.key_id();
        let key =
            self.keys.iter().find(|key| key.id() == wanted).ok_or_else(|| {
                Error::UnknownWrappingKey(HEXLOWER.encode(&wanted.as_bytes()[..8]))
            })?;
        key.open_key(&place(workspace, &id.to_string()), id, &sealed)
    }
}

/// Whether a key file was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It is new: tell its owner to back it up.
    Now,
    /// It was there.
    Before,
}

fn file_error(path: &Path, why: impl Into<String>) -> Error {
    Error::KeyFile { path: path.display().to_string(), why: why.into() }
}

/// Opens the key file, or makes one that only its owner can read.
///
/// Refuses a file that others can read, and anything that is not a plain file.
pub fn open_or_create_key_file(path: &Path, rng: &dyn Rng) -> Result<(LocalKeys, Created), Error> {
    match create(path, rng) {
        Ok(()) => Ok((read(path)?, Created::Now)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Ok((read(path)?, Created::Before))
        }
        Err(error) => Err(file_error(path, format!("it can't be made: {error}"))),
    }
}

/// Made whole under another name and then linked: a crash leaves no half a key, and of two starters
/// one wins.
fn create(path: &Path, rng: &dyn Rng) -> std::io::Result<()> {
    if path.symlink_metadata().is_ok() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    let mut suffix = [0; 8];
    rng.fill(&mut suffix);
    let partial = path.with_extension(format!("{}.partial", HEXLOWER.encode(&suffix)));
    let text = LocalKeys::generate_text(rng);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
    let written = writeln!(file, "{}", text.expose_secret()).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| fs::hard_link(&partial, path));
    fs::remove_file(&partial)?;
    linked?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn read(path: &Path) -> Result<LocalKeys, Error> {
    let found = path
        .symlink_metadata()
        .map_err(|error| file_error(path, format!("it can't be read: {error}")))?;
    if !found.is_file() {
        return Err(file_error(
            path,
            "it is not a plain file; put the key itself there, not a link",
        ));
    }
    let mut file =
        File::open(path).map_err(|error| file_error(path, format!("it can't be read: {error}")))?;
    let open = file.metadata().map_err(|error| file_error(path, error.to_string()))?;
    if open.ino() != found.ino() {
        return Err(file_error(path, "it was changed while being opened"));
    }
    if open.mode() & 0o077 != 0 {
        return Err(file_error(
            path,
            format!("others on this machine can read it; run: chmod 600 {}", path.display()),
        ));
    }
    let mut text = Zeroizing::new(String::new());
    Read::by_ref(&mut file)
        .take(64 * 1024)
        .read_to_string(&mut text)
        .map_err(|error| file_error(path, format!("it can't be read: {error}")))?;
    LocalKeys::from_text(&SecretString::from(text.to_string()), &path.display().to_string())
}

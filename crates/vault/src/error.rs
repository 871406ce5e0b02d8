//! What can go wrong. Never says anything of a plaintext or a key.

/// A failure of the vault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The value was changed, moved to another place, or sealed with another key.
    #[error("a sealed value does not open: it was changed, moved, or sealed with another key")]
    DoesNotOpen,
    /// The bytes are not in the vault's format.
    #[error("these bytes are not a sealed value: {0}")]
    Malformed(&'static str),
    /// The plaintext is larger than a sealed value may be.
    #[error("a value of more than 1 MiB is not sealed")]
    TooLarge,
    /// The wrapping key that is needed is not in the key source.
    #[error(
        "the key source has no key {0}: add the key that this data was made with, after the one that wraps now"
    )]
    UnknownWrappingKey(String),
    /// The key text can't be read.
    #[error("{0} does not hold a key: {1}")]
    BadKeyText(String, &'static str),
    /// The key file can't be used as it is.
    #[error("the key file {path}: {why}")]
    KeyFile {
        /// Where it is.
        path: String,
        /// What is wrong and what to do.
        why: String,
    },
    /// A setting of a key source can't be used.
    #[error("{setting}: {why}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// What is wrong and what to write.
        why: String,
    },
    /// The key service does not answer, or says that it can't now. Passes by itself.
    #[error(
        "{service} can't be asked for keys now: {why}. Nothing is lost; keys in memory keep working, \
         and it is asked again when the next one is needed"
    )]
    KeyServiceUnavailable {
        /// Which.
        service: String,
        /// What it did.
        why: String,
    },
    /// The key service answers, and does not do it: somebody has to change something.
    #[error("{service} refuses: {why}")]
    KeyServiceRefused {
        /// Which.
        service: String,
        /// Why, and what to do.
        why: String,
    },
    /// The key service's key can't wrap data keys.
    #[error("the key {key} can't wrap data keys: {why}")]
    UnfitKey {
        /// Its name there.
        key: String,
        /// Why not, and what to do.
        why: String,
    },
}

impl Error {
    /// A stable code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::DoesNotOpen => "does_not_open",
            Self::Malformed(_) => "malformed",
            Self::TooLarge => "too_large",
            Self::UnknownWrappingKey(_) => "unknown_wrapping_key",
            Self::BadKeyText(..) => "bad_key_text",
            Self::KeyFile { .. } => "key_file",
            Self::Setting { .. } => "key_setting",
            Self::KeyServiceUnavailable { .. } => "key_service_unavailable",
            Self::KeyServiceRefused { .. } => "key_service_refused",
            Self::UnfitKey { .. } => "unfit_key",
        }
    }

    /// Whether it passes by itself, so that asking again later makes sense.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::KeyServiceUnavailable { .. })
    }
}

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
        "the key source has no key {0}: add the key file or variable that this data was made with"
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
        }
    }
}

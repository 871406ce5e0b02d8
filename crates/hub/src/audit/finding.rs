//! What comes of looking through an export.

use std::fmt;

use serde::Serialize;

/// What is wrong with an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// A line is not in the form of an export.
    Malformed,
    /// An entry does not follow from the one before it.
    Edited,
    /// Entries are missing.
    Removed,
    /// An entry stands there again.
    Repeated,
    /// Entries stand in another order.
    Reordered,
    /// The chain is another than the one that was signed.
    Forked,
    /// The end is missing.
    Truncated,
    /// A note is not signed with the key.
    BadSignature,
    /// No note stands for the last entries.
    Unsigned,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "Malformed",
            Self::Edited => "Edited",
            Self::Removed => "Removed",
            Self::Repeated => "Repeated",
            Self::Reordered => "Reordered",
            Self::Forked => "Forked",
            Self::Truncated => "Truncated",
            Self::BadSignature => "Bad signature",
            Self::Unsigned => "Unsigned",
        })
    }
}

/// The first thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub fault: Fault,
    /// The line of the file, from 1.
    pub line: u64,
    /// The first place of the chain that is not as it was; or may not be.
    pub first: Option<i64>,
    /// The last such place.
    pub last: Option<i64>,
    /// What the entry there calls itself.
    pub id: Option<String>,
    /// When the entry there says that it was made.
    pub at: Option<String>,
    /// What was seen, in a sentence or two.
    pub detail: String,
}

impl Finding {
    pub(super) fn new(fault: Fault, line: u64, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { fault, line, first: None, last: None, id: None, at: None, detail }
    }

    pub(super) fn places(self, first: i64, last: i64) -> Self {
        Self { first: Some(first), last: Some(last), ..self }
    }

    /// Adds what the entry says of itself, bounded: it may be anybody's text.
    pub(super) fn entry(self, body: &[u8]) -> Self {
        let said: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |name: &str| {
            let plain = |c: &char| c.is_ascii_graphic();
            said[name].as_str().map(|text| text.chars().filter(plain).take(64).collect())
        };
        Self { id: text("id"), at: text("at"), ..self }
    }
}

/// An export in which nothing is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// A workspace, or `system`.
    pub chain: String,
    /// Which chain of which hub, as the last note says.
    pub origin: String,
    /// The place of the first entry.
    pub first: i64,
    /// The place of the last entry; less than `first` where there is none.
    pub last: i64,
    /// The last entry's hash, in hexadecimal.
    pub hash: String,
    /// How many notes are signed and fit.
    pub notes: u64,
    /// Up to where the chain was cut, with a signature.
    pub cut: Option<i64>,
    /// The key that signed.
    pub vkey: String,
    /// Whether that key came from elsewhere, or only from the export itself.
    pub key_given: bool,
    /// How many notes that were kept elsewhere fit.
    pub kept: u64,
    /// How many could not be compared: they are of places before the export's first.
    pub kept_before: u64,
}

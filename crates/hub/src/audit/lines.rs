//! The lines of an export, as they are written and as they are read. `docs/audit.md` has the format.

use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};

/// What an export's first line calls itself.
const KIND: &str = "valetkey-audit-export";
/// The version that is written, and the only one that is read.
const VERSION: u8 = 1;

/// The first line.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    #[serde(rename = "type")]
    kind: String,
    version: u8,
    /// A workspace, or `system`.
    pub(super) chain: String,
    pub(super) origin: String,
    /// What the notes are verified with; of use only where it is known from elsewhere.
    pub(super) vkey: String,
    /// The place of the first entry.
    pub(super) first: i64,
    /// The hash that it follows, in hexadecimal.
    pub(super) before: String,
    /// Where the chain was cut.
    pub(super) anchor: Option<AnchorLine>,
}

/// Where a chain was cut.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AnchorLine {
    pub(super) size: i64,
    pub(super) hash: String,
    pub(super) note: String,
}

impl Header {
    pub(super) fn new(chain: &str, origin: String, vkey: String) -> Self {
        Self {
            kind: KIND.to_owned(),
            version: VERSION,
            chain: chain.to_owned(),
            origin,
            vkey,
            first: 1,
            before: HEXLOWER.encode(&super::ZERO),
            anchor: None,
        }
    }

    /// None where it is no export, or of another version.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        let header: Self = serde_json::from_slice(line).ok()?;
        (header.kind == KIND && header.version == VERSION).then_some(header)
    }
}

/// A line after the first.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Entry { seq: i64, body: Vec<u8>, hash: [u8; 32] },
    Note(String),
    End { count: i64 },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryLine {
    seq: i64,
    body: String,
    hash: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoteLine {
    note: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndLine {
    end: bool,
    count: i64,
}

impl Line {
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        if let Ok(EntryLine { seq, body, hash }) = serde_json::from_slice(line) {
            let body = BASE64.decode(body.as_bytes()).ok()?;
            return Some(Self::Entry { seq, body, hash: read_hash(&hash)? });
        }
        if let Ok(NoteLine { note }) = serde_json::from_slice(line) {
            return Some(Self::Note(note));
        }
        match serde_json::from_slice(line) {
            Ok(EndLine { end: true, count }) => Some(Self::End { count }),
            _ => None,
        }
    }
}

/// Lower-case hexadecimal only: one hash has one way to be written.
pub(super) fn read_hash(text: &str) -> Option<[u8; 32]> {
    HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
}

pub(super) fn write_entry(out: &mut Vec<u8>, seq: i64, body: &[u8], hash: &[u8]) {
    write(out, &EntryLine { seq, body: BASE64.encode(body), hash: HEXLOWER.encode(hash) });
}

pub(super) fn write_note(out: &mut Vec<u8>, note: &str) {
    write(out, &NoteLine { note: note.to_owned() });
}

pub(super) fn write_end(out: &mut Vec<u8>, count: i64) {
    write(out, &EndLine { end: true, count });
}

pub(super) fn write<T: Serialize>(out: &mut Vec<u8>, line: &T) {
    // Our own types, into memory: it can't fail.
    if serde_json::to_writer(&mut *out, line).is_ok() {
        out.push(b'\n');
    }
}

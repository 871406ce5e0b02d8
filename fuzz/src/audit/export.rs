//! A sound export, as `docs/audit.md` describes it.

use std::sync::OnceLock;

use data_encoding::{BASE64, HEXLOWER};
use hub::audit::{Checkpoint, Signer, VerifierKey, ZERO, hash};
use serde_json::json;

/// Whose chain it is.
pub(super) const CHAIN: &str = "ws_1";

/// A chain, exported.
pub(super) struct Export {
    pub(super) size: i64,
    pub(super) lines: Vec<Vec<u8>>,
    /// The places that notes are signed for.
    pub(super) noted: Vec<i64>,
    pub(super) last_note: String,
}

fn signer() -> &'static Signer {
    static SIGNER: OnceLock<Signer> = OnceLock::new();
    SIGNER.get_or_init(|| Signer::new("keys.example.com", &[7; 32]))
}

/// What notes are verified with.
pub(super) fn key() -> VerifierKey {
    signer().verifier_key()
}

/// The line of an entry.
pub(super) fn entry(seq: i64, body: &[u8], hash: &[u8; 32]) -> Vec<u8> {
    line(&json!({ "seq": seq, "body": BASE64.encode(body), "hash": HEXLOWER.encode(hash) }))
}

fn line(value: &serde_json::Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

impl Export {
    /// So many entries, with a note behind each whose bit is set, and behind the last.
    pub(super) fn new(size: u8, where_noted: u8) -> Self {
        let size = i64::from(size);
        let (origin, key) = (signer().origin(CHAIN), key().to_string());
        let mut lines = vec![line(&json!({
            "type": "valetkey-audit-export", "version": 1, "chain": CHAIN, "origin": origin,
            "vkey": key, "first": 1, "before": HEXLOWER.encode(&ZERO), "anchor": null,
        }))];
        let (mut last, mut noted, mut last_note) = (ZERO, Vec::new(), String::new());
        for seq in 1..=size {
            let body = format!("{{\"v\":1,\"id\":\"rel_{seq}\",\"at\":\"2026-11-18T11:06:40Z\"}}");
            last = hash(&last, seq, body.as_bytes());
            lines.push(entry(seq, body.as_bytes(), &last));
            if seq == size || where_noted & (1 << (seq - 1)) != 0 {
                let origin = origin.clone();
                last_note =
                    signer().sign(&Checkpoint { origin, size: seq, hash: last, anchor: false });
                lines.push(line(&json!({ "note": last_note })));
                noted.push(seq);
            }
        }
        lines.push(line(&json!({ "end": true, "count": size })));
        Self { size, lines, noted, last_note }
    }
}

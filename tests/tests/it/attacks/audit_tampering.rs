//! Somebody writes into the audit chain behind the hub's back. Whoever reads it through the API finds that,
//! with nothing but the documented formula and the last head that was seen.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Attack, rows::Rows, town::Town};
use crate::harness::Workspace;

/// What an auditor remembers of the last visit.
#[derive(Clone, Debug, PartialEq)]
struct Head {
    size: u64,
    hash: [u8; 32],
}

/// Checks a chain; the head, or what does not fit.
fn verify(entries: &[Value], seen: Option<&Head>) -> Result<Head, String> {
    let mut head = Head { size: 0, hash: [0; 32] };
    for entry in entries {
        let seq = head.size + 1;
        if entry["seq"] != seq {
            return Err(format!("place {seq} is {}", entry["seq"]));
        }
        let body =
            STANDARD.decode(entry["body"].as_str().unwrap()).map_err(|error| error.to_string())?;
        // SHA-256 over the domain, the hash before, the place (64 bits, big-endian) and the bytes.
        let mut hasher = Sha256::new();
        hasher.update(b"valetkey audit chain v1\0");
        hasher.update(head.hash);
        hasher.update(seq.to_be_bytes());
        hasher.update(&body);
        head = Head { size: seq, hash: hasher.finalize().into() };
        let hex = head.hash.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        if entry["hash"] != hex {
            return Err(format!("the hash of place {seq}"));
        }
        let told: Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        for name in ["id", "kind", "at"] {
            if told[name] != entry[name] {
                return Err(format!("`{name}` of place {seq} is not what was hashed"));
            }
        }
        if entry["entry"] != told {
            return Err(format!("the entry of place {seq} is not what was hashed"));
        }
        if let Some(seen) = seen.filter(|seen| seen.size == seq && seen.hash != head.hash) {
            return Err(format!("place {seq} was {seen:?}"));
        }
    }
    match seen {
        Some(seen) if seen.size > head.size => {
            Err(format!("{} entries are gone", seen.size - head.size))
        }
        _ => Ok(head),
    }
}

/// The attacker's way to make hashes fit again from one place on.
async fn rehash(rows: &mut Rows, workspace: &str, from: u64, to: u64) {
    let hash_of = |seq: u64| {
        format!("SELECT hash FROM chain_entry WHERE workspace_id = '{workspace}' AND seq = {seq}")
    };
    for seq in from..=to {
        let before = rows.bytes(&hash_of(seq - 1)).await;
        let body = rows
            .bytes(&format!(
                "SELECT body FROM chain_entry WHERE workspace_id = '{workspace}' AND seq = {seq}"
            ))
            .await;
        let mut hasher = Sha256::new();
        hasher.update(b"valetkey audit chain v1\0");
        hasher.update(before);
        hasher.update(seq.to_be_bytes());
        hasher.update(body);
        let sql = format!(
            "UPDATE chain_entry SET hash = $1 WHERE workspace_id = '{workspace}' AND seq = {seq}"
        );
        rows.put(&sql, &hasher.finalize()).await;
    }
}

/// Statements, `W` for the workspace; then from where on hashes are made to fit again.
type Tampering = (&'static str, &'static [&'static str], Option<u64>);

#[rustfmt::skip]
const TAMPERINGS: [Tampering; 13] = [
    ("an edited entry", &["UPDATE chain_entry SET body = CAST(replace(CAST(body AS TEXT), '\"v\":1', '\"v\":2') AS BLOB) WHERE W AND seq = 4"], None),
    ("an entry replaced by another's bytes", &["UPDATE chain_entry SET body = (SELECT body FROM chain_entry WHERE W AND seq = 2) WHERE W AND seq = 5"], None),
    ("a changed hash", &["UPDATE chain_entry SET hash = x'00' WHERE W AND seq = 4"], None),
    ("a changed kind beside the bytes", &["UPDATE chain_entry SET kind = 'other' WHERE W AND seq = 4"], None),
    ("a changed time beside the bytes", &["UPDATE chain_entry SET at = at + 1000 WHERE W AND seq = 4"], None),
    ("a changed id beside the bytes", &["UPDATE chain_entry SET id = 'rel_0' WHERE W AND seq = 4"], None),
    ("a removed entry", &["DELETE FROM chain_entry WHERE W AND seq = 4"], None),
    ("a removed entry, the gap closed", &["DELETE FROM chain_entry WHERE W AND seq = 4", "UPDATE chain_entry SET seq = -seq WHERE W AND seq > 4", "UPDATE chain_entry SET seq = -seq - 1 WHERE W AND seq < 0"], None),
    ("the first entry removed", &["DELETE FROM chain_entry WHERE W AND seq = 1"], None),
    ("two entries in another order", &["UPDATE chain_entry SET seq = -4 WHERE W AND seq = 4", "UPDATE chain_entry SET seq = 4 WHERE W AND seq = 5", "UPDATE chain_entry SET seq = 5 WHERE W AND seq = -4"], None),
    ("the last entries cut off", &["DELETE FROM chain_entry WHERE W AND seq > 4"], None),
    ("everything removed", &["DELETE FROM chain_entry WHERE W"], None),
    ("an edited entry, all later hashes made to fit", &["UPDATE chain_entry SET body = (SELECT body FROM chain_entry WHERE W AND seq = 2), id = (SELECT id FROM chain_entry WHERE W AND seq = 2), kind = (SELECT kind FROM chain_entry WHERE W AND seq = 2), at = (SELECT at FROM chain_entry WHERE W AND seq = 2) WHERE W AND seq = 4"], Some(4)),
];

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_chain_that_was_written_into_does_not_verify() {
    let mut attack = Attack::new("audit_tampering");
    let town = Town::start().await;
    let workspace = town.workspace("chatty").await;
    town.link(&workspace, "ana", "ana").await;
    for _ in 0..6 {
        ask(&workspace).await;
    }
    let head = verify(&workspace.audit().await, None).unwrap();
    assert!(head.size >= 6, "{head:?}");
    assert_eq!(verify(&workspace.audit().await, Some(&head)), Ok(head.clone()));
    attack.works("an untouched chain");

    let mut rows = Rows::of(&town.database).await;
    let id = town.platform.request("GET", "/v1/workspaces/chatty").send().await.ok();
    let id = id["id"].as_str().unwrap();
    let this = format!("workspace_id = '{id}'");
    rows.run("CREATE TABLE kept AS SELECT * FROM chain_entry").await;
    for (what, statements, from) in TAMPERINGS {
        for sql in statements {
            let touched = rows.run(&sql.replace("WHERE W", &format!("WHERE {this}"))).await;
            assert_ne!(touched, 0, "{sql}");
        }
        if let Some(from) = from {
            rehash(&mut rows, id, from, head.size).await;
        }
        let entries = workspace.audit().await;
        let found = verify(&entries, Some(&head));
        assert!(found.is_err(), "{what}: not found in {} entries", entries.len());
        attack.refused(format!("{what}: {}", found.unwrap_err()));
        rows.run(&format!("DELETE FROM chain_entry WHERE {this}")).await;
        rows.run(&format!("INSERT INTO chain_entry SELECT * FROM kept WHERE {this}")).await;
        assert_eq!(
            verify(&workspace.audit().await, Some(&head)),
            Ok(head.clone()),
            "{what}: not restored"
        );
    }

    // The hub goes on where its own head says: entries cut off leave a gap that stays.
    rows.run(&format!("DELETE FROM chain_entry WHERE {this} AND seq = {}", head.size)).await;
    ask(&workspace).await;
    assert!(verify(&workspace.audit().await, None).is_err());
    attack.refused("the last entry cut off, and the hub went on");
    rows.run(&format!(
        "INSERT INTO chain_entry SELECT * FROM kept WHERE {this} AND seq = {}",
        head.size
    ))
    .await;
    let later = verify(&workspace.audit().await, Some(&head)).unwrap();
    assert!(later.size > head.size, "{later:?}");
    attack.works("a chain that has grown since the auditor's last visit");
}

async fn ask(workspace: &Workspace) {
    let question = json!({ "integration": "crm", "end_user": { "id": "ana" } });
    assert_eq!(workspace.ask_as("assistant", &question).await.ok()["status"], "issued");
}

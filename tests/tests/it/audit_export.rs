//! The record leaves the hub as a file: whoever has that and the key needs no hub to trust it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{
    Database, Hub, Scene,
    behind::Behind,
    environment,
    http::{Request, code},
    scene::APP,
};

/// A hub where something has happened, and a folder of the auditor's.
struct Audited {
    scene: Scene,
    folder: TempDir,
    vkey: String,
    hub: Command,
}

impl Audited {
    async fn of(database: Database) -> Self {
        let scene = Scene::start(database).await;
        scene.link("ana").await;
        for _ in 0..3 {
            scene.agent.token(APP, "ana").await;
        }
        let vkey = checkpoint(&scene, "").await["vkey"].as_str().unwrap().to_owned();
        let hub = scene.hubs[0].command(&scene.settings, &scene.database);
        Self { scene, folder: TempDir::new().unwrap(), vkey, hub }
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    async fn export(&self, query: &str) -> String {
        let path = format!("/v1/audit/export{query}");
        let reply = self.scene.workspace.request("GET", &path).send().await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.header("content-type"), Some("application/jsonl"));
        assert_eq!(reply.header("content-length"), None, "it is sent as it is read");
        reply.text()
    }

    /// Checks a file with the key that the auditor wrote down.
    fn check(&self, file: &Path, more: &[&str]) -> (i32, Value) {
        let known = ["--json", "--vkey", self.vkey.as_str()];
        let output = verify(file, &[&known, more].concat());
        (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap())
    }

    /// Runs a command of the operator's beside the running hub.
    fn operate(&mut self, arguments: &[&str]) -> String {
        let mut command = Command::new(self.hub.get_program());
        for (name, value) in self.hub.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let output = command.arg("audit").args(arguments).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {told}");
        String::from_utf8(output.stdout).unwrap()
    }
}

async fn checkpoint(scene: &Scene, query: &str) -> Value {
    scene.workspace.get(&format!("/v1/audit/checkpoint{query}")).await
}

/// The verifier, with no setting of a hub and nothing else in its environment.
fn verify(file: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(environment::required("VALETKEY_BIN"));
    command.env_clear().args(["audit", "verify"]).arg(file).args(arguments).output().unwrap()
}

on_both_databases!(an_auditor_with_the_file_and_the_key_needs_no_hub);
async fn an_auditor_with_the_file_and_the_key_needs_no_hub(database: Database) {
    let audited = Audited::of(database).await;
    let export = audited.export("").await;
    let chain = audited.scene.workspace.audit().await;
    let whole = audited.write("whole.jsonl", &export);
    let (exit, told) = audited.check(&whole, &[]);
    assert_eq!((exit, &told["ok"]), (0, &json!(true)), "{told}");
    assert_eq!(told["report"]["last"], chain.len(), "{told}");

    let output = verify(&whole, &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.contains('✓'), "{text}");
    assert!(text.contains("THE KEY WAS TAKEN FROM THE EXPORT ITSELF"), "{text}");
    assert!(!text.contains('\x1b'), "no colours where no terminal shows them");

    let last = chain.last().unwrap();
    assert_eq!(last["entry"]["what"]["action"], "audit.exported", "{last}");
    assert!(last["entry"]["request_id"].as_str().unwrap().starts_with("req_"), "{last}");
}

on_both_databases!(what_is_done_to_the_file_is_found_and_where);
async fn what_is_done_to_the_file_is_found_and_where(database: Database) {
    let audited = Audited::of(database).await;
    let export = audited.export("").await;
    let lines: Vec<&str> = export.lines().collect();
    let without = |skip: usize| {
        let kept = lines.iter().enumerate().filter(|(at, _)| *at != skip);
        kept.map(|(_, line)| *line).collect::<Vec<_>>().join("\n")
    };
    let edited = {
        let mut line: Value = serde_json::from_str(lines[3]).unwrap();
        let body = line["body"].as_str().unwrap().to_owned();
        line["body"] = json!(format!("eyJ4{}", &body[4..]));
        export.replacen(lines[3], &line.to_string(), 1)
    };
    let swapped = export
        .replacen(lines[3], "*", 1)
        .replacen(lines[4], lines[3], 1)
        .replacen('*', lines[4], 1);
    for (fault, spoilt) in [
        ("edited", edited),
        ("removed", without(3)),
        ("reordered", swapped),
        ("truncated", without(lines.len() - 1)),
    ] {
        let file = audited.write("spoilt.jsonl", spoilt);
        let (exit, told) = audited.check(&file, &[]);
        assert_eq!((exit, &told["finding"]["fault"]), (1, &json!(fault)), "{told}");
        if fault != "truncated" {
            assert_eq!(told["finding"]["first"], 3, "{told}");
        }
    }
    let nothing = verify(&audited.folder.path().join("nothing"), &[]);
    assert_eq!(nothing.status.code(), Some(2));
}

on_both_databases!(a_note_that_was_kept_tells_of_a_chain_that_was_written_anew);
async fn a_note_that_was_kept_tells_of_a_chain_that_was_written_anew(database: Database) {
    let audited = Audited::of(database).await;
    let kept =
        audited.write("note.json", checkpoint(&audited.scene, "?fresh=true").await.to_string());
    let note = ["--last-note", kept.to_str().unwrap()];
    let whole = audited.write("whole.jsonl", audited.export("").await);
    let (exit, told) = audited.check(&whole, &note);
    assert_eq!((exit, &told["report"]["kept"]), (0, &json!(1)), "{told}");

    // Whoever has the database cuts the chain off behind place 3, and every trace of the notes with it.
    let mut rows = Behind::of(&audited.scene.database).await;
    rows.run("DELETE FROM chain_entry WHERE seq > 3").await;
    rows.run("DELETE FROM checkpoint").await;
    rows.run(
        "UPDATE chain_head SET size = 3, signed_size = 0, hash = (SELECT hash FROM chain_entry e \
         WHERE e.workspace_id = chain_head.workspace_id AND e.seq = 3) WHERE size > 3",
    )
    .await;
    let whole = audited.write("anew.jsonl", audited.export("").await);
    assert_eq!(audited.check(&whole, &[]).0, 0, "the file alone does not tell of it");
    let (exit, told) = audited.check(&whole, &note);
    assert_eq!((exit, &told["finding"]["fault"]), (1, &json!("truncated")), "{told}");
}

on_both_databases!(an_operator_exports_cuts_and_reads_the_key_beside_the_running_hub);
async fn an_operator_exports_cuts_and_reads_the_key_beside_the_running_hub(database: Database) {
    let mut audited = Audited::of(database).await;
    assert_eq!(audited.operate(&["key"]).trim(), audited.vkey);
    let out = audited.folder.path().join("out.jsonl");
    for chain in ["chatty", "system"] {
        audited.operate(&["export", "--workspace", chain, "--out", out.to_str().unwrap()]);
        let (exit, told) = audited.check(&out, &[]);
        assert_eq!(exit, 0, "{told}");
        fs::remove_file(&out).unwrap();
    }

    let signed = checkpoint(&audited.scene, "").await["size"].as_u64().unwrap();
    Behind::of(&audited.scene.database).await.run("UPDATE checkpoint SET at = 0").await;
    audited.operate(&["retain", "--workspace", "chatty", "--keep-days", "1"]);
    let whole = audited.write("cut.jsonl", audited.export("").await);
    let (exit, told) = audited.check(&whole, &[]);
    assert_eq!((exit, &told["report"]["cut"]), (0, &json!(signed)), "{told}");
    let chain = audited.scene.workspace.audit().await;
    assert_eq!(chain[0]["seq"], signed + 1);
    let cut = |entry: &&Value| entry["entry"]["what"]["action"] == "audit.cut";
    assert_eq!(chain.iter().find(cut).unwrap()["entry"]["actor"]["type"], "operator");
    audited.scene.agent.token(APP, "ana").await;
}

on_both_databases!(a_note_is_what_any_other_program_takes_for_signed);
async fn a_note_is_what_any_other_program_takes_for_signed(database: Database) {
    let scene = Scene::start(database).await;
    let told = checkpoint(&scene, "?fresh=true").await;
    let output = Command::new("node").args(["-e", VERIFY]).arg(told.to_string()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(
        said.trim(),
        format!("true false {} {}", told["origin"].as_str().unwrap(), told["size"])
    );
    let chain = scene.workspace.audit().await;
    assert_eq!(chain.last().unwrap()["hash"], told["hash"]);
    let again = checkpoint(&scene, "?fresh=true").await;
    assert_eq!(again, told, "where nothing was added there is nothing new to sign");
}

/// From the specification (C2SP signed-note), with Node's own Ed25519: whether the note is signed; whether a
/// changed one would be; what it says.
const VERIFY: &str = r"
const crypto = require('node:crypto');
const { note, vkey } = JSON.parse(process.argv[1]);
const [name, id, ...rest] = vkey.split('+');
const key = Buffer.from(rest.join('+'), 'base64');
if (key[0] !== 1 || key.length !== 33) throw new Error('not an Ed25519 key');
const hash = crypto.createHash('sha256').update(name + '\n').update(key).digest();
if (hash.subarray(0, 4).toString('hex') !== id) throw new Error('the key id does not fit');
const at = note.indexOf('\n\n');
const [text, line] = [note.slice(0, at + 1), note.slice(at + 2)];
const prefix = '\u2014 ' + name + ' ';
if (!line.startsWith(prefix) || !line.endsWith('\n')) throw new Error('no signature line');
const signature = Buffer.from(line.slice(prefix.length), 'base64');
if (signature.subarray(0, 4).toString('hex') !== id) throw new Error('another key id');
const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key.subarray(1)]);
const publicKey = crypto.createPublicKey({ key: der, format: 'der', type: 'spki' });
const verify = (text) => crypto.verify(null, Buffer.from(text), publicKey, signature.subarray(4));
const [origin, size] = text.split('\n');
console.log(verify(text), verify(text.replace(/\n\d+\n/, '\n999\n')), origin, size);
";

on_both_databases!(a_part_that_is_not_there_is_refused);
async fn a_part_that_is_not_there_is_refused(database: Database) {
    let scene = Scene::start(database).await;
    for query in ["from=0", "from=100000", "to=tomorrow", "from=2999-01-01T00:00:00Z"] {
        let path = format!("/v1/audit/export?{query}");
        let problem = scene.workspace.request("GET", &path).send().await.problem(422);
        assert_eq!(code(&problem), "range_invalid", "{query}: {problem}");
    }
    let agents = |path: &str| {
        Request::new("GET", format!("{}{path}", scene.agent.address))
            .header("host", &scene.agent.host)
            .header("authorization", &format!("Bearer {}", scene.agent.key))
    };
    for path in ["/v1/audit/export", "/v1/audit/checkpoint?fresh=true"] {
        agents(path).send().await.problem(403);
    }
}

on_both_databases!(an_audit_store_that_takes_nothing_ends_an_ask_without_a_token);
async fn an_audit_store_that_takes_nothing_ends_an_ask_without_a_token(database: Database) {
    let scene = Scene::start(database).await;
    scene.link("ana").await;
    scene.agent.token(APP, "ana").await;
    let mut other = Behind::of(&scene.database).await;
    // A lock that still lets others read, and PostgreSQL's own `LOCK TABLE`, which does not.
    for (lock, expected) in [
        ("LOCK TABLE chain_head IN EXCLUSIVE MODE", "audit_unavailable"),
        ("LOCK TABLE chain_head", "store_unavailable"),
    ] {
        other.lock(lock).await;
        let reply = scene.agent.ask_for(APP, "ana").await;
        let problem = reply.problem(503);
        assert!(reply.header("retry-after").is_some());
        let expected = if scene.database.url().is_some() { expected } else { "audit_unavailable" };
        assert_eq!(code(&problem), expected, "{problem}");
        assert!(!reply.text().contains("access_token"));
        other.unlock().await;
        scene.agent.token(APP, "ana").await;
    }
    let log: Vec<u8> = scene.hubs.iter().flat_map(Hub::log).collect();
    assert!(!String::from_utf8_lossy(&log).contains("panicked"));
}

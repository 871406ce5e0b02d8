//! Signed notes, exports that are verified with nothing but the file, cuts, and an audit store that does
//! not take entries.

use std::{sync::Arc, time::Duration};

use hub::{
    Kind,
    audit::{
        self, Draft, Export, Fault, Finding, Outcome, Personal, Release, Report, Signer, Span,
        Subject, Verifier, VerifierKey,
    },
    keys::{self, Course, Pace},
    store::{PoolSizes, SYSTEM, Store},
};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database as Connect, DatabaseConnection, Statement,
};
use serde_json::Value;
use vault::LocalKeys;

use super::scene::{Scene, Tenant, refused, token_of, whole};

const DAY: Duration = Duration::from_hours(24);

async fn signer(scene: &Scene) -> Signer {
    audit::signer(&scene.store, "hub.example").await.unwrap()
}

async fn busy(scene: &Scene, slug: &str) -> Tenant {
    let tenant = scene.tenant_with_policy(slug).await;
    scene.link(&tenant, "ana", "ana-work").await;
    tenant
}

async fn ask(scene: &Scene, tenant: &Tenant, times: usize) {
    for _ in 0..times {
        scene.issued(tenant, &whole("ana")).await;
    }
}

/// The export, as its bytes.
async fn export(scene: &Scene, chain: &str, span: Span) -> Vec<u8> {
    let mut export = Export::begin(&scene.store, &signer(scene).await, chain, &span).await.unwrap();
    let mut bytes = Vec::new();
    while let Some(part) = export.part().await.unwrap() {
        bytes.extend(part);
    }
    bytes
}

fn check(verifier: Verifier, bytes: &[u8]) -> Result<Report, Finding> {
    let mut verifier = verifier;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        verifier.line(line.strip_suffix(b"\n").unwrap_or(line));
    }
    verifier.finish()
}

async fn key(scene: &Scene) -> Option<VerifierKey> {
    Some(signer(scene).await.verifier_key())
}

fn last(report: &Report, count: usize) -> bool {
    report.last - report.first + 1 == i64::try_from(count).unwrap()
}

#[tokio::test]
async fn a_minute_in_which_entries_were_added_ends_with_a_note_and_another_does_not() {
    let scene = Scene::new().await;
    let (chat, shop) = (busy(&scene, "chat").await, busy(&scene, "shop").await);
    let signer = signer(&scene).await;
    audit::sign_due(&scene.store, &signer).await.unwrap();
    assert_eq!(audit::sign_due(&scene.store, &signer).await.unwrap(), 0, "nothing was added");
    ask(&scene, &chat, 3).await;
    assert_eq!(audit::sign_due(&scene.store, &signer).await.unwrap(), 1);

    let (newest, rows) =
        (audit::newest(&scene.store, &chat.id).await.unwrap(), scene.chain(&chat).await);
    let (newest, head) = (newest.unwrap(), rows.last().unwrap());
    assert_eq!((newest.size, newest.hash.as_slice()), (head.seq, head.hash.as_slice()));
    let said = signer.verifier_key().open(&newest.note).unwrap();
    assert_eq!(said.origin, format!("hub.example/ws/{}", chat.id));
    assert_eq!((said.size, said.hash, said.anchor), (newest.size, newest.hash, false));
    let of_shop = audit::newest(&scene.store, &shop.id).await.unwrap().unwrap();
    assert!(of_shop.size < newest.size && of_shop.note != newest.note);
}

#[tokio::test]
async fn replicas_that_sign_the_same_head_make_one_note() {
    let scene = Scene::new().await;
    let chat = busy(&scene, "chat").await;
    let (one, other) = (signer(&scene).await, signer(&scene).await);
    let (first, second) = tokio::join!(
        audit::sign_now(&scene.store, &one, &chat.id),
        audit::sign_now(&scene.store, &other, &chat.id)
    );
    assert_eq!(first.unwrap(), second.unwrap());
}

#[tokio::test]
async fn more_chains_than_one_transaction_takes_are_all_signed() {
    let scene = Scene::new().await;
    for n in 0..230 {
        scene
            .execute(&format!(
                "INSERT INTO chain_head (workspace_id, size, hash) VALUES ('ws_{n}', 1, zeroblob(32))"
            ))
            .await;
    }
    let signed = audit::sign_due(&scene.store, &signer(&scene).await).await.unwrap();
    assert_eq!(signed, 230, "the platform's own chain is empty still");
    assert_eq!(audit::sign_due(&scene.store, &signer(&scene).await).await.unwrap(), 0);
}

#[tokio::test]
async fn the_signing_key_is_the_same_after_a_restart_and_sealed() {
    let scene = Scene::new().await;
    let before = signer(&scene).await.verifier_key();
    assert_eq!(signer(&scene).await.verifier_key(), before);
    // Whoever steals the database and has another key source has no signing key.
    let rng = Arc::new(base::SeededRng::new(8));
    let other = LocalKeys::generate_text(rng.as_ref());
    let other = Arc::new(LocalKeys::from_text(&other, "the thief's").unwrap());
    let (sizes, clock) = (PoolSizes::default(), scene.clock.clone());
    assert!(Store::open(&scene.database(), sizes, other, clock, rng).await.is_err());
}

#[tokio::test]
async fn the_signing_key_outlives_the_key_that_seals_it() {
    let scene = Scene::new().await;
    let before = signer(&scene).await.verifier_key();
    let sealed = "SELECT sealed FROM system_secret WHERE name = 'audit_signing_key'";
    let sealed = async || {
        let statement = Statement::from_string(scene.store.backend(), sealed);
        let row = scene.store.read().query_one_raw(statement).await.unwrap().unwrap();
        row.try_get::<Vec<u8>>("", "sealed").unwrap()
    };
    let first = sealed().await;
    keys::rotate(&scene.store, SYSTEM, &mut Course::new(Pace::Steady, &|_| true)).await.unwrap();
    assert_ne!(sealed().await, first, "it was sealed anew");
    assert_eq!(signer(&scene).await.verifier_key(), before);
}

#[tokio::test]
async fn an_export_verifies_with_the_file_and_the_key_alone() {
    let scene = Scene::new().await;
    let chat = busy(&scene, "chat").await;
    audit::sign_due(&scene.store, &signer(&scene).await).await.unwrap();
    ask(&scene, &chat, 5).await;
    let bytes = export(&scene, &chat.id, Span::default()).await;
    let report = check(Verifier::new(key(&scene).await), &bytes).unwrap();
    let rows = scene.chain(&chat).await;
    assert!(last(&report, rows.len()));
    assert_eq!((report.notes, report.chain.as_str()), (2, chat.id.as_str()));
    assert!(!String::from_utf8(bytes).unwrap().contains("access.ana-work"));
}

#[tokio::test]
async fn taking_an_export_is_its_own_last_entry() {
    let scene = Scene::new().await;
    let chat = busy(&scene, "chat").await;
    export(&scene, &chat.id, Span::default()).await;
    let rows = scene.chain(&chat).await;
    let body: Value = serde_json::from_slice(&rows.last().unwrap().body).unwrap();
    assert_eq!(body["what"]["action"], "audit.exported");
}

/// A refusal, as the token call records one.
async fn denial(store: &Store, workspace: &str) -> Draft {
    let what = Release {
        integration: "int_1",
        provider: "acme",
        scopes: &[],
        form: None,
        action: None,
        policy: None,
        generation: None,
        key: "key_1",
    };
    let subject = Subject { workspace, ..Subject::default() };
    Draft::release(store, Outcome::Denied, subject, &what, &Personal::default(), "req_1")
        .await
        .unwrap()
}

#[tokio::test]
async fn an_export_of_ten_thousand_entries_is_never_whole_in_memory() {
    let scene = Scene::new().await;
    let chat = scene.workspace("chat").await;
    for _ in 0..40 {
        // Batch by batch: nobody waits in the queue for longer than an ask would.
        let mut drafts = Vec::new();
        for _ in 0..250 {
            drafts.push(denial(&scene.store, &chat).await);
        }
        let written = drafts.into_iter().map(|draft| scene.writer.append(draft, None));
        assert!(futures::future::join_all(written).await.iter().all(Result::is_ok));
    }

    let signer = signer(&scene).await;
    let mut export = Export::begin(&scene.store, &signer, &chat, &Span::default()).await.unwrap();
    let (mut verifier, mut largest, mut all) = (Verifier::new(Some(signer.verifier_key())), 0, 0);
    while let Some(part) = export.part().await.unwrap() {
        largest = largest.max(part.len());
        all += part.len();
        for line in part.split_inclusive(|byte| *byte == b'\n') {
            verifier.line(line.strip_suffix(b"\n").unwrap());
        }
    }
    let report = verifier.finish().unwrap();
    assert!(report.last > 10_000);
    assert!(largest * 20 < all, "a part of {largest} bytes, of {all}");
}

#[tokio::test]
async fn the_platforms_chain_is_exported_like_any_other() {
    let scene = Scene::new().await;
    let bytes = export(&scene, SYSTEM, Span::default()).await;
    let report = check(Verifier::new(key(&scene).await), &bytes).unwrap();
    assert_eq!((report.chain.as_str(), report.origin.as_str()), (SYSTEM, "hub.example/ws/system"));
}

#[tokio::test]
async fn what_was_done_to_the_database_is_found_in_the_export() {
    let edit = "UPDATE chain_entry SET body = CAST(replace(CAST(body AS TEXT), 'whole_token', \
                'narrowed_token') AS BLOB) WHERE seq = 9";
    let delete = "DELETE FROM chain_entry WHERE seq = 9";
    for (sql, fault) in [(edit, Fault::Edited), (delete, Fault::Removed)] {
        let scene = Scene::new().await;
        let chat = busy(&scene, "chat").await;
        ask(&scene, &chat, 5).await;
        assert_eq!(scene.chain(&chat).await[8].kind, "release");
        scene.execute(sql).await;
        let bytes = export(&scene, &chat.id, Span::default()).await;
        let found = check(Verifier::new(key(&scene).await), &bytes).unwrap_err();
        assert_eq!((found.fault, found.first, found.last), (fault, Some(9), Some(9)), "{found:?}");
    }
}

#[tokio::test]
async fn a_chain_that_was_written_anew_in_the_database_does_not_fit_its_notes() {
    let scene = Scene::new().await;
    let chat = busy(&scene, "chat").await;
    ask(&scene, &chat, 5).await;
    let signed = audit::sign_now(&scene.store, &signer(&scene).await, &chat.id).await.unwrap();
    // Somebody who can write everything in the database, and has no key.
    let mut before = audit::ZERO;
    for row in scene.chain(&chat).await {
        let body = String::from_utf8(row.body).unwrap().replace("whole_token", "valet_token");
        before = audit::hash(&before, row.seq, body.as_bytes());
        let hex = |bytes: &[u8]| data_encoding::HEXUPPER.encode(bytes);
        scene
            .execute(&format!(
                "UPDATE chain_entry SET body = x'{}', hash = x'{}' WHERE seq = {} AND workspace_id = '{}'",
                hex(body.as_bytes()),
                hex(&before),
                row.seq,
                chat.id
            ))
            .await;
        scene
            .execute(&format!(
                "UPDATE chain_head SET hash = x'{}' WHERE workspace_id = '{}'",
                hex(&before),
                chat.id
            ))
            .await;
    }
    let bytes = export(&scene, &chat.id, Span::default()).await;
    let found = check(Verifier::new(key(&scene).await), &bytes).unwrap_err();
    assert_eq!((found.fault, found.last), (Fault::Forked, Some(signed.size)));
    // And whoever takes the notes away too has not those that were kept elsewhere.
    scene.execute("DELETE FROM checkpoint").await;
    let bytes = export(&scene, &chat.id, Span::default()).await;
    assert!(check(Verifier::new(key(&scene).await), &bytes).is_ok());
    let kept = Verifier::new(key(&scene).await).with_kept(signed.note);
    assert_eq!(check(kept, &bytes).unwrap_err().fault, Fault::Forked);
}

#[tokio::test]
async fn a_part_of_the_chain_is_exported_by_place_or_time() {
    let scene = Scene::new().await;
    let chat = busy(&scene, "chat").await;
    let signer = signer(&scene).await;
    let first = audit::sign_now(&scene.store, &signer, &chat.id).await.unwrap();
    scene.later(DAY);
    let noon = scene.store.now().to_string();
    ask(&scene, &chat, 3).await;
    scene.later(Duration::from_secs(1));
    let second = audit::sign_now(&scene.store, &signer, &chat.id).await.unwrap();
    scene.later(DAY);
    ask(&scene, &chat, 2).await;
    let part = |from: String, to: String| Span { from: Some(from), to: Some(to) };
    let spans = [
        part((first.size + 1).to_string(), second.size.to_string()),
        part(noon.clone(), (first.size + 1).to_string()),
        part(noon, second.at.to_string()),
    ];
    for span in spans {
        let bytes = export(&scene, &chat.id, span).await;
        let verifier = Verifier::new(key(&scene).await).beginning_at(first.size + 1);
        let report = check(verifier, &bytes).unwrap();
        assert_eq!((report.first, report.last), (first.size + 1, second.size));
        let found = check(Verifier::new(key(&scene).await), &bytes).unwrap_err();
        assert_eq!(found.fault, Fault::Removed, "unless one knows that it is a part");
    }
    for bad in ["0", "-1", "yesterday", "99999"] {
        let span = Span { from: Some(bad.to_owned()), to: None };
        let error = refused(Export::begin(&scene.store, &signer, &chat.id, &span).await);
        assert_eq!(error.code, "range_invalid", "{bad}");
    }
}

/// Three days with a note each.
async fn three_days(scene: &Scene) -> (Tenant, Vec<audit::Signed>) {
    let chat = busy(scene, "chat").await;
    let signer = signer(scene).await;
    let mut notes = Vec::new();
    for _ in 0..3 {
        ask(scene, &chat, 4).await;
        notes.push(audit::sign_now(&scene.store, &signer, &chat.id).await.unwrap());
        scene.later(DAY);
    }
    (chat, notes)
}

#[tokio::test]
async fn retention_cuts_a_prefix_signs_where_and_the_rest_still_verifies() {
    let scene = Scene::new().await;
    let (chat, notes) = three_days(&scene).await;
    let signer = signer(&scene).await;
    // The second day's note is two days old.
    let gone = audit::cut(&scene.store, &signer, &chat.id, DAY + DAY / 2).await.unwrap();
    assert_eq!(gone, notes[1].size);
    let rows = scene.chain(&chat).await;
    assert_eq!(rows[0].seq, notes[1].size + 1);
    let act: Value = serde_json::from_slice(&rows.last().unwrap().body).unwrap();
    assert_eq!(act["what"]["action"], "audit.cut");
    assert_eq!(act["what"]["details"]["last"], notes[1].size);

    let bytes = export(&scene, &chat.id, Span::default()).await;
    let report = check(Verifier::new(key(&scene).await), &bytes).unwrap();
    assert_eq!((report.cut, report.first), (Some(notes[1].size), notes[1].size + 1));
    // A note from the cut on still has its place; one from before has none.
    let verifier = notes.iter().fold(Verifier::new(key(&scene).await), |verifier, one| {
        verifier.with_kept(one.note.clone())
    });
    let report = check(verifier, &bytes).unwrap();
    assert_eq!((report.kept, report.kept_before), (2, 1));
}

#[tokio::test]
async fn a_chain_may_be_cut_again_and_nothing_that_is_young_goes() {
    let scene = Scene::new().await;
    let (chat, notes) = three_days(&scene).await;
    let signer = signer(&scene).await;
    let cut = |keep| audit::cut(&scene.store, &signer, &chat.id, keep);
    assert_eq!(cut(DAY * 7).await.unwrap(), 0);
    assert_eq!(cut(DAY * 2 + DAY / 2).await.unwrap(), notes[0].size);
    assert_eq!(cut(DAY * 2 + DAY / 2).await.unwrap(), 0);
    assert_eq!(cut(DAY / 2).await.unwrap(), notes[2].size - notes[0].size);
    let bytes = export(&scene, &chat.id, Span::default()).await;
    let report = check(Verifier::new(key(&scene).await), &bytes).unwrap();
    assert_eq!(report.cut, Some(notes[2].size));
}

#[tokio::test]
async fn in_the_background_each_chain_is_cut_once_a_day() {
    let scene = Scene::new().await;
    let (chat, notes) = three_days(&scene).await;
    let signer = signer(&scene).await;
    let cut = |keep| audit::cut_due(&scene.store, &signer, keep);
    cut(DAY * 2 + DAY / 2).await.unwrap();
    cut(DAY / 2).await.unwrap();
    assert_eq!(audit::anchor(&scene.store, &chat.id).await.unwrap().unwrap().size, notes[0].size);
    scene.later(DAY * 2);
    cut(DAY * 2 + DAY / 2).await.unwrap();
    assert_eq!(audit::anchor(&scene.store, &chat.id).await.unwrap().unwrap().size, notes[2].size);
}

#[tokio::test]
async fn what_does_not_verify_is_not_cut() {
    for sql in [
        "UPDATE chain_entry SET body = CAST('{}' AS BLOB) WHERE seq = 3",
        "DELETE FROM chain_entry WHERE seq = 3",
        "UPDATE checkpoint SET hash = zeroblob(32)",
        "UPDATE checkpoint SET note = replace(note, 'hub', 'hob')",
    ] {
        let scene = Scene::new().await;
        let (chat, _) = three_days(&scene).await;
        scene.execute(sql).await;
        let before = scene.chain(&chat).await;
        let cut = audit::cut(&scene.store, &signer(&scene).await, &chat.id, DAY / 2).await;
        assert_eq!(refused(cut).code, "chain_damaged", "{sql}");
        assert_eq!(scene.chain(&chat).await, before);
    }
}

/// Another program that has the database's file.
async fn somebody_else(scene: &Scene) -> DatabaseConnection {
    let path = scene.dir.path().join("valetkey.db");
    let mut options = ConnectOptions::new(format!("sqlite://{}", path.display()));
    options.max_connections(1).sqlx_logging(false);
    Connect::connect(options).await.unwrap()
}

#[tokio::test]
async fn an_audit_store_that_is_locked_ends_the_ask_and_not_the_entry() {
    let scene = Scene::new().await;
    let chat = busy(&scene, "chat").await;
    let before = scene.answers(&chat).await.len();
    let other = somebody_else(&scene).await;
    other.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();

    let error = refused(scene.ask(&chat, &whole("ana")).await);
    assert_eq!((error.kind, error.code), (Kind::Unavailable, "audit_unavailable"));
    assert_eq!(scene.answers(&chat).await.len(), before, "the lock still holds");

    // The ask was over before the writer gave up: now it gets its turn.
    other.execute_unprepared("ROLLBACK").await.unwrap();
    assert_eq!(token_of(&scene.issued(&chat, &whole("ana")).await), "access.ana-work.1");
    let kinds = scene.answers(&chat).await;
    assert_eq!(kinds.len(), before + 2, "recorded without being handed out; and handed out");
}

//! The transit engine of HashiCorp Vault and OpenBao.
//!
//! Neither server comes from a package registry, so the stand-in is ours, written after their API
//! documentation. What it can't show is that a real server says the same.

use std::{sync::Arc, time::Duration};

use base::{ManualClock, OsRng, SystemClock, Timestamp};
use serde_json::{Value, json};
use vault::{DataKey, Error, KeySource, Transit, TransitSettings, TransitToken};

use crate::{Change, check_binding, same, standin::StandIn};

const TOKEN: &str = "hvs.canary-1d7be2-of-the-hub";
const LOOKUP: &str = "GET /v1/auth/token/lookup-self";
const RENEW: &str = "POST /v1/auth/token/renew-self";
const ENCRYPT: &str = "POST /v1/transit/encrypt/hub";
const DECRYPT: &str = "POST /v1/transit/decrypt/hub";

async fn stand_in() -> Option<StandIn> {
    let stand_in = StandIn::start("transit.mjs", &json!({}))?;
    stand_in.put("_keys", json!({ "hub": {} })).await;
    stand_in.put("_tokens", json!({ TOKEN: { "ttl": 3600, "renewable": true } })).await;
    Some(stand_in)
}

fn settings(stand_in: &StandIn) -> TransitSettings {
    TransitSettings::new(stand_in.url(), "hub", TransitToken::Text(TOKEN.into()))
}

fn transit(settings: TransitSettings) -> Transit {
    Transit::new(settings, Arc::new(SystemClock)).unwrap()
}

async fn wrap(source: &Transit) -> Result<(DataKey, vault::Wrapped), Error> {
    let key = DataKey::generate(&OsRng);
    let wrapped = source.wrap(&OsRng, "ws_a", &key).await?;
    Ok((key, wrapped))
}

#[tokio::test]
async fn a_data_key_unwraps_for_its_workspace_and_id_only() {
    let Some(stand_in) = stand_in().await else { return };
    stand_in
        .put("_keys", json!({ "cha": { "type": "chacha20-poly1305" }, "der": { "derived": true } }))
        .await;
    for key in ["hub", "cha", "der"] {
        let transit = transit(TransitSettings { keys: vec![key.into()], ..settings(&stand_in) });
        transit.ready().await.unwrap();
        assert_eq!(transit.primary(), format!("transit/{key}:v1"));
        check_binding(&transit).await;
    }
}

#[tokio::test]
async fn a_source_that_was_not_asked_for_its_readiness_works_all_the_same() {
    let Some(stand_in) = stand_in().await else { return };
    stand_in.put("_keys", json!({ "der": { "derived": true } })).await;
    let settings = || TransitSettings { keys: vec!["der".into()], ..settings(&stand_in) };
    let (key, wrapped) = wrap(&transit(settings())).await.unwrap();
    assert!(same(&key, &transit(settings()).unwrap("ws_a", key.id(), &wrapped).await.unwrap()));
}

#[tokio::test]
async fn after_a_rotation_old_wraps_open_and_are_not_current() {
    let Some(stand_in) = stand_in().await else { return };
    let transit = transit(settings(&stand_in));
    transit.ready().await.unwrap();
    let (key, wrapped) = wrap(&transit).await.unwrap();
    stand_in.put("_rotate", json!("hub")).await;
    assert!(transit.is_current(&wrapped), "nobody has asked the server yet");
    transit.ready().await.unwrap();
    assert!(!transit.is_current(&wrapped));
    assert_eq!(transit.primary(), "transit/hub:v2");
    let again = transit.unwrap("ws_a", key.id(), &wrapped).await.unwrap();
    assert!(same(&key, &again));
    let anew = transit.wrap(&OsRng, "ws_a", &again).await.unwrap();
    assert!(transit.is_current(&anew));
    stand_in.put("_oldest", json!({ "hub": 2 })).await;
    assert!(transit.unwrap("ws_a", key.id(), &anew).await.is_ok());
    let error = transit.unwrap("ws_a", key.id(), &wrapped).await.err().expect("refused");
    assert_eq!(error.code(), "key_service_refused");
    assert!(error.to_string().contains("min_decryption_version"), "{error}");
}

#[tokio::test]
async fn wrapping_learns_of_a_rotation() {
    let Some(stand_in) = stand_in().await else { return };
    let transit = transit(settings(&stand_in));
    transit.ready().await.unwrap();
    let (_, old) = wrap(&transit).await.unwrap();
    stand_in.put("_rotate", json!("hub")).await;
    let (_, new) = wrap(&transit).await.unwrap();
    assert!(transit.is_current(&new) && !transit.is_current(&old));
}

#[tokio::test]
async fn a_new_key_put_first_wraps_and_the_former_still_unwraps() {
    let Some(stand_in) = stand_in().await else { return };
    stand_in.put("_keys", json!({ "new": {} })).await;
    let (key, wrapped) = wrap(&transit(settings(&stand_in))).await.unwrap();
    let with = |keys: &[&str]| {
        let keys = keys.iter().map(|&key| key.to_owned()).collect();
        transit(TransitSettings { keys, ..settings(&stand_in) })
    };
    let both = with(&["new", "hub"]);
    both.ready().await.unwrap();
    assert!(both.knows(&wrapped) && !both.is_current(&wrapped));
    assert!(same(&key, &both.unwrap("ws_a", key.id(), &wrapped).await.unwrap()));
    let alone = with(&["new"]);
    assert!(!alone.knows(&wrapped));
    let error = alone.unwrap("ws_a", key.id(), &wrapped).await.err().expect("refused");
    assert_eq!(error.code(), "unknown_wrapping_key");
    assert!(error.to_string().contains("transit/hub"), "{error}");
}

#[tokio::test]
async fn a_server_that_ignores_where_a_key_belongs_is_refused() {
    let Some(stand_in) = stand_in().await else { return };
    stand_in.put("_forgetful", json!(true)).await;
    let error = transit(settings(&stand_in)).ready().await.expect_err("refused");
    assert_eq!(error.code(), "unfit_key");
    assert!(error.to_string().contains("Vault 1.13 or newer"), "{error}");
}

#[tokio::test]
async fn what_keeps_the_hub_from_starting_is_said_with_the_remedy() {
    let Some(stand_in) = stand_in().await else { return };
    stand_in.put("_keys", json!({ "rsa": { "type": "rsa-4096" } })).await;
    let with = |change: fn(&mut TransitSettings)| {
        let mut settings = settings(&stand_in);
        change(&mut settings);
        transit(settings)
    };
    let stranger = |it: &mut TransitSettings| it.token = TransitToken::Text("hvs.no".into());
    let wrong: [(Change<TransitSettings>, &str, &str); 4] = [
        (|it| it.keys = vec!["rsa".into()], "unfit_key", "type aes256-gcm96"),
        (|it| it.keys = vec!["none".into()], "key_service_refused", "VALETKEY_TRANSIT_KEY"),
        (|it| it.mount = "other".into(), "key_service_refused", "VALETKEY_TRANSIT_MOUNT"),
        (stranger, "key_service_refused", "give the hub a new one"),
    ];
    for (change, code, says) in wrong {
        let error = with(change).ready().await.expect_err("refused");
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
    stand_in.put("_tokens", json!({ TOKEN: { "ttl": 0, "deny": ["decrypt"] } })).await;
    let error = with(|_| {}).ready().await.expect_err("refused").to_string();
    assert!(error.contains("update on transit/encrypt/KEY and transit/decrypt/KEY"), "{error}");
    assert!(!error.contains("canary"), "{error}");
}

#[tokio::test]
async fn the_namespace_is_named() {
    let Some(stand_in) = stand_in().await else { return };
    stand_in.put("_namespace", json!("team/hub")).await;
    let error = transit(settings(&stand_in)).ready().await.expect_err("refused").to_string();
    assert!(error.contains("VALETKEY_TRANSIT_NAMESPACE"), "{error}");
    let namespace = Some("team/hub".to_owned());
    transit(TransitSettings { namespace, ..settings(&stand_in) }).ready().await.unwrap();
}

#[tokio::test]
async fn a_sealed_server_is_asked_again_and_then_told_as_passing() {
    let Some(stand_in) = stand_in().await else { return };
    let transit = transit(settings(&stand_in));
    transit.ready().await.unwrap();
    let before = stand_in.count(ENCRYPT).await;
    let sealed = json!({ "status": 503, "body": { "errors": ["Vault is sealed"] } });
    stand_in.put("_next", json!([sealed, sealed])).await;
    wrap(&transit).await.unwrap();
    assert_eq!(stand_in.count(ENCRYPT).await, before + 3);
    stand_in.put("_next", json!([sealed, sealed, sealed])).await;
    let error = wrap(&transit).await.err().expect("refused");
    assert_eq!(error.code(), "key_service_unavailable");
    assert!(error.is_transient());
    assert!(error.to_string().contains("unseal it"), "{error}");
    assert_eq!(stand_in.count(ENCRYPT).await, before + 6, "two repetitions and no more");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_asked_for_again() {
    let Some(stand_in) = stand_in().await else { return };
    let transit = transit(settings(&stand_in));
    transit.ready().await.unwrap();
    let before = stand_in.count(ENCRYPT).await;
    let cut = json!({ "cut": true });
    stand_in.put("_next", json!([cut])).await;
    wrap(&transit).await.unwrap();
    assert_eq!(stand_in.count(ENCRYPT).await, before + 2);
    stand_in.put("_next", json!([cut, cut, cut])).await;
    let error = wrap(&transit).await.err().expect("refused");
    assert_eq!(error.code(), "key_service_unavailable");
}

#[tokio::test]
async fn what_does_not_open_is_no_passing_fault_and_other_faults_are() {
    let Some(stand_in) = stand_in().await else { return };
    let transit = transit(settings(&stand_in));
    let (key, wrapped) = wrap(&transit).await.unwrap();
    let said =
        |status: u16, words: &str| json!({ "status": status, "body": { "errors": [words] } });
    let unsealing = "cipher: message authentication failed";
    for (answer, times, code) in [
        (said(500, unsealing), 1, "does_not_open"),
        (said(503, unsealing), 3, "key_service_unavailable"),
        (said(500, "internal error"), 3, "key_service_unavailable"),
    ] {
        let before = stand_in.count(DECRYPT).await;
        stand_in.put("_next", json!([answer, answer, answer])).await;
        let error = transit.unwrap("ws_a", key.id(), &wrapped).await.err().expect("refused");
        assert_eq!(error.code(), code, "{answer}: {error}");
        assert_eq!(stand_in.count(DECRYPT).await, before + times, "{answer}");
        stand_in.put("_next", json!([])).await;
    }
}

#[tokio::test]
async fn it_is_named_with_its_place_by_itself_and_in_its_errors() {
    let Some(stand_in) = stand_in().await else { return };
    let transit = transit(settings(&stand_in));
    let name = stand_in.url().replace("http://", "the transit engine at ");
    assert_eq!(transit.name(), name);
    drop(stand_in);
    let error = transit.ready().await.expect_err("refused").to_string();
    assert!(error.contains(&name), "{error}");
}

#[tokio::test]
async fn a_server_that_is_slow_or_gone_is_told_as_passing() {
    let Some(stand_in) = stand_in().await else { return };
    let timeout = Duration::from_millis(500);
    let transit = transit(TransitSettings { timeout, ..settings(&stand_in) });
    transit.ready().await.unwrap();
    let before = stand_in.count(ENCRYPT).await;
    stand_in.put("_next", json!([{ "delay_ms": 60_000 }])).await;
    let error = wrap(&transit).await.err().expect("refused");
    assert_eq!(error.code(), "key_service_unavailable");
    assert_eq!(stand_in.count(ENCRYPT).await, before + 1, "what was slow is not asked again");
    drop(stand_in);
    let error = wrap(&transit).await.err().expect("refused");
    assert_eq!(error.code(), "key_service_unavailable");
    assert!(error.to_string().contains("no connection"), "{error}");
}

#[tokio::test]
async fn a_standby_that_sends_the_hub_elsewhere_is_not_followed() {
    let Some(stand_in) = stand_in().await else { return };
    let headers = json!({ "location": "http://169.254.169.254/" });
    let away = json!({ "status": 307, "headers": headers, "body": {} });
    stand_in.put("_next", json!([away])).await;
    let error = transit(settings(&stand_in)).ready().await.expect_err("refused").to_string();
    assert!(error.contains("VALETKEY_TRANSIT_URL"), "{error}");
    assert_eq!(stand_in.seen().await.len(), 1);
}

#[tokio::test]
async fn the_token_is_renewed_once_more_than_half_of_its_time_is_over() {
    let Some(stand_in) = stand_in().await else { return };
    let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
    let transit = Transit::new(settings(&stand_in), clock.clone()).unwrap();
    transit.ready().await.unwrap();
    assert_eq!(stand_in.count(LOOKUP).await, 1);
    clock.advance(Duration::from_secs(1799));
    transit.keep_alive().await.unwrap();
    wrap(&transit).await.unwrap();
    assert_eq!(stand_in.count(RENEW).await, 0);
    clock.advance(Duration::from_secs(1));
    wrap(&transit).await.unwrap();
    assert_eq!(stand_in.count(RENEW).await, 1);
    transit.keep_alive().await.unwrap();
    assert_eq!(stand_in.count(RENEW).await, 1, "it has a whole lease again");
    clock.advance(Duration::from_mins(30));
    transit.keep_alive().await.unwrap();
    assert_eq!(stand_in.count(RENEW).await, 2, "also where nothing is wrapped");
}

#[tokio::test]
async fn a_renewal_that_fails_stops_no_call_and_is_told_by_keep_alive() {
    let Some(stand_in) = stand_in().await else { return };
    let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
    let transit = Transit::new(settings(&stand_in), clock.clone()).unwrap();
    transit.ready().await.unwrap();
    clock.advance(Duration::from_mins(40));
    let no = json!({ "status": 403, "body": { "errors": ["permission denied"] } });
    stand_in.put("_next", json!([no])).await;
    wrap(&transit).await.unwrap();
    assert_eq!(stand_in.count(RENEW).await, 1);
    wrap(&transit).await.unwrap();
    assert_eq!(stand_in.count(RENEW).await, 1, "not at every call");
    clock.advance(Duration::from_secs(30));
    stand_in.put("_next", json!([no])).await;
    let error = transit.keep_alive().await.expect_err("told");
    assert_eq!(error.code(), "key_service_refused");
    clock.advance(Duration::from_secs(30));
    transit.keep_alive().await.unwrap();
    assert_eq!(stand_in.count(RENEW).await, 3);
}

#[tokio::test]
async fn a_token_that_can_not_be_renewed_or_never_ends_is_left_alone() {
    let Some(stand_in) = stand_in().await else { return };
    for token in [json!({ "ttl": 60, "renewable": false }), json!({ "ttl": 0, "renewable": true })]
    {
        stand_in.put("_tokens", json!({ TOKEN: token })).await;
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
        let transit = Transit::new(settings(&stand_in), clock.clone()).unwrap();
        transit.ready().await.unwrap();
        clock.advance(Duration::from_hours(24));
        transit.keep_alive().await.unwrap();
    }
    assert_eq!(stand_in.count(RENEW).await, 0);
}

#[tokio::test]
async fn a_token_that_lives_forever_once_renewed_is_left_alone_from_then_on() {
    let Some(stand_in) = stand_in().await else { return };
    let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
    let transit = Transit::new(settings(&stand_in), clock.clone()).unwrap();
    transit.ready().await.unwrap();
    clock.advance(Duration::from_mins(40));
    let forever = json!({ "auth": { "renewable": true, "lease_duration": 0 } });
    stand_in.put("_next", json!([{ "body": forever }])).await;
    for _ in 0..3 {
        transit.keep_alive().await.unwrap();
        clock.advance(Duration::from_hours(1));
    }
    assert_eq!(stand_in.count(RENEW).await, 1);
}

#[tokio::test]
async fn a_tokens_file_is_read_at_each_use_and_renewed_by_who_writes_it() {
    let Some(stand_in) = stand_in().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, format!("{TOKEN}\n")).unwrap();
    let token = TransitToken::File(path.clone());
    let transit = transit(TransitSettings { token, ..settings(&stand_in) });
    transit.ready().await.unwrap();
    stand_in.put("_tokens", json!({ "hvs.next": { "ttl": 3600, "renewable": true } })).await;
    assert_eq!(wrap(&transit).await.err().expect("refused").code(), "key_service_refused");
    std::fs::write(&path, "hvs.next\n").unwrap();
    wrap(&transit).await.unwrap();
    std::fs::write(&path, "").unwrap();
    let error = wrap(&transit).await.err().expect("refused").to_string();
    assert!(error.starts_with("VALETKEY_TRANSIT_TOKEN_FILE"), "{error}");
    std::fs::remove_file(&path).unwrap();
    let error = wrap(&transit).await.err().expect("refused");
    assert_eq!(error.code(), "key_setting");
    let own = [LOOKUP, RENEW];
    assert!(!stand_in.seen().await.iter().any(|one| own.contains(&one.as_str())));
}

#[tokio::test]
async fn a_changed_note_or_ciphertext_does_not_open() {
    let Some(stand_in) = stand_in().await else { return };
    stand_in.put("_keys", json!({ "hue": {} })).await;
    let keys = vec!["hub".to_owned(), "hue".to_owned()];
    let transit = transit(TransitSettings { keys, ..settings(&stand_in) });
    let (key, wrapped) = wrap(&transit).await.unwrap();
    let text = String::from_utf8(wrapped.as_bytes()[3..].to_vec()).unwrap();
    assert!(text.starts_with("transit/hubvault:v1:"), "{text}");
    let changed = |from: &str, to: &str| {
        let mut bytes = wrapped.as_bytes()[..3].to_vec();
        bytes.extend_from_slice(text.replacen(from, to, 1).as_bytes());
        vault::Wrapped::from_bytes(bytes).unwrap()
    };
    let first = &text["transit/hubvault:v1:".len()..][..1];
    let other = if first == "A" { "B" } else { "A" };
    for (from, to, code) in [
        ("transit/hub", "transit/hue", "does_not_open"),
        ("transit/hub", "transit/huc", "unknown_wrapping_key"),
        ("vault:v1:", "vault:v9:", "does_not_open"),
        ("vault:v1:", "other:v1:", "malformed"),
        (&format!(":v1:{first}"), &format!(":v1:{other}"), "does_not_open"),
    ] {
        let error = transit.unwrap("ws_a", key.id(), &changed(from, to)).await.err().expect(to);
        assert_eq!(error.code(), code, "{from} -> {to}: {error}");
    }
    assert!(transit.unwrap("ws_a", key.id(), &wrapped).await.is_ok());
}

#[test]
fn settings_that_cannot_be_used_are_named() {
    let token = || TransitToken::Text(TOKEN.into());
    let url = "https://vault.internal:8200";
    let good = TransitSettings::new(url, "hub", token());
    assert!(!format!("{good:?}").contains("canary"));
    let with = |change: &dyn Fn(&mut TransitSettings)| {
        let mut settings = good.clone();
        change(&mut settings);
        Transit::new(settings, Arc::new(SystemClock)).err().map(|error| error.to_string())
    };
    assert_eq!(with(&|_| {}), None);
    for fine in [
        "http://127.0.0.1:8200",
        "http://localhost:8200/",
        "http://[::1]:8200",
        "https://10.0.0.5:8200",
    ] {
        assert_eq!(with(&|it| fine.clone_into(&mut it.url)), None, "{fine}");
    }
    for wrong in [
        "",
        "vault.internal",
        "http://vault.internal:8200",
        "http://10.0.0.5:8200",
        "ftp://vault",
        "https://root:secret@vault",
        "https://vault/?a=b",
        "https://vault/#a",
    ] {
        let error = with(&|it| wrong.clone_into(&mut it.url)).expect(wrong);
        assert!(error.starts_with("VALETKEY_TRANSIT_URL"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
    for wrong in ["", "a b", "..", "a/../b", "a?b"] {
        let error = with(&|it| wrong.clone_into(&mut it.mount)).expect(wrong);
        assert!(error.starts_with("VALETKEY_TRANSIT_MOUNT"), "{error}");
        let error = with(&|it| it.keys = vec![wrong.to_owned()]).expect(wrong);
        assert!(error.starts_with("VALETKEY_TRANSIT_KEY"), "{error}");
    }
    let error = with(&|it| it.namespace = Some("a\nb".to_owned())).expect("refused");
    assert!(error.starts_with("VALETKEY_TRANSIT_NAMESPACE"), "{error}");
}

#[tokio::test]
async fn an_answer_that_is_none_of_a_transit_engine_is_not_believed() {
    let Some(stand_in) = stand_in().await else { return };
    let transit = transit(settings(&stand_in));
    transit.ready().await.unwrap();
    let answers: [Value; 3] = [
        json!({ "body": "<html>hello</html>" }),
        json!({ "body": { "data": { "ciphertext": "something else" } } }),
        json!({ "status": 418, "body": { "errors": ["a\u{7}teapot"] } }),
    ];
    for answer in answers {
        stand_in.put("_next", json!([answer])).await;
        let error = wrap(&transit).await.err().expect("refused");
        assert_eq!(error.code(), "key_service_refused", "{error}");
    }
    let large = format!("\"{}\"", "x".repeat(70 * 1024));
    stand_in.put("_next", json!([{ "body": large }])).await;
    let error = wrap(&transit).await.err().expect("refused").to_string();
    assert!(error.contains("more than 65536 bytes"), "{error}");
}

//! AWS KMS. The stand-in computes every signature again with AWS's own signer for JavaScript.

use std::{sync::Arc, time::Duration};

use base::{Clock, ManualClock, OsRng, SystemClock};
use serde_json::{Value, json};
use vault::{AwsCredentials, DataKey, Error, KeySource, KeySources, Kms, KmsSettings, LocalKeys};

use crate::{Change, check_binding, same, standin::StandIn};

const REGION: &str = "eu-central-1";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const SESSION: &str = "FwoGZXIvYXdzEXAMPLE/session+token==";
const ONE: &str = "arn:aws:kms:eu-central-1:111122223333:key/1111-aaaa";
const TWO: &str = "arn:aws:kms:eu-central-1:111122223333:key/2222-bbbb";

fn key(arn: &str) -> Value {
    json!({ "arn": arn, "state": "Enabled", "usage": "ENCRYPT_DECRYPT", "spec": "SYMMETRIC_DEFAULT" })
}

async fn stand_in() -> Option<StandIn> {
    let options = json!({
        "region": REGION, "access_key_id": "AKIDEXAMPLE", "secret_access_key": SECRET,
    });
    let stand_in = StandIn::start("kms.mjs", &options)?;
    stand_in.put("_keys", json!({ "alias/hub": key(ONE), "alias/new": key(TWO) })).await;
    Some(stand_in)
}

fn settings(stand_in: &StandIn) -> KmsSettings {
    let credentials = AwsCredentials {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: SECRET.into(),
        session_token: None,
    };
    KmsSettings {
        endpoint: Some(stand_in.url()),
        ..KmsSettings::new("alias/hub", REGION, credentials)
    }
}

fn kms(settings: KmsSettings) -> Kms {
    Kms::new(settings, Arc::new(SystemClock)).unwrap()
}

async fn refusal(source: &Kms) -> Error {
    source.ready().await.expect_err("refused")
}

#[tokio::test]
async fn a_data_key_unwraps_for_its_workspace_and_id_only() {
    let Some(stand_in) = stand_in().await else { return };
    let kms = kms(settings(&stand_in));
    kms.ready().await.unwrap();
    assert_eq!(kms.primary(), ONE);
    assert_eq!(kms.name(), stand_in.url().replace("http://", "AWS KMS at "));
    check_binding(&kms).await;
}

#[tokio::test]
async fn a_session_token_is_sent_and_signed() {
    let options = json!({
        "region": REGION, "access_key_id": "AKIDEXAMPLE", "secret_access_key": SECRET,
        "session_token": SESSION,
    });
    let Some(stand_in) = StandIn::start("kms.mjs", &options) else { return };
    stand_in.put("_keys", json!({ "alias/hub": key(ONE) })).await;
    let mut settings = settings(&stand_in);
    assert_eq!(refusal(&kms(settings.clone())).await.code(), "key_service_refused");
    settings.credentials.session_token = Some(SESSION.into());
    let kms = kms(settings);
    kms.ready().await.unwrap();
    check_binding(&kms).await;
}

#[tokio::test]
async fn a_wrong_secret_key_is_refused_in_plain_words_and_told_to_nobody() {
    let Some(stand_in) = stand_in().await else { return };
    let mut settings = settings(&stand_in);
    settings.credentials.secret_access_key = "canary-5e81f0-not-the-secret".into();
    assert!(!format!("{settings:?}").contains("canary"));
    let error = refusal(&kms(settings)).await;
    assert_eq!(error.code(), "key_service_refused");
    assert!(
        error.to_string().contains("Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"),
        "{error}"
    );
    assert!(!format!("{error} {error:?}").contains("canary"));
    assert_eq!(stand_in.count("DescribeKey").await, 1, "what is refused is not repeated");
}

#[tokio::test]
async fn a_clock_that_is_wrong_and_a_wrong_region_are_refused() {
    let Some(stand_in) = stand_in().await else { return };
    let late = SystemClock.now().plus(Duration::from_mins(10));
    let off = Kms::new(settings(&stand_in), Arc::new(ManualClock::at(late))).unwrap();
    let error = refusal(&off).await.to_string();
    assert!(error.contains("this machine's clock"), "{error}");
    let elsewhere = KmsSettings { region: "us-east-1".to_owned(), ..settings(&stand_in) };
    let error = refusal(&kms(elsewhere)).await.to_string();
    assert!(error.contains("VALETKEY_KMS_REGION"), "{error}");
}

#[tokio::test]
async fn a_key_that_does_not_fit_keeps_the_hub_from_starting() {
    let Some(stand_in) = stand_in().await else { return };
    let kms = kms(settings(&stand_in));
    for (field, value, says) in [
        ("state", "PendingDeletion", "cancel its deletion"),
        ("state", "Disabled", "Enable it"),
        ("usage", "SIGN_VERIFY", "ENCRYPT_DECRYPT"),
        ("spec", "RSA_4096", "symmetric"),
    ] {
        let mut unfit = key(ONE);
        unfit[field] = value.into();
        stand_in.put("_keys", json!({ "alias/hub": unfit })).await;
        let error = refusal(&kms).await;
        assert_eq!(error.code(), "unfit_key");
        assert!(error.to_string().contains(says), "{error}");
    }
    stand_in.put("_keys", json!({})).await;
    let error = refusal(&kms).await;
    assert_eq!(error.code(), "unfit_key");
    assert!(error.to_string().contains("VALETKEY_KMS_KEY"), "{error}");
}

#[tokio::test]
async fn a_key_that_was_disabled_meanwhile_is_named() {
    let Some(stand_in) = stand_in().await else { return };
    let kms = kms(settings(&stand_in));
    let data_key = DataKey::generate(&OsRng);
    let wrapped = kms.wrap(&OsRng, "ws_a", &data_key).await.unwrap();
    let mut disabled = key(ONE);
    disabled["state"] = "Disabled".into();
    stand_in.put("_keys", json!({ "alias/hub": disabled })).await;
    let error = kms.unwrap("ws_a", data_key.id(), &wrapped).await.err().expect("refused");
    assert_eq!(error.code(), "unfit_key");
    assert!(error.to_string().contains(ONE), "{error}");
}

#[tokio::test]
async fn a_denied_action_names_the_permissions_that_are_needed() {
    let Some(stand_in) = stand_in().await else { return };
    let kms = kms(settings(&stand_in));
    kms.ready().await.unwrap();
    stand_in.put("_deny", json!(["Encrypt"])).await;
    let error = kms.wrap(&OsRng, "ws_a", &DataKey::generate(&OsRng)).await.err().expect("refused");
    assert_eq!(error.code(), "key_service_refused");
    assert!(error.to_string().contains("kms:Encrypt, kms:Decrypt and kms:DescribeKey"), "{error}");
}

#[tokio::test]
async fn a_passing_fault_is_tried_again_and_a_lasting_one_is_told_as_passing() {
    let Some(stand_in) = stand_in().await else { return };
    let kms = kms(settings(&stand_in));
    kms.ready().await.unwrap();
    let throttled = json!({ "status": 400, "body": { "__type": "ThrottlingException" } });
    let down = json!({ "status": 503, "body": "<html>no JSON</html>" });
    stand_in.put("_next", json!([throttled, down])).await;
    let data_key = DataKey::generate(&OsRng);
    kms.wrap(&OsRng, "ws_a", &data_key).await.unwrap();
    assert_eq!(stand_in.count("Encrypt").await, 3);
    stand_in.put("_next", json!([down, down, down])).await;
    let error = kms.wrap(&OsRng, "ws_a", &data_key).await.err().expect("refused");
    assert_eq!(error.code(), "key_service_unavailable");
    assert!(error.is_transient());
    assert_eq!(stand_in.count("Encrypt").await, 6, "two repetitions and no more");
}

#[tokio::test]
async fn a_slow_answer_is_not_waited_for_and_not_asked_for_again() {
    let Some(stand_in) = stand_in().await else { return };
    let settings = KmsSettings { timeout: Duration::from_millis(500), ..settings(&stand_in) };
    let kms = kms(settings);
    kms.ready().await.unwrap();
    stand_in.put("_next", json!([{ "delay_ms": 60_000 }])).await;
    let error = kms.wrap(&OsRng, "ws_a", &DataKey::generate(&OsRng)).await.err().expect("refused");
    assert!(error.is_transient(), "{error}");
    assert_eq!(stand_in.count("Encrypt").await, 1);
}

#[tokio::test]
async fn an_answer_of_another_key_or_of_another_service_is_not_believed() {
    let Some(stand_in) = stand_in().await else { return };
    let kms = kms(settings(&stand_in));
    let data_key = DataKey::generate(&OsRng);
    let wrapped = kms.wrap(&OsRng, "ws_a", &data_key).await.unwrap();
    let plaintext = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";
    let answer = json!({ "body": { "KeyId": TWO, "Plaintext": plaintext } });
    stand_in.put("_next", json!([answer])).await;
    let error = kms.unwrap("ws_a", data_key.id(), &wrapped).await.err().expect("refused");
    assert_eq!(error.code(), "does_not_open");
    stand_in.put("_next", json!([{ "body": "<html>hello</html>" }])).await;
    let error = kms.unwrap("ws_a", data_key.id(), &wrapped).await.err().expect("refused");
    assert_eq!(error.code(), "key_service_refused");
}

#[tokio::test]
async fn a_new_key_put_first_wraps_and_the_former_still_unwraps() {
    let Some(stand_in) = stand_in().await else { return };
    let before = kms(settings(&stand_in));
    let data_key = DataKey::generate(&OsRng);
    let wrapped = before.wrap(&OsRng, "ws_a", &data_key).await.unwrap();
    let keys = vec!["alias/new".to_owned(), "alias/hub".to_owned()];
    let after = kms(KmsSettings { keys, ..settings(&stand_in) });
    after.ready().await.unwrap();
    assert!(after.knows(&wrapped) && !after.is_current(&wrapped));
    let again = after.unwrap("ws_a", data_key.id(), &wrapped).await.unwrap();
    assert!(same(&data_key, &again));
    assert!(after.is_current(&after.wrap(&OsRng, "ws_a", &again).await.unwrap()));
    let alone = kms(KmsSettings { keys: vec!["alias/new".to_owned()], ..settings(&stand_in) });
    let error = alone.unwrap("ws_a", data_key.id(), &wrapped).await.err().expect("refused");
    assert_eq!(error.code(), "unknown_wrapping_key");
    assert!(error.to_string().contains(ONE), "{error}");
}

#[tokio::test]
async fn an_alias_that_is_pointed_elsewhere_changes_nothing_before_the_next_start() {
    let Some(stand_in) = stand_in().await else { return };
    let kms = kms(settings(&stand_in));
    kms.ready().await.unwrap();
    stand_in.put("_keys", json!({ "alias/hub": key(TWO), "alias/old": key(ONE) })).await;
    kms.ready().await.unwrap();
    assert_eq!(kms.primary(), ONE);
    assert_eq!(kms.name(), stand_in.url().replace("http://", "AWS KMS at "));
    check_binding(&kms).await;
}

#[tokio::test]
async fn a_hub_moves_from_a_key_file_to_kms() {
    let Some(stand_in) = stand_in().await else { return };
    let text = LocalKeys::generate_text(&OsRng);
    let local = || Arc::new(LocalKeys::from_text(&text, "VALETKEY_KEY").unwrap());
    let data_key = DataKey::generate(&OsRng);
    let wrapped = local().wrap(&OsRng, "ws_a", &data_key).await.unwrap();
    let service = || Arc::new(kms(settings(&stand_in)));
    let both = KeySources::new(vec![service(), local()]).unwrap();
    both.ready().await.unwrap();
    assert!(both.knows(&wrapped) && !both.is_current(&wrapped));
    let again = both.unwrap("ws_a", data_key.id(), &wrapped).await.unwrap();
    let moved = both.wrap(&OsRng, "ws_a", &again).await.unwrap();
    assert!(both.is_current(&moved));
    assert!(same(&data_key, &service().unwrap("ws_a", data_key.id(), &moved).await.unwrap()));
    for (source, wrapped) in [(service() as Arc<dyn KeySource>, &wrapped), (local(), &moved)] {
        let error = source.unwrap("ws_a", data_key.id(), wrapped).await.err().expect("refused");
        assert_eq!(error.code(), "unknown_wrapping_key", "{error}");
    }
}

#[test]
fn settings_that_cannot_be_used_are_named() {
    let credentials = AwsCredentials {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: SECRET.into(),
        session_token: None,
    };
    let good = KmsSettings::new(ONE, REGION, credentials);
    let with = |change: fn(&mut KmsSettings)| {
        let mut settings = good.clone();
        change(&mut settings);
        Kms::new(settings, Arc::new(SystemClock)).err().map(|error| error.to_string())
    };
    assert_eq!(with(|_| {}), None);
    let wrong: [(&str, Change<KmsSettings>); 7] = [
        ("VALETKEY_KMS_REGION", |it| it.region = "eu.example.com/".to_owned()),
        ("VALETKEY_KMS_KEY", |it| it.keys = Vec::new()),
        ("VALETKEY_KMS_KEY", |it| it.keys = vec!["a key".to_owned()]),
        ("VALETKEY_KMS_ENDPOINT", |it| it.endpoint = Some("http://kms.example.com".to_owned())),
        ("AWS_ACCESS_KEY_ID", |it| it.credentials.access_key_id.clear()),
        ("AWS_SECRET_ACCESS_KEY", |it| it.credentials.secret_access_key = "a\nb".into()),
        ("AWS_SESSION_TOKEN", |it| it.credentials.session_token = Some("".into())),
    ];
    for (setting, change) in wrong {
        let error = with(change).expect("refused");
        assert!(error.starts_with(setting), "{error}");
    }
}

//! Token replies of every shape.

use base::ExposeSecret;
use proptest::prelude::*;
use serde_json::json;

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);

fn manifest(more: &str) -> Manifest {
    Manifest::parse(&format!(
        "slug = \"x\"\ndisplay_name = \"X\"\ncategory = \"crm\"\nauth.kind = \"oauth2_code\"\n\
         issuer = \"https://x.example\"\n{more}"
    ))
    .unwrap()
}

fn read(more: &str, body: &Value) -> TokenSet {
    parse(&manifest(more), &TokenReply { body, now: NOW }).unwrap()
}

fn ends_in(more: &str, body: &Value) -> Option<i64> {
    read(more, body).expires_at.map(|at| at.secs() - NOW.secs())
}

#[test]
fn the_standard_reply_is_read() {
    let body = json!({
        "access_token": "at", "refresh_token": "rt", "id_token": "it", "token_type": "bearer",
        "expires_in": 3600, "refresh_token_expires_in": 7200, "scope": "a b a"
    });
    let tokens = read("", &body);
    assert_eq!(tokens.access.expose_secret(), "at");
    assert_eq!(tokens.refresh.unwrap().expose_secret(), "rt");
    assert_eq!(tokens.id_token.unwrap().expose_secret(), "it");
    assert_eq!(tokens.token_type, "bearer");
    assert_eq!(tokens.expires_at, Some(NOW.plus(Duration::from_hours(1))));
    assert_eq!(tokens.refresh_expires_at, Some(NOW.plus(Duration::from_hours(2))));
    assert_eq!(tokens.scopes.unwrap(), ["a", "b"]);
}

#[test]
fn a_reply_that_says_little_promises_little() {
    let tokens = read("", &json!({"access_token": "at"}));
    assert_eq!(
        (tokens.token_type.as_str(), tokens.expires_at, tokens.scopes),
        ("Bearer", None, None)
    );
    assert!(tokens.refresh.is_none() && tokens.refresh_expires_at.is_none());
}

#[test]
fn a_lifetime_is_read_in_every_form_that_providers_write() {
    let at = |value: Value| json!({"access_token": "at", "expires_in": value, "expires_at": value});
    let millis = "token.reply.expires_unit = \"milliseconds\"\n";
    let absolute = "token.reply.expires_at = [\"expires_at\"]\n";
    let fallback = "lifetime.access_s = 60\n";
    let table = [
        ("", json!(3600), Some(3600)),
        ("", json!("3600"), Some(3600)),
        ("", json!(3599.5), Some(3599)),
        ("", json!(0), Some(0)),
        (millis, json!(60_000), Some(60)),
        (absolute, json!("2026-11-18T12:06:40Z"), Some(3600)),
        (absolute, json!("2026-11-18T13:06:40+01:00"), Some(3600)),
        (absolute, json!(1_795_003_600), Some(3600)),
        (absolute, json!("1795003600"), Some(3600)),
        // Past is past; before 1970 is nonsense.
        (absolute, json!(1_794_999_000), Some(-1000)),
        (fallback, json!(null), Some(60)),
        (fallback, json!("soon"), Some(60)),
        (fallback, json!(-1), Some(60)),
        ("", json!(-1), None),
        ("", json!(1e18), None),
        ("", json!("1e400"), None),
        ("", json!("NaN"), None),
        // What is said not to end does not end, whatever usually counts.
        (fallback, json!(99_999_999_999_i64), None),
        (absolute, json!(99_999_999_999_i64), None),
    ];
    for (more, value, expected) in table {
        assert_eq!(ends_in(more, &at(value.clone())), expected, "{more:?} {value}");
    }
}

#[test]
fn an_end_after_more_than_a_hundred_years_is_none_however_it_is_written() {
    let absolute = "token.reply.expires_at = [\"expires_at\"]\n";
    for at in [json!("9999-12-31T23:59:59Z"), json!(253_402_300_799_i64), json!("253402300799")] {
        let body = json!({"access_token": "at", "expires_at": at});
        assert_eq!(ends_in(absolute, &body), None, "{at}");
    }
}

#[test]
fn a_refresh_token_that_ends_at_once_does_not_end() {
    let body = json!({"access_token": "at", "refresh_token_expires_in": 0});
    assert_eq!(read("", &body).refresh_expires_at, None);
    let known = read("lifetime.refresh_s = 100\n", &body).refresh_expires_at;
    assert_eq!(known, Some(NOW.plus(Duration::from_secs(100))));
}

#[test]
fn scopes_are_split_as_they_were_joined() {
    let body = |scope: Value| json!({"access_token": "at", "scope": scope});
    let colon = "authorize.scope_separator = \":\"\n";
    let comma = "token.reply.scope_separator = \",\"\n";
    let table = [
        ("", json!("a b"), Some(vec!["a", "b"])),
        ("", json!("a,b"), Some(vec!["a", "b"])),
        ("", json!("a, b"), Some(vec!["a", "b"])),
        ("", json!(["a b", "c", 1]), Some(vec!["a b", "c"])),
        (colon, json!("a:b,c"), Some(vec!["a", "b,c"])),
        (comma, json!("a b,c"), Some(vec!["a b", "c"])),
        ("", json!(""), None),
        ("", json!([]), None),
        ("", json!({"a": 1}), None),
    ];
    for (more, scope, expected) in table {
        let found = read(more, &body(scope.clone())).scopes;
        let expected: Option<Vec<_>> =
            expected.map(|scopes| scopes.into_iter().map(str::to_owned).collect());
        assert_eq!(found, expected, "{more:?} {scope}");
    }
}

#[test]
fn values_stand_where_the_manifest_says() {
    let more = "token.reply.access = [\"data.0.token\", \"authed_user.access_token\"]\n\
                token.capture.instance = \"data.1.url\"\n";
    let first = read(more, &json!({"data": [{"token": "first"}, {"url": "https://i.example"}]}));
    assert_eq!(first.access.expose_secret(), "first");
    assert_eq!(first.captured["instance"], "https://i.example");
    let second = read(more, &json!({"authed_user": {"access_token": "second"}}));
    assert_eq!(second.access.expose_secret(), "second");
    assert!(second.captured.is_empty());
}

#[test]
fn of_several_tokens_one_counts_and_nothing_of_the_others() {
    let more = "token.reply.tokens = [\"person\", \"\"]\ntoken.capture.team = \"team\"\n";
    let both = json!({
        "access_token": "bot", "refresh_token": "bot-r", "expires_in": 60, "scope": "b", "team": "T1",
        "person": {"access_token": "person", "scope": "p"},
    });
    let tokens = read(more, &both);
    assert_eq!(tokens.access.expose_secret(), "person");
    assert!(tokens.refresh.is_none() && tokens.expires_at.is_none());
    assert_eq!(tokens.scopes.unwrap(), ["p"]);
    assert_eq!(tokens.captured["team"], "T1");
    for person in [json!(null), json!({"id": "U1"}), json!({"access_token": ""})] {
        let mut flat = both.clone();
        flat["person"] = person;
        let tokens = read(more, &flat);
        assert_eq!(tokens.access.expose_secret(), "bot");
        assert_eq!(tokens.refresh.unwrap().expose_secret(), "bot-r");
    }
    let inner = manifest("token.reply.tokens = [\"person\"]\n");
    assert!(!is_error(&inner, 200, &json!({"person": {"access_token": "at"}})));
    assert!(is_error(&inner, 200, &json!({"person": {}})));
    let others = json!({"access_token": "bot", "person": {"id": "U1"}});
    assert!(is_error(&inner, 200, &others), "the bot's is none of those that count");
    assert!(parse(&inner, &TokenReply { body: &others, now: NOW }).is_err());
}

#[test]
fn a_token_that_is_none_is_refused_without_being_shown() {
    let long = "x".repeat(MOST_TOKEN + 1);
    for bad in [json!(long), json!("s3cret s3cret"), json!("s3cret\n"), json!("s3crét")] {
        for name in ["access_token", "refresh_token"] {
            let mut body = json!({"access_token": "at"});
            body[name] = bad.clone();
            let error = parse(&manifest(""), &TokenReply { body: &body, now: NOW }).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Unavailable);
            assert!(!format!("{error:?}").contains("s3c"), "{error:?}");
        }
    }
    for none in [json!({}), json!({"access_token": ""}), json!({"access_token": 7}), json!(null)] {
        assert!(parse(&manifest(""), &TokenReply { body: &none, now: NOW }).is_err(), "{none}");
    }
}

#[test]
fn an_error_is_one_whatever_its_status() {
    let good = json!({"access_token": "at"});
    assert!(!is_error(&manifest(""), 200, &good));
    assert!(!is_error(&manifest(""), 200, &json!({"access_token": "at", "error": null})));
    assert!(!is_error(&manifest(""), 200, &json!({"access_token": "at", "error": ""})));
    assert!(is_error(&manifest(""), 400, &good));
    assert!(is_error(&manifest(""), 302, &good));
    assert!(is_error(&manifest(""), 200, &json!({"access_token": "at", "error": "x"})));
    assert!(is_error(&manifest(""), 200, &json!({"ok": true})));
    assert!(is_error(&manifest(""), 200, &Value::Null));
    let matcher = "errors.dead = [{ path = \"code\", equals = \"7\" }]\n";
    assert!(is_error(&manifest(matcher), 200, &json!({"access_token": "at", "code": 7})));
}

#[test]
fn debug_shows_no_token() {
    let shown =
        format!("{:?}", read("", &json!({"access_token": "s3cret", "refresh_token": "s3cret"})));
    assert!(!shown.contains("s3cret"), "{shown}");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        "\\PC{0,20}".prop_map(Value::from),
        "[a-z0-9 ,.:+-]{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 5, |inner| {
        let key =
            "access_token|refresh_token|expires_in|expires_at|scope|error|token_type|[a-z]{1,3}";
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_read_without_a_panic_and_within_bounds(body in any_json(), access in "[!-~]{1,40}", status in 100_u16..600) {
        let manifest = manifest(
            "token.reply.expires_at = [\"expires_at\"]\ntoken.capture.a = \"a.0\"\n\
             errors.dead = [{ path = \"error\", matches = \"^a\" }]\n",
        );
        let _ = is_error(&manifest, status, &body);
        let mut body = body;
        if let Value::Object(map) = &mut body {
            map.insert("access_token".to_owned(), Value::from(access.clone()));
        }
        if let Ok(tokens) = parse(&manifest, &TokenReply { body: &body, now: NOW }) {
            prop_assert_eq!(tokens.access.expose_secret(), access);
            let latest = NOW.plus(Duration::from_hours(101 * 366 * 24));
            prop_assert!(tokens.expires_at.is_none_or(|at| at < latest));
            prop_assert!(tokens.scopes.is_none_or(|scopes| !scopes.is_empty()));
        }
    }
}

#[test]
fn a_value_of_the_reply_that_does_not_fit_its_pattern_is_not_kept() {
    let more = "token.capture.host = { from = \"api\", pattern = '^[a-z]+\\.x\\.example$' }\n";
    let kept = |host: &str| {
        let body = json!({"access_token": "t", "api": host});
        let reply = TokenReply { body: &body, now: Timestamp::default() };
        parse(&manifest(more), &reply).unwrap().captured.get("host").cloned()
    };
    assert_eq!(kept("eu.x.example").as_deref(), Some("eu.x.example"));
    assert_eq!(kept("eu.y.example"), None);
}

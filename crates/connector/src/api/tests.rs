//! Where a credential goes, where it does not, and what answers mean.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use base::SecretString;
use serde_json::json;

use super::*;
use crate::{Connector, Declarative, TokenSet};

/// What a request looked like: its URL, its `Authorization`.
type Seen = Arc<Mutex<Vec<(String, Option<String>)>>>;

fn peer(status: u16, headers: &'static [(&str, &str)], body: &'static str) -> (Outbound, Seen) {
    let seen = Seen::default();
    let log = seen.clone();
    let outbound = Outbound::in_process(move |request: Request<Bytes>| {
        let authorization = request.headers().get("authorization");
        let authorization = authorization.map(|value| value.to_str().unwrap().to_owned());
        log.lock().unwrap().push((request.uri().to_string(), authorization));
        let mut answer = Response::builder().status(status);
        for (name, value) in headers {
            answer = answer.header(*name, *value);
        }
        let answer = answer.body(Bytes::from_static(body.as_bytes())).unwrap();
        async move { answer }
    });
    (outbound, seen)
}

fn oauth(captured: &[(&str, &str)]) -> Credential {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Credential::OAuth(TokenSet {
        captured: captured.iter().map(pair).collect(),
        ..TokenSet::bearer("s3cret")
    })
}

fn manifest(more: &str) -> Manifest {
    Manifest::parse(&format!(
        "slug = \"x\"\ndisplay_name = \"X\"\ncategory = \"crm\"\nauth.kind = \"oauth2_code\"\n\
         issuer = \"https://id.example\"\n{more}"
    ))
    .unwrap()
}

fn api(outbound: Outbound, more: &str) -> Api {
    Api::new(outbound, &manifest(more), &Inputs::default(), &oauth(&[])).ok().unwrap()
}

const BASE: &str = "api.base = \"https://api.example/v1\"\n";

#[tokio::test]
async fn a_path_is_put_after_the_base_and_the_credential_with_it() {
    let (outbound, seen) = peer(200, &[], r#"{"a":1}"#);
    let answer = api(outbound, BASE).get("/things?limit=1").await.unwrap();
    assert_eq!(answer, json!({"a": 1}));
    let expected =
        ("https://api.example/v1/things?limit=1".to_owned(), Some("Bearer s3cret".to_owned()));
    assert_eq!(*seen.lock().unwrap(), [expected]);
}

#[tokio::test]
async fn the_credential_goes_to_the_apis_own_hosts_only() {
    let more = format!("{BASE}api.host_allow = [\"api.example\", \"files.example\"]\n");
    let (outbound, seen) = peer(200, &[], "{}");
    let api = api(outbound, &more).with_userinfo(Url::parse("https://id.example/me").ok());
    for good in [
        "https://api.example/other",
        "https://files.example/a",
        "https://eu.files.example/a",
        "https://id.example/me",
    ] {
        assert!(api.get(good).await.is_ok(), "{good}");
    }
    for bad in [
        "https://evil.example/",
        "https://evilfiles.example/",
        "https://files.example.evil.example/",
        "http://files.example/",
        "https://sub.id.example/",
        "https://id.example:444/",
        "https://user@files.example/",
        "//files.example/",
        "@evil.example/",
        "/../../admin",
        "/../v10/admin",
        "/%2e%2e/admin",
        "relative",
        "",
    ] {
        let before = seen.lock().unwrap().len();
        // `//host/` is a path of the API like any other.
        let answer = api.get(bad).await;
        for (url, _) in &seen.lock().unwrap()[before..] {
            assert!(url.starts_with("https://api.example/v1//files"), "{bad} went to {url}");
        }
        assert_eq!(answer.is_err(), bad != "//files.example/", "{bad}");
    }
}

#[tokio::test]
async fn a_base_from_the_token_reply_stays_within_the_allowed_hosts() {
    let more = "token.capture.instance = \"instance_url\"\napi.base = \"{instance}/v1\"\n\
                api.host_allow = [\"crm.example\"]\n";
    let manifest = manifest(more);
    let at = |instance: &str| {
        let (outbound, _) = peer(200, &[], "{}");
        Api::new(outbound, &manifest, &Inputs::default(), &oauth(&[("instance", instance)])).is_ok()
    };
    assert!(at("https://na1.crm.example"));
    for bad in
        ["https://evil.example", "http://na1.crm.example", "https://crm.example@evil.example", "x"]
    {
        assert!(!at(bad), "{bad}");
        let base = manifest.api_base(&Inputs::default(), &oauth(&[("instance", bad)]));
        assert_eq!(base, None, "{bad}");
    }
    let (outbound, _) = peer(200, &[], "{}");
    assert!(Api::new(outbound, &manifest, &Inputs::default(), &oauth(&[])).is_err());
}

#[tokio::test]
async fn a_key_in_the_query_is_encoded_and_errors_do_not_show_it() {
    let manifest = Manifest::parse(
        "slug = \"x\"\ndisplay_name = \"X\"\ncategory = \"crm\"\nauth.kind = \"api_key\"\n\
         api.base = \"https://api.example\"\napi.credential = { in = \"query\", name = \"api_key\" }\n\
         [[inputs]]\nname = \"key\"\nlabel = \"Key\"\nsecret = true\n",
    )
    .unwrap();
    let credential =
        Credential::Keys(BTreeMap::from([("key".to_owned(), SecretString::from("s3&c=r+t"))]));
    let (outbound, seen) = peer(500, &[], "s3&c=r+t");
    let api = Api::new(outbound, &manifest, &Inputs::default(), &credential).ok().unwrap();
    let error = api.get("/me?a=b").await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("s3"), "{error:?}");
    assert_eq!(seen.lock().unwrap()[0].0, "https://api.example/me?a=b&api_key=s3%26c%3Dr%2Bt");
}

#[tokio::test]
async fn every_answer_means_one_thing() {
    let wait = Some(Duration::from_secs(9));
    let table = [
        (401, "{}", ErrorKind::Reauthorize),
        (403, "{}", ErrorKind::Denied),
        (400, "{}", ErrorKind::Invalid),
        (404, "{}", ErrorKind::NotFound),
        (409, "{}", ErrorKind::Conflict),
        (422, "{}", ErrorKind::Invalid),
        (429, "{}", ErrorKind::RateLimited(wait)),
        (500, "{}", ErrorKind::Unavailable),
        (503, "<html>", ErrorKind::Unavailable),
        (302, "", ErrorKind::Unavailable),
        (200, "<html>", ErrorKind::Unavailable),
    ];
    for (status, body, expected) in table {
        let (outbound, _) = peer(status, &[("retry-after", "9")], body);
        let error = api(outbound, BASE).get("/x").await.unwrap_err();
        assert_eq!(error.kind, expected, "{status} {body}");
    }
    let (outbound, _) = peer(204, &[], "");
    assert_eq!(api(outbound, BASE).get("/x").await.unwrap(), Value::Null);
}

const WHO: &str =
    "identity = { url = \"/me\", account_path = [\"id\"], label_path = [\"email\", \"name\"] }\n";

async fn who(more: &str, status: u16, body: &'static str) -> Result<Account, Error> {
    let (outbound, _) = peer(status, &[], body);
    let connector = Declarative::new(manifest(more));
    let api =
        Api::new(outbound, connector.manifest(), &Inputs::default(), &oauth(&[])).ok().unwrap();
    connector.identify(&api).await
}

#[tokio::test]
async fn the_manifest_tells_whose_account_it_is() {
    let more = format!("{BASE}{WHO}");
    let account = who(&more, 200, r#"{"id":7,"email":"","name":"Ana\n"}"#).await.unwrap();
    assert_eq!((account.id.as_str(), account.label.as_str()), ("7", "Ana"));
    let account = who(&more, 200, r#"{"id":"a"}"#).await.unwrap();
    assert_eq!(account.label, "a");
    assert_eq!(who(&more, 200, "{}").await.unwrap_err().kind, ErrorKind::Unavailable);
    let error = who(&more, 401, r#"{"error":"token_expired"}"#).await.unwrap_err();
    assert_eq!(
        (error.kind, error.provider_code.as_deref()),
        (ErrorKind::Reauthorize, Some("token_expired"))
    );
}

#[tokio::test]
async fn an_account_in_two_organizations_is_two_accounts() {
    let more = format!(
        "{BASE}identity = {{ url = \"/me\", account_path = [\"id\"], tenant_path = [\"org\"] }}\n"
    );
    let first = who(&more, 200, r#"{"id":7,"org":1}"#).await.unwrap();
    let second = who(&more, 200, r#"{"id":7,"org":2}"#).await.unwrap();
    assert_eq!((first.id.as_str(), first.label.as_str()), ("1/7", "7"));
    assert_eq!(second.id, "2/7");
    // Half an id would take one account for another.
    assert_eq!(who(&more, 200, r#"{"id":7}"#).await.unwrap_err().kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_hook_reads_answers_and_captured_values_and_no_token() {
    let (outbound, _) = peer(200, &[], "{}");
    let more = format!("{BASE}token.capture = {{ org = \"org_id\" }}\n");
    let credential = oauth(&[("org", "o1")]);
    let api = Api::new(outbound, &manifest(&more), &Inputs::default(), &credential).ok().unwrap();
    assert_eq!(api.value("org"), Some("o1"));
    assert_eq!((api.value("token"), api.value("access_token")), (None, None));
}

#[tokio::test]
async fn a_dead_credential_is_recognised_in_a_200() {
    let more =
        format!("{BASE}{WHO}errors.dead = [{{ path = \"error\", equals = \"token_revoked\" }}]\n");
    let error = who(&more, 200, r#"{"ok":false,"error":"token_revoked"}"#).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Reauthorize);
}

#[tokio::test]
async fn a_provider_that_can_not_be_asked_has_one_account() {
    let account = who(BASE, 500, "").await.unwrap();
    assert_eq!((account.id.as_str(), account.label.as_str()), ("default", "X"));
}

#[tokio::test]
async fn userinfo_is_asked_where_it_was_discovered() {
    let connector =
        Declarative::new(manifest("identity = { url = \"userinfo\", account_path = [\"sub\"] }\n"));
    let (outbound, seen) = peer(200, &[], r#"{"sub":"u1"}"#);
    let api = || {
        Api::new(outbound.clone(), connector.manifest(), &Inputs::default(), &oauth(&[]))
            .ok()
            .unwrap()
    };
    assert_eq!(connector.identify(&api()).await.unwrap_err().kind, ErrorKind::Unsupported);
    let found = api().with_userinfo(Url::parse("https://id.example/userinfo").ok());
    assert_eq!(connector.identify(&found).await.unwrap().id, "u1");
    assert_eq!(seen.lock().unwrap()[0].0, "https://id.example/userinfo");
}

#[test]
fn the_time_is_known_where_it_was_given() {
    let api = || api(peer(200, &[], "").0, BASE);
    assert_eq!(api().now().unwrap_err().kind, ErrorKind::Unavailable);
    let at = api().at(Timestamp::from_secs(1_764_063_000));
    assert_eq!(at.now().unwrap().to_string(), "2025-11-25T09:30:00Z");
}

#[tokio::test]
async fn a_refusal_that_tells_of_a_limit_is_one_whatever_its_status() {
    let sections = format!(
        "{BASE}api.rate = {{ remaining = \"x-left\", reset = \"x-reset\", statuses = [403, 429] }}\n"
    );
    let wait = Some(Duration::from_secs(9));
    for (left, expected) in [("0", ErrorKind::RateLimited(wait)), ("5", ErrorKind::Denied)] {
        let headers: &'static [(&str, &str)] =
            if left == "0" { &[("x-left", "0"), ("x-reset", "9")] } else { &[("x-left", "5")] };
        let (outbound, _) = peer(403, headers, "{}");
        let error = api(outbound, &sections).get("/x").await.unwrap_err();
        assert_eq!(error.kind, expected, "{left}");
    }
}

#[tokio::test]
async fn a_credential_is_checked_where_nobody_tells_whose_account_it_is() {
    let verify = |more| format!("{BASE}api.verify = {{ path = \"/ping\"{more} }}\n");
    for (more, status, body, good) in [
        ("", 200, "{}", true),
        ("", 204, "", true),
        ("", 401, "{}", false),
        ("", 200, "<html>", false),
        (", ok_status = [404]", 404, "{}", true),
        (", ok_status = [204]", 200, "{}", false),
    ] {
        let account = who(&verify(more), status, body).await;
        assert_eq!(account.is_ok(), good, "{more} {status} {body}");
    }
    let sections = verify("") + "errors.dead = [{ path = \"error\", equals = \"revoked\" }]\n";
    let error = who(&sections, 200, r#"{"error":"revoked"}"#).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Reauthorize);
}

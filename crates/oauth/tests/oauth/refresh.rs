use connector::{Declarative, ErrorKind, TokenSet};
use oauth::{Error, narrow, refresh};

use crate::support::{
    NOW, Provider, SECRET, client, connector, endpoints, exposed, fields, json, strings, tokens,
};

fn read(connector: &Declarative, status: u16, body: &'static str) -> Result<TokenSet, Error> {
    refresh::read(connector, NOW, &tokens(), &json(status, body))
}

#[tokio::test]
async fn the_request_is_that_of_rfc_6749_section_6() {
    let connector = connector("");
    let request =
        refresh::request(&connector, &endpoints(&connector).await, &client(), &tokens(), None)
            .unwrap();
    assert_eq!(request.uri(), "https://login.example.com/token");
    let form = fields(request.body());
    let form: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        form,
        [
            ("client_id", "id:1"),
            ("client_secret", SECRET),
            ("grant_type", "refresh_token"),
            ("refresh_token", "old-refresh"),
        ]
    );
}

#[tokio::test]
async fn the_manifest_may_send_it_elsewhere_and_add_to_it() {
    let connector = crate::support::manifest(
        r#"
        [urls]
        authorize = "https://login.example.com/authorize"
        token = "https://login.example.com/token"
        refresh = "https://login.example.com/refresh"
        [refresh]
        params = { audience = "x" }
        "#,
    );
    let scopes = strings(&["a"]);
    let endpoints = endpoints(&connector).await;
    let request =
        refresh::request(&connector, &endpoints, &client(), &tokens(), Some(&scopes)).unwrap();
    assert_eq!(request.uri(), "https://login.example.com/refresh");
    let form = fields(request.body());
    assert_eq!((form["audience"].as_str(), form["scope"].as_str()), ("x", "a"));
}

#[tokio::test]
async fn the_manifest_may_write_it_otherwise_than_an_exchange() {
    let connector = connector(
        "[refresh]\nencoding = \"json\"\nclient_auth = \"basic\"\nparams = { tenant = \"t\" }",
    );
    let endpoints = endpoints(&connector).await;
    let request = refresh::request(&connector, &endpoints, &client(), &tokens(), None).unwrap();
    assert!(request.headers().contains_key("authorization"));
    assert_eq!(request.headers()["content-type"], "application/json");
    let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
    let sent = serde_json::json!({
        "grant_type": "refresh_token", "refresh_token": "old-refresh", "tenant": "t",
    });
    assert_eq!(body, sent, "and the client's secret is not in the body");
}

#[tokio::test]
async fn a_refresh_by_get_says_all_in_its_query() {
    let connector = connector("[refresh]\nmethod = \"GET\"");
    let endpoints = endpoints(&connector).await;
    let request = refresh::request(&connector, &endpoints, &client(), &tokens(), None).unwrap();
    assert_eq!(request.method(), "GET");
    assert!(request.body().is_empty());
    let query = fields(request.uri().query().unwrap().as_bytes());
    assert_eq!(query["refresh_token"], "old-refresh");
}

#[tokio::test]
async fn without_a_refresh_token_nothing_can_be_sent() {
    let connector = connector("");
    let bare = TokenSet { refresh: None, ..tokens() };
    let error = refresh::request(&connector, &endpoints(&connector).await, &client(), &bare, None)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(!error.may_have_been_received());
}

#[test]
fn what_the_reply_leaves_out_stays() {
    let fresh = read(&connector(""), 200, r#"{"access_token":"new","expires_in":60}"#).unwrap();
    assert_eq!(exposed(Some(&fresh.access)), Some("new"));
    assert_eq!(exposed(fresh.refresh.as_ref()), Some("old-refresh"));
    assert_eq!(fresh.refresh_expires_at, Some(NOW));
    assert_eq!(fresh.scopes, Some(strings(&["a", "b"])));
    assert_eq!(fresh.captured["site"], "one");
    assert_eq!(fresh.expires_at.map(|at| at.secs() - NOW.secs()), Some(60));
}

#[test]
fn what_the_reply_says_counts() {
    let connector = connector("[token]\ncapture = { site = 'site_url' }");
    let body = r#"{"access_token":"new","refresh_token":"newer","scope":"a","site_url":"two"}"#;
    let fresh = read(&connector, 200, body).unwrap();
    assert_eq!(exposed(fresh.refresh.as_ref()), Some("newer"));
    assert_eq!(fresh.refresh_expires_at, None, "the former end was another token's");
    assert_eq!(fresh.scopes, Some(strings(&["a"])));
    assert_eq!(fresh.captured["site"], "two");
    assert_eq!(fresh.expires_at, None, "nothing is known of the new one's end");
}

#[test]
fn a_refresh_token_that_stays_ends_when_it_was_to_end() {
    let lives = "[lifetime]\nrefresh_s = 100";
    let in_100 = Some(NOW.plus(std::time::Duration::from_secs(100)));
    for (body, expected) in [
        (r#"{"access_token":"new"}"#, Some(NOW)),
        (r#"{"access_token":"new","refresh_token":"old-refresh"}"#, Some(NOW)),
        (r#"{"access_token":"new","refresh_token":"newer"}"#, in_100),
        (r#"{"access_token":"new","refresh_token_expires_in":100}"#, in_100),
    ] {
        assert_eq!(
            read(&connector(lives), 200, body).unwrap().refresh_expires_at,
            expected,
            "{body}"
        );
    }
}

#[test]
fn an_unverified_id_token_takes_no_place() {
    let body = r#"{"access_token":"new","id_token":"x.y.z"}"#;
    assert!(read(&connector(""), 200, body).unwrap().id_token.is_none());
}

#[test]
fn only_a_definitive_answer_ends_the_grant() {
    for (status, body, kind) in [
        (400, r#"{"error":"invalid_grant"}"#, ErrorKind::Reauthorize),
        (200, r#"{"error":"invalid_grant"}"#, ErrorKind::Reauthorize),
        (400, r#"{"error":"something_else"}"#, ErrorKind::Unavailable),
        (400, "<html>", ErrorKind::Unavailable),
        (500, r#"{"error":"server_error"}"#, ErrorKind::Unavailable),
        (401, r#"{"error":"invalid_client"}"#, ErrorKind::ClientConfig),
    ] {
        assert_eq!(
            read(&connector(""), status, body).err().unwrap().kind(),
            kind,
            "{status} {body}"
        );
    }
}

const NARROWS: &str = "[refresh]\nclass = 'static'\naccepts_scope = true";

async fn narrowed(provider: &Provider, sections: &str) -> Result<TokenSet, Error> {
    let connector = connector(sections);
    let endpoints = endpoints(&connector).await;
    let scopes = strings(&["a"]);
    narrow(&provider.outbound, NOW, &connector, &endpoints, &client(), &tokens(), &scopes).await
}

#[tokio::test]
async fn a_narrower_token_has_the_scopes_that_were_asked_for() {
    let provider =
        Provider::saying(200, r#"{"access_token":"narrow","refresh_token":"r","expires_in":60}"#);
    let narrow = narrowed(&provider, NARROWS).await.unwrap();
    assert_eq!(provider.only().form()["scope"], "a");
    assert_eq!(narrow.scopes, Some(strings(&["a"])));
    assert!(narrow.refresh.is_none(), "it is made to be handed out");
    assert_eq!(narrow.captured["site"], "one");
}

#[tokio::test]
async fn a_provider_that_did_not_narrow_is_quoted_as_it_is() {
    let provider = Provider::saying(200, r#"{"access_token":"wide","scope":"a b"}"#);
    assert_eq!(narrowed(&provider, NARROWS).await.unwrap().scopes, Some(strings(&["a", "b"])));
}

#[tokio::test]
async fn where_a_refresh_would_touch_the_refresh_token_nothing_is_narrowed() {
    for sections in ["", "[refresh]\nclass = 'static'", "[refresh]\naccepts_scope = true"] {
        let nobody = Provider::saying(500, "");
        let error = narrowed(&nobody, sections).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{sections}");
        assert!(nobody.seen().is_empty());
    }
}

//! Tokens whose replies do not say how long they live (RFC 7662).

use std::time::Duration;

use base::Timestamp;
use connector::TokenSet;
use oauth::{client_credentials, narrow, with_told_end};
use serde_json::json;

use crate::{
    exchange::exchanged,
    support::{
        NOW, Provider, SECRET, client, connector, endpoints, json as reply, strings, tokens,
    },
};

const ASKED: &str = "introspect = 'https://login.example.com/introspect'";
const HOUR: Duration = Duration::from_hours(1);

/// A server whose tokens do not say when they end, and that says this when it is asked.
fn server(status: u16, said: &serde_json::Value) -> Provider {
    let said = said.to_string();
    Provider::answering(move |seen| match seen.url.as_str() {
        "https://login.example.com/introspect" => reply(status, said.clone()),
        _ => reply(200, r#"{"access_token":"new","refresh_token":"r","token_type":"Bearer"}"#),
    })
}

async fn end_told(status: u16, said: &serde_json::Value) -> Option<Timestamp> {
    let provider = server(status, said);
    let connector = connector(&format!("{ASKED}\n[lifetime]\naccess_s = 7200"));
    exchanged(&provider, &connector, &client()).await.unwrap().expires_at
}

#[tokio::test]
async fn the_server_is_asked_as_the_client_with_the_token_that_it_gave() {
    let end = NOW.plus(HOUR);
    let provider = server(200, &json!({ "active": true, "exp": end.secs() }));
    let connector =
        connector(&format!("{ASKED}\n[client]\nauth = 'basic'\n[token]\nencoding = 'json'"));
    let tokens = exchanged(&provider, &connector, &client()).await.unwrap();
    assert_eq!(tokens.expires_at, Some(end));
    let [_, asked] = provider.seen().try_into().unwrap_or_else(|_| panic!("two requests"));
    assert_eq!(asked.method, "POST");
    assert!(asked.headers["authorization"].is_sensitive());
    assert!(!asked.body.contains(SECRET));
    let form = asked.form();
    assert_eq!((form["token"].as_str(), form["token_type_hint"].as_str()), ("new", "access_token"));
}

#[tokio::test]
async fn what_is_not_told_is_assumed() {
    let assumed = Some(NOW.plus(2 * HOUR));
    let soon = NOW.plus(HOUR).secs();
    assert_eq!(end_told(200, &json!({ "active": true, "exp": soon })).await, Some(NOW.plus(HOUR)));
    for (status, said) in [
        (200, json!({ "active": true })),
        (200, json!({ "active": false, "exp": soon })),
        (200, json!({ "active": "true", "exp": soon })),
        (200, json!({ "exp": soon })),
        (200, json!({ "active": true, "exp": NOW.secs() - 1 })),
        (200, json!({ "active": true, "exp": i64::MAX })),
        (200, json!({ "active": true, "exp": "tomorrow" })),
        (200, json!("no object")),
        (401, json!({ "error": "invalid_client" })),
        (503, json!({ "active": true, "exp": soon })),
    ] {
        assert_eq!(end_told(status, &said).await, assumed, "{status} {said}");
    }
}

#[tokio::test]
async fn a_clients_own_token_is_asked_about_too() {
    let end = NOW.plus(HOUR);
    let provider = server(200, &json!({ "active": true, "exp": end.secs() }));
    let connector = connector(ASKED);
    let endpoints = endpoints(&connector).await;
    let tokens =
        client_credentials(&provider.outbound, NOW, &connector, &endpoints, &client(), &[]).await;
    assert_eq!(tokens.unwrap().expires_at, Some(end));
}

#[tokio::test]
async fn a_narrower_token_is_asked_about_too() {
    let end = NOW.plus(HOUR);
    let provider = server(200, &json!({ "active": true, "exp": end.secs() }));
    let connector =
        connector(&format!("{ASKED}\n[refresh]\nclass = 'static'\naccepts_scope = true"));
    let endpoints = endpoints(&connector).await;
    let (outbound, client, whole) = (&provider.outbound, client(), tokens());
    let scopes = strings(&["a"]);
    let narrowed =
        narrow(outbound, NOW, &connector, &endpoints, &client, &whole, &scopes).await.unwrap();
    assert_eq!(narrowed.expires_at, Some(end));
}

#[tokio::test]
async fn nobody_is_asked_where_the_manifest_names_no_address() {
    let provider = server(200, &json!({ "active": true, "exp": NOW.plus(HOUR).secs() }));
    let connector = connector("");
    let endpoints = endpoints(&connector).await;
    let bearer = TokenSet::bearer("new".to_owned());
    let (outbound, client) = (&provider.outbound, client());
    let tokens = with_told_end(outbound, NOW, &connector, &endpoints, &client, bearer).await;
    assert_eq!((tokens.expires_at, provider.seen().len()), (None, 0));
}

#[tokio::test]
async fn the_address_may_end() {
    let dated = "introspect = { url = 'https://login.example.com/1', valid_until = '2001-01-01', \
        successor = 'https://login.example.com/introspect' }";
    let end = NOW.plus(HOUR);
    let provider = server(200, &json!({ "active": true, "exp": end.secs() }));
    let connector = connector(dated);
    assert_eq!(connector_dated(&connector), ["introspect"]);
    assert_eq!(exchanged(&provider, &connector, &client()).await.unwrap().expires_at, Some(end));
}

fn connector_dated(connector: &connector::Declarative) -> Vec<&'static str> {
    use connector::Connector;
    connector.manifest().urls.dated().into_iter().map(|(name, _)| name).collect()
}

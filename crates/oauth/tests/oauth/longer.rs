//! Providers without refresh tokens, whose access tokens are traded for ones that live longer.

use std::collections::BTreeMap;

use connector::{Declarative, ErrorKind, TokenSet};
use http::Response;
use oauth::{CallbackAnswer, Error, FlowSecrets, exchange, refresh};

use crate::support::{
    NOW, Provider, SECRET, client, endpoints, exposed, json, manifest, strings, tokens,
};

fn grams() -> Declarative {
    manifest(
        r#"
        [urls]
        authorize = "https://login.example.com/authorize"
        token = "https://login.example.com/token"
        exchange = "https://graph.example.com/access_token"
        refresh = "https://graph.example.com/refresh_access_token"
        [token.exchange]
        grant_type = "gram_exchange"
        method = "GET"
        [token.capture]
        user = "user_id"
        [refresh.exchange]
        grant_type = "gram_refresh"
        token_param = "old"
        method = "GET"
        client_auth = "none"
        "#,
    )
}

async fn linked(provider: &Provider) -> Result<TokenSet, Error> {
    let grams = grams();
    let answer = CallbackAnswer { code: "the-code".into(), captured: BTreeMap::new() };
    let flow = FlowSecrets { pkce_verifier: "the-verifier".into(), nonce: None };
    let endpoints = endpoints(&grams).await;
    exchange(&provider.outbound, NOW, &grams, &endpoints, &client(), &answer, &flow).await
}

fn two_steps(second: fn() -> Response<bytes::Bytes>) -> Provider {
    Provider::answering(move |asked| match asked.method.as_str() {
        "POST" => json(
            200,
            r#"{"access_token":"an-hour","user_id":"u1","scope":"a b","expires_in":3600}"#,
        ),
        _ => second(),
    })
}

#[tokio::test]
async fn a_fresh_token_is_traded_at_once_for_one_that_lives_longer() {
    let provider = two_steps(|| json(200, r#"{"access_token":"two-months","expires_in":5184000}"#));
    let tokens = linked(&provider).await.unwrap();
    assert_eq!(exposed(Some(&tokens.access)), Some("two-months"));
    assert_eq!(tokens.expires_at.map(|at| at.secs() - NOW.secs()), Some(5_184_000));
    // What only the first reply told.
    assert_eq!(tokens.scopes, Some(strings(&["a", "b"])));
    assert_eq!(tokens.captured["user"], "u1");

    let [first, second] = &provider.seen()[..] else { panic!("not two requests") };
    assert_eq!(first.url, "https://login.example.com/token");
    assert_eq!((second.method.as_str(), second.body.as_str()), ("GET", ""));
    assert!(second.url.starts_with("https://graph.example.com/access_token?"), "{}", second.url);
    let query = second.query();
    let query: Vec<_> = query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        query,
        [
            ("access_token", "an-hour"),
            ("client_id", "id:1"),
            ("client_secret", SECRET),
            ("grant_type", "gram_exchange"),
        ]
    );
}

#[tokio::test]
async fn without_the_longer_token_there_is_none_and_the_error_is_told() {
    for (second, kind) in [
        ((|| json(503, "{}")) as fn() -> _, ErrorKind::Unavailable),
        (|| json(200, r#"{"hello":1}"#), ErrorKind::Unavailable),
        (|| json(400, r#"{"error":"invalid_client"}"#), ErrorKind::ClientConfig),
    ] {
        let error = linked(&two_steps(second)).await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(!error.to_string().contains("an-hour"), "{error}");
    }
}

#[tokio::test]
async fn the_access_token_is_sent_in_the_place_of_a_refresh_token() {
    let grams = grams();
    let former = TokenSet { refresh: None, ..tokens() };
    let endpoints = endpoints(&grams).await;
    let request = refresh::request(&grams, &endpoints, &client(), &former, None).unwrap();
    assert_eq!(request.method(), "GET");
    assert_eq!(
        request.uri(),
        "https://graph.example.com/refresh_access_token?client_id=id%3A1&grant_type=gram_refresh&old=old-access"
    );
    let reply = json(200, r#"{"access_token":"newer","expires_in":5184000}"#);
    let fresh = refresh::read(&grams, NOW, &former, &reply).unwrap();
    assert_eq!(exposed(Some(&fresh.access)), Some("newer"));
    assert_eq!(fresh.captured["site"], "one");
}

#[tokio::test]
async fn where_no_address_is_named_it_goes_to_the_token_endpoint() {
    let plain = crate::support::connector("[refresh.exchange]\ngrant_type = \"again\"\n");
    let endpoints = endpoints(&plain).await;
    let request = refresh::request(&plain, &endpoints, &client(), &tokens(), None).unwrap();
    assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/token"));
    let form = crate::support::fields(request.body());
    assert_eq!(
        (form["grant_type"].as_str(), form["access_token"].as_str()),
        ("again", "old-access")
    );
}

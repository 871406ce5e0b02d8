//! How a client identifies itself (RFC 6749, section 2.3).

use base64::{Engine, engine::general_purpose::STANDARD};
use connector::ClientAuth;
use oauth::{Client, Endpoints, exchange};
use proptest::prelude::*;

use crate::{
    exchange::{GOOD, answer, exchanged, flow},
    support::{NOW, Provider, SECRET, client, connector, endpoints, fields, strings},
};

/// Id and secret as a server reads them out of HTTP Basic (RFC 6749, section 2.3.1).
fn from_basic(header: &str) -> (String, String) {
    let pair = STANDARD.decode(header.strip_prefix("Basic ").unwrap()).unwrap();
    let pair = String::from_utf8(pair).unwrap();
    let (id, secret) = pair.split_once(':').unwrap();
    let decode = |text: &str| fields(format!("x={text}").as_bytes())["x"].clone();
    (decode(id), decode(secret))
}

#[tokio::test]
async fn basic_keeps_the_secret_out_of_the_body_and_whole() {
    let provider = Provider::saying(200, GOOD);
    exchanged(&provider, &connector("[client]\nauth = 'basic'"), &client()).await.unwrap();
    let asked = provider.only();
    assert!(asked.headers["authorization"].is_sensitive());
    assert_eq!(
        from_basic(asked.header("authorization").unwrap()),
        ("id:1".to_owned(), SECRET.to_owned())
    );
    let form = asked.form();
    assert!(!form.contains_key("client_secret") && !form.contains_key("client_id"));
}

proptest! {
    #[test]
    fn every_secret_survives_both_ways_of_sending_it(secret in "\\PC{1,60}") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = Client { client_secret: Some(secret.as_str().into()), ..client() };
        for auth in ["basic", "post"] {
            let provider = Provider::saying(200, GOOD);
            let connector = connector(&format!("[client]\nauth = '{auth}'"));
            runtime.block_on(exchanged(&provider, &connector, &client)).unwrap();
            let asked = provider.only();
            let arrived = match asked.header("authorization") {
                Some(header) => from_basic(header).1,
                None => asked.form()["client_secret"].clone(),
            };
            prop_assert_eq!(&arrived, &secret);
        }
    }
}

#[tokio::test]
async fn a_public_client_names_itself_and_sends_no_secret() {
    let public = Client { client_secret: None, ..client() };
    let told = Client { auth: Some(ClientAuth::None), ..client() };
    for client in [public, told] {
        let provider = Provider::saying(200, GOOD);
        exchanged(&provider, &connector("[client]\nauth = 'basic'"), &client).await.unwrap();
        let asked = provider.only();
        assert_eq!(asked.header("authorization"), None);
        assert_eq!(asked.form()["client_id"], "id:1");
        assert!(!asked.form().contains_key("client_secret"));
    }
}

#[tokio::test]
async fn a_discovered_server_chooses_how_the_client_identifies_itself() {
    // Without a token endpoint of the manifest's own.
    let connector = crate::support::manifest("issuer = 'https://login.example.com'");
    for (methods, basic) in [
        (&["client_secret_basic"][..], true),
        (&["client_secret_post", "client_secret_basic"], false),
        (&["private_key_jwt"], false),
        (&[], false),
    ] {
        let token = url::Url::parse("https://login.example.com/token").unwrap();
        let endpoints = Endpoints {
            hosts: outbound::Hosts::default().and(&token),
            token: Some(token),
            token_auth_methods: strings(methods),
            ..Default::default()
        };
        let provider = Provider::saying(200, GOOD);
        exchange(&provider.outbound, NOW, &connector, &endpoints, &client(), &answer(), &flow())
            .await
            .unwrap();
        assert_eq!(provider.only().header("authorization").is_some(), basic, "{methods:?}");
    }
}

#[tokio::test]
async fn a_manifest_that_names_the_token_endpoint_knows_better_than_a_document() {
    let connector = connector("");
    let endpoints = Endpoints {
        token_auth_methods: strings(&["client_secret_basic"]),
        ..endpoints(&connector).await
    };
    let provider = Provider::saying(200, GOOD);
    exchange(&provider.outbound, NOW, &connector, &endpoints, &client(), &answer(), &flow())
        .await
        .unwrap();
    assert_eq!(provider.only().form()["client_secret"], SECRET);
}

#[tokio::test]
async fn a_client_is_called_as_the_provider_calls_it() {
    let connector = connector("[client]\nid_param = 'client_key'\nsecret_param = 'app_secret'");
    let provider = Provider::saying(200, GOOD);
    exchanged(&provider, &connector, &client()).await.unwrap();
    let form = provider.only().form();
    assert_eq!((form["client_key"].as_str(), form["app_secret"].as_str()), ("id:1", SECRET));
    assert!(!form.contains_key("client_id") && !form.contains_key("client_secret"));
}

#[tokio::test]
async fn a_client_identifies_itself_in_a_header_of_the_providers_own() {
    for (template, value, in_body) in [
        ("{client_secret}", "plain-secret", true),
        ("key {client_id}/{client_secret}", "key id:1/plain-secret", false),
    ] {
        let connector = connector(&format!(
            "[client]\nauth = 'header'\nheader = {{ name = 'X-Client', template = '{template}' }}"
        ));
        let provider = Provider::saying(200, GOOD);
        let client = Client { client_secret: Some("plain-secret".into()), ..client() };
        exchanged(&provider, &connector, &client).await.unwrap();
        let asked = provider.only();
        assert_eq!(asked.header("x-client"), Some(value));
        assert!(asked.headers["x-client"].is_sensitive());
        let form = asked.form();
        assert_eq!(form.contains_key("client_id"), in_body, "{template}");
        assert!(!form.contains_key("client_secret"));
    }
}

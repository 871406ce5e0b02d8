use bytes::Bytes;
use connector::{ErrorKind, TokenSet};
use http::Response;
use oauth::{Endpoints, Error, Revoked, revoke};

use crate::support::{Provider, SECRET, client, connector, endpoints, json, reply, tokens};

async fn revoked(provider: &Provider, sections: &str, tokens: &TokenSet) -> Result<Revoked, Error> {
    let connector = connector(sections);
    let endpoints = endpoints(&connector).await;
    revoke(&provider.outbound, &connector, &endpoints, &client(), tokens).await
}

#[tokio::test]
async fn the_refresh_token_is_named_where_there_is_one() {
    let without = TokenSet { refresh: None, ..tokens() };
    let access_only = "[revoke]\ntoken = 'access'";
    for (sections, tokens, token, hint) in [
        ("", tokens(), "old-refresh", "refresh_token"),
        ("", without, "old-access", "access_token"),
        (access_only, tokens(), "old-access", "access_token"),
    ] {
        let provider = Provider::answering(|_| reply(200, "text/plain", ""));
        assert_eq!(revoked(&provider, sections, &tokens).await.unwrap(), Revoked::Revoked);
        let form = provider.only().form();
        assert_eq!((form["token"].as_str(), form["token_type_hint"].as_str()), (token, hint));
        assert_eq!(form["client_secret"], SECRET);
        assert_eq!(provider.only().url, "https://login.example.com/revoke");
    }
}

#[tokio::test]
async fn with_the_access_token_as_bearer_the_client_stays_out_of_it() {
    let provider = Provider::saying(200, "{}");
    revoked(&provider, "[revoke]\nauth = 'bearer'", &tokens()).await.unwrap();
    let asked = provider.only();
    assert_eq!(asked.header("authorization"), Some("Bearer old-access"));
    assert!(asked.headers["authorization"].is_sensitive());
    assert!(!asked.form().contains_key("client_secret"));
}

/// What it is, sections of the manifest, the provider's answer, and what that means.
type Row = (&'static str, &'static str, Response<Bytes>, Result<Revoked, ErrorKind>);

#[tokio::test]
async fn answers_mean_what_they_say() {
    let dead = "[errors]\ndead = [{ path = 'error', equals = 'token_revoked' }]";
    let bearer = "[revoke]\nauth = 'bearer'";
    let table: [Row; 10] = [
        ("RFC 7009", "", reply(200, "text/plain", ""), Ok(Revoked::Revoked)),
        ("no content", "", reply(204, "text/plain", ""), Ok(Revoked::Revoked)),
        (
            "what Google says of a dead token",
            "",
            json(400, r#"{"error":"invalid_token"}"#),
            Ok(Revoked::Revoked),
        ),
        ("a dead grant", "", json(400, r#"{"error":"invalid_grant"}"#), Ok(Revoked::Revoked)),
        (
            "dead inside 200",
            dead,
            json(200, r#"{"ok":false,"error":"token_revoked"}"#),
            Ok(Revoked::Revoked),
        ),
        (
            "not on request",
            "",
            json(400, r#"{"error":"unsupported_token_type"}"#),
            Ok(Revoked::Unsupported),
        ),
        (
            "an expired bearer",
            bearer,
            json(401, r#"{"error":"invalid_token"}"#),
            Err(ErrorKind::Unavailable),
        ),
        (
            "our client",
            "",
            json(401, r#"{"error":"invalid_client"}"#),
            Err(ErrorKind::ClientConfig),
        ),
        (
            "an error inside 200",
            "",
            json(200, r#"{"error":"internal"}"#),
            Err(ErrorKind::Unavailable),
        ),
        ("down", "", reply(503, "text/html", "<html>"), Err(ErrorKind::Unavailable)),
    ];
    for (name, sections, answer, expected) in table {
        let provider = Provider::answering(move |_| answer.clone());
        let found = revoked(&provider, sections, &tokens()).await.map_err(|error| error.kind());
        assert_eq!(found, expected, "{name}");
    }
}

#[tokio::test]
async fn without_an_endpoint_nothing_is_sent() {
    let nobody = Provider::saying(500, "");
    let none = Endpoints::default();
    let found =
        revoke(&nobody.outbound, &connector(""), &none, &client(), &tokens()).await.unwrap();
    assert_eq!(found, Revoked::Unsupported);
    assert!(nobody.seen().is_empty());
}

/// A manifest whose grants end at this URL.
async fn revoked_at(url: &str, sections: &str) -> (Provider, Result<Revoked, Error>) {
    let connector = crate::support::manifest(&format!(
        r#"
        [urls]
        authorize = "https://login.example.com/authorize"
        token = "https://login.example.com/token"
        revoke = "{url}"
        {sections}
        "#
    ));
    let provider = Provider::answering(|_| reply(204, "text/plain", ""));
    let endpoints = endpoints(&connector).await;
    let ended = revoke(&provider.outbound, &connector, &endpoints, &client(), &tokens()).await;
    (provider, ended)
}

#[tokio::test]
async fn a_grant_of_an_app_is_ended_with_the_clients_basic_and_json() {
    // The shape that GitHub documents.
    let (provider, ended) = revoked_at(
        "https://api.example.com/applications/{client_id}/grant",
        r#"
        [revoke]
        method = "DELETE"
        auth = "basic"
        token = "access"
        token_param = "access_token"
        encoding = "json"
        headers = { X-Version = "2022-11-28" }
        "#,
    )
    .await;
    assert_eq!(ended.unwrap(), Revoked::Revoked);
    let asked = provider.only();
    assert_eq!(asked.method, "DELETE");
    assert_eq!(asked.url, "https://api.example.com/applications/id%3A1/grant");
    assert!(asked.header("authorization").unwrap().starts_with("Basic "));
    assert_eq!(asked.json(), serde_json::json!({"access_token": "old-access"}));
    assert_eq!(asked.header("x-version"), Some("2022-11-28"));
}

#[tokio::test]
async fn a_token_in_the_path_is_named_there_and_nowhere_else() {
    let (provider, _) = revoked_at(
        "https://api.example.com/tokens/{token}",
        "[revoke]\nmethod = 'DELETE'\ntoken = 'refresh'\nauth = 'bearer'",
    )
    .await;
    let asked = provider.only();
    assert_eq!(asked.url, "https://api.example.com/tokens/old-refresh");
    assert_eq!(asked.header("authorization"), Some("Bearer old-access"));
    assert!(asked.body.is_empty() && asked.header("content-type").is_none());
}

#[tokio::test]
async fn a_header_of_the_providers_own_alone_tells_which_grant_is_to_end() {
    let (provider, _) = revoked_at(
        "https://api.example.com/permissions/current",
        "[revoke]\nmethod = 'DELETE'\nauth = 'header'\ntoken_param = ''\nheader = { name = 'X-Access-Token', template = '{access_token}' }",
    )
    .await;
    let asked = provider.only();
    assert_eq!(asked.header("x-access-token"), Some("old-access"));
    assert!(asked.headers["x-access-token"].is_sensitive());
    assert!(asked.body.is_empty());
}

#[tokio::test]
async fn a_header_with_the_secret_alone_leaves_the_clients_id_to_the_body() {
    let ended_with = async |template: &str| {
        let sections = format!(
            "[revoke]\nauth = 'header'\nencoding = 'json'\ntoken = 'access'\ntoken_param = 'access_token'\nheader = {{ name = 'Authorization', template = '{template}' }}",
        );
        let (provider, _) = revoked_at("https://api.example.com/revoke", &sections).await;
        let asked = provider.only();
        // The secret has more than ASCII in it.
        let header = asked.headers["authorization"].as_bytes().to_vec();
        (String::from_utf8(header).unwrap(), asked.json())
    };
    let id = client().client_id;
    let token = serde_json::json!({"access_token": "old-access"});
    let with_id = serde_json::json!({"access_token": "old-access", "client_id": id});
    let (header, body) = ended_with("Client {client_secret}").await;
    assert_eq!((header, body), (format!("Client {SECRET}"), with_id));
    let (header, body) = ended_with("Client {client_id} {client_secret}").await;
    assert_eq!((header, body), (format!("Client {id} {SECRET}"), token.clone()));
    let (_, body) = ended_with("Token {access_token}").await;
    assert_eq!(body, token);
}

#[tokio::test]
async fn a_get_has_all_in_its_query_with_the_manifests_fixed_parameters() {
    let (provider, _) = revoked_at(
        "https://api.example.com/revoke",
        "[revoke]\nmethod = 'GET'\ntoken_param = 'refresh_token'\nparams = { format = 'json' }",
    )
    .await;
    let asked = provider.only();
    assert_eq!(asked.method, "GET");
    let query = asked.query();
    assert_eq!(
        (query["refresh_token"].as_str(), query["format"].as_str()),
        ("old-refresh", "json")
    );
    assert!(!query.contains_key("token_type_hint"), "that is RFC 7009's alone");
}

#[tokio::test]
async fn a_grant_without_the_token_to_be_named_can_not_be_ended() {
    let provider = Provider::saying(200, "");
    let without = TokenSet { refresh: None, ..tokens() };
    let found = revoked(&provider, "[revoke]\ntoken = 'refresh'", &without).await.unwrap();
    assert_eq!(found, Revoked::Unsupported);
    assert!(provider.seen().is_empty());
}

#[tokio::test]
async fn without_a_secret_nobody_is_asked_with_half_a_basic() {
    let connector = connector("[revoke]\nauth = 'basic'");
    let provider = Provider::saying(200, "");
    let public = oauth::Client { client_secret: None, ..client() };
    let endpoints = endpoints(&connector).await;
    let error =
        revoke(&provider.outbound, &connector, &endpoints, &public, &tokens()).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::ClientConfig);
    assert!(provider.seen().is_empty());
}

#[tokio::test]
async fn a_value_that_was_captured_tells_which_grant_is_to_end() {
    let sections = "[token]\ncapture = { account = 'account' }\n[revoke]\nauth = 'header'\ntoken_param = ''\nparams = { user = '{account}', plain = 'x' }\nheader = { name = 'Authorization', template = 'Bearer {client_secret}' }";
    let connector = connector(sections);
    let endpoints = endpoints(&connector).await;
    let provider = Provider::saying(200, "{}");
    let end = async |captured: &[(&str, &str)]| {
        let captured = captured.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let tokens = TokenSet { captured: captured.collect(), ..tokens() };
        revoke(&provider.outbound, &connector, &endpoints, &client(), &tokens).await
    };
    let unknown = end(&[]).await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::Invalid);
    assert!(provider.seen().is_empty(), "nothing is sent that names nobody");

    end(&[("account", "acct_1&2")]).await.unwrap();
    let form = provider.only().form();
    assert_eq!((form["user"].as_str(), form["plain"].as_str()), ("acct_1&2", "x"));
    assert!(!form.contains_key("token"));
}

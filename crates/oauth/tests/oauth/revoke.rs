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

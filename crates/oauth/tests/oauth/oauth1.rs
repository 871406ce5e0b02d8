//! OAuth 1.0a: temporary credentials, the way there and back, the token.

use std::collections::BTreeMap;

use base::ExposeSecret;
use bytes::Bytes;
use connector::{Declarative, ErrorKind, oauth1::TokenPair};
use http::Response;
use oauth::{
    AuthorizeOptions, CallbackError, Client, Error,
    oauth1::{Begun, Temporary, begin, exchange, read_callback},
};

use super::support::{
    NOW, Provider, SECRET, client, endpoints, fields, of_kind, reply, rng, strings,
};

const FORM: &str = "application/x-www-form-urlencoded";
const TEMPORARY: &str =
    "oauth_token=tmp%2F1&oauth_token_secret=tmp-s3cret&oauth_callback_confirmed=true";

fn connector(more: &str) -> Declarative {
    let text = format!(
        "urls.request_token = \"https://login.example.com/request\"\n\
         urls.authorize = \"https://login.example.com/authorize?lang=en\"\n\
         urls.token = \"https://login.example.com/token\"\n{more}"
    );
    of_kind("oauth1", &text)
}

async fn begun(provider: &Provider, more: &str, client: &Client) -> Result<Begun, Error> {
    let connector = connector(more);
    let endpoints = endpoints(&connector).await;
    let scopes = strings(&["read", "write", "*"]);
    let options = AuthorizeOptions::default();
    begin(&provider.outbound, NOW, &rng(), &connector, &endpoints, client, &scopes, &options).await
}

async fn exchanged(provider: &Provider, more: &str) -> Result<TokenPair, Error> {
    let connector = connector(more);
    let endpoints = endpoints(&connector).await;
    let (client, temporary) = (client(), temporary());
    let verifier = "v&1".into();
    exchange(
        &provider.outbound,
        NOW,
        &rng(),
        &connector,
        &endpoints,
        &client,
        &temporary,
        &verifier,
    )
    .await
}

fn temporary() -> Temporary {
    Temporary { token: "tmp/1".into(), secret: "tmp-s3cret".into() }
}

/// What an `Authorization: OAuth` header says.
fn said(header: Option<&str>) -> BTreeMap<String, String> {
    let rest = header.and_then(|text| text.strip_prefix("OAuth ")).expect("a signed request");
    let pairs = rest.split(", ").map(|pair| pair.replace('"', ""));
    fields(pairs.collect::<Vec<_>>().join("&").as_bytes())
}

fn answer(body: &'static str) -> impl Fn(&super::support::Seen) -> Response<Bytes> {
    // Many say that their forms are HTML.
    move |_| reply(200, "text/html; charset=utf-8", body)
}

#[tokio::test]
async fn the_browser_is_sent_with_temporary_credentials_and_our_state_is_in_the_callback() {
    let provider = Provider::answering(answer(TEMPORARY));
    let more = "authorize.params = { expiration = \"never\" }\nauthorize.scope_separator = \",\"\n\
                token.headers = { X-App = \"hub\" }";
    let begun = begun(&provider, more, &client()).await.unwrap();
    let sent = provider.only();
    assert_eq!((sent.method.as_str(), sent.body.as_str()), ("POST", ""));
    assert_eq!(
        (sent.url.as_str(), sent.header("x-app")),
        ("https://login.example.com/request", Some("hub"))
    );
    let said = said(sent.header("authorization"));
    let callback = format!(
        "https://hub.example.com/oauth/callback/cli_1?state={}",
        begun.state.expose_secret()
    );
    assert_eq!(said["oauth_callback"], callback);
    assert_eq!(
        (said["oauth_consumer_key"].as_str(), said["oauth_timestamp"].as_str()),
        ("id:1", "1795000000")
    );
    assert!(!said.contains_key("oauth_token"));
    assert_eq!(
        begun.url.as_str(),
        "https://login.example.com/authorize?lang=en&expiration=never&oauth_token=tmp%2F1&scope=read%2Cwrite"
    );
    assert!(begun.state.expose_secret().len() >= 43);
    assert_eq!(begun.temporary.secret.expose_secret(), "tmp-s3cret");
}

#[tokio::test]
async fn a_provider_that_does_not_confirm_the_callback_is_not_used() {
    for body in [
        "oauth_token=t&oauth_token_secret=s",
        "oauth_token=t&oauth_token_secret=s&oauth_callback_confirmed=false",
        "oauth_token=t&oauth_token_secret=s&oauth_callback_confirmed=true&oauth_callback_confirmed=false",
        "oauth_token=&oauth_token_secret=s&oauth_callback_confirmed=true",
        "oauth_token=t&oauth_callback_confirmed=true",
        "oauth_token=a&oauth_token=b&oauth_token_secret=s&oauth_callback_confirmed=true",
        "oauth_token=a%20b&oauth_token_secret=s&oauth_callback_confirmed=true",
        "<html>sorry</html>",
        "",
    ] {
        let provider = Provider::answering(answer(body));
        assert!(begun(&provider, "", &client()).await.is_err(), "{body}");
    }
}

#[tokio::test]
async fn a_client_without_a_secret_signs_nothing() {
    let provider = Provider::answering(answer(TEMPORARY));
    let open = Client { client_secret: None, ..client() };
    let error = begun(&provider, "", &open).await.err().unwrap();
    assert_eq!((error.kind(), error.may_have_been_received()), (ErrorKind::ClientConfig, false));
    assert!(provider.seen().is_empty());
}

#[tokio::test]
async fn a_refusal_is_the_clients_the_clocks_or_nobodys_and_shows_no_secret() {
    let table: [(u16, &str, &'static str, bool, ErrorKind); 7] = [
        (401, FORM, "oauth_problem=signature_invalid", true, ErrorKind::ClientConfig),
        (401, FORM, "oauth_problem=timestamp_refused", true, ErrorKind::Unavailable),
        (200, FORM, "oauth_problem=consumer_key_unknown", false, ErrorKind::ClientConfig),
        (401, "text/plain", "Invalid key tmp-s3cret", false, ErrorKind::ClientConfig),
        (401, "text/plain", "Invalid key tmp-s3cret", true, ErrorKind::Invalid),
        (429, "text/plain", "", false, ErrorKind::RateLimited(None)),
        (503, "text/html", "<html>", true, ErrorKind::Unavailable),
    ];
    for (status, kind, body, has_token, expected) in table {
        let provider = Provider::answering(move |_| reply(status, kind, body));
        let error = if has_token {
            exchanged(&provider, "").await.err().unwrap()
        } else {
            begun(&provider, "", &client()).await.err().unwrap()
        };
        assert_eq!(error.kind(), expected, "{status} {body}");
        let told = format!("{error} {error:?}");
        assert!(!told.contains("s3cret") && !told.contains(SECRET), "{told}");
    }
}

fn query(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_callback_names_the_temporary_credentials_and_brings_a_verifier() {
    let read = |pairs: &[(&str, &str)]| read_callback(&temporary(), &query(pairs));
    let good = [("state", "s"), ("oauth_token", "tmp/1"), ("oauth_verifier", "v1")];
    assert_eq!(read(&good).unwrap().expose_secret(), "v1");
    for bad in [
        &[("oauth_token", "tmp/1")][..],
        &[("oauth_token", "tmp/1"), ("oauth_verifier", "")],
        &[("oauth_token", "tmp/1"), ("oauth_token", "tmp/1"), ("oauth_verifier", "v1")],
        &[("oauth_token", "tmp/1"), ("oauth_verifier", "v1"), ("oauth_verifier", "v2")],
        &[("oauth_token", "tmp/1"), ("oauth_verifier", "v\n1")],
    ] {
        assert!(matches!(read(bad), Err(CallbackError::Malformed(_))), "{bad:?}");
    }
    for other in
        [&[("oauth_token", "tmp/2"), ("oauth_verifier", "v1")][..], &[("oauth_verifier", "v1")]]
    {
        assert!(matches!(read(other), Err(CallbackError::OtherToken)), "{other:?}");
    }
    assert!(matches!(read(&[("denied", "tmp/1")]), Err(CallbackError::Denied(_))));
    let refused = [("oauth_token", "tmp/1"), ("oauth_problem", "user_refused")];
    assert!(matches!(read(&refused), Err(CallbackError::Denied(_))));
    let failed = [("oauth_problem", "token_expired")];
    assert!(matches!(read(&failed), Err(CallbackError::ProviderError(_))));
    assert!(read_callback(&temporary(), &vec![query(&[("a", "b")])[0].clone(); 51]).is_err());
}

#[tokio::test]
async fn the_exchange_is_signed_for_the_temporary_credentials_and_gives_the_token() {
    let provider =
        Provider::answering(answer("oauth_token=t1&oauth_token_secret=&user_nsid=7%40N01\n"));
    let more = "token.capture = { user = \"user_nsid\" }\noauth1.token_method = \"GET\"";
    let pair = exchanged(&provider, more).await.unwrap();
    assert_eq!((pair.token.expose_secret(), pair.secret.expose_secret()), ("t1", ""));
    assert_eq!(pair.captured["user"], "7@N01");
    let sent = provider.only();
    assert_eq!(
        (sent.method.as_str(), sent.url.as_str()),
        ("GET", "https://login.example.com/token")
    );
    let said = said(sent.header("authorization"));
    assert_eq!((said["oauth_token"].as_str(), said["oauth_verifier"].as_str()), ("tmp/1", "v&1"));
    assert!(!sent.header("authorization").unwrap().contains("s3cret"));
}

#[tokio::test]
async fn plaintext_sends_both_secrets_in_the_header_and_nowhere_else() {
    let provider = Provider::answering(answer("oauth_token=t1&oauth_token_secret=s1"));
    exchanged(&provider, "oauth1.signature = \"plaintext\"").await.unwrap();
    let sent = provider.only();
    let said = said(sent.header("authorization"));
    assert_eq!(said["oauth_signature"], "s%26c%2Br%25e%3Ft%3A%20%C3%BC%3D%2F&tmp-s3cret");
    assert!(!sent.url.contains("s3cret") && sent.body.is_empty());
}

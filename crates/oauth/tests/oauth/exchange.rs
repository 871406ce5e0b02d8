use std::collections::BTreeMap;

use bytes::Bytes;
use connector::{Connector, Declarative, ErrorKind, TokenSet};
use http::Response;
use oauth::{CallbackAnswer, Client, Endpoints, Error, FlowSecrets, client_credentials, exchange};

use crate::support::{
    NOW, Provider, SECRET, client, connector, endpoints, exposed, json, reply, strings,
};

pub(crate) const GOOD: &str = r#"{"access_token":"new-access","refresh_token":"new-refresh","token_type":"Bearer","expires_in":3600,"scope":"a b"}"#;

pub(crate) fn answer() -> CallbackAnswer {
    let captured = BTreeMap::from([
        ("shop".to_owned(), "from-callback".to_owned()),
        ("site".to_owned(), "from-callback".to_owned()),
    ]);
    CallbackAnswer { code: "the-code".into(), captured }
}

pub(crate) fn flow() -> FlowSecrets {
    FlowSecrets { pkce_verifier: "the-verifier".into(), nonce: None }
}

pub(crate) async fn exchanged(
    provider: &Provider,
    connector: &Declarative,
    client: &Client,
) -> Result<TokenSet, Error> {
    let endpoints = endpoints(connector).await;
    exchange(&provider.outbound, NOW, connector, &endpoints, client, &answer(), &flow()).await
}

/// What an answer to the exchange means.
async fn meaning(
    answer: impl Fn() -> Response<Bytes> + Send + Sync + 'static,
) -> Result<TokenSet, Error> {
    exchanged(&Provider::answering(move |_| answer()), &connector(""), &client()).await
}

#[tokio::test]
async fn the_code_goes_out_with_verifier_redirect_uri_and_client() {
    let provider = Provider::saying(200, GOOD);
    let tokens = exchanged(&provider, &connector(""), &client()).await.unwrap();
    assert_eq!(exposed(Some(&tokens.access)), Some("new-access"));
    assert_eq!(exposed(tokens.refresh.as_ref()), Some("new-refresh"));
    assert_eq!(tokens.scopes, Some(strings(&["a", "b"])));
    assert_eq!(tokens.expires_at.map(|at| at.secs() - NOW.secs()), Some(3600));

    let asked = provider.only();
    assert_eq!(asked.url, "https://login.example.com/token");
    assert_eq!(asked.header("accept"), Some("application/json"));
    assert_eq!(asked.header("content-type"), Some("application/x-www-form-urlencoded"));
    let form = asked.form();
    let form: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        form,
        [
            ("client_id", "id:1"),
            ("client_secret", SECRET),
            ("code", "the-code"),
            ("code_verifier", "the-verifier"),
            ("grant_type", "authorization_code"),
            ("redirect_uri", "https://hub.example.com/oauth/callback/cli_1"),
        ]
    );
}

#[tokio::test]
async fn a_code_goes_to_no_host_but_those_that_were_found() {
    let connector = connector("");
    let endpoints = Endpoints {
        token: Some(url::Url::parse("https://evil.example/token").unwrap()),
        ..endpoints(&connector).await
    };
    let provider = Provider::saying(200, GOOD);
    let (client, answer, flow) = (client(), answer(), flow());
    let sent = exchange(&provider.outbound, NOW, &connector, &endpoints, &client, &answer, &flow);
    let error = sent.await.err().unwrap();
    assert!(!error.may_have_been_received());
    assert!(error.to_string().contains("evil.example"), "{error}");
    assert!(provider.seen().is_empty());
}

#[tokio::test]
async fn the_manifest_writes_the_request_as_the_provider_wants_it() {
    let connector = connector(
        r#"
        [token]
        encoding = "json"
        params = { audience = "x", client_secret = "not this" }
        headers = { "x-version" = "7" }
        [authorize]
        pkce = "never"
        "#,
    );
    let provider = Provider::saying(200, GOOD);
    exchanged(&provider, &connector, &client()).await.unwrap();
    let asked = provider.only();
    assert_eq!(asked.header("content-type"), Some("application/json"));
    assert_eq!(asked.header("x-version"), Some("7"));
    let body: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
    assert_eq!(body["audience"], "x");
    assert_eq!(body["client_secret"], SECRET, "the client's own never gives way");
    assert_eq!(body["grant_type"], "authorization_code");
    assert!(body.get("code_verifier").is_none());
}

#[tokio::test]
async fn a_provider_that_wants_it_gets_the_parameters_in_the_query() {
    for method in ["GET", "POST"] {
        let connector = connector(&format!("[token]\nmethod = '{method}'\nencoding = 'query'"));
        let provider = Provider::saying(200, GOOD);
        exchanged(&provider, &connector, &client()).await.unwrap();
        let asked = provider.only();
        assert_eq!(asked.method, method);
        assert!(asked.url.starts_with("https://login.example.com/token?"));
        assert!(asked.body.is_empty() && asked.header("content-type").is_none());
        let query = asked.query();
        assert_eq!((query["code"].as_str(), query["client_secret"].as_str()), ("the-code", SECRET));
    }
}

#[tokio::test]
async fn the_redirect_uri_goes_with_the_code_if_it_was_sent_before_or_the_manifest_says_so() {
    let omit = "[authorize]\nomit = ['redirect_uri']";
    for (sections, sent) in [
        (String::new(), true),
        (omit.to_owned(), false),
        (format!("{omit}\n[token]\nredirect_uri = 'always'"), true),
        ("[token]\nredirect_uri = 'never'".to_owned(), false),
    ] {
        let provider = Provider::saying(200, GOOD);
        exchanged(&provider, &connector(&sections), &client()).await.unwrap();
        assert_eq!(provider.only().form().contains_key("redirect_uri"), sent, "{sections}");
    }
}

#[tokio::test]
async fn a_reply_is_asked_for_and_believed_as_the_manifest_says() {
    let connector = connector("[token.reply]\nok_path = 'ok'\naccept = 'application/vnd.x+json'");
    for (body, good) in [
        (r#"{"ok":true,"access_token":"t"}"#, true),
        (r#"{"ok":"true","access_token":"t"}"#, true),
        (r#"{"ok":false,"access_token":"t"}"#, false),
        (r#"{"ok":"false","access_token":"t"}"#, false),
        (r#"{"access_token":"t"}"#, false),
    ] {
        let provider = Provider::saying(200, body);
        assert_eq!(exchanged(&provider, &connector, &client()).await.is_ok(), good, "{body}");
        assert_eq!(provider.only().header("accept"), Some("application/vnd.x+json"));
    }
}

const REGIONS: &str = r#"
    [callback.capture]
    location = "location"
    [[urls.alternatives]]
    when = { location = "eu" }
    token = "https://login.eu.example.com/token"
    revoke = "https://login.eu.example.com/revoke"
"#;

#[tokio::test]
async fn a_region_that_the_callback_tells_gets_the_code_and_all_that_follows() {
    let connector = connector(REGIONS);
    let endpoints = endpoints(&connector).await;
    for (location, host) in [("eu", "login.eu.example.com"), ("mars", "login.example.com")] {
        let provider = Provider::saying(200, GOOD);
        let captured = BTreeMap::from([("location".to_owned(), location.to_owned())]);
        let answer = CallbackAnswer { code: "the-code".into(), captured };
        let (outbound, client, flow) = (&provider.outbound, client(), flow());
        let tokens =
            exchange(outbound, NOW, &connector, &endpoints, &client, &answer, &flow).await.unwrap();
        assert_eq!(provider.only().url, format!("https://{host}/token"));
        let refresh =
            oauth::refresh::request(&connector, &endpoints, &client, &tokens, None).unwrap();
        assert_eq!(refresh.uri().host(), Some(host));
        oauth::revoke(outbound, &connector, &endpoints, &client, &tokens).await.unwrap();
        assert_eq!(provider.seen()[1].url, format!("https://{host}/revoke"));
    }
}

#[tokio::test]
async fn what_came_with_the_code_goes_with_it() {
    let connector = connector(
        "[callback]\ncapture = { shop = 'shop', rest = 'rest' }\n[token.from_callback]\nstore = 'shop'\nmore = 'rest'",
    );
    let provider = Provider::saying(200, GOOD);
    exchanged(&provider, &connector, &client()).await.unwrap();
    let form = provider.only().form();
    assert_eq!(form["store"], "from-callback");
    assert!(!form.contains_key("more"), "what did not come is not made up");
    assert_eq!((form["code"].as_str(), form["client_id"].as_str()), ("the-code", "id:1"));
}

#[tokio::test]
async fn an_answer_chooses_among_the_alternatives_and_else_the_plain_addresses_count() {
    let connector = connector(
        r#"
        [[inputs]]
        name = "region"
        label = "Region"
        kind = "region"
        enum = ["us", "eu"]
        default = "us"
        [[urls.alternatives]]
        when = { region = "eu" }
        authorize = "https://eu.example.com/authorize"
        token = "https://eu.example.com/token"
        "#,
    );
    let nobody = Provider::saying(500, "");
    for (region, authorize, revoke) in [
        ("us", "https://login.example.com/authorize", "https://login.example.com/revoke"),
        ("eu", "https://eu.example.com/authorize", "https://login.example.com/revoke"),
    ] {
        let answers = BTreeMap::from([("region".to_owned(), region.to_owned())]);
        let inputs = connector.manifest().check_inputs(&answers).unwrap();
        let found =
            oauth::endpoints(&nobody.outbound, connector.manifest(), &inputs, NOW).await.unwrap();
        assert_eq!(found.authorize.unwrap().as_str(), authorize);
        assert_eq!(found.revoke.unwrap().as_str(), revoke, "what is left out stays");
    }
}

#[tokio::test]
async fn what_the_reply_captures_wins_over_the_callback() {
    let connector = connector("[token]\ncapture = { site = 'site_url' }");
    let body = r#"{"access_token":"t","site_url":"from-reply"}"#;
    let tokens = exchanged(&Provider::saying(200, body), &connector, &client()).await.unwrap();
    assert_eq!(tokens.captured["site"], "from-reply");
    assert_eq!(tokens.captured["shop"], "from-callback");
}

#[tokio::test]
async fn a_form_encoded_reply_is_read() {
    let body = "access_token=gho_1&scope=repo%2Cgist&token_type=bearer&expires_in=60";
    let tokens =
        meaning(move || reply(200, "application/x-www-form-urlencoded; charset=utf-8", body)).await;
    let tokens = tokens.unwrap();
    assert_eq!(exposed(Some(&tokens.access)), Some("gho_1"));
    assert_eq!(tokens.expires_at.map(|at| at.secs() - NOW.secs()), Some(60));

    let body = "error=invalid_grant&error_description=x";
    let error =
        meaning(move || reply(200, "application/x-www-form-urlencoded", body)).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Reauthorize);
    assert_eq!(error.provider_code(), Some("invalid_grant"));
}

#[tokio::test]
async fn an_answer_that_is_none_is_no_verdict() {
    let cases: [(&str, Response<Bytes>); 6] = [
        ("HTML", reply(200, "text/html", "<html>Maintenance</html>")),
        ("nothing", reply(200, "application/json", "")),
        ("a redirect", reply(302, "text/html", "")),
        ("502", reply(502, "text/html", "<html>")),
        ("too much", json(200, vec![b' '; 65 * 1024])),
        ("no token", json(200, "{}")),
    ];
    for (name, answer) in cases {
        let error = meaning(move || answer.clone()).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{name}");
        assert!(error.may_have_been_received(), "{name}");
    }
}

#[tokio::test]
async fn errors_mean_what_the_rfc_says() {
    for (status, body, kind) in [
        (400, r#"{"error":"invalid_grant"}"#, ErrorKind::Reauthorize),
        (401, r#"{"error":"invalid_client"}"#, ErrorKind::ClientConfig),
        (400, r#"{"error":"invalid_scope"}"#, ErrorKind::Invalid),
    ] {
        let error = meaning(move || json(status, body)).await.err().unwrap();
        assert_eq!(error.kind(), kind, "{body}");
    }
}

#[tokio::test]
async fn no_secret_is_in_an_error_or_a_url() {
    // A provider that throws everything back.
    let provider = Provider::answering(|seen| {
        json(400, format!(r#"{{"error_description":{:?}}}"#, seen.body))
    });
    let error = exchanged(&provider, &connector(""), &client()).await.err().unwrap();
    let printed = format!("{error} {error:?} {}", provider.only().url);
    for secret in [SECRET, "s%26c", "the-code", "the-verifier"] {
        assert!(!printed.contains(secret), "{printed}");
    }
    assert!(!format!("{:?}", client()).contains("s&c"));
}

#[tokio::test]
async fn nothing_was_received_where_there_is_no_token_endpoint() {
    let nobody = Provider::saying(500, "");
    let none = Endpoints::default();
    let error =
        exchange(&nobody.outbound, NOW, &connector(""), &none, &client(), &answer(), &flow())
            .await
            .err()
            .unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(!error.may_have_been_received());
    assert!(nobody.seen().is_empty());
}

#[test]
fn a_failure_on_the_way_says_whether_it_arrived() {
    let host = || "login.example.com".to_owned();
    let unsent = Error::from(outbound::Error::Connect { host: host() });
    assert!(!unsent.may_have_been_received());
    let lost = Error::from(outbound::Error::Broken { host: host() });
    assert!(lost.may_have_been_received());
    assert_eq!((unsent.kind(), lost.kind()), (ErrorKind::Unavailable, ErrorKind::Unavailable));
}

#[tokio::test]
async fn a_client_gets_tokens_for_itself() {
    let provider =
        Provider::saying(200, r#"{"access_token":"t","token_type":"Bearer","id_token":"x"}"#);
    let connector = connector("[authorize]\nscope_separator = ','");
    let endpoints = endpoints(&connector).await;
    let scopes = strings(&["a", "b"]);
    let tokens =
        client_credentials(&provider.outbound, NOW, &connector, &endpoints, &client(), &scopes)
            .await
            .unwrap();
    assert_eq!(tokens.scopes, Some(scopes), "silence means: as asked");
    assert!(tokens.id_token.is_none(), "nobody has verified it");
    let form = provider.only().form();
    assert_eq!(form["grant_type"], "client_credentials");
    assert_eq!(form["scope"], "a,b");
    assert_eq!(form["client_secret"], SECRET);
    assert_eq!(connector.manifest().slug, "testling");
}

#[test]
fn the_futures_can_move_between_threads() {
    fn sendable<T: Send>(_: &T) {}
    let provider = Provider::saying(200, GOOD);
    let (connector, endpoints, client) = (connector(""), Endpoints::default(), client());
    let (answer, flow) = (answer(), flow());
    sendable(&exchange(&provider.outbound, NOW, &connector, &endpoints, &client, &answer, &flow));
}

use std::collections::BTreeMap;

use base::Timestamp;
use connector::{Connector, ErrorKind};
use oauth::{Endpoints, Error};
use serde_json::{Value, json};

use crate::support::{NOW, Provider, json as reply, manifest};

const GENERIC: &str = r#"
    issuer = "{issuer}"
    inputs = [{ name = "issuer", label = "Issuer", required = true, kind = "url" }]
"#;

fn document(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": "https://login.example.com/authorize",
        "token_endpoint": "https://login.example.com/token",
        "revocation_endpoint": "https://login.example.com/revoke",
        "userinfo_endpoint": "https://login.example.com/me",
        "pushed_authorization_request_endpoint": "https://login.example.com/par",
        "require_pushed_authorization_requests": true,
        "authorization_response_iss_parameter_supported": true,
        "token_endpoint_auth_methods_supported": ["client_secret_post", "none", 7],
        "jwks_uri": "https://login.example.com/keys",
        "id_token_signing_alg_values_supported": ["ES256"],
    })
}

/// A server that has a document in one place only.
fn serving(place: &'static str, document: Value) -> Provider {
    Provider::answering(move |seen| {
        if seen.url == place { reply(200, document.to_string()) } else { reply(404, "{}") }
    })
}

async fn find(provider: &Provider, rest: &str, issuer: &str) -> Result<Endpoints, Error> {
    find_at(provider, rest, &[("issuer", issuer)], NOW).await
}

async fn find_at(
    provider: &Provider,
    rest: &str,
    answers: &[(&str, &str)],
    now: Timestamp,
) -> Result<Endpoints, Error> {
    let connector = manifest(rest);
    let answers: BTreeMap<String, String> =
        answers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let inputs = connector.manifest().check_inputs(&answers).unwrap();
    oauth::endpoints(&provider.outbound, connector.manifest(), &inputs, now).await
}

#[tokio::test]
async fn all_that_the_document_tells_is_read() {
    let place = "https://login.example.com/tenant/.well-known/openid-configuration";
    let provider = serving(place, document("https://login.example.com/tenant"));
    let found = find(&provider, GENERIC, "https://login.example.com/tenant").await.unwrap();
    let url = |url: &Option<url::Url>| url.as_ref().map(ToString::to_string);
    assert_eq!(url(&found.authorize).as_deref(), Some("https://login.example.com/authorize"));
    assert_eq!(url(&found.token).as_deref(), Some("https://login.example.com/token"));
    assert_eq!(url(&found.revoke).as_deref(), Some("https://login.example.com/revoke"));
    assert_eq!(url(&found.userinfo).as_deref(), Some("https://login.example.com/me"));
    assert_eq!(url(&found.par).as_deref(), Some("https://login.example.com/par"));
    assert_eq!(url(&found.jwks).as_deref(), Some("https://login.example.com/keys"));
    assert!(found.refresh.is_none() && found.par_required && found.iss_in_callback);
    assert_eq!(found.issuer.as_deref(), Some("https://login.example.com/tenant"));
    assert_eq!(found.token_auth_methods, ["client_secret_post", "none"]);
    assert_eq!(found.id_token_algs, ["ES256"]);
    assert_eq!(provider.only().url, place);
}

#[tokio::test]
async fn a_client_with_a_certificate_goes_where_such_clients_are_expected() {
    let issuer = "https://login.example.com";
    let mut document = document(issuer);
    document["mtls_endpoint_aliases"] = json!({
        "token_endpoint": "https://mtls.example.com/token", "revocation_endpoint": 7,
    });
    let at = async |rest: &str| {
        let place = "https://login.example.com/.well-known/openid-configuration";
        let provider = serving(place, document.clone());
        let found = find(&provider, &format!("{GENERIC}{rest}"), issuer).await.unwrap();
        let hosts = found.token.iter().all(|url| found.hosts.contain(url));
        (found.token.unwrap().to_string(), found.revoke.unwrap().to_string(), hosts)
    };
    let revoke = "https://login.example.com/revoke".to_owned();
    let shown = at("client = { auth = \"mtls\", certificate = true }").await;
    assert_eq!(shown, ("https://mtls.example.com/token".to_owned(), revoke.clone(), true));
    let plain = at("").await;
    assert_eq!(plain, ("https://login.example.com/token".to_owned(), revoke, true));
}

#[tokio::test]
async fn a_server_without_openid_is_found_by_rfc_8414() {
    let place = "https://login.example.com/.well-known/oauth-authorization-server/tenant";
    let mut document = document("https://login.example.com/tenant");
    let told = document.as_object_mut().unwrap();
    told.remove("token_endpoint_auth_methods_supported");
    told.remove("jwks_uri");
    let provider = serving(place, document);
    let found = find(&provider, GENERIC, "https://login.example.com/tenant").await.unwrap();
    assert!(found.token.is_some() && found.jwks.is_none());
    assert_eq!(found.token_auth_methods, ["client_secret_basic"], "what silence means there");
}

#[tokio::test]
async fn a_document_of_another_issuer_is_refused() {
    let place = "https://login.example.com/.well-known/openid-configuration";
    for other in [
        "https://evil.example",
        "https://login.example.com/tenant",
        "http://login.example.com",
        "",
        "x",
    ] {
        let provider = serving(place, document(other));
        let refused = find(&provider, GENERIC, "https://login.example.com").await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{other}");
        assert!(refused.to_string().contains("another issuer"), "{refused}");
    }
}

#[tokio::test]
async fn a_slash_at_the_end_of_the_issuer_is_the_servers_to_choose() {
    let place = "https://login.example.com/.well-known/openid-configuration";
    for (asked, named) in [
        ("https://login.example.com", "https://login.example.com/"),
        ("https://login.example.com/", "https://login.example.com"),
    ] {
        let found = find(&serving(place, document(named)), GENERIC, asked).await.unwrap();
        assert_eq!(
            found.issuer.as_deref(),
            Some(named),
            "as the server writes it: `iss` is compared with it"
        );
    }
}

#[tokio::test]
async fn an_endpoint_that_is_not_safe_to_call_is_refused() {
    let place = "https://login.example.com/.well-known/openid-configuration";
    for unsafe_url in [
        "http://login.example.com/token",
        "http://localhost/token",
        "https://user:pw@login.example.com/token",
        "https://login.example.com/token#x",
        "file:///etc/passwd",
        "/token",
    ] {
        let mut document = document("https://login.example.com");
        document["token_endpoint"] = unsafe_url.into();
        let refused = find(&serving(place, document), GENERIC, "https://login.example.com").await;
        let refused = refused.unwrap_err();
        assert!(refused.to_string().contains("`token_endpoint`"), "{unsafe_url}: {refused}");
        assert!(!refused.to_string().contains("pw"), "{refused}");
    }
}

#[tokio::test]
async fn a_development_server_on_this_machine_may_speak_http() {
    let place = "http://127.0.0.1:9000/.well-known/openid-configuration";
    let mut document = document("http://127.0.0.1:9000");
    document["token_endpoint"] = "http://127.0.0.1:9000/token".into();
    let provider = serving(place, document.clone());
    let found = find(&provider, GENERIC, "http://127.0.0.1:9000").await.unwrap();
    assert_eq!(found.token.unwrap().as_str(), "http://127.0.0.1:9000/token");

    document["token_endpoint"] = "http://login.example.com/token".into();
    let elsewhere = find(&serving(place, document), GENERIC, "http://127.0.0.1:9000").await;
    assert_eq!(elsewhere.unwrap_err().kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn a_server_that_is_down_is_not_asked_elsewhere() {
    let provider = Provider::saying(503, "{}");
    let error = find(&provider, GENERIC, "https://login.example.com").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    provider.only();
}

#[tokio::test]
async fn a_server_without_a_document_is_told_apart_from_one_that_is_down() {
    let provider = Provider::answering(|_| crate::support::reply(200, "text/html", "<html>"));
    let error = find(&provider, GENERIC, "https://login.example.com").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(provider.seen().len(), 2);
}

#[tokio::test]
async fn a_document_too_large_is_not_read() {
    let provider = Provider::answering(|_| reply(200, vec![b' '; 257 * 1024]));
    let error = find(&provider, GENERIC, "https://login.example.com").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn what_the_manifest_names_wins() {
    let place = "https://login.example.com/.well-known/openid-configuration";
    let provider = serving(place, document("https://login.example.com"));
    let rest = format!("{GENERIC}\n[urls]\ntoken = 'https://other.example.com/token'");
    let found = find(&provider, &rest, "https://login.example.com").await.unwrap();
    assert_eq!(found.token.unwrap().as_str(), "https://other.example.com/token");
    assert_eq!(found.authorize.unwrap().as_str(), "https://login.example.com/authorize");
}

#[tokio::test]
async fn a_dated_url_gives_way_to_its_successor_on_the_next_day() {
    let rest = r#"
        [urls]
        authorize = "https://login.example.com/authorize"
        token = { url = "https://a.example.com/v1", valid_until = "2026-12-31", successor = "https://a.example.com/v2" }
    "#;
    let nobody = Provider::saying(500, "");
    for (at, expected) in [
        ("2026-12-31T23:59:59Z", "https://a.example.com/v1"),
        ("2027-01-01T00:00:00Z", "https://a.example.com/v2"),
    ] {
        let now = Timestamp::parse_rfc3339(at).unwrap();
        let found = find_at(&nobody, rest, &[], now).await.unwrap();
        assert_eq!(found.token.unwrap().as_str(), expected, "{at}");
    }
}

#[tokio::test]
async fn an_answer_can_not_lead_to_another_host() {
    let rest = r#"
        inputs = [{ name = "sub", label = "Subdomain", required = true, pattern = "^[a-z./?#@:-]+$" }]
        [urls]
        authorize = "https://login.example.com/{sub}/authorize"
        token = "https://login.example.com/{sub}/token"
    "#;
    let nobody = Provider::saying(500, "");
    let answers = [("sub", "@evil.example/?#")];
    let found = find_at(&nobody, rest, &answers, NOW).await.unwrap();
    assert_eq!(
        found.token.unwrap().as_str(),
        "https://login.example.com/%40evil.example%2F%3F%23/token"
    );
}

#[tokio::test]
async fn a_provider_without_oauth_has_no_endpoints() {
    let text = r#"
        slug = "keyed"
        display_name = "Keyed"
        category = "crm"
        auth = { kind = "api_key" }
        inputs = [{ name = "key", label = "Key", secret = true, required = true }]
        [api]
        base = "https://api.example.com"
        credential = { in = "header", name = "x-key", template = "{key}" }
    "#;
    let manifest = connector::Manifest::parse(text).unwrap();
    let inputs =
        manifest.check_inputs(&BTreeMap::from([("key".to_owned(), "k".to_owned())])).unwrap();
    let nobody = Provider::saying(500, "");
    let found = oauth::endpoints(&nobody.outbound, &manifest, &inputs, NOW).await.unwrap();
    assert!(found.token.is_none() && found.authorize.is_none());
}

//! The apps that speak OAuth 1.0a, against a strict provider in this process that verifies every signature.

use std::collections::{BTreeMap, BTreeSet};

use conformance::{
    Subject,
    checks::signed::{self, Signed, Used},
};
use connector::AuthKind;
use url::Url;

use crate::apps::{File, each};

fn is_oauth1(kind: AuthKind) -> bool {
    kind == AuthKind::Oauth1
}

/// A URL without its query.
fn page(url: &Url) -> String {
    let mut page = url.clone();
    page.set_query(None);
    page.to_string()
}

fn goes_to(request: &Signed, file: &File, name: &str, subject: &Subject) {
    let address = file.address(name, &subject.answers()).expect("the file names it");
    assert_eq!(page(&request.url), page(&Url::parse(&address).expect("a URL")), "{name}");
    assert_eq!(request.url.scheme(), "https");
}

fn method<'a>(file: &'a File, name: &str) -> &'a str {
    file.text(&format!("oauth1.{name}")).unwrap_or("POST")
}

fn signature(file: &File) -> &'static str {
    match file.text("oauth1.signature") {
        None | Some("hmac_sha1") => "HMAC-SHA1",
        Some("hmac_sha256") => "HMAC-SHA256",
        Some(_) => "PLAINTEXT",
    }
}

/// What is expected is read from the app's file, not from what the code made of it.
#[test]
fn every_dance_goes_as_the_file_describes() {
    each(is_oauth1, &async |slug, subject| {
        let file = File::of(slug);
        let Used { begun, requests } = signed::used(subject).await;
        let [request_token, token, ..] = requests.as_slice() else { panic!("two requests") };
        goes_to(request_token, &file, "request_token", subject);
        assert_eq!(request_token.method.as_str(), method(&file, "request_token_method"));
        let callback =
            Url::parse(request_token.said("oauth_callback").expect("one")).expect("a URL");
        assert_eq!(page(&callback), "https://hub.example/oauth/callback/cli_1");
        assert!(callback.query_pairs().any(|(name, value)| name == "state" && value.len() >= 43));

        authorize_url(&file, subject, &begun);

        goes_to(token, &file, "token", subject);
        assert_eq!(token.method.as_str(), method(&file, "token_method"));
        for request in [request_token, token] {
            assert_eq!(request.said("oauth_signature_method"), Some(signature(&file)));
            for (name, value) in file.texts("token.headers") {
                assert_eq!(request.headers[name.as_str()], value.as_str());
            }
        }
    });
}

fn authorize_url(file: &File, subject: &Subject, begun: &Url) {
    let address = file.address("authorize", &subject.answers()).expect("the file names it");
    assert_eq!(page(begun), page(&Url::parse(&address).expect("a URL")));
    let mut sent: BTreeMap<String, String> = begun.query_pairs().into_owned().collect();
    assert_eq!(begun.query_pairs().count(), sent.len(), "a parameter is there twice");
    assert_eq!(sent.remove("oauth_token").as_deref(), Some("tmp/1+a"), "as the provider gave it");
    for (name, value) in file.texts("authorize.params") {
        assert_eq!(sent.remove(&name), Some(value), "`{name}`");
    }
    let name = file.text("authorize.scope_param").unwrap_or("scope");
    let separator = file.text("authorize.scope_separator").unwrap_or(" ");
    let scopes = sent.remove(name).unwrap_or_default();
    let asked = subject.asked();
    let wanted: BTreeSet<&str> = asked.iter().map(String::as_str).collect();
    assert_eq!(scopes.split(separator).collect::<BTreeSet<_>>(), wanted);
    assert!(sent.is_empty(), "nothing else goes by the browser: {sent:?}");
}

#[test]
fn every_request_to_an_api_is_signed_or_holds_the_token_where_the_file_says() {
    each(is_oauth1, &async |slug, subject| {
        let file = File::of(slug);
        let Used { requests, .. } = signed::used(subject).await;
        let base =
            file.address("api", &subject.answers()).expect("every app says where its API is");
        let wanted = Url::parse(&format!("{}/x", base.trim_end_matches('/'))).expect("a URL");
        assert_eq!(requests.len(), 4);
        for request in &requests[2..] {
            assert_eq!(page(&request.url), wanted.as_str());
            for (name, value) in file.texts("api.headers") {
                assert_eq!(request.headers[name.as_str()], value.as_str());
            }
            match file.text("api.credential.name") {
                None => {
                    assert_eq!(request.said("oauth_token"), Some("t0k/1+a.made.up"));
                    assert_eq!(request.said("oauth_signature_method"), Some(signature(&file)));
                }
                Some(name) => {
                    assert!(
                        request.said.is_empty(),
                        "a request that holds the token is not signed"
                    );
                    let template =
                        file.text("api.credential.template").expect("it says what stands there");
                    let text = template.replace("{token_secret}", "t0k&s3cret%2F");
                    assert_eq!(request.headers[name], text.as_str());
                }
            }
        }
    });
}

#[test]
fn a_client_with_another_secret_gets_nothing_from_any_of_them() {
    each(is_oauth1, &async |_, subject| signed::another_secret_is_refused(subject).await);
}

#[test]
fn every_account_is_asked_for_by_a_signed_request() {
    each(is_oauth1, &async |slug, subject| {
        let file = File::of(slug);
        let account = signed::account(subject).await;
        match file.list("identity.account_path").first() {
            Some(path) => assert_eq!(account.id, format!("what is at {path}")),
            None => assert_eq!(account.id, "default"),
        }
    });
}

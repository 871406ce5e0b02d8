//! The OAuth apps, against a strict provider in this process.

use std::collections::BTreeSet;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use conformance::{
    Subject,
    checks::{self, seen},
};
use connector::AuthKind;
use sha2::{Digest, Sha256};
use url::Url;

use crate::apps::{File, each, is_oauth};

fn has_a_browser(kind: AuthKind) -> bool {
    kind == AuthKind::Oauth2Code
}

#[test]
fn every_authorize_url_is_safe() {
    each(has_a_browser, &async |_, subject| checks::the_authorize_url_is_safe(subject).await);
}

#[test]
fn every_code_and_every_client_is_exchanged_as_declared() {
    each(is_oauth, &async |_, subject| checks::a_code_is_exchanged_as_declared(subject).await);
}

#[test]
fn every_refresh_keeps_what_it_must() {
    each(is_oauth, &async |_, subject| checks::a_refresh_keeps_what_it_must(subject).await);
}

#[test]
fn every_grant_is_ended_as_declared() {
    each(is_oauth, &async |_, subject| checks::a_grant_is_ended_as_declared(subject).await);
}

/// What is expected is read from the app's file, not from what the code made of it.
#[test]
fn every_authorize_url_is_the_one_that_the_file_describes() {
    each(has_a_browser, &async |slug, subject| {
        let file = File::of(slug);
        let url = seen::authorization(subject).await;
        assert_eq!(url.scheme(), "https");
        if let Some(address) = file.address("authorize", &subject.answers()) {
            assert_eq!(page(&url), page(&Url::parse(&address).expect("a URL")));
        }
        let all = |name: &str| -> Vec<String> {
            url.query_pairs()
                .filter(|(key, _)| key == name)
                .map(|(_, value)| value.into())
                .collect()
        };
        for (name, value) in file.texts("authorize.params") {
            assert_eq!(all(&name), [value], "`{name}`");
        }
        let renamed = file.texts("authorize.rename");
        let id = renamed.get("client_id").map_or("client_id", String::as_str);
        assert_eq!(all(id).len(), 1, "`{id}` is there once");
        assert_eq!(all("state").len(), 1, "a state is there once");
        let proof =
            if file.text("authorize.pkce") == Some("never") { vec![] } else { vec!["S256"] };
        assert_eq!(all("code_challenge_method"), proof);
        scopes(&file, subject, &all("scope"));
    });
}

fn scopes(file: &File, subject: &Subject, sent: &[String]) {
    let separator = file.text("authorize.scope_separator").expect("every app says it");
    let sent: BTreeSet<&str> = sent.iter().flat_map(|text| text.split(separator)).collect();
    let asked = subject.asked();
    let mut wanted: BTreeSet<&str> = asked.iter().map(String::as_str).collect();
    wanted.extend(file.list("authorize.offline_scopes"));
    assert_eq!(sent, wanted);
}

#[test]
fn every_token_request_goes_where_the_file_says_and_proves_who_began() {
    each(is_oauth, &async |slug, subject| {
        let file = File::of(slug);
        let request = seen::token(subject).await;
        if let Some(address) = file.address("token", &subject.answers()) {
            let wanted = Url::parse(&address).expect("a URL");
            assert_eq!(page(&request.url), page(&wanted));
        }
        assert_eq!(request.url.scheme(), "https");
        let challenge = match &request.begun {
            None => return,
            Some(begun) => begun
                .query_pairs()
                .find(|(name, _)| name == "code_challenge")
                .map(|(_, text)| text.into_owned()),
        };
        let verifier = request.fields.get("code_verifier");
        let proof = verifier.map(|text| BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(text)));
        assert_eq!(proof, challenge, "RFC 7636, section 4.6");
    });
}

/// Without query.
fn page(url: &Url) -> String {
    let mut page = url.clone();
    page.set_query(None);
    page.to_string()
}

#[test]
fn every_session_is_begun_with_what_a_person_fills_in() {
    let mut count = 0;
    for connector in catalogue::connectors() {
        count += usize::from(connector.manifest().auth.kind == AuthKind::SessionExchange);
    }
    assert!(count >= 3, "{count} apps");
    each(|kind| kind == AuthKind::SessionExchange, &async |_, subject| {
        checks::a_session_is_begun_as_declared(subject).await;
    });
}

#[test]
fn every_assertion_is_signed_with_what_a_person_fills_in() {
    each(|kind| kind == AuthKind::JwtBearer, &async |_, subject| {
        checks::an_assertion_is_exchanged_as_declared(subject).await;
    });
}

/// What is expected is read from the app's file, not from what the code made of it.
#[test]
fn every_assertion_says_what_the_file_says() {
    each(|kind| kind == AuthKind::JwtBearer, &async |slug, subject| {
        let file = File::of(slug);
        let request = seen::token(subject).await;
        let answers = subject.answers();
        let address = file.address("token", &answers).expect("every app says where");
        assert_eq!(page(&request.url), address);
        let (header, claims) = seen::parts(&request.fields["assertion"]);
        let filled =
            |path: &str| {
                let text = file.text(&format!("assertion.{path}"))?.to_owned();
                Some(answers.iter().fold(text, |text, (name, answer)| {
                    text.replace(&format!("{{{name}}}"), answer)
                }))
            };
        assert_eq!(header["alg"].as_str(), file.text("assertion.algorithm"));
        assert_eq!(header["kid"].as_str().map(str::to_owned), filled("key_id"));
        assert_eq!(claims["iss"].as_str().map(str::to_owned), filled("issuer"));
        let audience = filled("audience").unwrap_or(address);
        assert_eq!(claims["aud"], audience.as_str());
        let lasts = claims["exp"].as_i64().zip(claims["iat"].as_i64()).map(|(to, from)| to - from);
        let told = file.at("assertion.lifetime_s").and_then(toml::Value::as_integer);
        assert_eq!(lasts, told);
        let separator = file.text("authorize.scope_separator").expect("every app says it");
        let scopes = subject.asked().join(separator);
        match file.text("assertion.scope_claim") {
            Some(name) => assert_eq!(claims[name], scopes.as_str()),
            None => assert_eq!(request.fields.get("scope"), Some(&scopes)),
        }
    });
}

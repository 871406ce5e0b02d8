//! Where credentials stand.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use conformance::{
    Subject,
    checks::{self, seen},
};
use connector::AuthKind;
use url::Url;

use crate::apps::{File, each, none, now};

/// Well-known apps, and what their documentation shows with the key `k-3y-0f-th3-p3rs0n`: written by hand.
const SHOWN: [(&str, &str, &str); 26] = [
    ("anthropic", "x-api-key", "k-3y-0f-th3-p3rs0n"),
    ("openai", "authorization", "Bearer k-3y-0f-th3-p3rs0n"),
    ("sendgrid", "authorization", "Bearer k-3y-0f-th3-p3rs0n"),
    ("postmark", "x-postmark-server-token", "k-3y-0f-th3-p3rs0n"),
    ("brevo", "api-key", "k-3y-0f-th3-p3rs0n"),
    ("callrail", "authorization", "Token token=k-3y-0f-th3-p3rs0n"),
    ("deepl", "authorization", "DeepL-Auth-Key k-3y-0f-th3-p3rs0n"),
    ("deepgram", "authorization", "Token k-3y-0f-th3-p3rs0n"),
    ("pagerduty", "authorization", "Token token=k-3y-0f-th3-p3rs0n"),
    ("shortcut", "shortcut-token", "k-3y-0f-th3-p3rs0n"),
    ("resend", "authorization", "Bearer k-3y-0f-th3-p3rs0n"),
    ("new-relic", "api-key", "k-3y-0f-th3-p3rs0n"),
    ("elevenlabs", "xi-api-key", "k-3y-0f-th3-p3rs0n"),
    ("mem0", "authorization", "Token k-3y-0f-th3-p3rs0n"),
    ("gemini", "x-goog-api-key", "k-3y-0f-th3-p3rs0n"),
    ("shippo", "authorization", "ShippoToken k-3y-0f-th3-p3rs0n"),
    ("circleci", "circle-token", "k-3y-0f-th3-p3rs0n"),
    ("redmine", "x-redmine-api-key", "k-3y-0f-th3-p3rs0n"),
    // What `printf 'api:k-3y-0f-th3-p3rs0n' | base64` prints, and so on.
    ("mailgun", "authorization", "Basic YXBpOmstM3ktMGYtdGgzLXAzcnMwbg=="),
    ("affinity", "authorization", "Basic OmstM3ktMGYtdGgzLXAzcnMwbg=="),
    ("ashby", "authorization", "Basic ay0zeS0wZi10aDMtcDNyczBuOg=="),
    ("bamboohr", "authorization", "Basic ay0zeS0wZi10aDMtcDNyczBuOng="),
    ("toggl-track", "authorization", "Basic ay0zeS0wZi10aDMtcDNyczBuOmFwaV90b2tlbg=="),
    ("datadog", "dd-application-key", "k-3y-0f-th3-p3rs0n"),
    ("plaid", "plaid-secret", "k-3y-0f-th3-p3rs0n"),
    ("klaviyo", "authorization", "Bearer at-1.made.up"),
];

fn is_a_key(kind: AuthKind) -> bool {
    matches!(kind, AuthKind::ApiKey | AuthKind::Basic)
}

#[test]
fn well_known_apps_get_their_keys_as_their_documentation_shows() {
    let mut found = 0;
    let mut wrong = Vec::new();
    for connector in catalogue::connectors() {
        let slug = connector.card().slug;
        let Some((_, name, value)) = SHOWN.iter().find(|(of, ..)| *of == slug) else { continue };
        found += 1;
        let subject = Subject::of_manifest(&connector).remove(0);
        let request = now(seen::api(&subject)).expect("it has an API");
        let sent = request.headers.get(*name).and_then(|value| value.to_str().ok());
        if sent != Some(*value) {
            wrong.push(format!("{slug}: {sent:?}"));
        }
    }
    none(&wrong);
    assert_eq!(found, SHOWN.len(), "an app of the table is gone");
}

/// What is expected is read from the app's file, not from what the code made of it; and nothing else holds a
/// key.
#[test]
fn every_key_stands_where_the_file_says_and_nowhere_else() {
    each(is_a_key, &async |slug, subject| {
        let file = File::of(slug);
        let request = seen::api(subject).await.expect("every key has an API to go to");
        let (place, name, value) = expected(&file);
        let query: BTreeMap<String, String> = request.url.query_pairs().into_owned().collect();
        let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
        if place == "query" {
            assert_eq!(query.get(&name), Some(&value), "the parameter `{name}`");
            assert_eq!(header("authorization"), None);
        } else if place == "path" {
            assert_eq!(header("authorization"), None);
            assert!(query.is_empty());
        } else {
            assert_eq!(header(&name), Some(value.as_str()), "the header `{name}`");
            assert!(!request.url.as_str().contains(conformance::KEY), "a URL ends up in logs");
        }
        let with_the_key = request
            .headers
            .values()
            .filter(|value| value.to_str().is_ok_and(|text| text.contains(conformance::KEY)));
        let more = file.texts("api.credential.headers");
        let basic_holds_it_unseen = usize::from(place == "header");
        assert_eq!(with_the_key.count(), basic_holds_it_unseen + more.len(), "nowhere else");
        for (name, template) in more {
            assert_eq!(header(&name), Some(filled(&template).as_str()), "the header `{name}`");
        }

        let base = file.address("api", &subject.answers()).expect("every key has an API to go to");
        let part = if place == "path" { format!("/{value}") } else { String::new() };
        let wanted = format!("{}{part}/x", base.trim_end_matches('/'));
        let wanted = Url::parse(&wanted).expect("a URL");
        assert_eq!(
            (request.url.host_str(), request.url.path()),
            (wanted.host_str(), wanted.path())
        );
        assert_eq!(request.url.scheme(), "https");
        for (name, value) in file.texts("api.headers") {
            assert_eq!(header(&name), Some(value.as_str()), "the fixed header `{name}`");
        }
    });
}

/// A template with the secret in it: every secret has the same value in these tests.
fn filled(template: &str) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        text.push_str(conformance::KEY);
        rest = after.split_once('}').expect("a brace is closed").1;
    }
    text + rest
}

/// Place, name and value, as a person reads the file.
fn expected(file: &File) -> (&'static str, String, String) {
    let text = |key: &str| file.text(&format!("api.credential.{key}"));
    match text("in").expect("every key is placed") {
        "basic" => {
            let pair = format!(
                "{}:{}",
                filled(text("user").unwrap_or_default()),
                filled(text("password").unwrap_or_default())
            );
            ("basic", "authorization".to_owned(), format!("Basic {}", BASE64_STANDARD.encode(pair)))
        }
        "path" => ("path", String::new(), filled(text("template").unwrap_or("{key}"))),
        "query" => {
            let name = text("name").expect("a parameter has a name");
            ("query", name.to_owned(), filled(text("template").unwrap_or("{key}")))
        }
        _ => {
            let name = text("name").expect("every header of the catalogue is named");
            ("header", name.to_lowercase(), filled(text("template").unwrap_or("{key}")))
        }
    }
}

#[test]
fn every_account_that_can_be_asked_for_is_identified() {
    each(|_| true, &async |slug, subject| {
        let file = File::of(slug);
        if file.at("identity").or(file.at("api.verify")).is_some() {
            checks::the_account_is_identified(subject).await;
        }
    });
}

//! Requests that are signed one by one (OAuth 1.0a).

use std::sync::{Arc, Mutex};

use base::{ExposeSecret, ManualClock, SeededRng, Timestamp};
use bytes::Bytes;
use http::{Request, Response};
use outbound::Outbound;

use super::*;
use crate::{
    Credential, Inputs, Manifest, Opens,
    oauth1::{Signing, TokenPair},
};

const TEXT: &str = "slug = \"x\"\ndisplay_name = \"X\"\ncategory = \"media\"\nauth.kind = \"oauth1\"\n\
    urls.request_token = \"https://x.example/r\"\nurls.authorize = \"https://x.example/a\"\n\
    urls.token = \"https://x.example/t\"\napi.base = \"https://api.x.example/v1/{user}\"\n\
    token.capture = { user = \"user_nsid\" }\n\
    [[scopes]]\nname = \"read\"\ntitle = \"Read\"\naccess = \"read\"\nallows = [\"GET /things\", \"GET /things/*\"]\n";

type Seen = Arc<Mutex<Vec<(String, HeaderMap)>>>;

fn peer(status: u16, headers: &'static [(&str, &str)], body: &'static str) -> (Outbound, Seen) {
    let seen = Seen::default();
    let log = seen.clone();
    let outbound = Outbound::in_process(move |request: Request<Bytes>| {
        log.lock().unwrap().push((request.uri().to_string(), request.headers().clone()));
        let mut answer = Response::builder().status(status);
        for (name, value) in headers {
            answer = answer.header(*name, *value);
        }
        let answer = answer.body(Bytes::from_static(body.as_bytes())).unwrap();
        async move { answer }
    });
    (outbound, seen)
}

fn api(outbound: Outbound) -> Api {
    of(outbound, "")
}

/// With more keys at the head of the manifest.
fn of(outbound: Outbound, more: &str) -> Api {
    let manifest = Manifest::parse(&format!("{more}{TEXT}")).unwrap();
    let credential = Credential::OAuth1(TokenPair {
        token: "t0ken-of-ana".into(),
        secret: "t-s3cret".into(),
        captured: [("user".to_owned(), "7".to_owned())].into(),
    });
    Api::new(outbound, &manifest, &Inputs::default(), &credential).ok().unwrap()
}

fn signing() -> Signing {
    Signing {
        client_id: "client".to_owned(),
        client_secret: SecretString::from("c-s3cret"),
        former: Vec::new(),
        clock: Arc::new(ManualClock::at(Timestamp::from_secs(1_795_000_000))),
        rng: Arc::new(SeededRng::new(1)),
    }
}

fn nonce(headers: &HeaderMap) -> String {
    let text = headers["authorization"].to_str().unwrap();
    text.split("oauth_nonce=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn each_request_is_signed_anew_and_no_secret_is_sent() {
    let (outbound, seen) = peer(200, &[], "{}");
    let api = api(outbound).signing(signing());
    api.get("/things?b=c").await.unwrap();
    let form = vec![("a".to_owned(), "b c".to_owned())];
    api.call(Method::POST, "/things").form(form).fetch().await.unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0].0, "https://api.x.example/v1/7/things?b=c");
    for (_, headers) in seen.iter() {
        let text = headers["authorization"].to_str().unwrap();
        assert!(text.starts_with("OAuth ") && text.contains("oauth_token=\"t0ken-of-ana\""));
        assert!(!text.contains("s3cret"), "{text}");
    }
    assert_ne!(nonce(&seen[0].1), nonce(&seen[1].1));
}

#[tokio::test]
async fn nothing_is_sent_without_a_client_to_sign_with() {
    let (outbound, seen) = peer(200, &[], "{}");
    let error = api(outbound).get("/things").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::ClientConfig);
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_credential_of_another_kind_is_not_used() {
    let manifest = Manifest::parse(TEXT).unwrap();
    let bearer = Credential::OAuth(crate::TokenSet::bearer("b"));
    let (outbound, _) = peer(200, &[], "{}");
    assert!(Api::new(outbound, &manifest, &Inputs::default(), &bearer).is_err());
}

#[tokio::test]
async fn a_wrong_clock_does_not_end_a_grant_and_an_ended_token_does() {
    let refusals: [(&[(&str, &str)], ErrorKind); 3] = [
        (
            &[("www-authenticate", "OAuth oauth_problem=\"timestamp_refused\"")],
            ErrorKind::Unavailable,
        ),
        (&[("www-authenticate", "OAuth oauth_problem=\"token_revoked\"")], ErrorKind::Reauthorize),
        (&[], ErrorKind::Reauthorize),
    ];
    for (headers, expected) in refusals {
        let (outbound, _) = peer(401, headers, "{}");
        let error = api(outbound).signing(signing()).get("/things").await.unwrap_err();
        assert_eq!(error.kind, expected, "{headers:?}");
    }
}

#[tokio::test]
async fn a_provider_that_repeats_a_secret_is_not_quoted() {
    let (outbound, _) = peer(400, &[], r#"{"message":"bad signature with c-s3cret&t-s3cret"}"#);
    let api = api(outbound).signing(signing()).within(Opens::everything());
    assert_eq!(api.get("/things").await.unwrap_err().provider_message, None);
}

#[test]
fn one_request_is_signed_for_another_to_send_if_the_scopes_open_it() {
    let (outbound, seen) = peer(200, &[], "{}");
    let opens = Manifest::parse(TEXT).unwrap().opened_by(&["read".to_owned()]);
    let api = api(outbound).signing(signing()).within(opens);
    let good = api.sign_for(&Method::GET, "https://api.x.example/v1/7/things?a=b", &[]).unwrap();
    assert!(good.expose_secret().starts_with("OAuth ") && !good.expose_secret().contains("s3cret"));
    for (method, url) in [
        (Method::POST, "https://api.x.example/v1/7/things"),
        (Method::GET, "https://api.x.example/v1/8/things"),
        (Method::GET, "https://api.x.example/v1/7/others"),
        (Method::GET, "https://api.x.example/v1/7/things/../others"),
        (Method::GET, "https://api.x.example/v1/7/things/%2e%2e/others"),
        (Method::GET, "https://x.example/t"),
        (Method::GET, "https://evil.example/v1/7/things"),
        (Method::GET, "http://api.x.example/v1/7/things"),
        (Method::GET, "https://api.x.example:444/v1/7/things"),
        (Method::GET, "https://u@api.x.example/v1/7/things"),
        (Method::GET, "https://api.x.example/v1/7/things#f"),
        (Method::GET, "/things"),
        (Method::GET, ""),
    ] {
        assert!(api.sign_for(&method, url, &[]).is_err(), "{method} {url}");
    }
    assert!(seen.lock().unwrap().is_empty(), "it is sent by whoever asked");
}

#[tokio::test]
async fn a_signature_that_holds_the_secrets_is_made_for_no_other() {
    let (outbound, seen) = peer(200, &[], "{}");
    let api = of(outbound, "oauth1.signature = \"plaintext\"\n").signing(signing());
    let url = "https://api.x.example/v1/7/things";
    let error = api.sign_for(&Method::GET, url, &[]).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    api.get("/things").await.unwrap();
    let header = seen.lock().unwrap()[0].1["authorization"].to_str().unwrap().to_owned();
    assert!(header.contains("oauth_signature=\"c-s3cret%26t-s3cret\""), "{header}");
}

#[tokio::test]
async fn while_a_client_changes_its_secret_its_former_one_signs_too() {
    let both = || Signing { former: vec!["f-s3cret".into()], ..signing() };
    let (outbound, seen) = peer(200, &[], "{}");
    api(outbound).signing(both()).get("/things").await.unwrap();
    assert_eq!(seen.lock().unwrap().len(), 1, "the former one is not needed");
    let (outbound, seen) = peer(401, &[], "{}");
    let api = api(outbound).signing(both());
    assert_eq!(api.get("/things").await.unwrap_err().kind, ErrorKind::Reauthorize);
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 2, "each is tried once");
    assert_ne!(seen[0].1["authorization"], seen[1].1["authorization"]);
    assert_ne!(nonce(&seen[0].1), nonce(&seen[1].1));
    let (outbound, seen) = peer(403, &[], "{}");
    of(outbound, "").signing(both()).get("/things").await.unwrap_err();
    assert_eq!(seen.lock().unwrap().len(), 1, "that was no word on the signature");
}

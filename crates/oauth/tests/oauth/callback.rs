use std::collections::BTreeMap;

use base::ExposeSecret;
use connector::Connector;
use oauth::{CallbackError, Client, Endpoints, read_callback};
use proptest::prelude::*;

use crate::support::{client, connector};

fn query(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The code, or the error.
fn read(endpoints: &Endpoints, pairs: &[(&str, &str)]) -> Result<String, CallbackError> {
    let connector = connector("");
    read_callback(connector.manifest(), endpoints, &[client()], &query(pairs))
        .map(|answer| answer.code.expose_secret().to_owned())
}

fn issuer(always: bool) -> Endpoints {
    Endpoints {
        issuer: Some("https://login.example.com/".to_owned()),
        iss_in_callback: always,
        ..Default::default()
    }
}

#[test]
fn a_code_is_read() {
    assert_eq!(read(&Endpoints::default(), &[("code", "c"), ("state", "s")]).as_deref(), Ok("c"));
}

#[test]
fn a_refusal_says_who_refused() {
    let denied = |code: &str| CallbackError::Denied(code.to_owned());
    let admin = |code: &str| CallbackError::AdminRequired(code.to_owned());
    let failed = |code: &str| CallbackError::ProviderError(code.to_owned());
    let aadsts = "AADSTS90094: An administrator must grant this";
    for (pairs, expected) in [
        (vec![("error", "access_denied")], denied("access_denied")),
        (
            vec![("error", "access_denied"), ("error_description", "no thanks")],
            denied("access_denied"),
        ),
        (vec![("error", "access_denied"), ("error_description", aadsts)], admin("access_denied")),
        (vec![("error", "user_cancelled_login")], denied("user_cancelled_login")),
        (vec![("error", "consent_required")], admin("consent_required")),
        (vec![("error", "interaction_required")], admin("interaction_required")),
        (vec![("error", "admin_policy_enforced")], admin("admin_policy_enforced")),
        (vec![("error", "OAUTH_APP_BLOCKED")], admin("OAUTH_APP_BLOCKED")),
        (vec![("error", "temporarily_unavailable")], failed("temporarily_unavailable")),
        // A code beside an error is none.
        (vec![("error", "server_error"), ("code", "c")], failed("server_error")),
        // It is shown to a person.
        (vec![("error", "a\u{202e} <b>\n")], failed("a<b>")),
    ] {
        assert_eq!(read(&Endpoints::default(), &pairs), Err(expected), "{pairs:?}");
    }
}

#[test]
fn another_issuer_is_refused_for_codes_and_for_errors() {
    for always in [false, true] {
        let endpoints = issuer(always);
        let good = [("code", "c"), ("iss", "https://login.example.com/")];
        assert_eq!(read(&endpoints, &good).as_deref(), Ok("c"));
        for other in
            ["https://evil.example", "https://login.example.com", "", "HTTPS://LOGIN.EXAMPLE.COM/"]
        {
            for first in [("code", "c"), ("error", "access_denied")] {
                let refused = read(&endpoints, &[first, ("iss", other)]);
                assert_eq!(refused, Err(CallbackError::IssuerMismatch), "{other:?}");
            }
        }
    }
}

#[test]
fn a_missing_issuer_is_refused_where_the_server_always_names_it() {
    assert_eq!(read(&issuer(true), &[("code", "c")]), Err(CallbackError::IssuerMismatch));
    assert_eq!(read(&issuer(false), &[("code", "c")]).as_deref(), Ok("c"));
}

#[test]
fn what_is_there_twice_is_refused() {
    for pairs in [
        vec![("code", "c"), ("code", "c")],
        vec![("error", "access_denied"), ("error", "x")],
        vec![
            ("code", "c"),
            ("iss", "https://login.example.com/"),
            ("iss", "https://login.example.com/"),
        ],
    ] {
        let refused = read(&issuer(false), &pairs);
        assert!(matches!(refused, Err(CallbackError::Malformed(_))), "{pairs:?}: {refused:?}");
    }
}

#[test]
fn nothing_and_too_much_are_refused() {
    let long = "c".repeat(8 * 1024 + 1);
    for pairs in [
        vec![],
        vec![("code", "")],
        vec![("error", "")],
        vec![("code", long.as_str())],
        vec![("code", "a\nb")],
        vec![("x", "y"); 51],
    ] {
        let refused = read(&Endpoints::default(), &pairs);
        assert!(matches!(refused, Err(CallbackError::Malformed(_))), "{:?}", pairs.len());
    }
}

#[test]
fn a_code_by_another_name_and_captured_values_are_found() {
    let connector = connector(
        "[callback]\ncode_param = 'auth_code'\ncapture = {shop = 'shop_id', gone = 'gone'}",
    );
    let pairs = query(&[("auth_code", "c"), ("code", "not this"), ("shop_id", "42")]);
    let answer = read_callback(connector.manifest(), &Endpoints::default(), &[], &pairs).unwrap();
    assert_eq!(answer.code.expose_secret(), "c");
    assert_eq!(answer.captured, BTreeMap::from([("shop".to_owned(), "42".to_owned())]));

    for value in ["a\nb".to_owned(), "x".repeat(501)] {
        let pairs = query(&[("auth_code", "c"), ("shop_id", &value)]);
        assert!(read_callback(connector.manifest(), &Endpoints::default(), &[], &pairs).is_err());
    }
}

proptest! {
    #[test]
    fn any_query_is_read_without_a_panic(
        pairs in prop::collection::vec(("(code|error|iss|error_description|\\PC{0,9})", "\\PC{0,99}"), 0..60),
    ) {
        let connector = connector("");
        let _ = read_callback(connector.manifest(), &issuer(true), &[], &pairs);
    }
}

/// The example of Shopify's documentation, with the secret `hush`.
const SIGNED: [(&str, &str); 5] = [
    ("code", "0907a61c0c8d55e99db179b68161bc00"),
    ("shop", "some-shop.myshopify.com"),
    ("state", "0.6784241404160823"),
    ("timestamp", "1337178173"),
    ("hmac", "700e2dadb827fcc8609e9d5ce208b2e9cdaab9df07390d2cbca10d7c328fc4bf"),
];

fn signed(clients: &[Client], pairs: &[(&str, &str)]) -> Result<String, CallbackError> {
    let connector = connector("[callback]\nverify = 'hmac_query'");
    read_callback(connector.manifest(), &Endpoints::default(), clients, &query(pairs))
        .map(|answer| answer.code.expose_secret().to_owned())
}

fn with_secret(secret: &str) -> Client {
    Client { client_secret: Some(secret.into()), ..client() }
}

#[test]
fn a_signed_callback_brings_its_code_whatever_the_order_and_with_a_former_secret_too() {
    let hush = with_secret("hush");
    assert_eq!(signed(std::slice::from_ref(&hush), &SIGNED).as_deref(), Ok(SIGNED[0].1));
    let mut turned = SIGNED;
    turned.reverse();
    assert_eq!(signed(&[with_secret("newer"), hush], &turned).as_deref(), Ok(SIGNED[0].1));
}

#[test]
fn a_callback_that_is_signed_otherwise_brings_none() {
    let hush = [with_secret("hush")];
    for at in 0..SIGNED.len() {
        let mut changed = SIGNED;
        changed[at].1 = "changed";
        assert_eq!(signed(&hush, &changed), Err(CallbackError::Unsigned), "{changed:?}");
        let missing: Vec<_> = SIGNED.into_iter().filter(|pair| *pair != SIGNED[at]).collect();
        assert_eq!(signed(&hush, &missing), Err(CallbackError::Unsigned), "{missing:?}");
    }
    let more = [&SIGNED[..], &[("host", "x")]].concat();
    assert_eq!(signed(&hush, &more), Err(CallbackError::Unsigned));
    assert_eq!(signed(&[with_secret("other")], &SIGNED), Err(CallbackError::Unsigned));
    assert_eq!(
        signed(&[Client { client_secret: None, ..client() }], &SIGNED),
        Err(CallbackError::Unsigned)
    );
    let twice = [&SIGNED[..], &SIGNED[4..]].concat();
    assert!(matches!(signed(&hush, &twice), Err(CallbackError::Malformed(_))));
    // Who said no needs no signature to be believed: nothing comes of it.
    let denied = signed(&hush, &[("error", "access_denied")]);
    assert_eq!(denied, Err(CallbackError::Denied("access_denied".to_owned())));
}

#[test]
fn a_captured_value_fits_its_pattern_or_the_callback_is_refused() {
    let connector = connector(
        "[callback.capture]\nregion = { from = 'location', pattern = '^(eu|us)$' }\nrealm = 'realmId'",
    );
    let read = |region: &str| {
        let pairs = query(&[("code", "c"), ("location", region), ("realmId", "any")]);
        read_callback(connector.manifest(), &Endpoints::default(), &[], &pairs)
    };
    let captured = read("eu").ok().unwrap().captured;
    assert_eq!((captured["region"].as_str(), captured["realm"].as_str()), ("eu", "any"));
    for bad in ["mars", "eu/", "euus"] {
        assert!(matches!(read(bad), Err(CallbackError::Malformed(_))), "{bad}");
    }
}

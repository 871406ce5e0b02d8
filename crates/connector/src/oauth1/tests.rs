//! Against the examples of RFC 5849 and of Twitter's documentation, which were made by others.

use super::*;
use crate::manifest::Oauth1Signature::{HmacSha1, HmacSha256, Plaintext};

fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

struct Example<'a> {
    client: (&'a str, &'a str),
    token: Option<(&'a str, &'a str)>,
    request: (&'a str, &'a str),
    form: &'a [(&'a str, &'a str)],
    said: &'a [(&'a str, &'a str)],
}

fn signature(example: &Example<'_>, by: Oauth1Signature) -> String {
    let secret = SecretString::from(example.client.1);
    let token = example.token.map(|(a, b)| (SecretString::from(a), SecretString::from(b)));
    let signer = Signer {
        client_id: example.client.0,
        client_secret: &secret,
        token: token.as_ref().map(|(a, b)| (a, b)),
        signature: by,
    };
    let method = Method::from_bytes(example.request.0.as_bytes()).unwrap();
    let url = Url::parse(example.request.1).unwrap();
    let mut said = vec![("oauth_consumer_key", example.client.0)];
    said.extend(example.token.map(|(token, _)| ("oauth_token", token)));
    said.extend(example.said);
    signer.sign(&method, &url, &fields(example.form), &said).to_string()
}

#[test]
fn the_base_string_is_that_of_rfc_5849_section_3_4_1() {
    let url = Url::parse("http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b").unwrap();
    let said = [
        ("oauth_consumer_key", "9djdj82h48djs9d2"),
        ("oauth_token", "kkk9d7dh3k39sjv7"),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", "137131201"),
        ("oauth_nonce", "7d8f3e4a"),
    ];
    let form: Vec<_> = form_urlencoded::parse(b"c2&a3=2+q").into_owned().collect();
    let expected = "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q\
        %26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2\
        %26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1\
        %26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7";
    assert_eq!(base_string::of(&Method::POST, &url, &form, &said), expected);
}

#[test]
fn a_port_of_its_own_is_signed_and_the_schemes_is_not() {
    let of = |url: &str| base_string::of(&Method::GET, &Url::parse(url).unwrap(), &[], &[]);
    assert_eq!(of("https://www.Example.net:8080/?q=1"), {
        "GET&https%3A%2F%2Fwww.example.net%3A8080%2F&q%3D1"
    });
    assert_eq!(of("https://example.net:443"), "GET&https%3A%2F%2Fexample.net%2F&");
}

#[test]
fn the_signatures_are_those_of_rfc_5849_section_1_2() {
    let client = ("dpf43f3p2l4k3l03", "kd94hf93k423kf44");
    let initiate = Example {
        client,
        token: None,
        request: ("POST", "https://photos.example.net/initiate"),
        form: &[],
        said: &[
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "137131200"),
            ("oauth_nonce", "wIjqoS"),
            ("oauth_callback", "http://printer.example.com/ready"),
        ],
    };
    assert_eq!(signature(&initiate, HmacSha1), "74KNZJeDHnMBp0EMJ9ZHt/XKycU=");
    let token = Example {
        token: Some(("hh5s93j4hdidpola", "hdhd0244k9j7ao03")),
        request: ("POST", "https://photos.example.net/token"),
        said: &[
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "137131201"),
            ("oauth_nonce", "walatlh"),
            ("oauth_verifier", "hfdp7dh39dks9884"),
        ],
        ..initiate
    };
    assert_eq!(signature(&token, HmacSha1), "gKgrFCywp7rO0OXSjdot/IHF7IU=");
    let photos = Example {
        token: Some(("nnch734d00sl2jdk", "pfkkdhi9sl3r4s00")),
        request: ("GET", "http://photos.example.net/photos?file=vacation.jpg&size=original"),
        said: &[
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "137131202"),
            ("oauth_nonce", "chapoH"),
        ],
        ..token
    };
    assert_eq!(signature(&photos, HmacSha1), "MdpQcU8iPSUjWoN/UDMsK2sui9I=");
}

/// <https://developer.x.com/en/docs/authentication/oauth-1-0a/creating-a-signature>, looked at 2026-11-26;
/// the older edition of that page has the same request at `/1/`.
#[test]
fn the_signature_is_that_of_twitters_documentation() {
    let example = |url| Example {
        client: ("xvz1evFS4wEEPTGEFPHBog", "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw"),
        token: Some((
            "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb",
            "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE",
        )),
        request: ("POST", url),
        form: &[("status", "Hello Ladies + Gentlemen, a signed OAuth request!")],
        said: &[
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "1318622958"),
            ("oauth_nonce", "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg"),
            ("oauth_version", "1.0"),
        ],
    };
    let now = example("https://api.twitter.com/1.1/statuses/update.json?include_entities=true");
    assert_eq!(signature(&now, HmacSha1), "hCtSmYh+iHYCEqBWrE7C7hYmtUk=");
    let old = example("https://api.twitter.com/1/statuses/update.json?include_entities=true");
    assert_eq!(signature(&old, HmacSha1), "tnnArxj06cWHq44gCs1OSKk/jLY=");
}

#[test]
fn plaintext_is_the_two_secrets_and_sha_256_is_another_signature() {
    let example = Example {
        client: ("key", "se&cret"),
        token: Some(("t", "to=ken")),
        request: ("GET", "https://x.example/"),
        form: &[],
        said: &[],
    };
    // RFC 5849, section 3.4.4: each is encoded, and the header encodes the whole once more.
    assert_eq!(signature(&example, Plaintext), "se%26cret&to%3Dken");
    let bare = Example { token: None, ..example };
    assert_eq!(signature(&bare, Plaintext), "se%26cret&");
    assert_ne!(signature(&bare, HmacSha1), signature(&bare, HmacSha256));
}

#[test]
fn a_header_holds_all_that_was_signed_and_no_secret() {
    let (secret, token, token_secret) =
        ("c-s3cret".into(), SecretString::from("t0k&n"), SecretString::from("t-s3cret"));
    let signer = Signer {
        client_id: "cl:ient",
        client_secret: &secret,
        token: Some((&token, &token_secret)),
        signature: HmacSha1,
    };
    let url = Url::parse("https://x.example/a?b=c").unwrap();
    let once = Once::new(Timestamp::from_secs(1_795_000_000), &base::SeededRng::new(1));
    let header = signer.authorize(&Method::GET, &url, &[], &[("oauth_verifier", "v 1")], &once);
    let text = header.to_str().unwrap();
    assert!(text.starts_with("OAuth oauth_consumer_key=\"cl%3Aient\", "), "{text}");
    for part in
        ["oauth_token=\"t0k%26n\"", "oauth_verifier=\"v%201\"", "oauth_timestamp=\"1795000000\""]
    {
        assert!(text.contains(part), "{text}");
    }
    assert!(header.is_sensitive() && !text.contains("s3cret"), "{text}");
    let again = Once::new(Timestamp::from_secs(1_795_000_000), &base::SeededRng::new(2));
    assert_ne!(header, signer.authorize(&Method::GET, &url, &[], &[], &again));
}

#[test]
fn a_providers_problem_is_found_in_its_header() {
    let read = |text: &'static str| {
        let headers =
            HeaderMap::from_iter([(header::WWW_AUTHENTICATE, HeaderValue::from_static(text))]);
        problem_in(&headers).map(str::to_owned)
    };
    let found = read("OAuth realm=\"x\", oauth_problem=\"timestamp_refused\"");
    assert_eq!(found.as_deref(), Some("timestamp_refused"));
    assert_eq!(read("OAuth oauth_problem=token_rejected,x=y").as_deref(), Some("token_rejected"));
    assert_eq!(read("Bearer error=\"invalid_token\""), None);
    assert_eq!(problem_kind("token_revoked"), Some(ErrorKind::Reauthorize));
    assert_eq!(problem_kind("timestamp_refused"), Some(ErrorKind::Unavailable));
    assert_eq!(problem_kind("whatever"), None);
}

//! What is placed where, and what survives sealing.

use proptest::prelude::*;

use super::*;

fn manifest(credential: &str) -> Manifest {
    Manifest::parse(&format!(
        "slug = \"x\"\ndisplay_name = \"X\"\ncategory = \"crm\"\nauth.kind = \"api_key\"\n\
         api.credential = {{ {credential} }}\n\
         [[inputs]]\nname = \"user\"\nlabel = \"User\"\nsecret = true\n\
         [[inputs]]\nname = \"key\"\nlabel = \"Key\"\nsecret = true\n"
    ))
    .unwrap()
}

fn keys(pairs: &[(&str, &str)]) -> Credential {
    let pair = |(name, key): &(&str, &str)| ((*name).to_owned(), SecretString::from(*key));
    Credential::Keys(pairs.iter().map(pair).collect())
}

fn header(apply: &Apply, name: &str) -> Option<String> {
    apply.headers.get(name).map(|value| value.expose_secret().to_owned())
}

#[test]
fn several_secrets_stand_in_a_header_each_and_none_is_sent_alone() {
    let both = manifest(
        "in = \"header\", name = \"X-User\", template = \"{user}\", headers = { X-Key = \"k {key}\" }",
    );
    let apply = both.apply(&keys(&[("user", "u"), ("key", "s")]));
    assert_eq!(header(&apply, "x-user").as_deref(), Some("u"));
    assert_eq!(header(&apply, "x-key").as_deref(), Some("k s"));
    assert!(both.apply(&keys(&[("user", "u")])).headers.is_empty());
    let missing = both.credential_from(&both.check_inputs(&BTreeMap::new()).unwrap());
    assert_eq!(missing.unwrap_err().input, "user");
}

fn tokens() -> TokenSet {
    TokenSet {
        refresh: Some("rt\"\\".into()),
        expires_at: Some(Timestamp::from_millis(1_795_000_000_123)),
        scopes: Some(vec!["a".to_owned()]),
        captured: BTreeMap::from([("host".to_owned(), "h".to_owned())]),
        ..TokenSet::bearer("at")
    }
}

#[test]
fn an_oauth_token_is_a_bearer_token_unless_the_manifest_says_otherwise() {
    let text = "slug = \"x\"\ndisplay_name = \"X\"\ncategory = \"crm\"\nauth.kind = \"oauth2_code\"\n\
                issuer = \"https://x.example\"\n";
    let credential = Credential::OAuth(tokens());
    let plain = Manifest::parse(text).unwrap();
    assert_eq!(header(&plain.apply(&credential), "authorization").as_deref(), Some("Bearer at"));
    let own = format!("{text}api.credential = {{ in = \"header\", name = \"X-Token\" }}\n");
    let own = Manifest::parse(&own).unwrap();
    assert_eq!(header(&own.apply(&credential), "x-token").as_deref(), Some("at"));
}

#[test]
fn a_key_is_placed_as_its_template_says() {
    let manifest =
        manifest("in = \"header\", name = \"Authorization\", template = \"Key {user}/{key}\"");
    let apply = manifest.apply(&keys(&[("user", "u"), ("key", "a b+c")]));
    assert_eq!(header(&apply, "authorization").as_deref(), Some("Key u/a b+c"));
}

#[test]
fn a_user_and_a_password_are_basic() {
    let manifest = manifest("in = \"basic\", user = \"{user}\", password = \"{key}\"");
    // The example of RFC 7617, section 2.
    let apply = manifest.apply(&keys(&[("user", "Aladdin"), ("key", "open sesame")]));
    let expected = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
    assert_eq!(header(&apply, "authorization").as_deref(), Some(expected));
}

#[test]
fn a_credential_without_what_is_placed_is_not_placed_by_half() {
    let manifest = manifest("in = \"query\", name = \"q\", template = \"{user}{key}\"");
    let apply = manifest.apply(&keys(&[("key", "k")]));
    assert!(apply.headers.is_empty() && apply.query.is_empty());
}

#[test]
fn tokens_survive_their_bytes() {
    let bytes = Credential::OAuth(tokens()).to_bytes();
    let Credential::OAuth(read) = Credential::from_bytes(&bytes).unwrap() else { panic!("OAuth") };
    let expected = tokens();
    assert_eq!(read.access.expose_secret(), "at");
    assert_eq!(read.refresh.unwrap().expose_secret(), "rt\"\\");
    assert_eq!(read.expires_at, expected.expires_at);
    assert_eq!((read.scopes, read.captured), (expected.scopes, expected.captured));
}

#[test]
fn a_token_and_its_secret_survive_their_bytes_and_older_versions_are_told() {
    let pair = TokenPair {
        token: "t\"1".into(),
        secret: SecretString::from(String::new()),
        captured: BTreeMap::from([("user".to_owned(), "7".to_owned())]),
    };
    let credential = Credential::OAuth1(pair);
    let bytes = credential.to_bytes();
    assert!(bytes.len() <= credential.size_hint() && bytes.starts_with(br#"{"format":2,"#));
    let Credential::OAuth1(read) = Credential::from_bytes(&bytes).unwrap() else {
        panic!("OAuth 1.0a")
    };
    assert_eq!((read.token.expose_secret(), read.secret.expose_secret()), ("t\"1", ""));
    assert_eq!(read.captured["user"], "7");
}

#[test]
fn a_newer_format_is_told_apart_from_rubbish() {
    let newer = Credential::from_bytes(br#"{"format":3,"new":1}"#).unwrap_err();
    assert_eq!(newer, CredentialError::Newer(3));
    for rubbish in [
        &b""[..],
        b"{}",
        b"[]",
        br#"{"format":1}"#,
        br#"{"format":1,"keys":{"a":1}}"#,
        br#"{"format":1,"oauth1":{"token":"t","secret":"s","captured":{}}}"#,
    ] {
        assert_eq!(Credential::from_bytes(rubbish).unwrap_err(), CredentialError::Malformed);
    }
}

#[test]
fn debug_shows_no_secret() {
    let shown = format!("{:?} {:?}", Credential::OAuth(tokens()), keys(&[("key", "s3cret")]));
    assert!(
        !shown.contains("s3cret") && !shown.contains("\"at\"") && !shown.contains("rt"),
        "{shown}"
    );
}

proptest! {
    #[test]
    fn keys_survive_their_bytes_and_the_buffer_never_moves(name in "[a-z]{1,20}", key in "\\PC{0,200}") {
        let credential = keys(&[(&name, &key)]);
        let bytes = credential.to_bytes();
        prop_assert!(bytes.len() <= credential.size_hint());
        let Credential::Keys(read) = Credential::from_bytes(&bytes).unwrap() else { panic!("keys") };
        prop_assert_eq!(read[&name].expose_secret(), key);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Credential::from_bytes(&bytes);
    }
}

#[test]
fn a_key_in_the_path_stands_between_the_base_and_what_is_asked() {
    let keyed = |base: &str| {
        let text = format!(
            "slug = \"x\"\ndisplay_name = \"X\"\ncategory = \"crm\"\nauth.kind = \"api_key\"\n\
             api.base = \"{base}\"\napi.credential = {{ in = \"path\", template = \"bot{{token}}\" }}\n\
             [[inputs]]\nname = \"key\"\nlabel = \"Key\"\nsecret = true\n"
        );
        Manifest::parse(&text).unwrap()
    };
    let of =
        |key: &str| Credential::Keys(BTreeMap::from([("key".to_owned(), SecretString::from(key))]));
    let url = |text: &str| Url::parse(text).unwrap();
    for (base, key, asked, wanted) in [
        (
            "https://x.example",
            "1:a-_B",
            "https://x.example/me?a=b",
            "https://x.example/bot1:a-_B/me?a=b",
        ),
        (
            "https://x.example/v1/",
            "1:a",
            "https://x.example/v1/me",
            "https://x.example/v1/bot1:a/me",
        ),
        (
            "https://x.example",
            "a/../b?c#d",
            "https://x.example/me",
            "https://x.example/bota%2F..%2Fb%3Fc%23d/me",
        ),
        // Not the API's: the key stays here.
        ("https://x.example/v1", "1:a", "https://x.example/v2/me", "https://x.example/v2/me"),
        ("https://x.example/v1", "1:a", "https://x.example/v10/me", "https://x.example/v10/me"),
        ("https://x.example", "1:a", "https://y.example/me", "https://y.example/me"),
    ] {
        let apply = keyed(base).apply(&of(key));
        assert!(apply.headers.is_empty() && apply.query.is_empty());
        assert_eq!(apply.in_path(Some(&url(base)), url(asked)).as_str(), wanted);
    }
    let bare = Manifest::parse(
        "slug = \"x\"\ndisplay_name = \"X\"\ncategory = \"crm\"\nauth.kind = \"api_key\"\n\
         api.credential = { in = \"path\" }\n[[inputs]]\nname = \"key\"\nlabel = \"Key\"\nsecret = true\n",
    )
    .unwrap();
    assert!(bare.apply(&of("..")).is_empty(), "a part that leads up is none");
}

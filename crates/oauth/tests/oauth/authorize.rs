use std::collections::BTreeMap;

use base::ExposeSecret;
use connector::{Connector, Declarative, ErrorKind};
use oauth::{Authorization, AuthorizeOptions, Endpoints, Error, authorize};
use proptest::prelude::*;
use url::Url;

use crate::support::{Provider, SECRET, client, connector, endpoints, fields, json, rng, strings};

/// The authorization of a manifest with these sections, without sending anything.
async fn begun(sections: &str, scopes: &[&str], options: &AuthorizeOptions) -> Authorization {
    try_begin(sections, scopes, options).await.unwrap()
}

async fn try_begin(
    sections: &str,
    scopes: &[&str],
    options: &AuthorizeOptions,
) -> Result<Authorization, Error> {
    let nobody = Provider::saying(500, "");
    let connector = connector(sections);
    let endpoints = endpoints(&connector).await;
    let scopes = strings(scopes);
    let begun =
        authorize(&nobody.outbound, &rng(), &connector, &endpoints, &client(), &scopes, options)
            .await;
    assert!(nobody.seen().is_empty());
    begun
}

fn query(url: &Url) -> BTreeMap<String, String> {
    fields(url.query().unwrap().as_bytes())
}

#[tokio::test]
async fn the_browser_carries_the_parameters_of_rfc_6749_and_7636() {
    let begun = begun("", &["a", "b", "a"], &AuthorizeOptions::default()).await;
    assert!(begun.url.as_str().starts_with("https://login.example.com/authorize?"));
    let mut query = query(&begun.url);
    assert_eq!(query.remove("state").as_deref(), Some(begun.state.expose_secret()));
    assert_eq!(query.remove("code_challenge").map(|challenge| challenge.len()), Some(43));
    let rest: Vec<_> = query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        rest,
        [
            ("client_id", "id:1"),
            ("code_challenge_method", "S256"),
            ("redirect_uri", "https://hub.example.com/oauth/callback/cli_1"),
            ("response_type", "code"),
            ("scope", "a b"),
        ]
    );
    assert!(begun.nonce.is_none());
    assert_eq!(begun.pkce_verifier.expose_secret().len(), 43);
}

/// A key of the manifest, scopes, options, then a parameter and what it must be.
type Row<'a> = (&'a str, &'a [&'a str], &'a AuthorizeOptions, &'a str, Option<&'a str>);

#[tokio::test]
async fn the_manifest_says_what_is_different() {
    let force = AuthorizeOptions { force_consent: true, ..Default::default() };
    let hint = AuthorizeOptions { login_hint: Some("ana@x.org".to_owned()), ..Default::default() };
    let plain = AuthorizeOptions::default();
    let table: &[Row] = &[
        ("authorize.scope_separator = ','", &["a", "b"], &plain, "scope", Some("a,b")),
        ("authorize.scope_param = 'user_scope'", &["a"], &plain, "user_scope", Some("a")),
        ("authorize.scope_param = 'user_scope'", &["a"], &plain, "scope", None),
        ("authorize.scopes_on_app = true", &["a"], &plain, "scope", None),
        ("authorize.offline_scopes = ['offline']", &["a"], &plain, "scope", Some("a offline")),
        ("authorize.offline_scopes = ['a']", &["a"], &plain, "scope", Some("a")),
        ("", &["*"], &plain, "scope", None),
        ("", &[], &plain, "scope", None),
        ("authorize.rename = {client_id = 'app_id'}", &["a"], &plain, "app_id", Some("id:1")),
        ("authorize.rename = {client_id = 'app_id'}", &["a"], &plain, "client_id", None),
        (
            "authorize.params = {access_type = 'offline'}",
            &[],
            &plain,
            "access_type",
            Some("offline"),
        ),
        ("authorize.consent_params = {prompt = 'consent'}", &[], &plain, "prompt", None),
        ("authorize.consent_params = {prompt = 'consent'}", &[], &force, "prompt", Some("consent")),
        ("authorize.omit = ['response_type']", &[], &plain, "response_type", None),
        ("authorize.omit = ['redirect_uri']", &[], &plain, "redirect_uri", None),
        ("authorize.pkce = 'required'", &[], &plain, "code_challenge_method", Some("S256")),
        ("authorize.pkce = 'never'", &[], &plain, "code_challenge", None),
        ("authorize.pkce = 'never'", &[], &plain, "code_challenge_method", None),
        ("", &[], &hint, "login_hint", Some("ana@x.org")),
    ];
    for (line, scopes, options, name, expected) in table {
        // Dotted keys are written as a section of their own.
        let section = line
            .strip_prefix("authorize.")
            .map_or(String::new(), |key| format!("[authorize]\n{key}"));
        let begun = begun(&section, scopes, options).await;
        assert_eq!(query(&begun.url).get(*name).map(String::as_str), *expected, "{line}: {name}");
    }
}

#[tokio::test]
async fn no_fixed_parameter_takes_the_place_of_state_or_redirect_uri() {
    // A manifest that says so is refused when it is read; the engine does not lean on that.
    let mut manifest = connector("").manifest().clone();
    for name in ["state", "redirect_uri", "client_id", "code_challenge", "response_type"] {
        manifest.authorize.params.insert(name.to_owned(), "fixed".to_owned());
    }
    let (nobody, connector) = (Provider::saying(500, ""), Declarative::new(manifest));
    let (endpoints, options) = (endpoints(&connector).await, AuthorizeOptions::default());
    let begun =
        authorize(&nobody.outbound, &rng(), &connector, &endpoints, &client(), &[], &options)
            .await
            .unwrap();
    let query = query(&begun.url);
    assert_eq!(query["state"], begun.state.expose_secret());
    assert_eq!(query["redirect_uri"], client().redirect_uri);
    assert!(query.values().all(|value| value != "fixed"), "{query:?}");
}

#[tokio::test]
async fn openid_brings_a_nonce_of_its_own() {
    let begun = begun("", &["openid"], &AuthorizeOptions::default()).await;
    let nonce = begun.nonce.unwrap();
    assert_eq!(query(&begun.url)["nonce"], nonce.expose_secret());
    assert_ne!(nonce.expose_secret(), begun.state.expose_secret());
    assert_ne!(nonce.expose_secret(), begun.pkce_verifier.expose_secret());
}

#[tokio::test]
async fn no_two_authorizations_share_a_secret() {
    let nobody = Provider::saying(500, "");
    let (connector, rng) = (connector(""), rng());
    let endpoints = endpoints(&connector).await;
    let mut states = Vec::new();
    for _ in 0..2 {
        let options = AuthorizeOptions::default();
        let begun =
            authorize(&nobody.outbound, &rng, &connector, &endpoints, &client(), &[], &options)
                .await
                .unwrap();
        states.push(begun.state.expose_secret().to_owned());
        states.push(begun.pkce_verifier.expose_secret().to_owned());
    }
    states.sort_unstable();
    states.dedup();
    assert_eq!(states.len(), 4);
}

#[tokio::test]
async fn a_scope_that_would_become_two_is_refused() {
    for (section, scope) in
        [("", "a b"), ("[authorize]\nscope_separator = ','", "a,b"), ("", "a\nb"), ("", "")]
    {
        let refused =
            try_begin(section, &[scope], &AuthorizeOptions::default()).await.err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{scope:?}");
        assert!(!refused.may_have_been_received());
    }
}

#[tokio::test]
async fn a_login_hint_with_a_line_break_is_refused() {
    let options = AuthorizeOptions { login_hint: Some("a\r\nb".to_owned()), ..Default::default() };
    assert!(try_begin("", &[], &options).await.is_err());
}

async fn with_par(provider: &Provider, required: bool) -> Result<Authorization, Error> {
    let connector = connector("");
    let endpoints = Endpoints {
        par: Some(Url::parse("https://login.example.com/par").unwrap()),
        par_required: required,
        ..endpoints(&connector).await
    };
    let options = AuthorizeOptions::default();
    let scopes = strings(&["a"]);
    authorize(&provider.outbound, &rng(), &connector, &endpoints, &client(), &scopes, &options)
        .await
}

#[tokio::test]
async fn a_pushed_request_leaves_only_a_reference_in_the_browser() {
    let provider = Provider::saying(201, r#"{"request_uri":"urn:x:1 ","expires_in":60}"#);
    assert!(with_par(&provider, true).await.is_err(), "a reference has no space");

    let provider = Provider::saying(201, r#"{"request_uri":"urn:x:1","expires_in":60}"#);
    let begun = with_par(&provider, false).await.unwrap();
    assert_eq!(
        begun.url.as_str(),
        "https://login.example.com/authorize?client_id=id%3A1&request_uri=urn%3Ax%3A1"
    );
    let pushed = provider.only().form();
    assert_eq!(pushed["state"], begun.state.expose_secret());
    assert_eq!(pushed["client_secret"], SECRET);
    assert_eq!(pushed["scope"], "a");
    assert_eq!(pushed["code_challenge_method"], "S256");
}

#[tokio::test]
async fn a_refused_push_is_an_error_only_where_the_server_insists() {
    let refusing = || Provider::saying(401, r#"{"error":"unauthorized_client"}"#);
    let refused = with_par(&refusing(), true).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::ClientConfig);
    assert_eq!(refused.provider_code(), Some("unauthorized_client"));

    let begun = with_par(&refusing(), false).await.unwrap();
    assert_eq!(query(&begun.url)["scope"], "a");
}

#[tokio::test]
async fn a_server_that_insists_on_a_push_and_has_no_place_for_it_is_an_error() {
    let nobody = Provider::answering(|_| json(500, ""));
    let connector = connector("");
    let endpoints = Endpoints { par_required: true, ..endpoints(&connector).await };
    let options = AuthorizeOptions::default();
    let refused =
        authorize(&nobody.outbound, &rng(), &connector, &endpoints, &client(), &[], &options).await;
    assert_eq!(refused.err().unwrap().kind(), ErrorKind::Unsupported);
}

proptest! {
    #[test]
    fn every_scope_arrives_as_it_was(scopes in prop::collection::btree_set("[!-~]{1,40}", 1..6)) {
        let scopes: Vec<&str> = scopes.iter().map(String::as_str).filter(|scope| *scope != "*").collect();
        prop_assume!(!scopes.is_empty());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let begun = runtime.block_on(begun("", &scopes, &AuthorizeOptions::default()));
        prop_assert_eq!(&query(&begun.url)["scope"], &scopes.join(" "));
    }
}

#[tokio::test]
async fn scopes_of_the_user_go_to_their_own_parameter() {
    let sections = r#"
        [authorize]
        user_scope_param = "user_scope"
        scope_separator = ","
        [[scopes]]
        name = "bot.read"
        title = "See what the bot sees"
        access = "read"
        [[scopes]]
        name = "me.read"
        title = "See what you see"
        access = "read"
        user = true
    "#;
    let plain = AuthorizeOptions::default();
    let both = query(&begun(sections, &["bot.read", "me.read", "other"], &plain).await.url);
    assert_eq!(
        (both["scope"].as_str(), both["user_scope"].as_str()),
        ("bot.read,other", "me.read")
    );
    let user = query(&begun(sections, &["me.read"], &plain).await.url);
    assert!(!user.contains_key("scope"), "{user:?}");
}

#[tokio::test]
async fn where_no_pkce_is_taken_a_client_needs_a_secret() {
    let nobody = Provider::saying(500, "");
    let connector = connector("[authorize]\npkce = 'never'");
    let endpoints = endpoints(&connector).await;
    let public = oauth::Client { client_secret: None, ..client() };
    let options = AuthorizeOptions::default();
    let rng = rng();
    let begun = authorize(&nobody.outbound, &rng, &connector, &endpoints, &public, &[], &options);
    let error = begun.await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::ClientConfig);
    assert!(!error.may_have_been_received());
}

#[tokio::test]
async fn required_pkce_is_not_given_up_for_a_server_that_knows_other_methods_only() {
    let nobody = Provider::saying(500, "");
    let (rng, client, options) = (rng(), client(), AuthorizeOptions::default());
    for (pkce, methods, refused) in [
        ("required", &["plain"][..], true),
        ("required", &["plain", "S256"], false),
        ("required", &[], false),
        ("send", &["plain"], false),
    ] {
        let connector = connector(&format!("[authorize]\npkce = '{pkce}'"));
        let endpoints = Endpoints { pkce_methods: strings(methods), ..endpoints(&connector).await };
        let begun =
            authorize(&nobody.outbound, &rng, &connector, &endpoints, &client, &[], &options);
        assert_eq!(begun.await.is_err(), refused, "{pkce} {methods:?}");
    }
}

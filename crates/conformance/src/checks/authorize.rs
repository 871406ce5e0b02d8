//! The authorization request.

use std::collections::BTreeMap;

use base::ExposeSecret;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use connector::manifest::Pkce;
use oauth::{Authorization, AuthorizeOptions};
use sha2::{Digest, Sha256};

use crate::{
    Subject,
    flow::{Flow, SECRET},
    peer::unique,
};

/// State and PKCE are fresh and hold; scopes, names and fixed parameters are as declared; nothing is there
/// twice.
pub async fn the_authorize_url_is_safe(subject: &Subject) {
    if !subject.has_a_browser() {
        return;
    }
    let flow = Flow::start(subject).await;
    let begun = flow.authorize(1, &AuthorizeOptions::default()).await;
    let query = query(&begun);
    let manifest = subject.manifest();
    let omitted = |name: &str| manifest.authorize.omit.iter().any(|omitted| omitted == name);
    let named = |name: &str| {
        let name = manifest.authorize.rename.get(name).map_or(name, String::as_str);
        query.get(name).map(String::as_str)
    };
    assert_eq!(named("response_type"), Some("code").filter(|_| !omitted("response_type")));
    assert_eq!(named("client_id"), Some(flow.client.client_id.as_str()));
    let redirect_uri = Some(flow.client.redirect_uri.as_str());
    assert_eq!(named("redirect_uri"), redirect_uri.filter(|_| !omitted("redirect_uri")));
    assert_eq!(named("state"), Some(begun.state.expose_secret()));
    assert!(begun.state.expose_secret().len() >= 43, "a state has 256 bits");
    assert!(!begun.url.as_str().contains(SECRET), "the client's secret stays out of the browser");
    pkce(subject, &begun, &query);
    scopes(subject, &query);
    for (name, value) in &manifest.authorize.params {
        assert_eq!(query.get(name), Some(value), "the fixed parameter `{name}`");
    }

    let again = flow.authorize(2, &AuthorizeOptions::default()).await;
    assert_ne!(begun.state.expose_secret(), again.state.expose_secret(), "a state is used once");
    assert_ne!(begun.pkce_verifier.expose_secret(), again.pkce_verifier.expose_secret());
    let options = AuthorizeOptions { force_consent: true, login_hint: None };
    let forced = self::query(&flow.authorize(3, &options).await);
    for (name, value) in &manifest.authorize.consent_params {
        assert_eq!(forced.get(name), Some(value), "the consent parameter `{name}`");
    }
}

fn query(begun: &Authorization) -> BTreeMap<String, String> {
    unique(begun.url.query_pairs().into_owned())
}

fn pkce(subject: &Subject, begun: &Authorization, query: &BTreeMap<String, String>) {
    if subject.manifest().authorize.pkce == Pkce::Never {
        assert!(
            !query.contains_key("code_challenge"),
            "the manifest says that this server chokes on PKCE"
        );
        return;
    }
    let digest = Sha256::digest(begun.pkce_verifier.expose_secret().as_bytes());
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(digest);
    assert_eq!(query.get("code_challenge"), Some(&challenge), "RFC 7636, section 4.2");
    assert_eq!(query.get("code_challenge_method").map(String::as_str), Some("S256"));
}

fn scopes(subject: &Subject, query: &BTreeMap<String, String>) {
    let authorize = &subject.manifest().authorize;
    if authorize.scopes_on_app {
        let sent = query.get(&authorize.scope_param);
        assert_eq!(sent, None, "the manifest says that the app's registration fixes the scopes");
        return;
    }
    let mut wanted: Vec<String> = subject
        .scopes()
        .into_iter()
        .chain(authorize.offline_scopes.clone())
        .filter(|s| s != "*")
        .collect();
    wanted.sort();
    wanted.dedup();
    let sent = |param: &String| -> Vec<String> {
        let text = query.get(param).map(String::as_str);
        text.map(|text| text.split(authorize.scope_separator.as_str()).map(str::to_owned).collect())
            .unwrap_or_default()
    };
    let of_the_user = authorize.user_scope_param.as_ref().map(sent).unwrap_or_default();
    let marked = |name: &String| subject.manifest().scope(name).is_some_and(|scope| scope.user);
    assert!(of_the_user.iter().all(marked), "scopes of the user go to their own parameter");
    let mut sent = sent(&authorize.scope_param);
    assert!(!sent.iter().any(marked), "scopes of the user go to their own parameter");
    sent.extend(of_the_user);
    sent.sort();
    assert_eq!(sent, wanted, "the scopes, each once, joined by {:?}", authorize.scope_separator);
}

//! The end of a grant.

use std::collections::BTreeMap;

use base::ExposeSecret;
use connector::{
    TokenSet,
    manifest::{RevokeAuth, RevokeMethod, RevokeToken},
};
use oauth::Revoked;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::exchange::authenticated;
use crate::{Subject, fixture::Fixture, flow::Flow, peer::Answer};

/// The declared token is named, the declared way; a provider that can't is not asked, and trouble there
/// does not pass for an end.
pub async fn a_grant_is_ended_as_declared(subject: &Subject) {
    if !subject.is_oauth() {
        return;
    }
    let flow = Flow::start(subject).await;
    let tokens = flow.linked().await;
    let connector = subject.connector.as_ref();
    let end = || oauth::revoke(&flow.outbound, connector, &flow.endpoints, &flow.client, &tokens);
    let before = flow.peer.seen().len();
    flow.peer.oauth(Answer::from(Fixture::json(200, Value::Null)));
    let ended = end().await.expect("200 without a body is the standard's answer");
    if flow.endpoints.revoke.is_none() {
        assert_eq!(ended, Revoked::Unsupported);
        assert_eq!(flow.peer.seen().len(), before, "there is nobody to ask");
        return;
    }
    assert_eq!(ended, Revoked::Revoked);
    assert_named(&flow, &tokens);
    flow.peer.oauth(Answer::from(Fixture::json(503, json!({}))));
    assert!(end().await.is_err(), "a 503 does not end a grant");
}

/// Whether the last request names the declared token and is authenticated the declared way.
fn assert_named(flow: &Flow<'_>, tokens: &TokenSet) {
    let spec = &flow.subject.manifest().revoke;
    let named = match (spec.token, &tokens.refresh) {
        (RevokeToken::Access, _) | (RevokeToken::Either, None) => &tokens.access,
        (_, Some(refresh)) => refresh,
        (RevokeToken::Refresh, None) => panic!("token_ok.json has no refresh token to be named"),
    };
    let asked = flow.peer.last();
    let method = match spec.method {
        RevokeMethod::Post => "POST",
        RevokeMethod::Delete => "DELETE",
        RevokeMethod::Get => "GET",
    };
    assert_eq!(asked.method, method);
    let fields = asked.fields();
    let captured = tokens.captured.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let values: BTreeMap<&str, &str> = captured.collect();
    for (name, text) in &spec.params {
        let value = connector::fill_header(text, &values);
        assert_eq!(fields.get(name), value.as_ref(), "the parameter `{name}`");
    }
    let waits = flow.endpoints.revoke.as_ref().is_some_and(|url| url.as_str().contains("%7Btoken"));
    let named = named.expose_secret();
    if waits {
        let written: String = form_urlencoded::byte_serialize(named.as_bytes()).collect();
        assert!(asked.url.as_str().contains(&written), "the URL names the token");
    } else if !spec.token_param.is_empty() {
        assert_eq!(fields.get(&spec.token_param).map(String::as_str), Some(named));
    }
    match spec.auth {
        RevokeAuth::Client => authenticated(flow, &asked),
        RevokeAuth::Basic => {
            let header = asked.header("authorization").unwrap_or_default();
            assert!(header.starts_with("Basic "), "the client identifies itself with Basic");
        }
        RevokeAuth::Bearer => {
            let bearer = format!("Bearer {}", tokens.access.expose_secret());
            assert_eq!(asked.header("authorization"), Some(bearer.as_str()));
        }
        RevokeAuth::Header => {
            let header = spec.header.as_ref().expect("a sound manifest says which");
            assert!(asked.headers.contains_key(&header.name), "the header of the provider's own");
        }
    }
}

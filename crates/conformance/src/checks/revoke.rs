//! The end of a grant.

use base::ExposeSecret;
use connector::manifest::{RevokeAuth, RevokeToken};
use oauth::Revoked;
use serde_json::{Value, json};

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
    let spec = &subject.manifest().revoke;
    let named = match (spec.token, &tokens.refresh) {
        (RevokeToken::Either, Some(refresh)) => refresh,
        _ => &tokens.access,
    };
    let asked = flow.peer.last();
    assert_eq!(asked.fields().get("token").map(String::as_str), Some(named.expose_secret()));
    match spec.auth {
        RevokeAuth::Client => authenticated(&flow, &asked),
        RevokeAuth::Bearer => {
            let bearer = format!("Bearer {}", tokens.access.expose_secret());
            assert_eq!(asked.header("authorization"), Some(bearer.as_str()));
        }
    }
    flow.peer.oauth(Answer::from(Fixture::json(503, json!({}))));
    assert!(end().await.is_err(), "a 503 does not end a grant");
}

//! Refreshing.

use std::time::Duration;

use base::ExposeSecret;
use connector::{RefreshClass, manifest::TokenExchange};

use super::exchange::{authenticated, compare, traded};
use crate::{
    Subject,
    flow::{Flow, NOW},
    peer::Answer,
};

/// A new refresh token is kept, a missing one keeps the old, a missing end is the manifest's; scopes stay.
pub async fn a_refresh_keeps_what_it_must(subject: &Subject) {
    if !subject.refreshes() {
        return;
    }
    let flow = Flow::start(subject).await;
    let former = flow.linked().await;
    if let Some(spec) = &subject.manifest().refresh.exchange {
        return renewed(&flow, &former, spec).await;
    }
    let good = subject.fixture("token_refreshed");
    let fresh =
        flow.refresh(&former, Answer::from(good.clone())).await.expect("token_refreshed.json");
    compare(&good.expect, &fresh);
    request(&flow, former.refresh.as_ref().expect("it refreshes").expose_secret());

    let token = |tokens: &connector::TokenSet| {
        tokens.refresh.as_ref().map(|token| token.expose_secret().to_owned())
    };
    if subject.manifest().refresh.class == RefreshClass::Static {
        assert_eq!(
            token(&fresh),
            token(&former),
            "class = \"static\", and yet the refresh token changed"
        );
    }
    let reply = &subject.manifest().token.reply;
    let without = Answer::from(good.without_of_token(reply, &reply.refresh));
    let kept =
        flow.refresh(&former, without).await.expect("a reply without a refresh token is good");
    assert_eq!(token(&kept), token(&former), "a missing refresh token keeps the old");

    let ends = [reply.expires_in.clone(), reply.expires_at.clone()].concat();
    let without = Answer::from(good.without_of_token(reply, &ends));
    let endless = flow.refresh(&former, without).await.expect("a reply without an end is good");
    let usual = subject.manifest().lifetime.access_s.map(|s| NOW.plus(Duration::from_secs(s)));
    assert_eq!(endless.expires_at, usual, "a missing end is the manifest's");

    let without = Answer::from(good.without_of_token(reply, &reply.scope));
    let same = flow.refresh(&former, without).await.expect("a reply without scopes is good");
    assert_eq!(same.scopes, former.scopes, "missing scopes stay as they were");
}

/// The access token itself is sent, and its scopes and what was captured stay.
async fn renewed(flow: &Flow<'_>, former: &connector::TokenSet, spec: &TokenExchange) {
    let good = flow.subject.fixture("token_refreshed");
    let fresh = flow.refresh(former, Answer::from(good.clone())).await.expect("a good reply");
    compare(&good.expect, &fresh);
    let endpoints = &flow.endpoints;
    let endpoint = endpoints.refresh.as_ref().or(endpoints.exchange.as_ref());
    traded(flow, spec, endpoint.or(endpoints.token.as_ref()), former);
    let reply = &flow.subject.manifest().token.reply;
    let without = Answer::from(good.without_of_token(reply, &reply.scope));
    let same = flow.refresh(former, without).await.expect("a reply without scopes is good");
    assert_eq!(same.scopes, former.scopes, "missing scopes stay as they were");
    assert_eq!(same.captured, former.captured, "what was captured stays");
}

fn request(flow: &Flow<'_>, refresh: &str) {
    let asked = flow.peer.last();
    let endpoint = flow.endpoints.refresh.as_ref().or(flow.endpoints.token.as_ref());
    assert_eq!(Some(&asked.url), endpoint);
    let fields = asked.fields();
    let manifest = flow.subject.manifest();
    for (name, value) in &manifest.refresh.params {
        assert_eq!(fields.get(name), Some(value), "the fixed parameter `{name}`");
    }
    if !manifest.refresh.params.contains_key("refresh_token") {
        assert_eq!(fields.get("refresh_token").map(String::as_str), Some(refresh));
    }
    authenticated(flow, &asked);
}

//! Whose account it is.

use connector::{Account, ErrorKind};
use serde_json::json;

use crate::{
    Subject,
    fixture::Fixture,
    flow::{Flow, troubles},
    peer::Answer,
};

/// The account is the fixture's, and a credential that is over is told from a provider in trouble.
pub async fn the_account_is_identified(subject: &Subject) {
    tokio::time::pause();
    let flow = Flow::start(subject).await;
    let credential = flow.credential().await;
    let Some(whoami) = subject.find("whoami") else {
        let anything = Answer::from(Fixture::json(200, json!({})));
        let account =
            flow.identify(&credential, anything).await.expect("an account without asking");
        assert_eq!(account.id, "default", "without whoami.json there is the one account");
        return;
    };
    let expect = whoami.expect.clone();
    let account = flow.identify(&credential, Answer::from(whoami)).await.expect("whoami.json");
    let Account { id, label, .. } = account;
    assert_eq!((Some(id), Some(label)), (expect.id, expect.label));
    credential_was_sent(&flow, &credential);

    let over = Answer::from(Fixture::json(401, json!({"message": "over"})));
    let error = flow.identify(&credential, over).await.expect_err("a 401 is no account");
    assert_eq!(error.kind, ErrorKind::Reauthorize, "401");
    let limited = Answer::from(subject.fixture("rate_limited"));
    let error = flow.identify(&credential, limited).await.expect_err("a 429 is no account");
    assert!(matches!(error.kind, ErrorKind::RateLimited(_)), "429: {:?}", error.kind);
    for (name, trouble) in troubles() {
        let error = flow.identify(&credential, trouble).await.expect_err(name);
        assert_eq!(error.kind, ErrorKind::Unavailable, "{name}");
    }
}

/// Whether the last request carried the credential where the manifest places it.
fn credential_was_sent(flow: &Flow<'_>, credential: &connector::Credential) {
    use base::ExposeSecret;
    let asked = flow.peer.last();
    let apply = flow.subject.manifest().apply(credential);
    for (name, value) in &apply.headers {
        assert_eq!(asked.header(name), Some(value.expose_secret()), "the header `{name}`");
    }
    for (name, value) in &apply.query {
        let sent =
            asked.url.query_pairs().any(|(n, v)| n == name.as_str() && v == value.expose_secret());
        assert!(sent, "the parameter `{name}` is missing");
    }
    if let Some(part) = &apply.path {
        let part = format!("{}/", part.expose_secret());
        assert!(asked.url.path().contains(&part), "the part of the path is missing");
    }
    for (name, value) in &flow.subject.manifest().api.headers {
        assert_eq!(asked.header(name), Some(value.as_str()), "the fixed header `{name}`");
    }
}

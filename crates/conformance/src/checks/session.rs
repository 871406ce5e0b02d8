//! Sessions that are begun with what a person fills in.

use base::ExposeSecret;
use connector::{
    AuthKind, ErrorKind,
    manifest::{Encoding, TokenMethod},
};
use serde_json::json;

use super::exchange::compare;
use crate::{
    KEY, Subject,
    fixture::Fixture,
    flow::Flow,
    peer::{Answer, Seen},
};

/// What is sent is what the manifest says, with what was filled in; a new session begins just so, and what was
/// filled in stays sealed with the grant, whatever the provider answers.
pub async fn a_session_is_begun_as_declared(subject: &Subject) {
    if subject.manifest().auth.kind != AuthKind::SessionExchange {
        return;
    }
    let flow = Flow::start(subject).await;
    let good = subject.fixture("token_ok");
    let begun = flow.exchanged(Answer::from(good.clone())).await.expect("token_ok.json");
    compare(&good.expect, &begun);
    let first = flow.peer.last();
    declared(&flow, &first);
    let filled_in = begun.refresh.as_ref().expect("what was filled in is kept").expose_secret();
    assert!(filled_in.contains(KEY) && !begun.access.expose_secret().contains(KEY));

    let mut more = good.clone();
    more.body["refresh_token"] = json!("one-that-is-not-used");
    let again = flow.refresh(&begun, Answer::from(more)).await.expect("a good reply");
    assert_eq!(flow.peer.last().fields_if_any(), first.fields_if_any(), "the same is sent again");
    let kept = again.refresh.as_ref().map(ExposeSecret::expose_secret);
    assert_eq!(kept, Some(filled_in), "what was filled in stays");

    let down = flow.exchanged(Answer::from(Fixture::json(503, json!({})))).await;
    let down = down.expect_err("a 503 begins no session");
    assert_eq!(down.kind(), ErrorKind::Unavailable, "a fault is no refusal");
    assert!(!down.to_string().contains(KEY), "{down}");
}

/// Whether `session` is sent as declared, to where.
pub(super) fn declared(flow: &Flow<'_>, asked: &Seen) {
    let manifest = flow.subject.manifest();
    let spec = manifest.session.clone().unwrap_or_default();
    let method = match manifest.token.method {
        TokenMethod::Post => "POST",
        TokenMethod::Get => "GET",
    };
    assert_eq!(asked.method, method);
    let mut page = asked.url.clone();
    if manifest.token.encoding == Encoding::Query {
        page.set_query(None);
    } else {
        assert!(!asked.url.as_str().contains(KEY), "a URL ends up in logs");
    }
    assert_eq!(Some(&page), flow.endpoints.token.as_ref(), "where sessions begin");
    let answers = flow.subject.answers();
    let filled = |text: &str| {
        let plain = answers.iter().fold(text.to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{name}}}"), value)
        });
        let secret = manifest.inputs.iter().filter(|input| input.secret);
        secret.fold(plain, |text, input| text.replace(&format!("{{{}}}", input.name), KEY))
    };
    let fields = asked.fields_if_any();
    for (name, text) in &spec.params {
        assert_eq!(fields.get(name), Some(&filled(text)), "the parameter `{name}`");
    }
    for (name, value) in &manifest.token.params {
        assert!(spec.params.contains_key(name) || fields.get(name) == Some(value), "`{name}`");
    }
    for (name, text) in &spec.headers {
        assert_eq!(asked.header(name), Some(filled(text).as_str()), "the header `{name}`");
    }
    if let Some(basic) = &spec.basic {
        use base64::{Engine, prelude::BASE64_STANDARD};
        let pair = format!("{}:{}", filled(&basic.user), filled(&basic.password));
        let wanted = format!("Basic {}", BASE64_STANDARD.encode(pair));
        assert_eq!(asked.header("authorization"), Some(wanted.as_str()));
    }
}

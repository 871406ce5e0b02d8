//! What agents are told where something can't be done.

use std::sync::{Arc, Mutex};

use base::Timestamp;
use bytes::Bytes;
use connector::{Api, Credential, Error, ErrorKind, TokenReply, actions};
use http::{Request, Response};
use outbound::Outbound;
use serde_json::{Value, json};

/// Runs an action, with all scopes, against an API that always answers this; and how much was sent.
async fn run(name: &str, input: Value, status: u16, body: Value) -> (Result<Value, Error>, usize) {
    let front = crate::connector();
    let manifest = front.manifest();
    let sent = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&sent);
    let outbound = Outbound::in_process(move |_: Request<Bytes>| {
        *counter.lock().unwrap() += 1;
        let answer = Response::builder().status(status).body(Bytes::from(body.to_string()));
        async { answer.unwrap() }
    });
    let token = json!({ "access_token": "at" });
    let reply = TokenReply { body: &token, now: Timestamp::default() };
    let credential = Credential::OAuth(front.parse_token(&reply).unwrap());
    let inputs = manifest.check_inputs(&[].into()).unwrap();
    let api = Api::new(outbound, manifest, &inputs, &credential).unwrap();
    let scopes: Vec<_> = manifest.scopes.iter().map(|scope| scope.name.clone()).collect();
    let action = actions().iter().find(|action| action.name == name).unwrap();
    let outcome = action.run(front.as_ref(), api, &scopes, input).await;
    let sent = *sent.lock().unwrap();
    (outcome, sent)
}

#[tokio::test]
async fn what_front_can_not_do_is_said_and_nothing_is_sent() {
    for (name, input, field) in [
        ("tickets.search", json!({ "query": "\"" }), "query"),
        ("tickets.search", json!({ "requester_email": "a@b.example is:open" }), "requester_email"),
        ("tickets.update", json!({ "id": "cnv_1", "subject": "New" }), "subject"),
        ("tickets.update", json!({ "id": "cnv_1", "priority": "high" }), "priority"),
        ("tickets.update", json!({ "id": "cnv_1", "status": "pending" }), "status"),
        ("tickets.messages", json!({ "id": "cnv_1", "cursor": "notes:x" }), "cursor"),
    ] {
        let (outcome, sent) = run(name, input, 200, json!({})).await;
        let error = outcome.unwrap_err();
        assert_eq!((error.kind, sent), (ErrorKind::Invalid, 0), "{name}: {error}");
        assert!(error.message.starts_with(&format!("`{field}`: ")), "{error}");
    }
}

#[tokio::test]
async fn a_tag_that_front_has_not_changes_nothing() {
    let tags = json!({ "_pagination": { "next": null }, "_results": [{ "id": "tag_1", "name": "order" }] });
    let input = json!({ "id": "cnv_1", "status": "closed", "tags": ["order", "refund"] });
    let (outcome, sent) = run("tickets.update", input, 200, tags).await;
    let error = outcome.unwrap_err();
    assert!(error.message.contains("no tag `refund`"), "{error}");
    assert_eq!(sent, 1, "the tags were read, and no conversation was changed");
}

#[tokio::test]
async fn what_front_says_is_passed_on() {
    let refusal = json!({ "_error": { "status": 400, "title": "Bad request", "message": "Invalid assignee" } });
    let input = json!({ "id": "cnv_1", "assignee_id": "tea_0" });
    let error = run("tickets.update", input, 400, refusal).await.0.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert_eq!(error.provider_message.as_deref(), Some("Invalid assignee"));
}

#[tokio::test]
async fn a_conversation_that_was_merged_into_another_is_not_found() {
    let error = run("tickets.get", json!({ "id": "cnv_1" }), 301, json!({})).await.0.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
}

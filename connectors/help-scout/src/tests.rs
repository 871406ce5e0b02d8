//! What agents are told where something can't be done, and what keeps words from becoming more than words.

use std::sync::{Arc, Mutex};

use base::Timestamp;
use bytes::Bytes;
use connector::{Api, Credential, Error, ErrorKind, TokenReply, actions};
use http::{Method, Request, Response};
use outbound::Outbound;
use serde_json::{Value, json};

/// Runs an action, with all scopes, against an API that always answers this; and what was sent.
async fn run(
    name: &str,
    input: Value,
    mailbox: Option<&str>,
    answer: (u16, Value),
) -> (Result<Value, Error>, Vec<Request<Bytes>>) {
    let help_scout = crate::connector();
    let manifest = help_scout.manifest();
    let sent = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&sent);
    let outbound = Outbound::in_process(move |request: Request<Bytes>| {
        seen.lock().unwrap().push(request);
        let body = Bytes::from(answer.1.to_string());
        let answer = Response::builder().status(answer.0).header("Resource-ID", "7").body(body);
        async { answer.unwrap() }
    });
    let token = json!({ "access_token": "at" });
    let reply = TokenReply { body: &token, now: Timestamp::default() };
    let credential = Credential::OAuth(help_scout.parse_token(&reply).unwrap());
    let settings = mailbox.map(|mailbox| ("mailbox".to_owned(), mailbox.to_owned()));
    let inputs = manifest.check_inputs(&settings.into_iter().collect()).unwrap();
    let api = Api::new(outbound, manifest, &inputs, &credential).unwrap();
    let scopes: Vec<_> = manifest.scopes.iter().map(|scope| scope.name.clone()).collect();
    let action = actions().iter().find(|action| action.name == name).unwrap();
    let outcome = action.run(help_scout.as_ref(), api, &scopes, input).await;
    let sent = sent.lock().unwrap().drain(..).collect();
    (outcome, sent)
}

fn new_ticket() -> Value {
    json!({ "subject": "Broken", "text": "It broke.", "requester_email": "ben@example.org" })
}

#[tokio::test]
async fn what_help_scout_can_not_do_is_said_and_nothing_is_sent() {
    let mut urgent = new_ticket();
    urgent["priority"] = json!("urgent");
    for (name, input, field) in [
        ("tickets.search", json!({ "query": "\" \\" }), "query"),
        ("tickets.search", json!({ "requester_email": "a@b.example\" OR \"" }), "requester_email"),
        ("tickets.search", json!({ "cursor": "2" }), "cursor"),
        ("tickets.messages", json!({ "id": "1", "cursor": "a.b" }), "cursor"),
        ("tickets.create", urgent, "priority"),
        ("tickets.update", json!({ "id": "1", "priority": "high" }), "priority"),
        (
            "tickets.update",
            json!({ "id": "1", "subject": "New", "assignee_id": "Ana" }),
            "assignee_id",
        ),
    ] {
        let (outcome, sent) = run(name, input, None, (200, json!({}))).await;
        let error = outcome.unwrap_err();
        assert_eq!((error.kind, sent.len()), (ErrorKind::Invalid, 0), "{name}: {error}");
        assert!(error.message.starts_with(&format!("`{field}`: ")), "{error}");
    }
}

#[tokio::test]
async fn a_word_that_is_searched_for_can_not_become_a_filter() {
    let input = json!({ "query": "blue\") OR (status:\"closed" });
    let (_, sent) = run("tickets.search", input, None, (200, json!({}))).await;
    let asked = sent[0].uri().query().unwrap().split('&').find(|part| part.starts_with("query="));
    // Five words, each of them twice, in two quotes each.
    assert_eq!(asked.unwrap().matches("%22").count(), 5 * 2 * 2, "{asked:?}");
}

#[tokio::test]
async fn of_several_inboxes_none_is_guessed() {
    let inboxes = json!({ "_embedded": { "mailboxes": [{ "id": 85 }, { "id": 91 }] } });
    let (outcome, sent) = run("tickets.create", new_ticket(), None, (200, inboxes)).await;
    let error = outcome.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.message.ends_with("the number of one: 85, 91"), "{error}");
    assert!(sent.iter().all(|request| request.method() == Method::GET));
}

#[tokio::test]
async fn a_ticket_goes_where_the_settings_say() {
    let (outcome, sent) =
        run("tickets.create", new_ticket(), Some("91"), (201, json!({ "id": 7 }))).await;
    assert_eq!(outcome.unwrap()["id"], "7");
    let body: Value = serde_json::from_slice(sent[0].body()).unwrap();
    assert_eq!((sent[0].method(), &body["mailboxId"]), (&Method::POST, &json!(91)));
}

#[tokio::test]
async fn a_conversation_without_a_customer_can_not_be_answered() {
    let input = json!({ "id": "7", "text": "Hello" });
    let (outcome, sent) = run("tickets.reply", input, None, (200, json!({ "id": 7 }))).await;
    assert_eq!((outcome.unwrap_err().kind, sent.len()), (ErrorKind::Conflict, 1));
}

#[tokio::test]
async fn what_help_scout_says_is_passed_on() {
    let refusal = json!({
        "message": "Bad request",
        "_embedded": { "errors": [{ "path": "assignTo", "message": "user is not in this inbox" }] },
    });
    let input = json!({ "id": "7", "assignee_id": "12" });
    let error = run("tickets.update", input, None, (400, refusal)).await.0.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert_eq!(error.provider_message.as_deref(), Some("user is not in this inbox"));
    let merged = run("tickets.get", json!({ "id": "7" }), None, (301, json!({}))).await.0;
    assert_eq!(merged.unwrap_err().kind, ErrorKind::NotFound);
    let full = json!({ "message": "Precondition failed" });
    let full = run("tickets.note", json!({ "id": "7", "text": "x" }), None, (412, full)).await.0;
    assert_eq!(full.unwrap_err().kind, ErrorKind::Conflict);
}

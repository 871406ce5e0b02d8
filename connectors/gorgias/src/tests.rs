//! What agents are told where something can't be done, and where answers go.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use base::Timestamp;
use bytes::Bytes;
use connector::{Api, Credential, Error, ErrorKind, TokenReply, actions};
use http::{Method, Request, Response};
use outbound::Outbound;
use serde_json::{Value, json};

/// Runs an action, with all scopes, against an API that gives these answers; and what was sent.
async fn run(
    name: &str,
    input: Value,
    address: Option<&str>,
    answers: impl IntoIterator<Item = (u16, Value)>,
) -> (Result<Value, Error>, Vec<Request<Bytes>>) {
    let gorgias = crate::connector();
    let manifest = gorgias.manifest();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let requests = Arc::clone(&seen);
    let answers = Mutex::new(answers.into_iter().collect::<VecDeque<_>>());
    let outbound = Outbound::in_process(move |request: Request<Bytes>| {
        requests.lock().unwrap().push(request);
        let (status, body) = answers.lock().unwrap().pop_front().unwrap();
        let answer = Response::builder().status(status).body(Bytes::from(body.to_string()));
        async { answer.unwrap() }
    });
    let token = json!({ "access_token": "at" });
    let reply = TokenReply { body: &token, now: Timestamp::default() };
    let credential = Credential::OAuth(gorgias.parse_token(&reply).unwrap());
    let answered = [("subdomain", Some("ana-ceramics")), ("address", address)];
    let answered = answered.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let answered = answered.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let inputs = manifest.check_inputs(&answered).unwrap();
    let api = Api::new(outbound, manifest, &inputs, &credential).unwrap();
    let api = api.at(Timestamp::from_secs(1_795_000_000));
    let scopes: Vec<_> = manifest.scopes.iter().map(|scope| scope.name.clone()).collect();
    let action = actions().iter().find(|action| action.name == name).unwrap();
    let outcome = action.run(gorgias.as_ref(), api, &scopes, input).await;
    let seen = seen.lock().unwrap().drain(..).collect();
    (outcome, seen)
}

#[tokio::test]
async fn what_gorgias_can_not_do_is_said_and_nothing_is_sent() {
    for (name, input, field) in [
        ("tickets.search", json!({ "query": "bowl" }), "query"),
        ("tickets.update", json!({ "id": "7", "status": "pending" }), "status"),
        ("tickets.update", json!({ "id": "7", "assignee_id": "Ana" }), "assignee_id"),
        ("tickets.messages", json!({ "id": "7&limit=1" }), "id"),
        ("tickets.reply", json!({ "id": "x", "text": "Hello" }), "id"),
    ] {
        let (outcome, sent) = run(name, input, None, []).await;
        let error = outcome.unwrap_err();
        assert_eq!((error.kind, sent.len()), (ErrorKind::Invalid, 0), "{name}: {error}");
        assert!(error.message.starts_with(&format!("`{field}`: ")), "{error}");
    }
}

#[tokio::test]
async fn the_tickets_of_nobody_are_none() {
    let input = json!({ "requester_email": "nobody@example.org" });
    let (outcome, sent) = run("tickets.search", input, None, [(200, json!({ "data": [] }))]).await;
    assert_eq!(outcome.unwrap(), json!({ "items": [], "next_cursor": null }));
    assert_eq!(sent.len(), 1, "not the tickets of everybody");
}

/// What a ticket has that came by the API: nothing leads back.
fn by_api() -> Value {
    let sender = json!({ "id": 8, "email": "ben@example.org" });
    json!({ "data": [{ "id": 1, "channel": "api", "from_agent": false, "sender": sender, "source": null }] })
}

#[tokio::test]
async fn where_nothing_leads_back_to_the_customer_nothing_is_sent() {
    let note = json!({ "data": [{ "id": 1, "channel": "internal-note", "public": false, "from_agent": false }] });
    for messages in [json!({ "data": [] }), by_api(), note] {
        let input = json!({ "id": "7", "text": "Hello" });
        let (outcome, sent) = run("tickets.reply", input, None, [(200, messages)]).await;
        assert_eq!(outcome.unwrap_err().kind, ErrorKind::Conflict);
        assert!(sent.iter().all(|request| request.method() == Method::GET));
    }
}

#[tokio::test]
async fn what_came_by_the_api_is_answered_from_the_address_in_the_settings() {
    let answers = [(200, by_api()), (200, json!({ "id": 93 })), (201, json!({ "id": 2 }))];
    let input = json!({ "id": "7", "text": "Hello" });
    let (outcome, sent) = run("tickets.reply", input, Some("help@ceramics.example"), answers).await;
    assert_eq!(outcome.unwrap()["id"], "2");
    let body: Value = serde_json::from_slice(sent[2].body()).unwrap();
    assert_eq!((&body["channel"], &body["receiver"]), (&json!("email"), &json!({ "id": 8 })));
    let way = json!({
        "type": "email",
        "from": { "address": "help@ceramics.example" },
        "to": [{ "address": "ben@example.org" }],
    });
    assert_eq!(body["source"], way);
}

#[tokio::test]
async fn a_ticket_that_woke_is_no_longer_pending() {
    let told = async |wakes: Value| {
        let ticket = json!({ "id": 7, "status": "closed", "snooze_datetime": wakes });
        run("tickets.get", json!({ "id": "7" }), None, [(200, ticket)]).await.0.unwrap()["status"]
            .clone()
    };
    // It is 2026-11-18T11:06:40Z.
    assert_eq!(told(json!("2026-11-18T11:06:41")).await, "pending");
    assert_eq!(told(json!("2026-11-18T11:06:40")).await, "closed");
    assert_eq!(told(json!(null)).await, "closed");
}

#[tokio::test]
async fn what_gorgias_says_is_passed_on() {
    let refusal = json!({ "error": { "msg": "Unknown user", "data": {} } });
    let input = json!({ "id": "7", "assignee_id": "12" });
    let error = run("tickets.update", input, None, [(400, refusal)]).await.0.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert_eq!(error.provider_message.as_deref(), Some("Unknown user"));
}

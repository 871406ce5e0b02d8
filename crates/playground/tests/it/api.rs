//! Contacts, calendar and support.

use axum::http::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::acme::{ALL, Acme};

async fn token(acme: &Acme, scopes: &str) -> String {
    acme.link("acme-demo", scopes).await.0
}

#[tokio::test]
async fn a_call_without_a_good_token_is_refused() {
    let acme = Acme::start();
    let token = token(&acme, ALL).await;
    assert_eq!(acme.get("/api/v1/me").await.status, StatusCode::UNAUTHORIZED);
    let answer = acme.api("acme_at_guess", "/me").await;
    assert_eq!((answer.status, answer.error()), (StatusCode::UNAUTHORIZED, "invalid_token".into()));
    assert!(answer.header(header::WWW_AUTHENTICATE).starts_with("Bearer"));
    acme.wait(21);
    assert_eq!(acme.api(&token, "/me").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn each_call_needs_its_own_scope() {
    let acme = Acme::start();
    let contact = json!({"name": "Ida Holm", "email": "ida@holm.example"});
    let event = json!({"title": "Tea", "starts_at": "2026-12-01T15:00:00Z", "ends_at": "2026-12-01T16:00:00Z"});
    let tickets = acme.api(&token(&acme, "support.tickets.read").await, "/tickets").await.json();
    let ticket = format!("/tickets/{}", tickets["items"][0]["id"].as_str().unwrap());
    let replies = format!("{ticket}/replies");
    for (scope, method, path, body) in [
        ("crm.contacts.read", Method::GET, "/contacts", &Value::Null),
        ("crm.contacts.read", Method::GET, "/contacts/cnt_1001", &Value::Null),
        ("crm.contacts.write", Method::POST, "/contacts", &contact),
        ("crm.contacts.write", Method::PATCH, "/contacts/cnt_1001", &json!({"title": "Boss"})),
        ("calendar.events.read", Method::GET, "/events", &Value::Null),
        ("calendar.events.write", Method::POST, "/events", &event),
        ("support.tickets.read", Method::GET, "/tickets", &Value::Null),
        ("support.tickets.read", Method::GET, ticket.as_str(), &Value::Null),
        ("support.tickets.write", Method::POST, replies.as_str(), &json!({"body": "Soon."})),
    ] {
        let with = acme.call(&token(&acme, scope).await, method.clone(), path, body).await;
        assert!(with.status.is_success(), "{method} {path}: {}", with.text());
        let others = ALL.replace(scope, "");
        let without = acme.call(&token(&acme, &others).await, method, path, body).await;
        assert_eq!(without.status, StatusCode::FORBIDDEN, "{path}");
        let challenge = without.header(header::WWW_AUTHENTICATE);
        assert!(challenge.contains("insufficient_scope") && challenge.contains(scope));
    }
}

#[tokio::test]
async fn contacts_are_found_by_name_mail_and_company() {
    let acme = Acme::start();
    let token = token(&acme, ALL).await;
    for query in ["grace", "nordlicht.example", "Nordlicht%20ENERGY", "grace%20energy"] {
        let found = acme.api(&token, &format!("/contacts?query={query}")).await.json();
        assert_eq!(found["items"].as_array().unwrap().len(), 1, "{query}");
        assert_eq!(found["items"][0]["name"], "Grace Lindqvist");
    }
    let none = acme.api(&token, "/contacts?query=nobody").await.json();
    assert_eq!(none, json!({"items": [], "next_cursor": null}));
}

#[tokio::test]
async fn a_list_is_read_page_by_page_to_its_end() {
    let acme = Acme::start();
    let token = token(&acme, ALL).await;
    let all = acme.api(&token, "/contacts?limit=100").await.json();
    let (mut read, mut path, mut pages) = (Vec::new(), "/contacts?limit=5".to_owned(), 0);
    loop {
        let page = acme.api(&token, &path).await.json();
        read.extend(page["items"].as_array().unwrap().clone());
        pages += 1;
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/contacts?limit=5&cursor={cursor}");
    }
    assert_eq!((pages, Value::from(read)), (3, all["items"].clone()));
    for bad in ["limit=0", "limit=101", "limit=many", "cursor=elsewhere"] {
        let answer = acme.api(&token, &format!("/contacts?{bad}")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{bad}");
        assert_eq!(answer.error(), "invalid_input");
    }
}

#[tokio::test]
async fn a_contact_is_made_and_changed() {
    let acme = Acme::start();
    let token = token(&acme, ALL).await;
    let new = json!({"name": " Ida Holm ", "email": "ida@holm.example", "company": "Holm"});
    let made = acme.call(&token, Method::POST, "/contacts", &new).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let path = format!("/contacts/{}", made.field("id"));
    let changed = acme.call(&token, Method::PATCH, &path, &json!({"title": "Owner"})).await.json();
    assert_eq!((&changed["name"], &changed["company"]), (&"Ida Holm".into(), &"Holm".into()));
    assert_eq!(acme.api(&token, &path).await.json(), changed);
    for bad in [
        json!({"name": "", "email": "a@b.example"}),
        json!({"name": "No Mail", "email": "nowhere"}),
        json!({"name": "x".repeat(201), "email": "a@b.example"}),
        json!({"name": "Extra", "email": "a@b.example", "admin": true}),
    ] {
        let answer = acme.call(&token, Method::POST, "/contacts", &bad).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{bad}");
    }
    // A change that fails changes nothing.
    let half = json!({"name": "Half", "email": "nowhere"});
    acme.call(&token, Method::PATCH, &path, &half).await;
    assert_eq!(acme.api(&token, &path).await.json(), changed);
}

#[tokio::test]
async fn events_come_in_order_and_by_span() {
    let acme = Acme::start();
    let token = token(&acme, ALL).await;
    let late = json!({"title": "Late", "starts_at": "2099-01-02T10:00:00+02:00", "ends_at": "2099-01-02T09:00:00Z"});
    let early = json!({"title": "Early", "starts_at": "2099-01-01T08:00:00Z", "ends_at": "2099-01-01T09:00:00Z"});
    for event in [&late, &early] {
        let answer = acme.call(&token, Method::POST, "/events", event).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    }
    let found = acme.api(&token, "/events?from=2099-01-01T00:00:00Z").await.json();
    let titles: Vec<_> = found["items"].as_array().unwrap().iter().map(|e| &e["title"]).collect();
    assert_eq!(titles, ["Early", "Late"]);
    assert_eq!(found["items"][1]["starts_at"], "2099-01-02T08:00:00Z");
    let until = acme.api(&token, "/events?from=2099-01-01T00:00:00Z&to=2099-01-02T00:00:00Z").await;
    assert_eq!(until.json()["items"].as_array().unwrap().len(), 1);
    let backwards = json!({"title": "B", "starts_at": "2099-01-02T00:00:00Z", "ends_at": "2099-01-01T00:00:00Z"});
    let answer = acme.call(&token, Method::POST, "/events", &backwards).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_reply_is_added_and_opens_a_solved_ticket_again() {
    let acme = Acme::start();
    let token = token(&acme, ALL).await;
    let solved = acme.api(&token, "/tickets?status=solved").await.json();
    let path = format!("/tickets/{}", solved["items"][0]["id"].as_str().unwrap());
    let before = acme.api(&token, &path).await.json();
    let reply = json!({"body": "One more thing."});
    let made = acme.call(&token, Method::POST, &format!("{path}/replies"), &reply).await;
    assert_eq!((made.status, made.field("author")), (StatusCode::CREATED, "Ana Moreno".into()));
    let after = acme.api(&token, &path).await.json();
    assert_eq!((&before["status"], &after["status"]), (&"solved".into(), &"open".into()));
    let replies = after["replies"].as_array().unwrap();
    assert_eq!(replies.len(), before["replies"].as_array().unwrap().len() + 1);
    assert_eq!(replies.last().unwrap()["body"], "One more thing.");
}

#[tokio::test]
async fn nobody_sees_the_records_of_another_account() {
    let acme = Acme::start();
    let ana = token(&acme, ALL).await;
    let form = [("grant_type", "client_credentials")];
    let team = acme.as_client("acme-demo", "/oauth/token", &form).await.field("access_token");
    let theirs = acme.api(&team, "/contacts").await.json();
    let path = format!("/contacts/{}", theirs["items"][0]["id"].as_str().unwrap());
    assert_eq!(acme.api(&team, &path).await.status, StatusCode::OK);
    assert_eq!(acme.api(&ana, &path).await.error(), "not_found");
    let change = json!({"name": "Mine now"});
    let changed = acme.call(&ana, Method::PATCH, &path, &change).await;
    assert_eq!(changed.status, StatusCode::NOT_FOUND);
}

//! The demo platform against a hub that writes down what it is asked.

use std::sync::Mutex;

use axum::{body::Body, http::Request};
use bytes::Bytes;
use outbound::Outbound;
use tower::ServiceExt;

use super::*;

/// What the hub was asked: path and body.
type Seen = Arc<Mutex<Vec<(String, Value)>>>;

fn platform() -> (Router, Seen) {
    let seen = Seen::default();
    let log = seen.clone();
    let outbound = Outbound::in_process(move |request: Request<Bytes>| {
        let body = serde_json::from_slice(request.body()).unwrap_or(Value::Null);
        log.lock().unwrap().push((request.uri().path().to_owned(), body));
        let answer = json!({
            "url": "http://hub/connect/ses_1.new",
            "connection": { "account": { "label": "ana@acme.example" }, "scopes": ["crm"] },
        });
        async move { Response::new(Bytes::from(answer.to_string())) }
    });
    let hub = Hub::new(&outbound, "http://hub", "vk_platform_x".to_owned().into(), Some("demo"));
    (router(hub), seen)
}

struct Answer {
    status: StatusCode,
    location: String,
    cookie: Option<String>,
    policy: String,
    referrer: String,
    page: String,
}

async fn send(app: &Router, request: axum::http::request::Builder, body: &str) -> Answer {
    let mut request = request.body(Body::from(body.to_owned())).unwrap();
    request.headers_mut().entry(header::HOST).or_insert("localhost:8070".parse().unwrap());
    let answer = app.clone().oneshot(request).await.unwrap();
    let head = |name| {
        let value =
            answer.headers().get(name).map(|value: &axum::http::HeaderValue| value.to_str());
        value.transpose().unwrap().map(str::to_owned)
    };
    let cookie = head(header::SET_COOKIE);
    Answer {
        status: answer.status(),
        location: head(header::LOCATION).unwrap_or_default(),
        cookie: cookie.map(|text| text.split(';').next().unwrap_or_default().to_owned()),
        policy: head(header::CONTENT_SECURITY_POLICY).unwrap_or_default(),
        referrer: head(header::REFERRER_POLICY).unwrap_or_default(),
        page: {
            let body = axum::body::to_bytes(answer.into_body(), 100_000).await.unwrap();
            String::from_utf8(body.to_vec()).unwrap()
        },
    }
}

async fn get_as(app: &Router, path: &str, cookie: Option<&str>) -> Answer {
    let request = Request::get(path);
    let request = match cookie {
        Some(cookie) => request.header(header::COOKIE, cookie),
        None => request,
    };
    send(app, request, "").await
}

fn form(path: &str) -> axum::http::request::Builder {
    Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
}

async fn signed_in(app: &Router, user: &str) -> String {
    let answer = send(app, form("/sign-in"), &format!("user={user}")).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    answer.cookie.unwrap()
}

const BACK: &str = "/linked?session=ses_1&code=c0de";

#[tokio::test]
async fn a_link_that_ends_in_a_browser_where_nobody_is_signed_in_is_completed_for_nobody() {
    let (app, seen) = platform();
    for cookie in [None, Some("chatty_session=ana"), Some("chatty_user=ana")] {
        let answer = get_as(&app, BACK, cookie).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert!(answer.page.contains("Sign in first"));
    }
    assert!(seen.lock().unwrap().is_empty(), "the hub was asked");
}

#[tokio::test]
async fn a_link_is_completed_for_whoever_is_signed_in_at_the_browser() {
    let (app, seen) = platform();
    let cookie = signed_in(&app, "ben").await;
    let answer = get_as(&app, BACK, Some(&cookie)).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.page.contains("ana@acme.example"));
    let seen = seen.lock().unwrap();
    let body = json!({ "code": "c0de", "end_user": { "id": "ben" } });
    assert_eq!(seen.as_slice(), [("/v1/connect-sessions/ses_1/complete".to_owned(), body)]);
}

#[tokio::test]
async fn opening_a_link_signs_nobody_in() {
    let (app, seen) = platform();
    let link = "/connect?user=ana&session=ses_1.tok";
    let asked = get_as(&app, link, None).await;
    assert_eq!((asked.status, asked.cookie), (StatusCode::OK, None));
    assert!(asked.page.contains("Sign in as ana"));
    // Nor does it where another is signed in.
    let ben = signed_in(&app, "ben").await;
    let asked = get_as(&app, link, Some(&ben)).await;
    assert_eq!((asked.status, asked.cookie), (StatusCode::OK, None));
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn signing_in_leads_to_the_page_of_the_session_in_the_link() {
    let (app, seen) = platform();
    let answer = send(&app, form("/sign-in"), "user=ana&session=ses_1.tok").await;
    assert_eq!(answer.location, "/connect?user=ana&session=ses_1.tok");
    let answer = get_as(&app, &answer.location, answer.cookie.as_deref()).await;
    assert_eq!(answer.location, "http://hub/connect/ses_1.tok");
    assert!(seen.lock().unwrap().is_empty(), "no second session");
}

#[tokio::test]
async fn without_a_session_one_is_made_for_who_is_signed_in() {
    let (app, seen) = platform();
    let cookie = signed_in(&app, "ana").await;
    let answer = get_as(&app, "/connect", Some(&cookie)).await;
    assert_eq!(answer.location, "http://hub/connect/ses_1.new");
    assert_eq!(seen.lock().unwrap()[0].1["end_user"]["id"], "ana");
}

#[tokio::test]
async fn names_and_sessions_of_another_shape_are_refused() {
    let (app, _) = platform();
    for query in ["user=a%2Fb", "user=", "session=..%2F..", "session=%22"] {
        let answer = get_as(&app, &format!("/connect?{query}"), None).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
    }
}

#[tokio::test]
async fn the_platform_has_one_name() {
    let (app, _) = platform();
    let request = Request::get("/connect?user=ana").header(header::HOST, "127.0.0.1:8070");
    let answer = send(&app, request, "").await;
    assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(answer.location, "http://localhost:8070/connect?user=ana");
    let request = form("/sign-in").header(header::HOST, "evil.example");
    assert_eq!(send(&app, request, "user=ana").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_form_of_another_site_signs_nobody_in() {
    let (app, _) = platform();
    for (name, value) in [("origin", "http://localhost:8080"), ("sec-fetch-site", "cross-site")] {
        let answer = send(&app, form("/sign-in").header(name, value), "user=ana").await;
        assert_eq!((answer.status, answer.cookie), (StatusCode::FORBIDDEN, None));
    }
    let own = form("/sign-in").header("origin", PLATFORM).header("sec-fetch-site", "same-origin");
    assert!(send(&app, own, "user=ana").await.cookie.is_some());
}

#[tokio::test]
async fn every_page_says_what_it_may_load_and_tells_nobody_its_address() {
    let (app, _) = platform();
    for path in ["/", "/connect?user=ana", BACK, "/linked", "/nothing", "/assets/connect.css"] {
        let answer = get_as(&app, path, None).await;
        assert!(answer.policy.contains("default-src 'none'; style-src 'self';"), "{path}");
        assert!(answer.policy.contains("form-action 'self' http://hub"), "{path}");
        assert_eq!(answer.referrer, "same-origin", "{path}");
        assert!(!answer.page.contains("<script") && !answer.page.contains(" style="), "{path}");
    }
}

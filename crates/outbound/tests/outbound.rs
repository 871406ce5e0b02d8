//! What leaves, what does not, and how much of an answer is taken.

#[path = "outbound/certificate.rs"]
mod certificate;

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use outbound::{Config, Error, Limits, Outbound};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

fn outbound(allow: &[&str]) -> Outbound {
    let allow = allow.iter().map(|entry| (*entry).to_owned()).collect();
    Outbound::network(&Config { allow, user_agent: "valetkey-test".to_owned() }).expect("client")
}

fn get(url: &str) -> Request<Bytes> {
    Request::get(url).body(Bytes::new()).expect("request")
}

async fn server(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

#[tokio::test]
async fn an_allowed_development_host_is_called_over_http() {
    let server = server(ResponseTemplate::new(201).set_body_string("hello")).await;
    let port = server.address().port();
    let out = outbound(&[&format!("127.0.0.1:{port}")]);
    let answer = out.send(get(&format!("{}/x", server.uri())), Limits::default()).await;
    let answer = answer.expect("answer");
    assert_eq!(answer.status(), 201);
    assert_eq!(&answer.body()[..], b"hello");
}

#[tokio::test]
async fn an_allowance_for_one_port_opens_no_other() {
    let server = server(ResponseTemplate::new(200)).await;
    let out = outbound(&["127.0.0.1:1"]);
    let refused = out.send(get(&server.uri()), Limits::default()).await.expect_err("refused");
    assert_eq!(refused.code(), "refused");
    assert!(server.received_requests().await.expect("recorded").is_empty());
}

#[tokio::test]
async fn a_redirect_is_handed_back_and_not_followed() {
    let target = server(ResponseTemplate::new(200)).await;
    let answer = ResponseTemplate::new(302).insert_header("location", target.uri().as_str());
    let first = server(answer).await;
    let out = outbound(&["127.0.0.1"]);
    let answer = out.send(get(&first.uri()), Limits::default()).await.expect("answer");
    assert_eq!(answer.status(), 302);
    assert!(target.received_requests().await.expect("recorded").is_empty());
}

#[tokio::test]
async fn an_answer_of_ten_megabytes_is_refused() {
    let server = server(ResponseTemplate::new(200).set_body_bytes(vec![b'x'; 10_000_000])).await;
    let out = outbound(&["127.0.0.1"]);
    let error = out.send(get(&server.uri()), Limits::default()).await.expect_err("refused");
    assert_eq!(error.code(), "too_large");
    assert!(error.may_have_been_received());
}

#[tokio::test]
async fn a_slow_answer_times_out() {
    let server = server(ResponseTemplate::new(200).set_delay(Duration::from_secs(5))).await;
    let out = outbound(&["127.0.0.1"]);
    let limits = Limits { total: Duration::from_millis(200), ..Limits::default() };
    let error = out.send(get(&server.uri()), limits).await.expect_err("timeout");
    assert_eq!(error.code(), "timeout");
}

#[tokio::test]
async fn a_closed_port_certainly_received_nothing() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("port");
    let port = listener.local_addr().expect("address").port();
    drop(listener);
    let out = outbound(&["127.0.0.1"]);
    let url = format!("http://127.0.0.1:{port}/");
    let error = out.send(get(&url), Limits::default()).await.expect_err("closed");
    assert_eq!(error.code(), "connect");
    assert!(!error.may_have_been_received());
}

#[tokio::test]
async fn a_name_that_resolves_to_this_machine_is_refused() {
    let out = outbound(&[]);
    let url = "https://localhost:1/?token=canary";
    let error = out.send(get(url), Limits::default()).await.expect_err("refused");
    assert_eq!(error.code(), "refused");
    assert!(!error.to_string().contains("canary") && !format!("{error:?}").contains("canary"));
}

#[test]
fn public_addresses_are_public() {
    for text in ["93.184.215.14", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111"] {
        assert!(outbound::is_public(text.parse().expect(text)), "{text}");
    }
}

#[tokio::test]
async fn a_user_in_the_url_or_another_scheme_is_refused() {
    let out = outbound(&["127.0.0.1"]);
    for text in ["http://user:pw@127.0.0.1/", "ftp://127.0.0.1/x", "gopher://127.0.0.1/"] {
        let error = out.send(get(text), Limits::default()).await.expect_err(text);
        assert_eq!(error.code(), "invalid_url", "{text}");
    }
}

#[test]
fn an_allow_list_that_can_not_be_read_says_how_to_write_it() {
    let config = Config { allow: vec!["exa mple:x".to_owned()], user_agent: "t".to_owned() };
    let error = Outbound::network(&config).expect_err("refused");
    assert!(error.to_string().contains("localhost:8090"), "{error}");
}

#[tokio::test]
async fn a_handler_in_this_process_is_bounded_too() {
    let big = Outbound::in_process(|_: Request<Bytes>| async {
        http::Response::new(Bytes::from(vec![0; 100]))
    });
    let limits = Limits { max_body: 10, ..Limits::default() };
    let error = big.send(get("https://x.example/"), limits).await.expect_err("too large");
    assert!(matches!(error, Error::TooLarge { .. }));
}

/// A connection for one request to this server.
async fn fresh(server: &MockServer, limits: Limits) -> Result<outbound::Fresh, Error> {
    outbound(&["127.0.0.1"]).connect(&get(&server.uri()), limits).await
}

#[tokio::test]
async fn a_connection_is_made_before_anything_is_sent() {
    let server = server(ResponseTemplate::new(200).set_body_string("hello")).await;
    let connection = fresh(&server, Limits::default()).await.expect("connection");
    assert!(server.received_requests().await.expect("recorded").is_empty());

    let request = Request::post(format!("{}/token?a=b", server.uri())).body(Bytes::from("x=y"));
    let answer = connection.send(request.expect("request")).await.expect("answer");

    assert_eq!(&answer.body()[..], b"hello");
    let received = server.received_requests().await.expect("recorded");
    assert_eq!(received.len(), 1);
    assert_eq!((received[0].url.path(), received[0].url.query()), ("/token", Some("a=b")));
    assert_eq!(received[0].body, b"x=y");
    assert_eq!(received[0].headers["user-agent"], "valetkey-test");
}

#[tokio::test]
async fn a_connection_that_can_not_be_made_was_certainly_not_used() {
    // A port that was free a moment ago.
    let free =
        std::net::TcpListener::bind("127.0.0.1:0").expect("port").local_addr().expect("address");
    let request = get(&format!("http://{free}/"));
    let error = outbound(&["127.0.0.1"]).connect(&request, Limits::default()).await.err();
    assert!(!error.expect("no connection").may_have_been_received());
}

#[tokio::test]
async fn a_connection_inside_is_refused_unless_it_is_allowed() {
    let server = server(ResponseTemplate::new(200)).await;
    let request = get(&server.uri());
    let error = outbound(&[]).connect(&request, Limits::default()).await.err().expect("refused");
    assert_eq!(error.code(), "refused");
}

#[tokio::test]
async fn a_connection_takes_as_little_and_as_long_as_its_limits_say() {
    let limits = Limits { total: Duration::from_millis(300), max_body: 1000, ..Limits::default() };
    let slow = server(ResponseTemplate::new(200).set_delay(Duration::from_secs(5))).await;
    let connection = fresh(&slow, limits).await.expect("connection");
    let error = connection.send(get(&slow.uri())).await.expect_err("too slow");
    assert_eq!(error.code(), "timeout");
    assert!(error.may_have_been_received());

    let large = server(ResponseTemplate::new(200).set_body_bytes(vec![b'x'; 100_000])).await;
    let connection = fresh(&large, limits).await.expect("connection");
    let error = connection.send(get(&large.uri())).await.expect_err("too large");
    assert_eq!(error.code(), "too_large");
}

#[tokio::test]
async fn a_connection_serves_its_own_host_only() {
    let server = server(ResponseTemplate::new(200)).await;
    let connection = fresh(&server, Limits::default()).await.expect("connection");
    let error = connection.send(get("http://elsewhere.example/")).await.expect_err("refused");
    assert_eq!(error.code(), "invalid_url");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_answer_that_came_while_the_process_stood_still_is_taken_though_its_time_is_over() {
    let limits = Limits { total: Duration::from_millis(500), ..Limits::default() };
    let answer = ResponseTemplate::new(200).set_body_string("here");
    let slow = server(answer.set_delay(Duration::from_millis(200))).await;
    let connection = fresh(&slow, limits).await.expect("connection");
    let sending = tokio::spawn(connection.send(get(&slow.uri())));
    // Long enough to write the request; then the one worker does nothing, as when it is stopped.
    tokio::time::sleep(Duration::from_millis(50)).await;
    tokio::spawn(async { std::thread::sleep(Duration::from_secs(1)) });
    let answer = sending.await.expect("no panic").expect("answer");
    assert_eq!(&answer.body()[..], b"here");
}

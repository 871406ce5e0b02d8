//! Bounds of connections: how many, how large, how slow.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{ask, scene, with_key};
use crate::harness::{
    Hub, Scene,
    http::{Reply, Request, code},
    scene::APP,
};

/// Long enough for anything that ends by itself.
const PATIENCE: Duration = Duration::from_mins(2);

/// Method and address of everything that the hub answers.
async fn everything(hub: &Hub) -> Vec<(String, String)> {
    let document = Request::new("GET", format!("{}/openapi.json", hub.address())).send().await.ok();
    let mut all: Vec<_> = [
        ("GET", "/"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/openapi.json"),
        ("GET", "/docs/"),
        ("GET", "/nowhere"),
        ("POST", "/connect"),
        ("GET", "/connect/none"),
        ("POST", "/connect/start"),
        ("POST", "/connect/submit"),
        ("GET", "/connect/assets/connect.css"),
        ("GET", "/oauth/callback/none"),
    ]
    .map(|(method, path)| (method.to_owned(), path.to_owned()))
    .into();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["get", "put", "post", "delete", "patch"] {
            if item.get(method).is_some() {
                all.push((method.to_uppercase(), path.replace(['{', '}'], "x")));
            }
        }
    }
    assert!(all.len() > 50, "{}", all.len());
    all
}

/// A connection without a library.
struct Wire {
    stream: TcpStream,
    host: String,
    key: String,
}

impl Wire {
    async fn to(scene: &Scene) -> Self {
        let hub = &scene.hubs[0];
        let stream = TcpStream::connect(hub.address().trim_start_matches("http://")).await.unwrap();
        let host = hub.public_url().trim_start_matches("http://").to_owned();
        Self { stream, host, key: scene.agent.key.clone() }
    }

    /// A head without the empty line at its end.
    fn head(&self, method: &str, path: &str) -> String {
        let Self { host, key, .. } = self;
        format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n"
        )
    }

    /// Sends as much as the hub takes.
    async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok()
    }

    /// All that the hub says until it closes the connection, which it does.
    async fn rest(&mut self) -> String {
        let mut read = Vec::new();
        let closed = async {
            let mut part = [0; 4096];
            while let Ok(count @ 1..) = self.stream.read(&mut part).await {
                read.extend_from_slice(&part[..count]);
            }
        };
        tokio::time::timeout(PATIENCE, closed).await.expect("the hub closes the connection");
        String::from_utf8_lossy(&read).into_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_two_mebibytes_is_refused_on_every_route() {
    let scene = scene(&[]).await;
    let body = "a".repeat(2 * 1024 * 1024);
    for (method, path) in everything(&scene.hubs[0]).await {
        for key in [scene.agent.key.as_str(), "none"] {
            let request = with_key(&scene.agent, key).request_to(&method, &path);
            let reply = request.body("application/json", body.clone()).send().await;
            assert_eq!(code(&reply.problem(413)), "body_too_large", "{method} {path}");
        }
    }
    ask(&scene.agent).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_say_how_large_it_is_is_refused_where_it_is_read_and_never_kept_elsewhere()
 {
    let scene = scene(&[]).await;
    let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
    for (method, path) in everything(&scene.hubs[0]).await {
        let mut wire = Wire::to(&scene).await;
        let head = wire.head(&method, &path);
        assert!(
            wire.send(format!("{head}connection: close\r\ntransfer-encoding: chunked\r\n\r\n"))
                .await
        );
        for _ in 0..32 {
            wire.send(&chunk).await;
        }
        wire.send("0\r\n\r\n").await;
        let answer = wire.rest().await;
        assert!(answer.starts_with("HTTP/1.1 "), "{method} {path}: no answer");
        if (method.as_str(), path.as_str()) == ("POST", "/v1/token") {
            assert!(answer.contains("body_too_large"), "{answer}");
        }
    }
    ask(&scene.agent).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_too_large_or_has_too_many_headers_is_refused_on_every_route() {
    let scene = scene(&[]).await;
    let large = format!("x-large: {}\r\n\r\n", "a".repeat(128 * 1024));
    let many = "x-many: 1\r\n".repeat(101) + "\r\n";
    for (method, path) in everything(&scene.hubs[0]).await {
        for more in [&large, &many] {
            let mut wire = Wire::to(&scene).await;
            let head = wire.head(&method, &path);
            wire.send(head + more).await;
            let answer = wire.rest().await;
            assert!(answer.starts_with("HTTP/1.1 431 "), "{method} {path}: {answer:?}");
        }
    }
    let mut wire = Wire::to(&scene).await;
    let head = wire.head("GET", "/healthz");
    wire.send(format!("{head}connection: close\r\nx-fits: {}\r\n\r\n", "a".repeat(16 * 1024)))
        .await;
    assert!(wire.rest().await.starts_with("HTTP/1.1 200 "), "16 KiB of headers pass");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_too_slowly_is_cut_off_while_others_are_answered() {
    let scene = scene(&[]).await;
    // A head that trickles, one that stops, and a body that trickles.
    let trickle = async |start: String, drop: &str| {
        let mut wire = Wire::to(&scene).await;
        assert!(wire.send(start).await);
        let trickling = async {
            let mut part = [0; 4096];
            let mut read = Vec::new();
            loop {
                tokio::select! {
                    count = wire.stream.read(&mut part) => match count {
                        Ok(count @ 1..) => read.extend_from_slice(&part[..count]),
                        _ => return read,
                    },
                    () = tokio::time::sleep(Duration::from_secs(1)) => {}
                }
                if wire.stream.write_all(drop.as_bytes()).await.is_err() {
                    return read;
                }
            }
        };
        let read = tokio::time::timeout(PATIENCE, trickling).await.expect("it is cut off");
        String::from_utf8_lossy(&read).into_owned()
    };
    let wire = Wire::to(&scene).await;
    let (get, post) = (wire.head("GET", "/healthz"), wire.head("POST", "/v1/token"));
    let body = format!("{post}content-length: 1000\r\n\r\n{{");
    let (head, still, slow_body, ()) = tokio::join!(
        trickle(get.clone(), "x: 1\r\n"),
        trickle(get, ""),
        trickle(body, " "),
        async {
            for _ in 0..10 {
                ask(&scene.agent).await.ok();
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    );
    assert_eq!((head.as_str(), still.as_str()), ("", ""), "a head that never came has no answer");
    assert!(slow_body.starts_with("HTTP/1.1 408 "), "{slow_body}");
    assert!(slow_body.contains("body_too_slow"), "{slow_body}");
}

/// A request that stays under way until it is dropped.
async fn hold(scene: &Scene) -> Wire {
    let mut wire = Wire::to(scene).await;
    let head = wire.head("POST", "/v1/token");
    assert!(wire.send(format!("{head}content-length: 1000\r\n\r\n{{")).await);
    wire
}

/// Asks until the answer is as wished for.
async fn until(mut ask: impl AsyncFnMut() -> Reply, wished: impl Fn(&Reply) -> bool) -> Reply {
    let asked = async {
        loop {
            let reply = ask().await;
            if wished(&reply) {
                return reply;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("the answer that was wished for")
}

#[tokio::test(flavor = "multi_thread")]
async fn with_too_many_requests_under_way_the_next_is_told_to_come_back() {
    // Three quarters of them may be busy.
    let scene = scene(&[("VALETKEY_MAX_CONNECTIONS", "16")]).await;
    let mut held = Vec::new();
    let one_more = async || {
        held.push(hold(&scene).await);
        ask(&scene.agent).await
    };
    let busy = until(one_more, |reply| reply.status == 503).await;
    assert!(held.len() >= 12, "{}", held.len());
    assert_eq!(code(&busy.problem(503)), "too_busy");
    assert!(busy.header("retry-after").is_some());
    assert!(busy.header("x-content-type-options").is_some(), "it has the headers of every answer");
    let alive = Request::new("GET", format!("{}/healthz", scene.hubs[0].address())).send().await;
    assert_eq!(alive.status, 200, "a busy process runs");
    drop(held);
    until(|| ask(&scene.agent), |reply| reply.status == 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_all_connections_taken_new_ones_wait_their_turn() {
    let scene = scene(&[("VALETKEY_MAX_CONNECTIONS", "3")]).await;
    // Connections on which nothing was asked yet.
    let idle = join_all((0..3).map(|_| Wire::to(&scene))).await;
    let mut waiting = Wire::to(&scene).await;
    let head = waiting.head("GET", "/healthz");
    waiting.send(format!("{head}connection: close\r\n\r\n")).await;
    let mut part = [0; 1];
    let early = tokio::time::timeout(Duration::from_secs(1), waiting.stream.read(&mut part)).await;
    assert!(early.is_err(), "answered though all connections are taken");
    drop(idle);
    assert!(waiting.rest().await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_is_asked_to_stop_finishes_what_is_under_way() {
    let scene = scene(&[]).await;
    scene.link("ana").await;
    let question = json!({ "integration": APP, "end_user": { "id": "ana" } }).to_string();
    let (first, second) = question.split_at(10);
    let mut wire = Wire::to(&scene).await;
    let head = wire.head("POST", "/v1/token");
    let length = question.len();
    assert!(wire.send(format!("{head}content-length: {length}\r\n\r\n{first}")).await);
    // Whoever asks now is served, so the one before is under way.
    ask(&scene.agent).await.ok();
    scene.hubs[0].terminate();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(wire.send(second).await);
    let answer = wire.rest().await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let body: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(body["status"], "issued");
}

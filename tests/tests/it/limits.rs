//! Limits: who asks too often, too much or too slowly is told so, and nobody else notices.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::harness::{
    Agent, Database, Hub, Scene,
    http::{Reply, Request, code},
    hub::Settings,
    scene::APP,
};

/// Long enough for anything that ends by itself.
const PATIENCE: Duration = Duration::from_mins(2);

/// A hub with one workspace, its agent and one linked account.
async fn scene(limits: &'static [(&'static str, &'static str)]) -> Scene {
    Scene::with(Database::sqlite(), Settings { limits, ..Settings::new() }, 1, 600).await
}

async fn ask(agent: &Agent) -> Reply {
    agent.ask_for(APP, "ana").await
}

fn with_key(agent: &Agent, key: &str) -> Agent {
    Agent { key: key.to_owned(), ..agent.clone() }
}

/// A key of the right form that nobody has.
fn nobodys(number: usize) -> String {
    format!("vk_agent_nobodys{number:03}_{}", "A".repeat(43))
}

/// Asserts that a limit of this name is told, and returns after how many seconds to come back.
fn assert_limited(reply: &Reply, limit: &str) -> u64 {
    let problem = reply.problem(429);
    assert_eq!((code(&problem).as_str(), problem["limit"].as_str()), ("rate_limited", Some(limit)));
    let wait = reply.header("retry-after").expect("Retry-After").parse().expect("seconds");
    assert!(problem["detail"].as_str().unwrap().contains(&format!("{wait} s")), "{problem}");
    wait
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_usual_limits_a_usual_day_meets_none_and_each_answer_says_how_much_is_left() {
    let scene = scene(&[]).await;
    scene.link("ana").await;
    let mut left = None;
    for _ in 0..30 {
        let reply = ask(&scene.agent).await;
        assert_eq!(reply.ok()["status"], "issued");
        assert_eq!(
            reply.header("ratelimit-policy"),
            Some("\"agent\";q=100;w=2, \"workspace\";q=1000;w=2")
        );
        let limit = reply.header("ratelimit").expect("RateLimit").to_owned();
        let (agent, rest) = limit.split_once(", ").expect("two limits");
        let remaining = agent.strip_prefix("\"agent\";r=").and_then(|text| text.split_once(";t="));
        let (remaining, seconds) = remaining.expect("what is left and when it is full again");
        assert!(remaining.parse::<u32>().unwrap() < 100 && seconds.parse::<u32>().unwrap() >= 1);
        assert!(rest.starts_with("\"workspace\";r="), "{limit}");
        left = Some(remaining.to_owned());
    }
    assert!(left.is_some());
    // A platform's request counts for its key and for the workspace that it names.
    let reply = scene.workspace.request("GET", "/v1/agents").send().await;
    let policy = "\"platform_key\";q=2000;w=2, \"workspace\";q=1000;w=2";
    assert_eq!(reply.header("ratelimit-policy"), Some(policy));
    // What nobody counts says nothing.
    let open = Request::new("GET", format!("{}/healthz", scene.hubs[0].address())).send().await;
    assert_eq!(open.header("ratelimit-policy"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_asks_too_often_is_told_when_to_come_back_and_the_others_go_on() {
    let scene = scene(&[("VALETKEY_RATE_AGENT", "1/min,burst=3")]).await;
    scene.workspace.put_agent("other").await;
    let other = scene.workspace.agent("other").await;
    for left in ["2", "1", "0"] {
        let reply = ask(&scene.agent).await;
        reply.ok();
        let told = reply.header("ratelimit").expect("RateLimit");
        assert!(told.starts_with(&format!("\"agent\";r={left};")), "{told}");
    }
    let audited = scene.workspace.audit().await.len();
    for _ in 0..5 {
        let reply = ask(&scene.agent).await;
        let wait = assert_limited(&reply, "agent");
        assert!((1..=60).contains(&wait), "{wait}");
        assert!(reply.header("ratelimit").unwrap().starts_with("\"agent\";r=0;"));
    }
    assert_eq!(scene.workspace.audit().await.len(), audited, "nothing was decided for it");
    other.ask_for(APP, "ana").await.problem(403);

    // The platform asks for the other by its name: a count of its own, and a limit too.
    let question = json!({ "integration": APP, "end_user": { "id": "ana" } });
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(scene.workspace.ask_as("other", &question).await.status);
    }
    assert_eq!(statuses, [403, 403, 403, 429, 429]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_with_too_many_requests_does_not_hold_up_another() {
    let scene = scene(&[("VALETKEY_RATE_WORKSPACE", "1/h,burst=40")]).await;
    let other = scene.platform.workspace("other").await;
    other.put_agent("assistant").await;
    let mut limited = None;
    for _ in 0..60 {
        let reply = ask(&scene.agent).await;
        if reply.status == 429 {
            limited = Some(reply);
            break;
        }
        reply.ok();
    }
    assert_limited(&limited.expect("the workspace's limit was met"), "workspace");
    assert_limited(&scene.workspace.request("GET", "/v1/agents").send().await, "workspace");
    other.get("/v1/agents").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_keys_is_stopped_and_a_neighbour_behind_the_same_address_goes_on() {
    let scene = scene(&[("VALETKEY_RATE_WRONG_KEYS", "1/h,burst=5")]).await;
    ask(&scene.agent).await.ok();
    // What is no key at all is refused without a look, however often.
    for key in ["", "x", "vk_agent_short", &"x".repeat(5000)] {
        for _ in 0..5 {
            ask(&with_key(&scene.agent, key)).await.problem(401);
        }
    }
    for number in 0..5 {
        ask(&with_key(&scene.agent, &nobodys(number))).await.problem(401);
    }
    for number in 5..15 {
        let reply = ask(&with_key(&scene.agent, &nobodys(number))).await;
        assert!(assert_limited(&reply, "wrong_keys") <= 3600);
    }
    // The agent's key and the platform's were right lately.
    ask(&scene.agent).await.ok();
    scene.workspace.get("/v1/agents").await;
    // Nobody believes a stranger who says that it is somebody else.
    let told =
        with_key(&scene.agent, &nobodys(20)).request().header("x-forwarded-for", "192.0.2.1");
    assert_limited(&told.json(&json!({})).send().await, "wrong_keys");
    let log = String::from_utf8(scene.hubs[0].log()).unwrap();
    assert_eq!(log.matches("VALETKEY_TRUSTED_PROXIES").count(), 1, "and the log says why, once");
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_trusted_proxy_each_client_counts_for_itself() {
    let scene = scene(&[
        ("VALETKEY_RATE_WRONG_KEYS", "1/h,burst=3"),
        ("VALETKEY_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8"),
    ])
    .await;
    let guess = async |forwarded: &str| {
        let agent = with_key(&scene.agent, &nobodys(1));
        let request = agent.request().header("x-forwarded-for", forwarded);
        request.json(&json!({})).send().await.status
    };
    for _ in 0..3 {
        assert_eq!(guess("192.0.2.1").await, 401);
    }
    assert_eq!(guess("192.0.2.1").await, 429);
    assert_eq!(guess("198.51.100.9, 192.0.2.1, 10.1.2.3").await, 429, "the rightmost stranger");
    assert_eq!(guess("192.0.2.1, 198.51.100.9").await, 401, "another client");
    for host in 1..=3 {
        assert_eq!(guess(&format!("2001:db8:0:1::{host}")).await, 401);
    }
    assert_eq!(guess("2001:db8:0:1:ffff::9").await, 429, "one IPv6 customer");
    assert_eq!(guess("2001:db8:0:2::1").await, 401, "another");
}

#[tokio::test(flavor = "multi_thread")]
async fn connect_pages_are_limited_by_source_with_a_page() {
    let scene = scene(&[("VALETKEY_RATE_PAGES", "1/h,burst=4")]).await;
    let public = scene.hubs[0].public_url().to_owned();
    let open = async |method: &str, path: &str| {
        let request = Request::new(method, format!("{public}{path}"));
        request.form(&[("token".to_owned(), "none".to_owned())]).send().await
    };
    for (method, path) in [
        ("GET", "/connect/none"),
        ("POST", "/connect"),
        ("GET", "/oauth/callback/none"),
        ("GET", "/connect/review"),
    ] {
        assert_ne!(open(method, path).await.status, 429, "{path}");
    }
    for (method, path) in
        [("GET", "/connect/none"), ("POST", "/connect"), ("GET", "/connect/status")]
    {
        let reply = open(method, path).await;
        assert_eq!(reply.status, 429, "{path}");
        assert!(reply.header("content-type").unwrap().starts_with("text/html"));
        assert!(reply.header("content-security-policy").unwrap().contains("default-src 'none'"));
        let wait: u64 = reply.header("retry-after").expect("Retry-After").parse().unwrap();
        assert!((1..=3600).contains(&wait) && reply.text().contains(&wait.to_string()));
    }
    assert_eq!(open("GET", "/connect/assets/connect.css").await.status, 200);
    ask(&scene.agent).await.ok();
}

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

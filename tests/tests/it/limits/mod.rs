//! Limits: who asks too often, too much or too slowly is told so, and nobody else notices.

mod bounds;

use serde_json::json;

use crate::harness::{
    Agent, Database, Scene,
    http::{Reply, Request, code},
    hub::Settings,
    scene::APP,
};

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

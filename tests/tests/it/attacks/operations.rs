//! Every operation of the hub's own document, asked by those who may not. A new one is attacked by itself,
//! or fails here until it is known how.

use serde_json::{Value, json};

use super::{
    Attack,
    document::{Document, Operation},
    things::Things,
    town::Town,
};
use crate::harness::{
    Platform,
    http::{Reply, Request},
    process,
};

/// What anybody may ask, and why. None of it stands in the document, which is of what keys are for.
const PUBLIC: [(&str, &str, &str); 10] = [
    ("GET", "/healthz", "says that the process runs, and no more"),
    ("GET", "/readyz", "says whether the database answers, and no more"),
    ("GET", "/openapi.json", "is the same in every hub"),
    ("GET", "/docs/", "is the same in every hub"),
    ("GET", "/", "is the same in every hub"),
    ("GET", "/connect/none", "a link's token is what lets one in; binds nothing"),
    ("POST", "/connect", "the same token in a form; binds the browser"),
    ("GET", "/connect/result", "shows the session of the browser's cookie"),
    ("GET", "/oauth/callback/none", "takes an answer for the session of the browser's cookie"),
    ("POST", "/oauth/callback/none", "asks the browser to bring the same by GET, and no more"),
];

/// What an agent's key may ask at all, and what it is told of things that are not its own; all else is 403.
const AGENTS: [(&str, u16); 4] = [
    ("POST /v1/token", 403),
    ("POST /v1/actions/{name}", 403),
    ("GET /v1/actions", 200),
    ("GET /v1/connect-sessions/{session}", 404),
];

/// What only the platform's keys may ask.
fn is_platforms(operation: &Operation) -> bool {
    let path = operation.path.as_str();
    path.starts_with("/v1/platform-keys")
        || path == "/v1/workspaces"
        || (path == "/v1/workspaces/{workspace}" && operation.method != "GET")
}

/// Whether a workspace's key acts on its own things only, whatever it names: without a thing in the path,
/// or to make one of that name.
fn is_in_own_names(operation: &Operation) -> bool {
    operation.parameters().next().is_none()
        || (operation.method == "PUT" && operation.parameters().count() == 1)
}

/// A request without a key yet.
struct Case {
    operation: Operation,
    address: String,
    body: Option<Value>,
}

impl Case {
    async fn ask(&self, caller: &Platform, headers: &[(&str, &str)]) -> Reply {
        self.send(caller.request(&self.operation.method, &self.address), headers).await
    }

    async fn send(&self, mut request: Request, headers: &[(&str, &str)]) -> Reply {
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some(body) = &self.body {
            request = request.json(body);
        }
        request.send().await
    }

    fn name(&self) -> String {
        format!("{} {}", self.operation.method, self.address)
    }
}

struct Stage {
    town: Town,
    things: Things,
    cases: Vec<Case>,
    operations: usize,
}

impl Stage {
    async fn set() -> Self {
        let town = Town::start().await;
        let things = Things::make(&town).await;
        let url = format!("{}/openapi.json", town.hub.address());
        let document = Document(Request::new("GET", url).send().await.ok());
        let mut operations = document.operations();
        assert!(operations.len() >= 40, "only {} operations in the document", operations.len());
        // What makes things in a stranger's own workspace comes after what would find them there.
        let order = |operation: &Operation| {
            ["GET", "DELETE", "PATCH", "POST", "PUT"]
                .iter()
                .position(|method| *method == operation.method)
        };
        operations.sort_by_key(order);
        let mut cases = Vec::new();
        for operation in &operations {
            for address in things.addresses(operation) {
                let body = things.body(&document, operation);
                cases.push(Case { operation: operation.clone(), address, body });
            }
        }
        Self { town, things, cases, operations: operations.len() }
    }

    fn no_data(&self, what: &str, reply: &Reply, sent: &Case) {
        let text = reply.text();
        let told = sent.body.as_ref().map(Value::to_string).unwrap_or_default() + &sent.address;
        for secret in self.things.secrets() {
            // A refusal may repeat what the stranger said himself.
            assert!(
                !text.contains(secret) || told.contains(secret),
                "{what}: {}: tells {secret}: {text}",
                sent.name()
            );
        }
    }
}

/// Those who may not.
struct Callers {
    /// Keys that are none, or none any more.
    bad: Vec<(&'static str, Platform)>,
    /// Another workspace's key, and its agent's.
    stranger: Platform,
    strangers_agent: Platform,
    /// Of the workspace itself: an agent without a policy, its own key, and a platform key of another role.
    agent: Platform,
    own: Platform,
    import: Platform,
}

impl Callers {
    async fn make(stage: &Stage) -> Self {
        let (town, first) = (&stage.town, &stage.things.workspace);
        let slug = first.slug();
        for agent in ["lesser", "retired"] {
            first.put_agent(agent).await;
        }
        let stranger = town.platform.workspace("stranger").await;
        stranger.put_agent("nobody").await;
        let of_workspace = format!("/v1/workspaces/{slug}/keys");
        let nobodys = format!("vk_ws_abcdefgh_{}", "A".repeat(43));
        Self {
            bad: vec![
                ("a key that nobody has", town.with_key(&nobodys)),
                ("a revoked key of the workspace", revoked(town, &of_workspace, None).await),
                ("a revoked key of the platform", revoked(town, "/v1/platform-keys", None).await),
                (
                    "a revoked key of an agent",
                    revoked(town, "/v1/agents/retired/keys", Some(slug)).await,
                ),
            ],
            stranger: town.key_of(&stranger).await,
            strangers_agent: town.with_key(&stranger.agent("nobody").await.key),
            agent: town.with_key(&first.agent("lesser").await.key),
            own: town.key_of(first).await,
            import: town.platform_key(&["import"]).await,
        }
    }
}

/// A key that was made at `path` and revoked there.
async fn revoked(town: &Town, path: &str, workspace: Option<&str>) -> Platform {
    let ask = |method: &str, path: &str| {
        let request = town.platform.request(method, path);
        match workspace {
            Some(workspace) => request.header("x-valetkey-workspace", workspace),
            None => request,
        }
    };
    let mut body = json!({ "name": "revoked" });
    if path.ends_with("platform-keys") {
        body["roles"] = json!(["provision", "sessions", "agent", "import"]);
    }
    let made = ask("POST", path).json(&body).send().await.ok();
    ask("DELETE", &format!("{path}/{}", made["id"].as_str().unwrap())).send().await.ok();
    town.with_key(made["secret"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_every_operation_is_closed_to_those_who_may_not() {
    let mut attack = Attack::new("every_operation");
    let stage = Stage::set().await;
    let callers = Callers::make(&stage).await;
    let before = stage.things.state().await;
    for case in &stage.cases {
        without_a_good_key(&stage, &callers, case, &mut attack).await;
        from_another_workspace(&stage, &callers, case, &mut attack).await;
        with_a_lesser_key(&stage, &callers, case, &mut attack).await;
    }
    for (what, after) in stage.things.state().await {
        assert_eq!(after, before[&what], "an attempt changed {what}");
    }
    the_right_key_opens_each(&stage, &mut attack).await;
    process::show(&format!("{} operations, all of the document, were attacked", stage.operations));
}

/// No key, no real key, and keys that were revoked.
async fn without_a_good_key(stage: &Stage, callers: &Callers, case: &Case, attack: &mut Attack) {
    let name = case.name();
    let bare = || {
        let url = format!("{}{}", stage.town.hub.address(), case.address);
        Request::new(&case.operation.method, url)
    };
    case.send(bare(), &[]).await.problem(401);
    attack.refused(format!("{name} without a key"));
    let key = format!("Basic {}", stage.town.settings.platform_key);
    case.send(bare(), &[("authorization", &key)]).await.problem(401);
    attack.refused(format!("{name} with another scheme"));
    for (what, caller) in &callers.bad {
        let reply = case.ask(caller, &[]).await;
        assert_eq!(reply.status, 401, "{what}: {name}: {}", reply.text());
        attack.refused(format!("{name} with {what}"));
    }
}

/// Another workspace's key, and its agent's, on what the first one has.
async fn from_another_workspace(
    stage: &Stage,
    callers: &Callers,
    case: &Case,
    attack: &mut Attack,
) {
    let name = case.name();
    let closed = |reply: &Reply| {
        assert!(matches!(reply.status, 403 | 404), "{name}: {}: {}", reply.status, reply.text());
    };
    for caller in [&callers.stranger, &callers.strangers_agent] {
        let reply =
            case.ask(caller, &[("x-valetkey-workspace", stage.things.workspace.slug())]).await;
        closed(&reply);
        stage.no_data("the first one's name in the header", &reply, case);
        attack.refused(format!("{name} with a stranger's key and the workspace's name"));
    }
    let reply = case.ask(&callers.strangers_agent, &[]).await;
    let open = AGENTS.iter().any(|(one, told)| *told == 200 && *one == case.operation.name());
    // What any agent may ask is answered of its own workspace.
    if !open {
        closed(&reply);
    }
    stage.no_data("a stranger's agent", &reply, case);
    attack.refused(format!("{name} with the key of a stranger's agent"));
    let reply = case.ask(&callers.stranger, &[]).await;
    stage.no_data("a stranger's key", &reply, case);
    if is_in_own_names(&case.operation) && !is_platforms(&case.operation) {
        assert!(reply.status < 500, "{name}: {}: {}", reply.status, reply.text());
    } else {
        closed(&reply);
    }
    attack.refused(format!("{name} with a stranger's key"));
}

/// The workspace's own agent, its own key on what is the platform's, and a platform key of another role.
async fn with_a_lesser_key(stage: &Stage, callers: &Callers, case: &Case, attack: &mut Attack) {
    let name = case.name();
    let may = AGENTS.iter().find(|(operation, _)| *operation == case.operation.name());
    let reply = case.ask(&callers.agent, &[]).await;
    let expected = may.map_or(403, |(_, told)| *told);
    assert_eq!(reply.status, expected, "an agent: {name}: {}", reply.text());
    attack.refused(format!("{name} with an agent's key"));
    if is_platforms(&case.operation) {
        let reply = case.ask(&callers.own, &[]).await;
        assert_eq!(reply.status, 403, "a workspace: {name}: {}", reply.text());
        attack.refused(format!("{name} with the workspace's own key"));
    }
    let headers = [
        ("x-valetkey-workspace", stage.things.workspace.slug()),
        ("x-valetkey-agent", "agent-of-first"),
    ];
    let reply = case.ask(&callers.import, &headers).await;
    assert_eq!(reply.status, 403, "a platform key of another role: {name}: {}", reply.text());
    attack.refused(format!("{name} with a platform key of another role"));
}

/// The control: the same requests by the platform, acting in the workspace. What ends something comes
/// last, the innermost first.
async fn the_right_key_opens_each(stage: &Stage, attack: &mut Attack) {
    let mut cases: Vec<&Case> = Vec::new();
    for case in &stage.cases {
        let by_slug = case.operation.method == "PUT";
        let known = cases.iter_mut().find(|known| known.operation.name() == case.operation.name());
        match known {
            // What makes something is named by its slug.
            Some(known) if by_slug => *known = case,
            Some(_) => {}
            None => cases.push(case),
        }
    }
    assert_eq!(cases.len(), stage.operations);
    let depth = |case: &&Case| case.address.matches('/').count();
    let is_owner = |case: &&Case| {
        let path = case.operation.path.as_str();
        (path.starts_with("/v1/workspaces"), path.starts_with("/v1/platform"))
    };
    cases.sort_by_key(|case| {
        (case.operation.method == "DELETE", is_owner(case), usize::MAX - depth(case))
    });
    let slug = stage.things.workspace.slug();
    let headers = [("x-valetkey-workspace", slug), ("x-valetkey-agent", "agent-of-first")];
    for case in cases {
        let reply = case.ask(&stage.town.platform, &headers).await;
        let works = (200..400).contains(&reply.status) || reply.status == 409;
        assert!(
            works,
            "{}: the control does not work ({}): {}",
            case.name(),
            reply.status,
            reply.text()
        );
        attack.works(case.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_what_is_public_tells_nothing_and_what_is_not_documented_is_not_there() {
    let mut attack = Attack::new("public_operations");
    let town = Town::start().await;
    let document =
        Request::new("GET", format!("{}/openapi.json", town.hub.address())).send().await.ok();
    let document = Document(document);
    for (method, path, why) in PUBLIC {
        let url = format!("{}{path}", town.hub.public_url());
        let reply = Request::new(method, url)
            .header("host", town.hub.public_url().trim_start_matches("http://"))
            .send()
            .await;
        assert_ne!(reply.status, 401, "{method} {path}: {why}");
        assert!(reply.status < 500, "{method} {path}: {}", reply.text());
        assert!(
            document.operations().iter().all(|one| one.path != path),
            "{path} is documented as public"
        );
        attack.works(format!("{method} {path} {why}"));
    }
    // Each documented address with every other method.
    for operation in document.operations() {
        let taken: Vec<_> = document
            .operations()
            .into_iter()
            .filter(|one| one.path == operation.path)
            .map(|one| one.method)
            .collect();
        for method in ["GET", "PUT", "POST", "DELETE", "PATCH", "TRACE", "CONNECTX"] {
            if taken.iter().any(|one| one == method) {
                continue;
            }
            let path = operation.path.replace(['{', '}'], "");
            let reply = town.platform.request(method, &path).send().await;
            assert_eq!(reply.status, 405, "{method} {path}: {}", reply.text());
            attack.refused(format!("{method} {}", operation.path));
        }
    }
    for path in [
        "/v1",
        "/v1/",
        "/v1/agents/",
        "/v1/agents//",
        "/v2/agents",
        "/V1/agents",
        "/metrics/../v1/agents",
        "/debug/pprof",
        "/.env",
        "/admin",
    ] {
        let request = Request::new("GET", format!("{}{path}", town.hub.address()));
        let reply = request.send().await;
        assert!((400..500).contains(&reply.status), "{path}: {}: {}", reply.status, reply.text());
        attack.refused(format!("GET {path}"));
    }
}

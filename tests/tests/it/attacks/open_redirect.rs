//! The browser carries a code at the end of a link: nobody but the workspace says where to.

use serde_json::json;

use super::{
    Attack,
    raw::Wire,
    town::Town,
    way::{Way, with},
};
use crate::harness::{
    Browser, Workspace,
    browser::End,
    http::{Request, code},
    platform::RETURN_URL,
};

/// What the workspace allows, besides [`RETURN_URL`]: one page, and all that is below another.
const ALLOWED: [&str; 3] = ["https://chat.example/linked", "https://chat.example/app/", RETURN_URL];

/// What looks like an allowed one to somebody.
#[rustfmt::skip]
const EVIL: [(&str, &str); 44] = [
    ("another host", "https://evil.example/linked"),
    ("no scheme", "//evil.example/linked"),
    ("no scheme, backslashes", r"\\evil.example\linked"),
    ("a slash and a backslash", r"/\evil.example/linked"),
    ("no host", "/linked"),
    ("nothing", ""),
    ("the host as a user", "https://chat.example@evil.example/linked"),
    ("the host as user and password", "https://chat.example:x@evil.example/linked"),
    ("a user at the right host", "https://ana@chat.example/linked"),
    ("user and password at the right host", "https://ana:pw@chat.example/linked"),
    ("an empty user", "https://:@chat.example/linked?"),
    ("the host as a label", "https://chat.example.evil.example/linked"),
    ("the host as a suffix", "https://evilchat.example/linked"),
    ("an encoded dot in the host", "https://chat.example%2eevil.example/linked"),
    ("an encoded slash in the host", "https://evil.example%2f.chat.example/linked"),
    ("the address in a path", "https://evil.example/https://chat.example/linked"),
    ("the address in a query", "https://evil.example?https://chat.example/linked"),
    ("the address in a fragment", "https://evil.example#https://chat.example/linked"),
    ("a backslash before the at", r"https://evil.example\@chat.example/linked"),
    ("a backslash after the host", r"https://chat.example\@evil.example/linked"),
    ("no slashes", "https:evil.example/linked"),
    ("three slashes", "https:///evil.example/linked"),
    ("in clear", "http://chat.example/linked"),
    ("a script", "javascript:alert(1)//https://chat.example/linked"),
    ("data", "data:text/html,https://chat.example/linked"),
    ("a file", "file:///linked"),
    ("another port", "https://chat.example:8443/linked"),
    ("another port of this machine", "http://localhost:10/linked"),
    ("another name of this machine", "http://127.0.0.1:9/linked"),
    ("a dot after the host", "https://chat.example./linked"),
    ("a letter that looks alike", "https://ch\u{430}t.example/linked"),
    ("another case of the path", "https://chat.example/Linked"),
    ("a slash more", "https://chat.example/linked/"),
    ("a slash fewer", "https://chat.example/app"),
    ("a fragment", "https://chat.example/linked#code"),
    ("up from a page", "https://chat.example/linked/../evil"),
    ("up from a prefix", "https://chat.example/app/../evil"),
    ("up, encoded dots", "https://chat.example/app/%2e%2e/evil"),
    ("up, an encoded slash", "https://chat.example/app/..%2fevil"),
    ("up, dots and slash encoded", "https://chat.example/app/%2e%2e%2Fevil"),
    ("up, an encoded backslash", "https://chat.example/app/..%5Cevil"),
    ("up, a backslash", r"https://chat.example/app/..\evil"),
    ("a code of the attacker's before the person's", "https://chat.example/linked?session=ses_x&code=stolen"),
    ("the same, encoded", "https://chat.example/app/?c%6fde=stolen"),
];

const GOOD: [&str; 6] = [
    "https://chat.example/linked",
    "https://chat.example/linked?tab=apps",
    "https://CHAT.example:443/linked",
    "https://chat.example/app/",
    "https://chat.example/app/room/7?x=../evil",
    RETURN_URL,
];

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_link_ends_where_the_workspace_allows() {
    let mut attack = Attack::new("open_redirect");
    let town = Town::start().await;
    let workspace = town.workspace("chatty").await;
    let settings = json!({ "name": "Chatty", "return_urls": ALLOWED });
    town.platform.put("/v1/workspaces/chatty", &settings).await;
    let agent = workspace.agent("assistant").await;
    for (what, url) in EVIL {
        let asked = json!({ "end_user": { "id": "ana" }, "return_url": url });
        let reply = workspace.send("POST", "/v1/connect-sessions", &asked).await;
        assert_eq!(reply.status, 422, "{what}: {}", reply.text());
        assert_eq!(code(&reply.problem(422)), "return_url_not_allowed", "{what}");
        let asked = json!({ "integration": "crm", "end_user": { "id": "ana" }, "return_url": url });
        let reply = agent.ask(&asked).await;
        assert_eq!(code(&reply.problem(422)), "return_url_not_allowed", "by an agent: {what}");
        attack.refused(what);
    }
    for blank in [
        " https://chat.example/linked",
        "https://chat.example/li\tnked",
        "https://chat\n.example/linked",
    ] {
        let asked = json!({ "end_user": { "id": "ana" }, "return_url": blank });
        workspace.send("POST", "/v1/connect-sessions", &asked).await.problem(422);
        attack.refused(format!("blanks: {blank:?}"));
    }
    for url in GOOD {
        let asked = json!({ "end_user": { "id": "ana" }, "return_url": url });
        workspace.post("/v1/connect-sessions", &asked).await;
        attack.works(url);
    }
    the_browser_can_not_be_turned_aside(&town, &workspace, &mut attack).await;
    another_host_leads_to_the_hub_alone(&town, &workspace, &mut attack).await;
}

/// Parameters that other servers would obey.
async fn the_browser_can_not_be_turned_aside(
    town: &Town,
    workspace: &Workspace,
    attack: &mut Attack,
) {
    let evil = "https://evil.example/";
    for name in ["redirect_uri", "return_url", "return_to", "next", "continue", "RelayState"] {
        let mut way = Way::of(workspace, "crm", "ana", Browser::of("ana")).await;
        let link = with(&way.url().parse().unwrap(), name, evil);
        let stop = |url: &url::Url| super::way::is_callback(url) || url.as_str().starts_with(evil);
        let End::At(answer) = way.browser.walk(link.as_str(), stop).await else { panic!("{name}") };
        assert!(answer.as_str().starts_with(town.hub.public_url()), "{name}: {answer}");
        assert!(!answer.as_str().contains("evil"), "{name}: {answer}");
        let forged = with(&answer, name, evil);
        let ends =
            |url: &url::Url| url.as_str().starts_with(RETURN_URL) || url.as_str().starts_with(evil);
        let End::At(back) = way.browser.walk(forged.as_str(), ends).await else { panic!("{name}") };
        assert!(
            back.as_str().starts_with(RETURN_URL) && !back.as_str().contains("evil"),
            "{name}: {back}"
        );
        attack.refused(format!("the parameter `{name}` on the link and on the answer"));
        attack.works(format!("the link itself, whatever `{name}` says"));
    }
}

/// A page under another name is sent to the hub's own, wherever the path seems to lead.
async fn another_host_leads_to_the_hub_alone(
    town: &Town,
    workspace: &Workspace,
    attack: &mut Attack,
) {
    let session = workspace.connect_session("crm", "ana").await;
    let token = session["token"].as_str().unwrap();
    let own = town.hub.public_url();
    for host in ["evil.example", "localhost.evil.example", "localhost", "localhost:1@evil.example"]
    {
        let url = format!("{}/connect/{token}", town.hub.address());
        let reply = Request::new("GET", url).header("host", host).send().await;
        let there = reply.header("location").unwrap_or_default();
        assert!(there.is_empty() || there == format!("{own}/connect/{token}"), "{host}: {there}");
        assert!(!reply.text().contains("evil.example"), "{host}: {}", reply.text());
        attack.refused(format!("the host {host}"));
    }
    let wire = Wire::to(town.hub.address());
    for target in [
        "//evil.example/",
        "/\\evil.example",
        "/.evil.example",
        "/connect/..//evil.example",
        "/connect/%0d%0aLocation:%20https:%2f%2fevil.example",
    ] {
        let text =
            format!("GET {target} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
        for answer in wire.send(text.as_bytes()).await {
            if let Some(there) = answer.header("location") {
                assert!(there.starts_with(&format!("{own}/")), "{target}: {there}");
            }
        }
        attack.refused(format!("the target {target}"));
    }
}

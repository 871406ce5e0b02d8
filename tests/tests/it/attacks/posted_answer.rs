//! An answer that comes by a form, from the provider's site, does nothing by itself: whoever posts it, the
//! browser that began has to bring it.

use crate::harness::{Browser, Database, Scene, browser::query, http::Request, scene::APP};

use super::{
    Attack,
    way::{Way, assert_page_refuses, assert_refuses, complete},
};

/// The answer as a provider's page posts it: with another origin, and without the hub's cookie.
fn posted(to: &url::Url, fields: &[(String, String)]) -> Request {
    let mut page = to.clone();
    page.set_query(None);
    Request::new("POST", page.as_str())
        .header("origin", "https://provider.example")
        .header("sec-fetch-site", "cross-site")
        .form(fields)
}

on_both_databases!(attack_a_posted_answer_is_worth_nothing_without_the_browser_that_began);
async fn attack_a_posted_answer_is_worth_nothing_without_the_browser_that_began(
    database: Database,
) {
    let mut attack = Attack::new("posted_answer");
    let scene = Scene::start(database).await;
    let mut ana = Way::own(&scene, "ana").await;
    let answer = ana.answer().await;
    let fields: Vec<(String, String)> = answer.query_pairs().into_owned().collect();

    let reply = posted(&answer, &fields).send().await;
    assert_eq!(reply.status, 303, "{}", reply.text());
    assert_eq!(reply.headers.get("set-cookie"), None);
    let back: url::Url = reply.header("location").unwrap().parse().unwrap();
    assert_eq!((back.origin(), back.path()), (answer.origin(), answer.path()));
    assert_eq!(query(&back, "code"), query(&answer, "code"));
    assert_page_refuses("another browser", &Browser::of("mallory").open(back.as_str()).await);
    attack.refused("the posted answer in a browser that did not begin");
    assert_eq!(scene.provider.stats().await["codes_exchanged"], 0);

    let many: Vec<_> = (0..60).map(|n| (format!("p{n}"), "x".to_owned())).collect();
    let large = [("code".to_owned(), "x".repeat(20_000))];
    for (what, fields) in [("no fields", &[][..]), ("too many", &many), ("too much", &large)] {
        assert_refuses(what, &posted(&answer, fields).send().await);
        attack.refused(format!("a form with {what}"));
    }
    let mut elsewhere = answer.clone();
    elsewhere.set_path("/oauth/callback/x%0d%0aset-cookie:a=b%2f..%2f");
    let reply = posted(&elsewhere, &fields).send().await;
    assert_eq!(reply.headers.get("set-cookie"), None);
    let there = reply.header("location").unwrap_or_default();
    assert!(
        there.is_empty() || there.starts_with(&answer.origin().ascii_serialization()),
        "{there}"
    );
    attack.refused("a form to an address that would lead elsewhere");

    let finished = ana.finish(&back).await;
    complete(&scene.workspace, &finished, "ana").await;
    scene.agent.token(APP, "ana").await;
    attack.works("the browser that began, asked to bring what was posted");
}

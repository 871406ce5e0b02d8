//! Mallory brings her own code, or somebody else's, to a browser that did not ask for it
//! (RFC 9700, section 4.5).

use super::{
    Attack,
    way::{Way, assert_page_refuses, complete, with},
};
use crate::harness::{
    Database, Scene,
    browser::query,
    scene::{APP, CLIENT},
};

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_code_of_another_flow_links_nothing() {
    let mut attack = Attack::new("code_injection");
    let scene = Scene::start(Database::sqlite()).await;
    let mut victim = Way::own(&scene, "ana").await;
    let own = victim.answer().await;
    let mut mallory = Way::own(&scene, "mallory").await;
    let hers = mallory.answer().await;

    // Her whole answer, state and all, in Ana's browser.
    let page = victim.browser.open(hers.as_str()).await;
    assert_page_refuses("an attacker's answer", &page);
    assert_eq!(scene.provider.stats().await["codes_exchanged"], 0);
    attack.refused("the attacker's code with the attacker's state in the victim's browser");

    // Ana's own answer still works: the attempt took nothing from her.
    let back = victim.finish(&own).await;
    complete(&scene.workspace, &back, "ana").await;
    scene.agent.token(APP, "ana").await;
    attack.works("the person's own code");

    // Her code under Ana's own state, in a new flow of Ana's: PKCE's verifier is not the code's.
    let mut victim = Way::own(&scene, "ana").await;
    let own = victim.answer().await;
    let mixed = with(&own, "code", &query(&hers, "code"));
    let page = victim.browser.open(mixed.as_str()).await;
    assert!(page.reply.status < 500 || page.reply.status == 503, "{}", page.reply.text());
    assert_nothing_linked(&scene, victim.id()).await;
    attack.refused("the attacker's code under the victim's own state");

    // Ana's code under Mallory's state, in Mallory's browser.
    let mut victim = Way::own(&scene, "ana").await;
    let stolen = victim.answer().await;
    let mut mallory = Way::own(&scene, "mallory").await;
    let hers = mallory.answer().await;
    mallory.browser.open(with(&hers, "code", &query(&stolen, "code")).as_str()).await;
    assert_nothing_linked(&scene, mallory.id()).await;
    attack.refused("a stolen code under the attacker's own state");

    // Two codes: which one would count?
    let mut mallory = Way::own(&scene, "mallory").await;
    let mut twice = mallory.answer().await;
    twice.query_pairs_mut().append_pair("code", "another");
    mallory.browser.open(twice.as_str()).await;
    assert_nothing_linked(&scene, mallory.id()).await;
    attack.refused("two codes in one answer");

    assert_eq!(scene.live_connections().await.len(), 1);
    assert_only_anas_tokens(&scene).await;
}

async fn assert_nothing_linked(scene: &Scene, session: &str) {
    let state = scene.workspace.get(&format!("/v1/connect-sessions/{session}")).await;
    let status = state["status"].as_str().unwrap();
    assert!(["linking", "failed"].contains(&status), "{state}");
    assert_eq!(state["connection"], serde_json::Value::Null, "{state}");
}

/// Nobody but Ana has anything, and it is her own account that she has.
async fn assert_only_anas_tokens(scene: &Scene) {
    let all = scene.live_connections().await;
    assert_eq!(all[0]["account"]["label"], "ana@example.com", "{all:?}");
    let token = scene.agent.token(APP, "ana").await;
    assert!(scene.provider.is_active(CLIENT, &token).await);
    let answer = scene.agent.ask_for(APP, "mallory").await.ok();
    assert_eq!(answer["status"], "connect_required", "{answer}");
}

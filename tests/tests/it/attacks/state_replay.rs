//! Forged and replayed answers (RFC 6749, section 10.12): an answer counts once, in the browser that was
//! sent for it.

use super::{
    Attack,
    rows::Rows,
    way::{Way, assert_page_refuses, complete, is_callback, with, without},
};
use crate::harness::{
    Browser, Database, Scene,
    browser::{End, query},
    scene::APP,
};

#[tokio::test(flavor = "multi_thread")]
async fn attack_an_answer_counts_once_and_in_its_own_browser() {
    let mut attack = Attack::new("csrf_and_replay_of_state");
    let scene = Scene::start(Database::sqlite()).await;
    let mut ana = Way::own(&scene, "ana").await;
    let answer = ana.answer().await;
    let state = query(&answer, "state");

    let page = Browser::of("mallory").open(answer.as_str()).await;
    assert_page_refuses("without a cookie", &page);
    attack.refused("the answer in a browser without a cookie");

    // Mallory's browser is bound to a flow of her own.
    let mut mallory = Way::own(&scene, "mallory").await;
    let hers = mallory.answer().await;
    assert_page_refuses("another cookie", &mallory.browser.open(answer.as_str()).await);
    attack.refused("the answer in a browser with another flow's cookie");

    for (what, forged) in forged_states(&state) {
        let page = ana.browser.open(with(&answer, "state", &forged).as_str()).await;
        assert_page_refuses(what, &page);
        attack.refused(what);
    }
    assert_page_refuses("no state", &ana.browser.open(without(&answer, "state").as_str()).await);
    attack.refused("no state");
    let mut twice = answer.clone();
    twice.query_pairs_mut().append_pair("state", &state);
    assert_page_refuses("the state twice", &ana.browser.open(twice.as_str()).await);
    attack.refused("the state twice");
    let hers_here = with(&answer, "state", &query(&hers, "state"));
    assert_page_refuses("another's state", &ana.browser.open(hers_here.as_str()).await);
    attack.refused("another flow's state");
    assert_eq!(scene.provider.stats().await["codes_exchanged"], 0);

    let back = ana.finish(&answer).await;
    assert_page_refuses("replayed at once", &ana.browser.open(answer.as_str()).await);
    attack.refused("the same answer again before completion");
    complete(&scene.workspace, &back, "ana").await;
    scene.agent.token(APP, "ana").await;
    attack.works("the first answer in its own browser");
    assert_page_refuses("replayed later", &ana.browser.open(answer.as_str()).await);
    attack.refused("the same answer again after completion");

    // A second attempt of the same browser ends the first one's state.
    let mut ben = Way::own(&scene, "ben").await;
    let first = ben.answer().await;
    let review = format!("{}/connect/review", scene.hubs[0].public_url());
    let end = ben.browser.walk(&review, is_callback).await;
    let End::At(second) = end else { panic!("{end:?}") };
    assert_page_refuses("a former state", &ben.browser.open(first.as_str()).await);
    attack.refused("the state of an attempt that was started anew");
    let back = ben.finish(&second).await;
    complete(&scene.workspace, &back, "ben").await;
    attack.works("the newer attempt's answer");
    an_ended_session_takes_no_answer(&scene, &mut attack).await;
    assert_eq!(scene.provider.stats().await["codes_exchanged"], 2);
    assert_eq!(scene.live_connections().await.len(), 2);
}

/// One that was cancelled, and one whose time ran out while the person was at the provider.
async fn an_ended_session_takes_no_answer(scene: &Scene, attack: &mut Attack) {
    let mut cleo = Way::own(scene, "cleo").await;
    let answer = cleo.answer().await;
    let review = format!("{}/connect/review", scene.hubs[0].public_url());
    let page = cleo.browser.open(&review).await;
    cleo.browser.submit(&page, "/connect/cancel").await;
    assert_page_refuses("a cancelled session", &cleo.browser.open(answer.as_str()).await);
    attack.refused("the state of a session that was cancelled");

    let mut dora = Way::own(scene, "dora").await;
    let answer = dora.answer().await;
    let sql = format!("UPDATE session SET expires_at = 1 WHERE id = '{}'", dora.id());
    Rows::of(&scene.database).await.change(&sql).await;
    assert_page_refuses("an expired session", &dora.browser.open(answer.as_str()).await);
    attack.refused("the state of a session whose time ran out");
}

/// The state with little or much changed.
fn forged_states(state: &str) -> [(&'static str, String); 6] {
    let changed = |at: usize| {
        let mut bytes = state.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    [
        ("the state's first character changed", changed(0)),
        ("the state's last character changed", changed(state.len() - 1)),
        ("the state in another case", flip_case(state)),
        ("the state and a blank", format!("{state} ")),
        ("an empty state", String::new()),
        ("a state of 8 kB", "A".repeat(8_000)),
    ]
}

fn flip_case(text: &str) -> String {
    let flip = |c: char| {
        if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }
    };
    text.chars().map(flip).collect()
}

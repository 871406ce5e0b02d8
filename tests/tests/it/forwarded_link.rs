//! Mallory has a link made for herself and sends it to Ana, who is signed in at the provider: Mallory's
//! agent must not get at Ana's account.

use std::time::Duration;

use crate::harness::{
    Browser, Database, Scene,
    browser::{End, query},
    http::code,
    platform::RETURN_URL,
    scene::{APP, CLIENT},
};

/// Nobody is linked, and Mallory's agent is told to link first.
async fn assert_nothing_gained(scene: &Scene) {
    assert_eq!(scene.live_connections().await.len(), 0);
    let answer = scene.agent.ask_for(APP, "mallory").await.ok();
    assert_eq!(answer["status"], "connect_required", "{answer}");
}

on_both_databases!(the_person_who_links_for_herself_is_linked);
async fn the_person_who_links_for_herself_is_linked(database: Database) {
    let scene = Scene::start(database).await;
    scene.link("mallory").await;
    scene.agent.token(APP, "mallory").await;
    assert_eq!(scene.live_connections().await.len(), 1);
}

on_both_databases!(a_link_that_another_finished_is_discarded);
async fn a_link_that_another_finished_is_discarded(database: Database) {
    let scene = Scene::start(database).await;
    let session = scene.workspace.connect_session(APP, "mallory").await;
    let (id, url) = (session["id"].as_str().unwrap(), session["url"].as_str().unwrap());

    // Ana opens what Mallory sent her, and goes through with it in her own browser.
    let back = Browser::of("ana").link(url, RETURN_URL).await;
    // The platform says who is signed in there.
    let refusal = scene.workspace.complete(id, &query(&back, "code"), "ana").await.problem(409);

    assert_eq!(code(&refusal), "wrong_end_user", "{refusal}");
    assert_nothing_gained(&scene).await;
    let state = scene.workspace.get(&format!("/v1/connect-sessions/{id}")).await;
    assert_eq!(state["status"], "failed", "{state}");
    assert_eq!(state["error"], "wrong_end_user", "{state}");
    // The code is spent: not even the right name helps now.
    let again = scene.workspace.complete(id, &query(&back, "code"), "mallory").await;
    assert!((400..500).contains(&again.status), "{}", again.text());
    assert_nothing_gained(&scene).await;
    assert_tokens_end(&scene).await;
}

/// What came from the provider for nobody is given back there.
async fn assert_tokens_end(scene: &Scene) {
    for _ in 0..120 {
        let mut alive = 0;
        for secret in scene.provider.secrets().await {
            alive += u32::from(scene.provider.is_active(CLIENT, &secret).await);
        }
        if alive == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("a minute later the discarded tokens still work");
}

on_both_databases!(a_link_belongs_to_the_browser_that_clicked_first);
async fn a_link_belongs_to_the_browser_that_clicked_first(database: Database) {
    let scene = Scene::start(database).await;
    let session = scene.workspace.connect_session(APP, "mallory").await;
    let url = session["url"].as_str().unwrap();

    // A chat program looks at the link first: that binds nothing.
    let preview = Browser::of("bot").open(url).await;
    assert_eq!(preview.reply.status, 200, "{}", preview.reply.text());
    assert_eq!(preview.reply.headers.get("set-cookie"), None);
    // Mallory goes as far as the provider's door, and sends Ana that address.
    let mut mallory = Browser::of("mallory");
    let issuer = scene.provider.issuer();
    let door = mallory.walk(url, |url| url.as_str().starts_with(issuer)).await;
    let End::At(door) = door else { panic!("{door:?}") };
    let mut ana = Browser::of("ana");
    let end = ana.walk(door.as_str(), |url| url.as_str().starts_with(RETURN_URL)).await;

    // Ana's browser comes back from the provider and is not the one that started.
    let End::On(page) = end else { panic!("Ana was let through: {end:?}") };
    assert!(page.url.path().starts_with("/oauth/callback/"), "{}", page.url);
    assert!((400..500).contains(&page.reply.status), "{}", page.reply.status);
    // Nor does the link itself open for her any more.
    let late = ana.open(url).await;
    assert!((400..500).contains(&late.reply.status), "{}", late.reply.status);
    assert_nothing_gained(&scene).await;
    let stats = scene.provider.stats().await;
    assert_eq!(stats["codes_exchanged"], 0, "Ana's code was used: {stats}");
}

on_both_databases!(a_session_is_not_completed_without_the_code_of_its_browser);
async fn a_session_is_not_completed_without_the_code_of_its_browser(database: Database) {
    let scene = Scene::start(database).await;
    let session = scene.workspace.connect_session(APP, "mallory").await;
    let (id, url) = (session["id"].as_str().unwrap(), session["url"].as_str().unwrap());
    let back = Browser::of("ana").link(url, RETURN_URL).await;
    let right = query(&back, "code");

    // Mallory's platform account has the session's id, but not what Ana's browser carries.
    let state = scene.workspace.get(&format!("/v1/connect-sessions/{id}")).await;
    assert!(!state.to_string().contains(&right), "the API tells the code: {state}");
    let guess = scene.workspace.complete(id, &"A".repeat(right.len()), "mallory").await;

    assert_eq!(code(&guess.problem(422)), "code_invalid");
    assert_nothing_gained(&scene).await;
}

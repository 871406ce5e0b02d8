//! Two browsers and one link. Mallory has a link made for herself and sends it to Ana, who is signed in at
//! the provider; or she gets hold of the link that was made for Ana. Neither may get at the other's account.

use std::time::Duration;

use super::{
    Attack,
    way::{Way, assert_page_refuses, assert_refuses, complete},
};
use crate::harness::{
    Browser, Database, Scene,
    browser::{End, query},
    http::code,
    platform::RETURN_URL,
    scene::{APP, CLIENT},
};

/// Nobody is linked, and this person's agent is told to link first.
async fn assert_nothing_gained(scene: &Scene, person: &str) {
    assert_eq!(scene.live_connections().await.len(), 0);
    let answer = scene.agent.ask_for(APP, person).await.ok();
    assert_eq!(answer["status"], "connect_required", "{answer}");
}

/// The honest way: one person, one browser.
async fn link_honestly(scene: &Scene, attack: &mut Attack, person: &str) {
    scene.link(person).await;
    scene.agent.token(APP, person).await;
    assert_eq!(scene.live_connections().await.len(), 1);
    attack.works("the person who links for herself is linked");
}

on_both_databases!(attack_a_link_that_another_finished_is_discarded);
async fn attack_a_link_that_another_finished_is_discarded(database: Database) {
    let mut attack = Attack::new("link_fixation_forwarded");
    let scene = Scene::start(database).await;
    let session = scene.workspace.connect_session(APP, "mallory").await;
    let (id, url) = (session["id"].as_str().unwrap(), session["url"].as_str().unwrap());

    // Ana opens what Mallory sent her, and goes through with it in her own browser.
    let back = Browser::of("ana").link(url, RETURN_URL).await;
    // The platform says who is signed in there.
    let refusal = scene.workspace.complete(id, &query(&back, "code"), "ana").await.problem(409);

    assert_eq!(code(&refusal), "wrong_end_user", "{refusal}");
    assert_nothing_gained(&scene, "mallory").await;
    attack.refused("Ana finishes Mallory's link");
    let state = scene.workspace.get(&format!("/v1/connect-sessions/{id}")).await;
    assert_eq!(state["status"], "failed", "{state}");
    assert_eq!(state["error"], "wrong_end_user", "{state}");
    // The code is spent: not even the right name helps now.
    let again = scene.workspace.complete(id, &query(&back, "code"), "mallory").await;
    assert_refuses("the spent code", &again);
    assert_nothing_gained(&scene, "mallory").await;
    attack.refused("the discarded code with Mallory's own name");
    assert_tokens_end(&scene).await;
    link_honestly(&scene, &mut attack, "mallory").await;
}

/// What came from the provider for nobody is given back there.
async fn assert_tokens_end(scene: &Scene) {
    for _ in 0..240 {
        let mut alive = 0;
        for secret in scene.provider.secrets().await {
            alive += u32::from(scene.provider.is_active(CLIENT, &secret).await);
        }
        if alive == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    panic!("a minute later the discarded tokens still work");
}

on_both_databases!(attack_a_link_of_another_that_mallory_opened_gives_her_account_to_nobody);
async fn attack_a_link_of_another_that_mallory_opened_gives_her_account_to_nobody(
    database: Database,
) {
    let mut attack = Attack::new("link_fixation_stolen");
    let scene = Scene::start(database).await;
    // Made for Ana; Mallory gets hold of it and links her own account, for Ana's agent to work with.
    let mut stolen = Way::of(&scene.workspace, APP, "ana", Browser::of("mallory")).await;
    let answer = stolen.answer().await;
    let back = stolen.finish(&answer).await;
    let finished = query(&back, "code");

    // Ana's own click comes too late: she sees that the link was used, and binds nothing.
    let mut anas = Browser::of("ana");
    assert_page_refuses("a used link", &anas.open(stolen.url()).await);
    assert_eq!(anas.cookies(), Vec::<String>::new());
    // The code came to Mallory's browser, and Mallory is who is signed in there.
    let refusal = scene.workspace.complete(stolen.id(), &finished, "mallory").await.problem(409);
    assert_eq!(code(&refusal), "wrong_end_user", "{refusal}");
    assert_nothing_gained(&scene, "ana").await;
    attack.refused("Mallory finishes Ana's link");
    // Even if she makes Ana's browser bring it, it is spent.
    let again = scene.workspace.complete(stolen.id(), &finished, "ana").await;
    assert_refuses("the spent code", &again);
    assert_nothing_gained(&scene, "ana").await;
    attack.refused("the discarded code in Ana's browser");

    let mut ana = Way::own(&scene, "ana").await;
    let answer = ana.answer().await;
    let back = ana.finish(&answer).await;
    complete(&scene.workspace, &back, "ana").await;
    let connections = scene.live_connections().await;
    assert_eq!(connections[0]["account"]["label"], "ana@example.com", "{connections:?}");
    attack.works("Ana's next link, in her own browser");
}

on_both_databases!(attack_a_link_belongs_to_the_browser_that_clicked_first);
async fn attack_a_link_belongs_to_the_browser_that_clicked_first(database: Database) {
    let mut attack = Attack::new("link_fixation_half_way");
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
    assert_page_refuses("another browser's answer", &page);
    attack.refused("Ana finishes what Mallory began");
    // Nor does the link itself open for her any more.
    assert_page_refuses("a bound link", &ana.open(url).await);
    attack.refused("Ana opens the link that Mallory's browser is bound to");
    assert_nothing_gained(&scene, "mallory").await;
    let stats = scene.provider.stats().await;
    assert_eq!(stats["codes_exchanged"], 0, "Ana's code was used: {stats}");
    link_honestly(&scene, &mut attack, "mallory").await;
}

on_both_databases!(attack_a_session_is_not_completed_without_the_code_of_its_browser);
async fn attack_a_session_is_not_completed_without_the_code_of_its_browser(database: Database) {
    let mut attack = Attack::new("completion_without_the_code");
    let scene = Scene::start(database).await;
    let session = scene.workspace.connect_session(APP, "mallory").await;
    let (id, url) = (session["id"].as_str().unwrap(), session["url"].as_str().unwrap());
    let back = Browser::of("ana").link(url, RETURN_URL).await;
    let right = query(&back, "code");

    // Mallory's platform account has the session's id, but not what Ana's browser carries.
    let state = scene.workspace.get(&format!("/v1/connect-sessions/{id}")).await;
    assert!(!state.to_string().contains(&right), "the API tells the code: {state}");
    attack.refused("reading the code from the API");
    let guesses = [
        ("a guess", "A".repeat(right.len())),
        ("no code", String::new()),
        ("half of the code", right[..right.len() / 2].to_owned()),
        ("the code and more", format!("{right}A")),
        ("the link's own token", session["token"].as_str().unwrap().to_owned()),
    ];
    for (what, guess) in guesses {
        let reply = scene.workspace.complete(id, &guess, "mallory").await;
        assert_eq!(code(&reply.problem(422)), "code_invalid", "{what}");
        attack.refused(what);
    }
    assert_nothing_gained(&scene, "mallory").await;
    link_honestly(&scene, &mut attack, "mallory").await;
}

//! A browser that started at one provider, or with one client, brings the answer of another
//! (RFC 9700, section 4.4; RFC 9207).

use serde_json::json;
use url::Url;

use super::{
    Attack,
    way::{Way, assert_page_refuses, complete, with, without},
};
use crate::harness::{
    Browser, Database, Playground, Scene,
    browser::query,
    scene::{APP, CLIENT},
};

#[tokio::test(flavor = "multi_thread")]
async fn attack_an_answer_of_another_client_or_provider_is_not_used() {
    let mut attack = Attack::new("mix_up");
    let mut scene = Scene::start(Database::sqlite()).await;
    let acme = Playground::start().await;
    let (second, at_acme) = more_clients(&mut scene, &acme).await;

    // The first client's answer at the other clients' redirect URIs: nobody is told the code.
    let mut ana = Way::own(&scene, "ana").await;
    let answer = ana.answer().await;
    for (what, client) in [("the second client", &second), ("the client at Acme", &at_acme)] {
        let page = ana.browser.open(at(&answer, client).as_str()).await;
        assert_page_refuses(what, &page);
        attack.refused(format!("an answer at the redirect URI of {what}"));
    }
    assert_eq!(scene.provider.stats().await["grant_errors"], json!({}));
    let back = ana.finish(&answer).await;
    complete(&scene.workspace, &back, "ana").await;
    scene.agent.token(APP, "ana").await;
    attack.works("the answer at its own client's redirect URI");

    // Codes of others under the first client's own state and address.
    let others = [
        ("a code of the second client", code_of(&scene, "second").await),
        ("a code of Acme's", code_of(&scene, "crm").await),
    ];
    for (what, theirs) in others {
        let mut ben = Way::own(&scene, "ben").await;
        let own = ben.answer().await;
        ben.browser.open(with(&own, "code", &query(&theirs, "code")).as_str()).await;
        assert_unlinked(&scene, &ben).await;
        attack.refused(what);
    }

    // The provider says in each answer who it is; another name is not believed, and the code not sent.
    let before = scene.provider.stats().await;
    for (what, forge) in wrong_issuers(scene.provider.issuer(), &acme) {
        let mut ben = Way::own(&scene, "ben").await;
        let answer = ben.answer().await;
        assert_eq!(query(&answer, "iss"), scene.provider.issuer());
        ben.browser.open(forge(&answer).as_str()).await;
        assert_unlinked(&scene, &ben).await;
        attack.refused(what);
    }
    let after = scene.provider.stats().await;
    for count in ["codes_exchanged", "grant_errors"] {
        assert_eq!(after[count], before[count], "a code went to the provider: {after}");
    }
    assert_eq!(scene.live_connections().await.len(), 1);
    let token = scene.agent.token(APP, "ana").await;
    assert!(scene.provider.is_active(CLIENT, &token).await);
}

type Forge = Box<dyn Fn(&Url) -> Url>;

fn wrong_issuers(issuer: &str, acme: &Playground) -> Vec<(&'static str, Forge)> {
    let named = |name: String| -> Forge { Box::new(move |answer| with(answer, "iss", &name)) };
    let own = issuer.to_owned();
    vec![
        ("the issuer of Acme", named(format!("http://localhost:{}", acme.port()))),
        ("an issuer of the attacker's", named("https://evil.example".to_owned())),
        ("the issuer with a slash more", named(format!("{issuer}/"))),
        ("an empty issuer", named(String::new())),
        ("no issuer", Box::new(|answer| without(answer, "iss"))),
        (
            "two issuers",
            Box::new(move |answer| {
                let mut twice = answer.clone();
                twice.query_pairs_mut().append_pair("iss", &own);
                twice
            }),
        ),
    ]
}

/// A second client at the same provider and one at Acme, each with its integration; the clients' ids.
async fn more_clients(scene: &mut Scene, acme: &Playground) -> (String, String) {
    let workspace = &scene.workspace;
    let oidc = json!({ "provider": "generic-oidc", "client_id": "second", "client_secret": "second-secret" });
    let second = workspace.put("/v1/clients/second", &oidc).await;
    let redirect_uri = second["redirect_uri"].as_str().unwrap();
    scene.provider.put_client("second", "second-secret", redirect_uri).await;
    let integration = json!({
        "provider": "generic-oidc",
        "client": "second",
        "scopes": ["openid", "offline_access", "email"],
        "settings": { "issuer": scene.provider.issuer() },
    });
    workspace.put("/v1/integrations/second", &integration).await;
    let client = json!({ "provider": "acme", "client_id": "acme-demo", "client_secret": "acme-demo-secret" });
    let at_acme = workspace.put("/v1/clients/acme", &client).await;
    let integration = json!({
        "provider": "acme",
        "client": "acme",
        "scopes": ["crm.contacts.read"],
        "settings": { "port": acme.port() },
    });
    workspace.put("/v1/integrations/crm", &integration).await;
    let id = |client: &serde_json::Value| client["id"].as_str().unwrap().to_owned();
    (id(&second), id(&at_acme))
}

/// An answer that nobody has brought to the hub.
async fn code_of(scene: &Scene, app: &str) -> Url {
    Way::of(&scene.workspace, app, "ben", Browser::of("ben")).await.answer().await
}

/// The same answer at another client's address.
fn at(answer: &Url, client: &str) -> Url {
    let mut moved = answer.clone();
    moved.set_path(&format!("/oauth/callback/{client}"));
    moved
}

async fn assert_unlinked(scene: &Scene, way: &Way) {
    let state = scene.workspace.get(&format!("/v1/connect-sessions/{}", way.id())).await;
    assert_eq!(state["status"], "failed", "{state}");
}

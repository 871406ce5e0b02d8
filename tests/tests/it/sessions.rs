//! Apps that exchange what a person fills in for a session: the person's password stays with the hub, agents get
//! the session's token, and a new session begins before one ends.

use serde_json::{Value, json};

use crate::harness::{
    Browser, Database, Scene,
    browser::{End, query},
    http::Request,
    platform::RETURN_URL,
};

/// What the browser of these tests fills in as a password.
const PASSWORD: &str = "any password";

/// A provider at whose token endpoint a user and a password begin a session: what OAuth calls a client is a user
/// here.
async fn with_users(scene: &Scene, users: &[&str]) {
    for user in users {
        let client = json!({
            "client_secret": PASSWORD, "grant_types": ["client_credentials"],
            "redirect_uris": [], "response_types": [],
        });
        let url = format!("{}/_clients/{user}", scene.provider.issuer());
        Request::new("PUT", url).json(&client).send().await.ok();
    }
    let issuer = scene.provider.issuer();
    let manifest = format!(
        "slug = \"sessions\"\ndisplay_name = \"Sessions\"\ncategory = \"crm\"\n\
         auth.kind = \"session_exchange\"\nurls.token = \"{issuer}/token\"\nrefresh.class = \"static\"\n\
         session.params = {{ grant_type = \"client_credentials\" }}\n\
         session.basic = {{ user = \"{{login}}\", password = \"{{password}}\" }}\n\
         errors.dead = [{{ status = 401, path = \"error\", equals = \"invalid_client\" }}]\n\
         api.base = \"{issuer}\"\n\
         [[inputs]]\nname = \"login\"\nlabel = \"User\"\nrequired = true\n\
         [[inputs]]\nname = \"password\"\nlabel = \"Password\"\nsecret = true\nrequired = true\n"
    );
    scene.workspace.post("/v1/providers", &json!({ "manifest": manifest })).await;
    let integration = json!({ "provider": "sessions", "scopes": ["*"] });
    scene.workspace.put("/v1/integrations/sessions", &integration).await;
    scene.workspace.put_policy("sessions", "assistant", "sessions", &["*"]).await;
}

/// Fills in the form; where that leads.
async fn fill_in(scene: &Scene, person: &str) -> (Value, End) {
    let session = scene.workspace.connect_session("sessions", person).await;
    let url = session["url"].as_str().unwrap().to_owned();
    let end = Browser::of(person).walk(&url, |url| url.as_str().starts_with(RETURN_URL)).await;
    (session, end)
}

on_both_databases!(a_password_becomes_sessions_and_no_agent_sees_it);
async fn a_password_becomes_sessions_and_no_agent_sees_it(database: Database) {
    // Sessions of five seconds.
    let scene = Scene::with(database, crate::harness::hub::Settings::new(), 1, 5).await;
    with_users(&scene, &["ana"]).await;
    let (session, end) = fill_in(&scene, "ana").await;
    let back = match end {
        End::At(back) => back,
        End::On(page) => panic!("{}", page.reply.text()),
    };
    let id = session["id"].as_str().unwrap();
    scene.workspace.complete(id, &query(&back, "code"), "ana").await.ok();

    let first = scene.agent.ask_for("sessions", "ana").await.ok();
    assert_eq!(first["status"], "issued", "{first}");
    assert!(!first.to_string().contains(PASSWORD), "{first}");
    let token = first["access_token"].as_str().unwrap();
    assert_eq!(first["apply"]["headers"]["authorization"], format!("Bearer {token}"));
    assert!(scene.provider.secrets().await.iter().any(|known| known == token));

    // The next session begins before this one has ended, and then the next: nobody is asked again.
    let mut seen = vec![token.to_owned()];
    for _ in 0..60 {
        let next = scene.agent.token("sessions", "ana").await;
        if !seen.contains(&next) {
            seen.push(next);
        }
        if seen.len() == 3 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    assert_eq!(seen.len(), 3, "no new session begins");

    let mut stored = scene.database.dump();
    stored.extend(scene.hubs[0].files());
    stored.extend(scene.hubs[0].log());
    let text = String::from_utf8_lossy(&stored);
    assert!(text.contains("sessions") && !text.contains(PASSWORD), "the password is in clear");

    // The password is changed at the provider: from then on, and only then, the person is asked.
    let url = format!("{}/_clients/ana", scene.provider.issuer());
    let client = json!({
        "client_secret": "another one", "grant_types": ["client_credentials"],
        "redirect_uris": [], "response_types": [],
    });
    Request::new("PUT", url).json(&client).send().await.ok();
    let mut asked = Value::Null;
    for _ in 0..60 {
        asked = scene.agent.ask_for("sessions", "ana").await.json();
        if asked["status"] == "connect_required" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    assert_eq!(asked["reason"], "reauthorization_required", "{asked}");
}

on_both_databases!(a_wrong_password_links_nothing_and_is_told_on_the_page);
async fn a_wrong_password_links_nothing_and_is_told_on_the_page(database: Database) {
    let scene = Scene::start(database).await;
    with_users(&scene, &["ana"]).await;
    let (_, end) = fill_in(&scene, "ben").await;
    let End::On(page) = end else { panic!("linked") };
    assert!(page.reply.text().contains("does not accept this"), "{}", page.reply.text());
    assert!(!page.reply.text().contains(PASSWORD), "{}", page.reply.text());
    assert_eq!(scene.live_connections().await, [json!(null); 0]);
}

//! OAuth 1.0a from end to end, against a provider that verifies every signature with code of its own: a person
//! links, an agent's requests are signed one by one, and whoever attacks gets nothing.

use serde_json::{Value, json};
use url::Url;

use crate::harness::{
    Browser, Database,
    browser::{End, query},
    http::{Request, code},
    oauth1::{NOTES, NotesScene},
    platform::RETURN_URL,
};

fn header(issued: &Value) -> String {
    assert_eq!(issued["status"], "issued", "{issued}");
    issued["apply"]["headers"]["authorization"].as_str().unwrap().to_owned()
}

fn is_callback(url: &Url) -> bool {
    url.path().starts_with("/oauth/callback/")
}

/// The way to the provider and to the answer that its page gives.
async fn answer_of(scene: &NotesScene, browser: &mut Browser, person: &str) -> (Value, Url) {
    let session = scene.workspace.connect_session(NOTES, person).await;
    let end = browser.walk(session["url"].as_str().unwrap(), is_callback).await;
    let End::At(answer) = end else { panic!("{end:?}") };
    (session, answer)
}

/// The same address with another value of a parameter; none leaves it out.
fn with(url: &Url, name: &str, value: Option<&str>) -> Url {
    let mut other = url.clone();
    let rest: Vec<_> = url.query_pairs().into_owned().filter(|(known, _)| known != name).collect();
    other.query_pairs_mut().clear().extend_pairs(rest);
    if let Some(value) = value {
        other.query_pairs_mut().append_pair(name, value);
    }
    other
}

on_both_databases!(a_person_links_and_an_agent_sends_signed_requests);
async fn a_person_links_and_an_agent_sends_signed_requests(database: Database) {
    let scene = NotesScene::start(database).await;
    scene.allow("whole_token", &["*"]).await;
    let connection = scene.link("ana").await;
    let stats = scene.provider.stats().await;
    assert_eq!((&stats["exchanged"], &stats["refused"]), (&json!(1), &json!([])), "{stats}");

    let form = json!({ "text": "milk & bread = 2 €" });
    let question = scene.question("POST", "/api/notes?list=a%20b", &form);
    let issued = scene.agent.ask(&question).await.ok();
    assert_eq!((&issued["access_token"], &issued["token_type"]), (&Value::Null, &json!("OAuth")));
    assert_eq!(issued["connection"], connection.as_str());
    assert!(issued["expires_at"].is_string(), "it is for now alone: {issued}");
    let header = header(&issued);
    let url = question["request"]["url"].as_str().unwrap();
    let send = || {
        let fields = [("text".to_owned(), form["text"].as_str().unwrap().to_owned())];
        Request::new("POST", url).header("authorization", &header).form(&fields).send()
    };
    assert_eq!(send().await.ok()["notes"], json!(["milk & bread = 2 €"]));

    // The signature was for this one request: not again, and for no other.
    assert_eq!(send().await.status, 401);
    let other = format!("{}/api/secret", scene.provider.address);
    assert_eq!(
        Request::new("GET", other).header("authorization", &header).send().await.status,
        401
    );

    let chain = scene.workspace.audit().await;
    let told =
        chain.iter().any(|entry| entry.to_string().contains(issued["release"].as_str().unwrap()));
    assert!(told, "the hand-out is recorded");
    no_secret_is_anywhere(&scene, &[issued.to_string(), Value::from(chain).to_string()]).await;
}

/// Neither in what is stored and logged nor in what was answered.
async fn no_secret_is_anywhere(scene: &NotesScene, answers: &[String]) {
    let mut stored = scene.database.dump();
    stored.extend(scene.hub.files());
    let logged = scene.hub.log();
    assert!(logged.len() > 5_000, "nothing was logged, so nothing was searched");
    let holds =
        |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    let encoded =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let mut secrets = scene.provider.secrets().await;
    secrets.push(scene.client_secret.clone());
    for secret in &secrets {
        for form in [secret.clone(), encoded(secret)] {
            assert!(!holds(&stored, &form), "stored in clear: {form}");
            assert!(!holds(&logged, &form), "logged: {form}");
            // The token's name stands in the header; its secret and the client's do not.
            let is_name = secret.starts_with("token/");
            assert!(is_name || !answers.iter().any(|text| text.contains(&form)), "told: {form}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_without_a_request_is_told_what_to_send_and_one_with_another_gets_nothing() {
    let scene = NotesScene::start(Database::sqlite()).await;
    scene.allow("narrowed_token", &["notes.read"]).await;
    scene.link("ana").await;

    let bare = json!({ "integration": NOTES, "end_user": { "id": "ana" } });
    let problem = scene.agent.ask(&bare).await.problem(422);
    assert_eq!(code(&problem), "request_required", "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("`method`"), "{problem}");

    let ask = async |method: &str, path: &str| {
        scene.agent.ask(&scene.question(method, path, &json!({}))).await
    };
    let issued = ask("GET", "/api/notes").await.ok();
    let url = format!("{}/api/notes", scene.provider.address);
    let sent = Request::new("GET", url).header("authorization", &header(&issued)).send().await;
    assert_eq!(sent.ok()["user"], "ana");

    // What the scope does not open is denied, and recorded so.
    for (method, path) in
        [("POST", "/api/notes"), ("GET", "/api/secret"), ("GET", "/api/notes/../secret")]
    {
        let problem = ask(method, path).await.problem(403);
        assert_eq!(code(&problem), "policy_denied", "{path}: {problem}");
    }
    let denials = scene.workspace.audit().await;
    assert_eq!(denials.iter().filter(|entry| entry["kind"] == "denial").count(), 3);
    // What is not of this API is none.
    let elsewhere = |url: &str| {
        let mut question = scene.question("GET", "", &json!({}));
        question["request"]["url"] = json!(url);
        question
    };
    for url in [
        "https://evil.example/api/notes",
        "/api/notes",
        "not a url",
        "http://127.0.0.1:9/api/notes",
    ] {
        let problem = scene.agent.ask(&elsewhere(url)).await.problem(422);
        assert_eq!(code(&problem), "request_invalid", "{url}: {problem}");
    }
    let long = format!("{}/api/notes?{}", scene.provider.address, "a".repeat(9_000));
    assert_eq!(code(&scene.agent.ask(&elsewhere(&long)).await.problem(422)), "request_invalid");
    let stats = scene.provider.stats().await;
    assert_eq!(stats["accepted"], json!(["GET /api/me", "GET /api/notes"]), "{stats}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_a_wrong_secret_links_nothing() {
    let database = Database::sqlite();
    let scene = NotesScene::with(database, "a wrong secret", "the right secret".to_owned()).await;
    let session = scene.workspace.connect_session(NOTES, "ana").await;
    let mut browser = Browser::of("ana");
    let end = browser.walk(session["url"].as_str().unwrap(), is_callback).await;
    let End::On(page) = end else { panic!("{end:?}") };
    assert!(page.reply.text().contains("refuses the OAuth client"), "{}", page.reply.text());
    let stats = scene.provider.stats().await;
    assert_eq!(stats["exchanged"], 0);
    assert_eq!(stats["refused"][0], "POST /request_token: a wrong signature", "{stats}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_counts_once_for_who_began_and_for_what_was_begun() {
    let scene = NotesScene::start(Database::sqlite()).await;
    scene.allow("whole_token", &["*"]).await;
    let (mut ana, mut mallory) = (Browser::of("ana"), Browser::of("mallory"));
    let (session, answer) = answer_of(&scene, &mut ana, "ana").await;
    let (_, hers) = answer_of(&scene, &mut mallory, "mallory").await;
    assert!(query(&answer, "state").len() >= 43, "{answer}");

    let refused = async |browser: &mut Browser, url: &Url| {
        let page = browser.open(url.as_str()).await;
        assert!(page.reply.status >= 400, "{url} is taken: {}", page.reply.text());
    };
    // In another browser; with another's state; without one.
    refused(&mut Browser::of("eve"), &answer).await;
    refused(&mut mallory, &answer).await;
    refused(&mut ana, &with(&answer, "state", Some(&query(&hers, "state")))).await;
    refused(&mut ana, &with(&answer, "state", None)).await;
    assert_eq!(scene.provider.stats().await["exchanged"], 0);

    // Ana's browser is tricked into Mallory's grant: the state is hers, the token is not.
    let swapped = with(&answer, "oauth_token", Some(&query(&hers, "oauth_token")));
    let swapped = with(&swapped, "oauth_verifier", Some(&query(&hers, "oauth_verifier")));
    refused(&mut ana, &swapped).await;
    assert_eq!(scene.provider.stats().await["exchanged"], 0);
    // That attempt is over; another one is not.
    refused(&mut ana, &answer).await;
    let review = format!("{}/connect/review", scene.hub.public_url());
    let End::At(again) = ana.walk(&review, is_callback).await else { panic!("no second attempt") };
    let End::At(back) = ana.walk(again.as_str(), |url| url.as_str().starts_with(RETURN_URL)).await
    else {
        panic!("the second attempt does not come back")
    };
    refused(&mut ana, &again).await;
    let id = session["id"].as_str().unwrap();
    scene.workspace.complete(id, &query(&back, "code"), "ana").await.ok();
    refused(&mut ana, &again).await;
    assert_eq!(scene.provider.stats().await["exchanged"], 1, "a replay is not exchanged");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_a_verifier_and_a_denial_link_nothing() {
    let scene = NotesScene::start(Database::sqlite()).await;
    let mut ana = Browser::of("ana");
    let (session, answer) = answer_of(&scene, &mut ana, "ana").await;
    ana.open(with(&answer, "oauth_verifier", None).as_str()).await;
    let path = format!("/v1/connect-sessions/{}", session["id"].as_str().unwrap());
    let row = scene.workspace.get(&path).await;
    assert_eq!((&row["status"], &row["connection"]), (&json!("failed"), &Value::Null), "{row}");

    let mut cleo = Browser::of("cleo");
    let session = scene.workspace.connect_session(NOTES, "cleo").await;
    let at_page = |url: &Url| url.path() == "/authorize";
    let End::At(page) = cleo.walk(session["url"].as_str().unwrap(), at_page).await else {
        panic!("no page of the provider")
    };
    let page = cleo.open(page.as_str()).await;
    cleo.submit(&page, "/deny").await;
    let path = format!("/v1/connect-sessions/{}", session["id"].as_str().unwrap());
    let row = scene.workspace.get(&path).await;
    assert_eq!((&row["status"], &row["error"]), (&json!("failed"), &json!("denied")), "{row}");
    assert_eq!(scene.provider.stats().await["exchanged"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_the_provider_ended_is_found_out_by_a_test_and_asks_for_a_new_link() {
    let scene = NotesScene::start(Database::sqlite()).await;
    scene.allow("whole_token", &["*"]).await;
    let connection = scene.link("ana").await;
    let test = format!("/v1/connections/{connection}/test");
    scene.workspace.post(&test, &json!({})).await;
    scene.provider.revoke().await;
    scene.workspace.send("POST", &test, &json!({})).await;
    let answer = scene.agent.ask(&scene.question("GET", "/api/notes", &json!({}))).await.ok();
    assert_eq!(answer["status"], "connect_required", "{answer}");
    assert_eq!(answer["reason"], "reauthorization_required", "{answer}");
}

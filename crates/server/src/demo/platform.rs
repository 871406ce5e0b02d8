//! `valetkey demo up`: seeds the demo workspace, says what to try, and plays the chat platform.

use std::{sync::Arc, time::Duration};

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    ACME, DemoError, PLATFORM, WORKSPACE,
    api::{self, Hub, text},
    failed,
    note::{Note, platform_key},
    seed::seed,
    terminal::{Style, line},
};
use crate::config::Config;

/// Where the browser says who is signed in at the platform.
const COOKIE: &str = "chatty_user";

struct Platform {
    hub: Hub,
}

/// Seeds, prints what to try, and serves until it is stopped.
pub(crate) async fn up(config: &Config) -> Result<(), DemoError> {
    let outbound = api::outbound()?;
    let key = platform_key_soon(config).await?;
    let platform = Hub::new(&outbound, config.public(), key.clone(), None);
    let hub = Hub::new(&outbound, config.public(), key, Some(WORKSPACE));
    let is_new = seed(config, &platform, &hub).await?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8070").await.map_err(|error| {
        failed(format!("The demo platform can't listen on 127.0.0.1:8070: {error}"))
    })?;
    say_what_to_try(config, is_new)?;
    let app = Router::new()
        .route("/", get(home))
        .route("/connect", get(connect))
        .route("/linked", get(linked))
        .route("/assets/connect.css", get(stylesheet))
        .with_state(Arc::new(Platform { hub }));
    axum::serve(listener, app)
        .with_graceful_shutdown(stopped())
        .await
        .map_err(|error| failed(error.to_string()))
}

async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        },
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

/// The hub writes the key while it starts.
async fn platform_key_soon(config: &Config) -> Result<base::SecretString, DemoError> {
    for _ in 0..100 {
        if let Ok(key) = platform_key(config) {
            return Ok(key);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    platform_key(config)
}

fn say_what_to_try(config: &Config, is_new: bool) -> Result<(), DemoError> {
    let note = Note::read(config).ok_or_else(|| failed("demo.json can't be read back"))?;
    let style = Style::of_stdout(config);
    let hub = config.public();
    let data = config.data_dir.display();
    let title = |text: &str| line(&format!("\n  {}", style.bold(text)));
    line("");
    line(&format!("  {}  {}", style.good("Valetkey is running."), style.dim("Ctrl-C stops it.")));
    if is_new {
        line(&style.dim("  A demo workspace was set up through the API: a client and an integration for Acme, an agent, a policy."));
    }
    title("1. Link an account, as a person would");
    line(&format!("     {}", style.link(&format!("{PLATFORM}/connect?user=ana"))));
    title("2. Ask for access, as an agent would");
    line(&format!("     AGENT_KEY={}", note.agent_key));
    line(&format!("     curl -s {hub}/v1/token -H \"Authorization: Bearer $AGENT_KEY\" \\"));
    line("       -H 'Content-Type: application/json' \\");
    line("       -d '{\"provider\":\"acme\",\"end_user\":{\"id\":\"ana\"}}' | tee token.json");
    title("3. Use it at Acme's CRM");
    line("     TOKEN=$(sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/' token.json)");
    line(&format!(
        "     curl -s '{ACME}/api/v1/contacts?limit=1' -H \"Authorization: Bearer $TOKEN\""
    ));
    title("Or let it walk by itself, in another terminal");
    line("     make demo AUTO=1");
    title("Look around");
    line(&format!("     API docs      {}", style.link(&format!("{hub}/docs"))));
    line(&format!("     Demo platform {}", style.link(PLATFORM)));
    line(&format!("     Acme          {}", style.link(ACME)));
    title("Where things are");
    line(&format!("     {data}/valetkey.db    the database (SQLite)"));
    line(&format!(
        "     {data}/valetkey.key   the key that seals it: back it up, apart from the database"
    ));
    line(&format!("     {data}/platform.key   the platform's API key"));
    line("");
    Ok(())
}

#[derive(Template)]
#[template(path = "demo/home.html")]
struct Home;

#[derive(Template)]
#[template(path = "demo/linked.html")]
struct LinkedPage {
    user: String,
    account: String,
    scopes: Vec<String>,
}

#[derive(Template)]
#[template(path = "demo/problem.html")]
struct Problem {
    detail: String,
}

fn page(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

fn problem(error: &DemoError) -> Response {
    page(StatusCode::BAD_GATEWAY, &Problem { detail: error.to_string() })
}

async fn home() -> Response {
    page(StatusCode::OK, &Home)
}

async fn stylesheet() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("../../assets/connect.css"))
}

#[derive(Deserialize)]
struct Who {
    user: Option<String>,
}

/// Signs the person in (a real platform would ask for more than a name) and sends them to link.
async fn connect(State(platform): State<Arc<Platform>>, Query(who): Query<Who>) -> Response {
    let good = |user: &String| {
        (1..=32).contains(&user.len())
            && user.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let user = who.user.filter(good).unwrap_or_else(|| "ana".to_owned());
    let body = json!({
        "end_user": { "id": user, "name": user, "email": format!("{user}@chatty.example") },
        "integrations": ["acme"],
        "return_url": format!("{PLATFORM}/linked"),
    });
    let made = platform.hub.call(Method::POST, "/v1/connect-sessions", Some(&body)).await;
    match made.as_ref().map(|made| text(made, "url")) {
        Ok(Ok(url)) => {
            let cookie =
                Cookie::build((COOKIE, user)).path("/").http_only(true).same_site(SameSite::Lax);
            (CookieJar::new().add(cookie), Redirect::to(url)).into_response()
        }
        Ok(Err(error)) => problem(&error),
        Err(error) => problem(error),
    }
}

#[derive(Deserialize)]
struct Back {
    session: Option<String>,
    code: Option<String>,
}

/// The browser comes back from the hub.
///
/// Whose link this is comes from this browser's own sign-in. Looked up by session instead, a forwarded
/// link would put a stranger's account into the session's user's hands.
async fn linked(
    State(platform): State<Arc<Platform>>,
    Query(back): Query<Back>,
    jar: CookieJar,
) -> Response {
    let user = jar.get(COOKIE).map(|cookie| cookie.value().to_owned());
    let (Some(session), Some(code)) = (back.session, back.code) else {
        return Redirect::to("/").into_response();
    };
    // `make demo` opens its session for ana; whoever opens that link here is taken for her.
    let user = user.unwrap_or_else(|| "ana".to_owned());
    match complete(&platform.hub, &session, &code, &user).await {
        Ok(connection) => page(StatusCode::OK, &shown(user, &connection)),
        Err(error) => problem(&error),
    }
}

async fn complete(hub: &Hub, session: &str, code: &str, user: &str) -> Result<Value, DemoError> {
    if !session.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err(failed("That is no connect session"));
    }
    let body = json!({ "code": code, "end_user": { "id": user } });
    let path = format!("/v1/connect-sessions/{session}/complete");
    let done = hub.call(Method::POST, &path, Some(&body)).await?;
    Ok(done["connection"].clone())
}

fn shown(user: String, connection: &Value) -> LinkedPage {
    let scopes = connection["scopes"].as_array().into_iter().flatten();
    LinkedPage {
        user,
        account: connection["account"]["label"].as_str().unwrap_or("your account").to_owned(),
        scopes: scopes.filter_map(Value::as_str).map(str::to_owned).collect(),
    }
}

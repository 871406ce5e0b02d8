//! The chat platform of the demo: signs people in, sends them to link, completes their links.

use std::sync::Arc;

use axum::{
    Form, Router,
    extract::{DefaultBodyLimit, Query, State},
    http::{StatusCode, header},
    middleware,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use axum_extra::extract::cookie::CookieJar;
use base::OsRng;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{
    DemoError, PLATFORM,
    api::{Hub, text},
    failed,
    pages::{self, Home, Linked, Problem, SignIn, page, problem, refused},
    sign_in::{SignIns, is_name},
};

struct Platform {
    hub: Hub,
    known: SignIns,
}

/// The platform's pages; `hub` acts in the demo workspace.
pub(super) fn router(hub: Hub) -> Router {
    let policy = pages::policy(hub.url());
    Router::new()
        .route("/", get(home))
        .route("/connect", get(connect))
        .route("/sign-in", post(sign_in))
        .route("/linked", get(linked))
        .route("/assets/connect.css", get(stylesheet))
        .fallback(async || refused(StatusCode::NOT_FOUND, "Chatty has no such page."))
        .layer(DefaultBodyLimit::max(4096))
        .layer(middleware::from_fn_with_state(policy, pages::guard))
        .with_state(Arc::new(Platform { hub, known: SignIns::default() }))
}

async fn home(State(platform): State<Arc<Platform>>, jar: CookieJar) -> Response {
    page(StatusCode::OK, &Home { user: platform.known.user(&jar) })
}

async fn stylesheet() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("../../assets/connect.css"))
}

/// Who is to link, and in which session.
#[derive(Deserialize)]
struct Asked {
    user: Option<String>,
    /// The token of a session that is open already, such as the one that `make demo` made.
    session: Option<String>,
}

impl Asked {
    fn is_good(&self) -> bool {
        let is_token = |text: &String| {
            (1..=128).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        self.user.as_ref().is_none_or(|user| is_name(user))
            && self.session.as_ref().is_none_or(is_token)
    }
}

fn not_good() -> Response {
    refused(
        StatusCode::BAD_REQUEST,
        "A name here is 1 to 32 letters, digits and hyphens, and a session is what `make demo` printed.",
    )
}

/// Sends the person who is signed in to link; asks others to sign in first.
async fn connect(
    State(platform): State<Arc<Platform>>,
    Query(asked): Query<Asked>,
    jar: CookieJar,
) -> Response {
    if !asked.is_good() {
        return not_good();
    }
    match platform.known.user(&jar) {
        Some(user) if asked.user.as_ref().is_none_or(|name| *name == user) => {
            match page_of_hub(&platform.hub, &user, asked.session).await {
                Ok(url) => Redirect::to(&url).into_response(),
                Err(error) => problem(&error),
            }
        }
        other => page(StatusCode::OK, &SignIn { user: asked.user, other, session: asked.session }),
    }
}

/// The hub's page that links an account for this person.
async fn page_of_hub(hub: &Hub, user: &str, session: Option<String>) -> Result<String, DemoError> {
    if let Some(token) = session {
        return Ok(format!("{}/connect/{token}", hub.url()));
    }
    let body = json!({
        "end_user": { "id": user, "name": user, "email": format!("{user}@chatty.example") },
        "integrations": ["acme"],
        "return_url": format!("{PLATFORM}/linked"),
    });
    let made = hub.call(Method::POST, "/v1/connect-sessions", Some(&body)).await?;
    Ok(text(&made, "url")?.to_owned())
}

/// Signs the person in. A real platform asks for more than a name; but here too it takes a form of our own
/// page, so that no link signs anyone in by being opened.
async fn sign_in(State(platform): State<Arc<Platform>>, Form(asked): Form<Asked>) -> Response {
    let Some(user) = asked.user.clone().filter(|_| asked.is_good()) else { return not_good() };
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("user", &user);
    if let Some(session) = &asked.session {
        query.append_pair("session", session);
    }
    let next = format!("/connect?{}", query.finish());
    let cookie = platform.known.add(&OsRng, user);
    (CookieJar::new().add(cookie), Redirect::to(&next)).into_response()
}

#[derive(Deserialize)]
struct Back {
    session: Option<String>,
    code: Option<String>,
}

/// The browser comes back from the hub.
///
/// Whose link this is comes from this browser's own sign-in, and from nothing else. Looked up by session
/// instead, a forwarded link would put a stranger's account into the session's user's hands.
async fn linked(
    State(platform): State<Arc<Platform>>,
    Query(back): Query<Back>,
    jar: CookieJar,
) -> Response {
    let (Some(session), Some(code)) = (back.session, back.code) else {
        let detail = "You came back without a link, so nothing was linked.".to_owned();
        let shown = Problem { title: "Nothing was linked", detail, next: "Try again" };
        return page(StatusCode::OK, &shown);
    };
    let Some(user) = platform.known.user(&jar) else {
        let detail = "Nobody is signed in at Chatty in this browser, so Chatty can’t tell whose link this is, and nobody got it. Sign in first, then link again.".to_owned();
        let shown = Problem { title: "Sign in first", detail, next: "Sign in" };
        return page(StatusCode::FORBIDDEN, &shown);
    };
    match complete(&platform.hub, &session, &code, &user).await {
        Ok(connection) => page(StatusCode::OK, &Linked::new(user, &connection)),
        Err(error) => problem(&error),
    }
}

async fn complete(hub: &Hub, session: &str, code: &str, user: &str) -> Result<Value, DemoError> {
    if !session.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err(failed("That is no connect session."));
    }
    let body = json!({ "code": code, "end_user": { "id": user } });
    let path = format!("/v1/connect-sessions/{session}/complete");
    let done = hub.call(Method::POST, &path, Some(&body)).await?;
    Ok(done["connection"].clone())
}

#[cfg(test)]
mod tests;

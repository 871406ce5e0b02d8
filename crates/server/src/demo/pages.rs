//! The demo platform's pages, and what holds for all of them.

use askama::Template;
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{Html, IntoResponse, Redirect, Response},
};
use serde_json::Value;

use super::{DemoError, PLATFORM};

#[derive(Template)]
#[template(path = "demo/home.html")]
pub(super) struct Home {
    /// Who is signed in.
    pub(super) user: Option<String>,
}

#[derive(Template)]
#[template(path = "demo/sign_in.html")]
pub(super) struct SignIn {
    /// Whom the link names; without, a field asks.
    pub(super) user: Option<String>,
    /// Who is signed in, if it is another.
    pub(super) other: Option<String>,
    /// The session to go on with.
    pub(super) session: Option<String>,
}

#[derive(Template)]
#[template(path = "demo/linked.html")]
pub(super) struct Linked {
    user: String,
    account: String,
    scopes: Vec<String>,
}

impl Linked {
    pub(super) fn new(user: String, connection: &Value) -> Self {
        let scopes = connection["scopes"].as_array().into_iter().flatten();
        Self {
            user,
            account: connection["account"]["label"].as_str().unwrap_or("your account").to_owned(),
            scopes: scopes.filter_map(Value::as_str).map(str::to_owned).collect(),
        }
    }
}

#[derive(Template)]
#[template(path = "demo/problem.html")]
pub(super) struct Problem {
    pub(super) title: &'static str,
    pub(super) detail: String,
    /// What the button says that leads to `/connect`.
    pub(super) next: &'static str,
}

/// A page.
pub(super) fn page(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// What the hub refused, or why it could not be asked.
pub(super) fn problem(error: &DemoError) -> Response {
    let detail = error.to_string();
    let shown = Problem { title: "That did not work", detail, next: "Try again" };
    page(StatusCode::BAD_GATEWAY, &shown)
}

/// A request that no page of ours makes.
pub(super) fn refused(status: StatusCode, detail: &str) -> Response {
    let title = "There is nothing to do here";
    page(status, &Problem { title, detail: detail.to_owned(), next: "Link Acme" })
}

/// The policy of every page. The sign-in form leads on to the hub's page, and browsers hold the form's
/// policy against that step too.
pub(super) fn policy(hub: &str) -> HeaderValue {
    let policy = format!(
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' {hub}"
    );
    HeaderValue::from_str(&policy)
        .unwrap_or(HeaderValue::from_static("default-src 'none'; style-src 'self'"))
}

/// What holds for every request: one host, which the cookie belongs to; forms from our own pages; headers.
pub(super) async fn guard(
    State(policy): State<HeaderValue>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = match turned_away(&request) {
        Some(response) => response,
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    // `/linked` has a code in its address. `no-referrer` would make browsers post forms with `Origin: null`.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn turned_away(request: &Request) -> Option<Response> {
    let headers = request.headers();
    let own = PLATFORM.trim_start_matches("http://");
    if headers.get(header::HOST).and_then(|host| host.to_str().ok()) == Some(own) {
        let foreign = request.method() == Method::POST && !is_from_own_page(headers);
        return foreign.then(|| {
            refused(StatusCode::FORBIDDEN, "This form did not come from a page of Chatty’s.")
        });
    }
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        let there = request.uri().path_and_query().map_or("/", |place| place.as_str());
        return Some(Redirect::temporary(&format!("{PLATFORM}{there}")).into_response());
    }
    Some(refused(StatusCode::FORBIDDEN, "Chatty is at localhost:8070."))
}

fn is_from_own_page(headers: &HeaderMap) -> bool {
    let is = |name, fine: &[&str]| {
        headers.get(name).is_none_or(|value: &HeaderValue| {
            value.to_str().is_ok_and(|value| fine.contains(&value))
        })
    };
    is(header::ORIGIN, &[PLATFORM])
        && is(header::HeaderName::from_static("sec-fetch-site"), &["same-origin", "none"])
}

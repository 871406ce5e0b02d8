//! The browser: its cookie, its origin, and what it is shown when something is wrong.

use askama::Template;
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{Html, IntoResponse, Redirect, Response},
};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use base::constant_time_eq;
use data_encoding::BASE64URL_NOPAD;
use hub::Error;

use super::pages::{Failure, FailurePage, ProblemPage};
use crate::{http::request_id, problem, state::AppState};

/// `__Host-` ties a cookie to this host and to https (RFC 6265bis, section 4.1.3.2); plain http on
/// loopback can't have it.
fn cookie_name(state: &AppState) -> &'static str {
    if state.public_url.scheme() == "https" {
        "__Host-valetkey_connect"
    } else {
        "valetkey_connect"
    }
}

/// The cookie that binds the browser.
pub(super) fn cookie(state: &AppState, jar: &CookieJar) -> Option<String> {
    jar.get(cookie_name(state)).map(|cookie| cookie.value().to_owned())
}

/// Sets the cookie. Lax: the provider's redirect back must carry it.
pub(super) fn bound(state: &AppState, value: String) -> CookieJar {
    let cookie = Cookie::build((cookie_name(state), value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(state.public_url.scheme() == "https");
    CookieJar::new().add(cookie)
}

/// What a form of this browser carries.
pub(super) fn csrf(state: &AppState, cookie: &str) -> String {
    BASE64URL_NOPAD.encode(&state.store.keys().digest("connect-csrf", cookie.as_bytes()))
}

/// Whether a form came from a page that we showed to this browser.
pub(super) fn is_ours(state: &AppState, cookie: &str, told: Option<&str>) -> bool {
    told.is_some_and(|told| constant_time_eq(csrf(state, cookie).as_bytes(), told.as_bytes()))
}

/// The host of the hub, as people see it.
pub(super) fn host(state: &AppState) -> String {
    authority(&state.public_url)
}

/// Host and port of a URL; the port only where it is not the scheme's.
pub(super) fn authority(url: &url::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// A page. Forms may lead on to the provider, which may lead on in turn, and browsers hold the first
/// page's policy against each of these steps: so https in general.
pub(super) fn page(status: StatusCode, page: &impl Template) -> Response {
    const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
        frame-ancestors 'none'; form-action 'self' https: http://localhost:* http://127.0.0.1:*";
    match page.render() {
        Ok(text) => {
            let mut response = (status, Html(text)).into_response();
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
            // `no-referrer` would make browsers post forms with `Origin: null`.
            headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
            response
        }
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A page for what went wrong.
pub(super) fn failure(state: &AppState, error: Error) -> Response {
    if error.code == "link_expired" {
        let mut gone = FailurePage::new(host(state), Failure::LinkGone, None, None);
        gone.reference = Some(request_id());
        return page(StatusCode::NOT_FOUND, &gone);
    }
    let status = problem::status_of(error.kind);
    if status == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!(request_id = request_id(), %error, "a page failed");
    }
    let shown = ProblemPage {
        host: host(state),
        status: status.as_u16(),
        title: title(status).to_owned(),
        detail: error.detail,
        request: Some(request_id()),
    };
    page(status, &shown)
}

/// A page for a source that opens too many; `wait` in seconds.
pub(crate) fn too_often(state: &AppState, wait: u64) -> Response {
    let shown = ProblemPage {
        host: host(state),
        status: StatusCode::TOO_MANY_REQUESTS.as_u16(),
        title: "Not so fast".to_owned(),
        detail: format!(
            "Too many pages were opened from your network just now, so nothing was done. Wait {wait} seconds, then load this page again."
        ),
        request: Some(request_id()),
    };
    let mut response = page(StatusCode::TOO_MANY_REQUESTS, &shown);
    response.headers_mut().insert(header::RETRY_AFTER, wait.into());
    response
}

fn title(status: StatusCode) -> &'static str {
    match status.as_u16() {
        404 => "There is nothing here",
        409 | 422 => "That does not go together",
        403 => "Not from there",
        503 => "Not just now",
        _ => "We failed at this",
    }
}

/// Pages live under one host, which the cookie belongs to: others are sent there. Forms come from our own
/// pages only.
pub(super) async fn guard(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let own = host(&state);
    if headers.get(header::HOST).and_then(|host| host.to_str().ok()) != Some(own.as_str()) {
        if request.method() != Method::GET {
            return failure(&state, foreign());
        }
        let there = request.uri().path_and_query().map_or("/", |place| place.as_str());
        let public = state.public_url.as_str().trim_end_matches('/');
        return Redirect::temporary(&format!("{public}{there}")).into_response();
    }
    if request.method() != Method::GET && !from_own_page(&state, headers) {
        return failure(&state, foreign());
    }
    next.run(request).await
}

fn from_own_page(state: &AppState, headers: &HeaderMap) -> bool {
    let own = state.public_url.origin().ascii_serialization();
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let origin = headers.get(header::ORIGIN).map(HeaderValue::as_bytes);
    origin.is_none_or(|origin| origin == own.as_bytes())
        && site.is_none_or(|site| matches!(site, b"same-origin" | b"none"))
}

fn foreign() -> Error {
    Error::forbidden(
        "form_not_ours",
        "This form did not come from a page of ours in this browser, so nothing was done. Go back to the link you were given and start again.",
    )
}

/// The form's own mistake.
pub(super) fn refuse_form(state: &AppState) -> Response {
    failure(state, foreign())
}

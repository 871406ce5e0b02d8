//! What people see: rendered here, styled by one sheet, without a script.

use askama::Template;
use axum::{
    Router,
    extract::State,
    http::{HeaderName, HeaderValue, StatusCode, Uri, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};

use crate::{
    account::{ACCOUNTS, Account},
    config::{Client, Config},
    oauth::request::AuthorizeRequest,
    scope::{SCOPES, Scope, Scopes},
    state::Shared,
};

/// No script, no frame, nothing from elsewhere. Forms are not named: browsers would apply that to
/// where the consent form redirects as well, and to every redirect after it.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

/// The home page, the style sheet and the icon.
pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/", get(home))
        .route("/assets/acme.css", get(style))
        .route("/assets/acme.svg", get(icon))
        .route("/assets/summit.svg", get(picture))
}

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage<'a> {
    issuer: &'a str,
    accounts: &'static [Account],
    scopes: &'static [Scope],
    clients: &'a [Client],
}

async fn home(State(acme): State<Shared>) -> Response {
    let page = HomePage {
        issuer: &acme.config.issuer,
        accounts: &ACCOUNTS,
        scopes: &SCOPES,
        clients: &acme.config.clients,
    };
    show(StatusCode::OK, &page)
}

/// "This app wants to use your account."
#[derive(Template)]
#[template(path = "consent.html")]
pub(crate) struct ConsentPage {
    /// The client's name.
    app: String,
    /// The host to which the browser goes back.
    place: String,
    accounts: &'static [Account],
    scopes: Scopes,
    /// The form's hidden field.
    token: String,
    /// What was missing when the form was sent.
    alert: Option<&'static str>,
}

impl ConsentPage {
    /// For this request, which the form's hidden field names.
    pub(crate) fn new(
        config: &Config,
        request: &AuthorizeRequest,
        token: String,
        alert: Option<&'static str>,
    ) -> Self {
        let client = config.client(&request.client);
        Self {
            app: client.map_or_else(|| request.client.clone(), |client| client.name.clone()),
            place: request.redirect.place(),
            accounts: &ACCOUNTS,
            scopes: request.scopes,
            token,
            alert,
        }
    }
}

impl IntoResponse for ConsentPage {
    fn into_response(self) -> Response {
        show(StatusCode::OK, &self)
    }
}

/// Something is wrong, and no app can be told.
#[derive(Template)]
#[template(path = "problem.html")]
pub(crate) struct ProblemPage {
    pub(crate) status: StatusCode,
    pub(crate) title: &'static str,
    pub(crate) message: &'static str,
    pub(crate) hint: Option<&'static str>,
}

impl IntoResponse for ProblemPage {
    fn into_response(self) -> Response {
        show(self.status, &self)
    }
}

/// For every path that leads nowhere.
pub(crate) async fn not_found(uri: Uri) -> Response {
    if uri.path().starts_with("/_playground") {
        return StatusCode::NOT_FOUND.into_response();
    }
    let page = ProblemPage {
        status: StatusCode::NOT_FOUND,
        title: "There is nothing here",
        message: "The address may be mistyped.",
        hint: None,
    };
    page.into_response()
}

fn show(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => {
            let policy = (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
            (status, [policy], Html(html)).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "a page can't be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn style() -> impl IntoResponse {
    asset("text/css; charset=utf-8", include_str!("../assets/acme.css"))
}

async fn icon() -> impl IntoResponse {
    asset("image/svg+xml", include_str!("../assets/acme.svg"))
}

async fn picture() -> impl IntoResponse {
    asset("image/svg+xml", include_str!("../assets/summit.svg"))
}

fn asset(
    kind: &'static str,
    text: &'static str,
) -> ([(HeaderName, &'static str); 2], &'static str) {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "max-age=300")], text)
}

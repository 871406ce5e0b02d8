//! The pages' addresses.

use std::collections::BTreeMap;

use axum::{
    Form,
    extract::{Path, State, rejection::FormRejection},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::cookie::CookieJar;
use base::Timestamp;
use hub::{
    Error, Kind,
    session::{self, Fault, Session, Start, Status},
};

use super::{
    browser::{bound, cookie, failure, host, is_ours, page, refuse_form},
    fill::{self, Again, FIELD},
    pages::{Failure, FailurePage, IndexPage, Next, Stage, StatusPage},
};
use crate::state::AppState;

/// A page, or the one that is shown instead: both are answers.
type Page = Result<Response, Response>;

/// What a form says.
type Fields = Result<Form<Vec<(String, String)>>, FormRejection>;

/// `GET /`: what this is.
pub(super) async fn index(State(state): State<AppState>) -> Response {
    let index = IndexPage { host: host(&state), version: env!("CARGO_PKG_VERSION").to_owned() };
    page(StatusCode::OK, &index)
}

/// `GET /connect/{token}`: binds nothing; chat programs open links.
pub(super) async fn landing(State(state): State<AppState>, Path(token): Path<String>) -> Response {
    let shown = async {
        let row = session::by_token(&state.store, &token).await?;
        fill::landing(&state, &row, token).await
    };
    match shown.await {
        Ok(landing) => page(StatusCode::OK, &landing),
        Err(error) => failure(&state, error),
    }
}

fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut found = fields.iter().filter(|(field, _)| field == name);
    match (found.next(), found.next()) {
        (Some((_, value)), None) => Some(value),
        _ => None,
    }
}

fn read(fields: Fields) -> Option<Vec<(String, String)>> {
    fields.ok().map(|Form(fields)| fields).filter(|fields| fields.len() <= 100)
}

/// `POST /connect`: the browser that clicked is the one.
pub(super) async fn bind(State(state): State<AppState>, fields: Fields) -> Response {
    let Some(fields) = read(fields) else { return refuse_form(&state) };
    match session::bind(&state.store, field(&fields, "token").unwrap_or_default()).await {
        Ok((_, cookie)) => (bound(&state, cookie), Redirect::to("/connect/review")).into_response(),
        Err(error) => failure(&state, error),
    }
}

/// The session of this browser, and its cookie.
pub(super) async fn current(
    state: &AppState,
    jar: &CookieJar,
) -> Result<(Session, String), Response> {
    let cookie = cookie(state, jar).unwrap_or_default();
    match session::by_browser(&state.store, &cookie).await {
        Ok(row) => Ok((row, cookie)),
        Err(error) => Err(failure(state, error)),
    }
}

/// `GET /connect/review`: which app, then what is asked for.
pub(super) async fn review(State(state): State<AppState>, jar: CookieJar) -> Page {
    let (row, cookie) = current(&state, &jar).await?;
    if !matches!(row.status, Status::Linking | Status::Failed) {
        return Ok(Redirect::to("/connect/result").into_response());
    }
    if fill::picked(&row).is_none() {
        return Ok(match fill::pick(&state, &row, &cookie).await {
            Ok(pick) => page(StatusCode::OK, &pick),
            Err(error) => failure(&state, error),
        });
    }
    Ok(show_review(&state, &row, &cookie, StatusCode::OK, Again::default()).await)
}

async fn show_review(
    state: &AppState,
    row: &Session,
    cookie: &str,
    status: StatusCode,
    again: Again,
) -> Response {
    match fill::review(state, row, cookie, again).await {
        Ok(review) => page(status, &review),
        Err(error) => failure(state, error),
    }
}

/// A form of this browser, if it is ours.
struct Posted {
    row: Session,
    cookie: String,
    fields: Vec<(String, String)>,
}

async fn posted(state: &AppState, jar: &CookieJar, fields: Fields) -> Result<Posted, Response> {
    let (row, cookie) = current(state, jar).await?;
    let fields = read(fields).ok_or_else(|| refuse_form(state))?;
    if !is_ours(state, &cookie, field(&fields, "csrf")) {
        return Err(refuse_form(state));
    }
    Ok(Posted { row, cookie, fields })
}

/// `POST /connect/pick`
pub(super) async fn pick(State(state): State<AppState>, jar: CookieJar, fields: Fields) -> Page {
    let Posted { row, fields, .. } = posted(&state, &jar, fields).await?;
    let integration = field(&fields, "integration").unwrap_or_default();
    Ok(match session::choose(&state.store, &row, integration).await {
        Ok(()) => Redirect::to("/connect/review").into_response(),
        Err(error) => failure(&state, error),
    })
}

/// The filled-in inputs; what was left empty was not answered.
fn answers(fields: &[(String, String)]) -> BTreeMap<String, String> {
    fields
        .iter()
        .filter_map(|(name, value)| {
            Some((name.strip_prefix(FIELD)?.to_owned(), value.trim().to_owned()))
        })
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

/// `POST /connect/start`: on to the provider.
pub(super) async fn start(State(state): State<AppState>, jar: CookieJar, fields: Fields) -> Page {
    let posted = posted(&state, &jar, fields).await?;
    let answers = answers(&posted.fields);
    Ok(match session::start(&state.store, &state.registry, &posted.row, &answers).await {
        Ok(Start::Provider(url)) => Redirect::to(url.as_str()).into_response(),
        Ok(Start::Finished) => Redirect::to("/connect/result").into_response(),
        Err(error) => ask_again(&state, posted, answers, error).await,
    })
}

/// `POST /connect/submit`: a key or a password, checked with the provider.
pub(super) async fn submit(State(state): State<AppState>, jar: CookieJar, fields: Fields) -> Page {
    let posted = posted(&state, &jar, fields).await?;
    let answers = answers(&posted.fields);
    Ok(match session::submit(&state.store, &state.registry, &posted.row, &answers).await {
        Ok(()) => Redirect::to("/connect/result").into_response(),
        Err(error) => ask_again(&state, posted, answers, error).await,
    })
}

/// The same form with what was wrong; nothing of it was kept.
async fn ask_again(
    state: &AppState,
    posted: Posted,
    answers: BTreeMap<String, String>,
    error: Error,
) -> Response {
    let askable =
        matches!(error.kind, Kind::Invalid | Kind::Unavailable) || error.code == "client_suspended";
    if !askable {
        return failure(state, error);
    }
    let again = Again {
        answers,
        input: error.extra.get("input").and_then(|input| input.as_str()).map(str::to_owned),
        problem: Some(error.detail),
    };
    let status = crate::problem::status_of(error.kind);
    show_review(state, &posted.row, &posted.cookie, status, again).await
}

/// `POST /connect/cancel`
pub(super) async fn cancel(State(state): State<AppState>, jar: CookieJar, fields: Fields) -> Page {
    let posted = posted(&state, &jar, fields).await?;
    let (fault, shown) = match field(&posted.fields, "reason") {
        Some("not_me") => (Fault::WrongEndUser, Failure::NotMe),
        _ => (Fault::Denied, Failure::Cancelled),
    };
    if let Err(error) = session::cancel(&state.store, &posted.row, fault).await {
        return Ok(failure(&state, error));
    }
    Ok(failed(&state, &posted.row, shown).await)
}

/// A page about a link that came to nothing.
async fn failed(state: &AppState, row: &Session, why: Failure) -> Response {
    let (workspace, app) = match fill::names(state, row).await {
        Ok(names) => names,
        Err(error) => return failure(state, error),
    };
    let mut shown = FailurePage::new(host(state), why, Some(workspace), app);
    // A link that was not for this person is not for them the next time either.
    if !matches!(why, Failure::NotMe | Failure::WrongEndUser | Failure::LinkGone) {
        shown.retry = Some("/connect/review".to_owned());
    }
    shown.back = Some(fill::back(row));
    shown.reference = Some(row.id.clone());
    page(StatusCode::OK, &shown)
}

fn word(fault: Fault) -> Failure {
    match fault {
        Fault::Denied => Failure::Denied,
        Fault::ProviderUnavailable => Failure::ProviderUnavailable,
        Fault::AdminRequired => Failure::AdminRequired,
        Fault::WrongAccount => Failure::WrongAccount,
        Fault::WrongEndUser => Failure::WrongEndUser,
    }
}

/// `GET /connect/result`: what came of it.
pub(super) async fn result(State(state): State<AppState>, jar: CookieJar) -> Page {
    let (row, _) = current(&state, &jar).await?;
    Ok(match row.status {
        Status::Pending | Status::Completed => match fill::result(&state, &row).await {
            Ok(result) => page(StatusCode::OK, &result),
            Err(error) => failure(&state, error),
        },
        Status::Failed => {
            failed(&state, &row, row.error.map_or(Failure::ProviderUnavailable, word)).await
        }
        _ => Redirect::to("/connect/review").into_response(),
    })
}

/// `GET /connect/status`: where the link of this browser stands.
pub(super) async fn status(State(state): State<AppState>, jar: CookieJar) -> Page {
    let (row, _) = current(&state, &jar).await?;
    let next = |label: &str, url: &str| Some(Next { label: label.to_owned(), url: url.to_owned() });
    let (reached, onward) = match row.status {
        Status::Pending => (Stage::Pending, next("See what was allowed", "/connect/result")),
        Status::Completed => (Stage::Completed, next("See what was allowed", "/connect/result")),
        Status::Failed => (Stage::Failed, next("See what happened", "/connect/result")),
        _ => (Stage::Linking, next("Go on", "/connect/review")),
    };
    let (workspace, app) = match fill::names(&state, &row).await {
        Ok(names) => names,
        Err(error) => return Ok(failure(&state, error)),
    };
    let until = Timestamp::from_millis(row.expires_at).to_string();
    let shown = StatusPage {
        host: host(&state),
        workspace,
        app,
        site: fill::site(&row),
        stage: reached,
        next: onward,
        until: Some(until),
    };
    Ok(page(StatusCode::OK, &shown))
}

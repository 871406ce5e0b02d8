//! `/oauth/authorize`: a person picks an account and says yes or no (RFC 6749, section 4.1).

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    error::Error,
    grants::Consent,
    params::Params,
    redirect::RULE,
    request::{AuthorizeRequest, Refused},
};
use crate::{
    account,
    pages::{ConsentPage, ProblemPage},
    random,
    scope::Scopes,
    state::{Open, Shared},
};

/// How long a person may think.
const CONSENT_TTL: Duration = Duration::from_mins(15);

/// Shows the consent page.
pub(super) async fn show(State(acme): State<Shared>, RawQuery(query): RawQuery) -> Response {
    match requested(&acme, &query.unwrap_or_default()) {
        Ok(request) => {
            let page = ask(&acme, request, None);
            page.into_response()
        }
        Err(refused) => refuse(&acme, refused),
    }
}

/// The request that the query holds or, if it was pushed, names.
fn requested(acme: &Shared, query: &str) -> Result<AuthorizeRequest, Refused> {
    let params = Params::parse(query.as_bytes()).map_err(Refused::Here)?;
    let Some(uri) = params.one("request_uri").map_err(Refused::Here)? else {
        return AuthorizeRequest::check(&acme.config, &params);
    };
    let client = params.needed("client_id", "client_id is missing.").map_err(Refused::Here)?;
    let memory = acme.lock();
    // Good until it ends, so that the page can be reloaded.
    let pushed = memory.pushed.get(uri);
    let pushed = pushed.filter(|open| open.until > acme.now() && open.request.client == client);
    pushed.map(|open| open.request.clone()).ok_or(Refused::Here(Error::request(
        "This request_uri is unknown, has ended, or is another client's. Start again in the app.",
    )))
}

fn refuse(acme: &Shared, refused: Refused) -> Response {
    match refused {
        Refused::Here(error) => {
            problem(StatusCode::BAD_REQUEST, "This link does not work", error.description)
        }
        Refused::There { redirect, state, error } => redirect.send(
            &acme.config.issuer,
            state.as_deref(),
            &[("error", error.code), ("error_description", error.description)],
        ),
    }
}

fn problem(status: StatusCode, title: &'static str, message: &'static str) -> Response {
    let hint = message.contains("redirect_uri").then_some(RULE);
    ProblemPage { status, title, message, hint }.into_response()
}

/// The page for this request. Its one hidden field can't be guessed and works once: it is the CSRF
/// token as well.
fn ask(acme: &Shared, request: AuthorizeRequest, alert: Option<&'static str>) -> ConsentPage {
    let token = random::token("acme_ask_");
    let page = ConsentPage::new(&acme.config, &request, token.clone(), alert);
    let open = Open { request, until: acme.now().plus(CONSENT_TTL) };
    acme.lock().pending.insert(token, open);
    page
}

/// Takes the person's decision.
pub(super) async fn decide(
    State(acme): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let answer = match Params::form(&headers, &body) {
        Ok(params) if from_our_page(&headers) => params,
        Ok(_) => {
            return problem(
                StatusCode::FORBIDDEN,
                "That was not our page",
                "The form came from another site, so nothing was granted. Start again in the app.",
            );
        }
        Err(error) => return refuse(&acme, Refused::Here(error)),
    };
    match settle(&acme, &answer) {
        Ok(response) => response,
        Err(error) => refuse(&acme, Refused::Here(error)),
    }
}

/// Browsers say where a form comes from; scripts need not.
fn from_our_page(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return site == "same-origin";
    }
    match (text(header::ORIGIN.as_str()), text(header::HOST.as_str())) {
        (None, _) => true,
        (Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, at)| at == host),
        (Some(_), None) => false,
    }
}

fn settle(acme: &Shared, answer: &Params) -> Result<Response, Error> {
    let token = answer.needed("request", "The form is not complete.")?;
    let open = acme.lock().pending.remove(token).filter(|open| open.until > acme.now());
    let open = open.ok_or(Error::request(
        "This page was answered already, or is too old. Start again in the app.",
    ))?;
    let request = open.request;
    let again = |alert| {
        let page = ask(acme, request.clone(), Some(alert));
        Ok((StatusCode::BAD_REQUEST, page).into_response())
    };
    match answer.one("decision")? {
        Some("allow") => {}
        Some("deny") => {
            let denied = [("error", "access_denied"), ("error_description", "The person said no.")];
            let state = request.state.as_deref();
            return Ok(request.redirect.send(&acme.config.issuer, state, &denied));
        }
        _ => return again("Choose Allow or Deny."),
    }
    let Some(account) = answer.one("account")?.and_then(account::find) else {
        return again("Pick the account to use.");
    };
    let granted = answer.all("scope").collect::<Vec<_>>().join(" ");
    let granted = Scopes::parse(&granted).filter(|granted| granted.within(request.scopes));
    let scopes = granted.ok_or(Error::request("The form grants more than was asked."))?;
    if scopes.is_empty() {
        return again("Leave at least one permission checked, or choose Deny.");
    }
    let AuthorizeRequest { client, redirect, state, challenge, .. } = request;
    let consent =
        Consent { client, redirect_uri: redirect.text.clone(), scopes, account, challenge };
    let now = acme.now();
    let code = acme.lock().grants.code(consent, now.plus(acme.config.code_ttl));
    Ok(redirect.send(&acme.config.issuer, state.as_deref(), &[("code", &code)]))
}

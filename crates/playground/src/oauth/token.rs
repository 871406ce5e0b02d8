//! `POST /oauth/token` (RFC 6749, sections 4.1.3, 4.4 and 6).

use std::time::Duration;

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{
    client_auth,
    error::Error,
    grants::{Exchange, Refusal, Terms, Tokens},
    params::Params,
};
use crate::{
    Client,
    behaviour::{Mode, On, Order, hang_up},
    log::{Event, Kind},
    random,
    scope::Scopes,
    state::Shared,
};

/// What a lie about the lifetime says.
const LIE: Duration = Duration::from_hours(1);

/// Hands out tokens.
pub(super) async fn token(State(acme): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let params = match Params::form(&headers, &body) {
        Ok(params) => params,
        Err(error) => return error.into_response(),
    };
    let asked = Asked::new(&acme, &headers, &params);
    let client = match client_auth::authenticate(&acme.config, &headers, &params) {
        Ok(client) => client,
        Err(error) => {
            asked.note(Kind::Refused, Some(error.code), None);
            return error.into_response();
        }
    };
    let _in_flight = asked.refresh_token.as_deref().and_then(|token| InFlight::enter(&acme, token));
    let order = acme.order(On::Token, &client.id);
    let answer = asked.answer(client, &params, order);
    order.wait().await;
    answer
}

/// A token request, as the log names it.
struct Asked<'a> {
    acme: &'a Shared,
    presented_by: String,
    grant_type: String,
    /// Only of a refresh request.
    refresh_token: Option<String>,
}

impl<'a> Asked<'a> {
    fn new(acme: &'a Shared, headers: &HeaderMap, params: &Params) -> Self {
        let first = |name| params.all(name).next().map(str::to_owned);
        let grant_type = first("grant_type").unwrap_or_default();
        let refresh_token = first("refresh_token").filter(|_| grant_type == "refresh_token");
        let presented_by = client_auth::presented(headers, params);
        Self { acme, presented_by, grant_type, refresh_token }
    }

    /// Carries the request out, or answers it as ordered.
    fn answer(&self, client: &Client, params: &Params, order: Order) -> Response {
        let refused = match order.mode {
            Mode::InvalidGrant => Some(Error::grant("Acme was told to say so.")),
            Mode::InvalidClient => Some(Error::client("Acme was told to say so.")),
            _ => None,
        };
        if let Some(answer) = refused.map(Error::into_response).or_else(|| order.instead()) {
            self.note(Kind::Misbehaved, Some(&mode_name(order.mode)), None);
            return answer;
        }
        let result = self.carry_out(client, params, order);
        self.conclude(&result);
        if order.mode == Mode::DropAfterRotating {
            self.note(Kind::Misbehaved, Some(&mode_name(order.mode)), None);
            return hang_up();
        }
        match result {
            Ok(tokens) => reply(&tokens, order.mode == Mode::LieExpiry),
            Err(refusal) => refusal.error.into_response(),
        }
    }

    fn carry_out(&self, client: &Client, params: &Params, order: Order) -> Result<Tokens, Refusal> {
        let terms = Terms {
            now: self.acme.now(),
            access_ttl: order.access_ttl.unwrap_or(self.acme.config.access_ttl),
            omit_refresh: order.mode == Mode::OmitRefreshToken,
        };
        match params.needed("grant_type", "grant_type is missing.")? {
            "authorization_code" => {
                let exchange = Exchange {
                    code: params.needed("code", "code is missing.")?,
                    redirect_uri: params.needed("redirect_uri", "redirect_uri is missing.")?,
                    verifier: params.needed("code_verifier", "code_verifier is missing.")?,
                };
                self.acme.lock().grants.exchange(client, &exchange, terms)
            }
            "refresh_token" => {
                let token = params.needed("refresh_token", "refresh_token is missing.")?;
                let scopes = scopes(params)?;
                self.acme.lock().grants.refresh(client, token, scopes, terms)
            }
            "client_credentials" => {
                let scopes = scopes(params)?.unwrap_or(Scopes::ALL);
                Ok(self.acme.lock().grants.for_client(client, scopes, terms))
            }
            _ => Err(UNSUPPORTED.into()),
        }
    }

    /// Writes into the log what became of it.
    fn conclude(&self, result: &Result<Tokens, Refusal>) {
        match result {
            Ok(tokens) => {
                let kind = match self.grant_type.as_str() {
                    "refresh_token" if tokens.reused => Kind::Reused,
                    "refresh_token" => Kind::Refreshed,
                    _ => Kind::Issued,
                };
                self.note(kind, None, tokens.grant.as_deref());
            }
            Err(refusal) => {
                let grant = refusal.grant.as_deref();
                if refusal.reused {
                    self.note(Kind::Reused, None, grant);
                }
                self.note(Kind::Refused, Some(refusal.error.code), grant);
                if refusal.revoked {
                    self.note(Kind::Revoked, None, grant);
                }
            }
        }
    }

    fn note(&self, kind: Kind, detail: Option<&str>, grant: Option<&str>) {
        let mut event = Event::new(self.acme.now(), &self.presented_by, &self.grant_type, kind);
        event.detail = detail.map(str::to_owned);
        event.grant = grant.map(str::to_owned);
        event.refresh_token_sha256 = self.refresh_token.as_deref().map(random::sha256_hex);
        let mut memory = self.acme.lock();
        event.max_in_flight = grant.map_or(0, |grant| memory.grants.max_in_flight(grant));
        memory.log.push(event);
    }
}

const UNSUPPORTED: Error = Error::new(
    "unsupported_grant_type",
    "grant_type must be authorization_code, refresh_token or client_credentials.",
);

fn mode_name(mode: Mode) -> String {
    let name = serde_json::to_value(mode).ok();
    name.and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

fn scopes(params: &Params) -> Result<Option<Scopes>, Error> {
    let Some(text) = params.one("scope")? else { return Ok(None) };
    let scopes = Scopes::parse(text).filter(|scopes| !scopes.is_empty());
    scopes.map(Some).ok_or(Error::scope("A scope is unknown here."))
}

fn reply(tokens: &Tokens, lie: bool) -> Response {
    let ttl = if lie { LIE.max(tokens.ttl * 10) } else { tokens.ttl };
    let mut body = json!({
        "access_token": tokens.access,
        "token_type": "Bearer",
        "expires_in": ttl.as_secs(),
        "scope": tokens.scopes.to_string(),
    });
    if let Some(refresh) = &tokens.refresh {
        body["refresh_token"] = refresh.as_str().into();
    }
    ([(header::PRAGMA, HeaderValue::from_static("no-cache"))], Json(body)).into_response()
}

/// A refresh request while it is being answered; counted out when it is dropped.
struct InFlight<'a> {
    acme: &'a Shared,
    grant: String,
}

impl<'a> InFlight<'a> {
    /// Of a known refresh token.
    fn enter(acme: &'a Shared, refresh_token: &str) -> Option<Self> {
        let mut memory = acme.lock();
        let (grant, now) = memory.grants.enter(refresh_token)?;
        memory.log.in_flight(now);
        Some(Self { acme, grant })
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.acme.lock().grants.leave(&self.grant);
    }
}

//! Whose token it is.

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
    response::{IntoResponse, Response},
};

use super::error::Error;
use crate::{
    account::Account,
    behaviour::On,
    scope::Scopes,
    state::{Acme, Shared},
};

/// Behind a token that works.
pub(super) struct Caller {
    pub(super) account: &'static Account,
    scopes: Scopes,
}

impl Caller {
    /// Goes on only with this scope.
    pub(super) fn needs(&self, scope: &'static str) -> Result<(), Error> {
        let held = self.scopes.iter().any(|held| held.name == scope);
        if held { Ok(()) } else { Err(Error::scope(scope)) }
    }
}

impl FromRequestParts<Shared> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, acme: &Shared) -> Result<Self, Response> {
        let (client, caller) = identify(parts, acme).ok_or_else(|| Error::TOKEN.into_response())?;
        let order = acme.order(On::Api, &client);
        order.wait().await;
        match order.instead() {
            Some(answer) => Err(answer),
            None => Ok(caller),
        }
    }
}

fn identify(parts: &Parts, acme: &Acme) -> Option<(String, Caller)> {
    let value = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let memory = acme.lock();
    let access = memory.grants.access(token.trim(), acme.now())?;
    let caller = Caller { account: access.account, scopes: access.scopes };
    Some((access.client.clone(), caller))
}

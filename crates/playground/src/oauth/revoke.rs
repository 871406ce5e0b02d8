//! `POST /oauth/revoke` (RFC 7009).

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};

use super::{client_auth, error::Error, grants::Revoked, params::Params};
use crate::{
    behaviour::{Mode, On, hang_up},
    log::{Event, Kind},
    state::Shared,
};

/// Ends a token. An unknown one has ended already.
pub(super) async fn revoke(
    State(acme): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let params = match Params::form(&headers, &body) {
        Ok(params) => params,
        Err(error) => return error.into_response(),
    };
    let order = acme.order(On::Revoke, &client_auth::presented(&headers, &params));
    let answer = match order.instead() {
        Some(answer) => answer,
        None => match end(&acme, &headers, &params) {
            Ok(()) if order.mode == Mode::DropAfterRotating => hang_up(),
            Ok(()) => StatusCode::OK.into_response(),
            Err(error) => error.into_response(),
        },
    };
    order.wait().await;
    answer
}

fn end(acme: &Shared, headers: &HeaderMap, params: &Params) -> Result<(), Error> {
    let client = client_auth::authenticate(&acme.config, headers, params)?;
    let token = params.needed("token", "token is missing.")?;
    let mut memory = acme.lock();
    match memory.grants.revoke(client, token) {
        Revoked::Nothing => Ok(()),
        Revoked::NotYours => {
            Err(Error::new("unauthorized_client", "The token is another client's."))
        }
        Revoked::Done(grant) => {
            let mut event = Event::new(acme.now(), &client.id, "revocation", Kind::Revoked);
            event.grant = grant;
            memory.log.push(event);
            Ok(())
        }
    }
}

//! `POST /oauth/introspect` (RFC 7662).

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{client_auth, error::Error, params::Params};
use crate::state::Shared;

/// Tells a client about its own tokens; all others are not active.
pub(super) async fn introspect(
    State(acme): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match about(&acme, &headers, &body) {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => error.into_response(),
    }
}

fn about(acme: &Shared, headers: &HeaderMap, body: &Bytes) -> Result<Value, Error> {
    let params = Params::form(headers, body)?;
    let client = client_auth::authenticate(&acme.config, headers, &params)?;
    let token = params.needed("token", "token is missing.")?;
    let memory = acme.lock();
    let issuer = &acme.config.issuer;
    let access =
        memory.grants.access(token, acme.now()).filter(|access| access.client == client.id);
    if let Some(access) = access {
        return Ok(json!({
            "active": true,
            "client_id": access.client,
            "exp": access.until.secs(),
            "iat": access.issued_at.secs(),
            "iss": issuer,
            "scope": access.scopes.to_string(),
            "sub": access.account.id,
            "token_type": "Bearer",
            "username": access.account.email,
        }));
    }
    let refresh = memory.grants.live_refresh(token).filter(|refresh| refresh.client == client.id);
    Ok(refresh.map_or_else(
        || json!({"active": false}),
        |refresh| {
            json!({
                "active": true,
                "client_id": refresh.client,
                "iat": refresh.issued_at.secs(),
                "iss": issuer,
                "scope": refresh.scopes.to_string(),
                "sub": refresh.account.id,
                "token_type": "refresh_token",
                "username": refresh.account.email,
            })
        },
    ))
}

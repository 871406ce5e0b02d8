//! Whose account this is.

use axum::Json;
use serde::Serialize;

use super::caller::Caller;

/// The account behind the token.
#[derive(Serialize)]
pub(super) struct Me {
    id: &'static str,
    email: &'static str,
    name: &'static str,
}

/// `GET /me`; any scope will do.
pub(super) async fn me(caller: Caller) -> Json<Me> {
    let account = caller.account;
    Json(Me { id: account.id, email: account.email, name: account.name })
}

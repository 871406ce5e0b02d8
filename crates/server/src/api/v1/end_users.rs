//! `/v1/end-users`: what the hub knows of a person, and its end.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use hub::{offboarding, workspace::api_key::Role};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::connections::ReceiptName;
use crate::{
    http::{Caller, PathId},
    problem::Answer,
    state::AppState,
};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(export)).routes(routes!(erase))
}

/// Everything of a person, as JSON lines
///
/// Their profile, accounts, connect sessions, and the newest 10,000 entries of the audit chain about them, personal
/// fields opened. That it was taken is an entry of the chain itself.
#[utoipa::path(get, path = "/v1/end-users/{end_user}/export", tag = "connect", security(("key" = [])),
    params(("end_user" = String, Path, description = "The platform's own id of the person")),
    responses((status = 200, body = String, content_type = "application/jsonl")))]
async fn export(caller: Caller, PathId(id): PathId) -> Answer<Response> {
    let workspace = caller.workspace(Role::Provision)?;
    let records = offboarding::export_person(caller.store(), workspace, &id).await?;
    let mut lines = Vec::new();
    for record in &records {
        serde_json::to_writer(&mut lines, record).map_err(hub::Error::from)?;
        lines.push(b'\n');
    }
    Ok(([(CONTENT_TYPE, "application/jsonl")], lines).into_response())
}

/// A connection that ended with its person.
#[derive(Serialize, ToSchema)]
struct EndedView {
    #[schema(example = "con_01k9x2q7b3n5v8z0c4d6f1g2h3")]
    connection: String,
    /// What became of the grant so far; `GET /v1/connections/{connection}` says it later.
    receipt: ReceiptName,
}

/// What is left of a person.
#[derive(Serialize, ToSchema)]
struct ErasedView {
    /// The hub's own name for the person: what the audit chain goes on calling them.
    #[schema(example = "eu_01k9x2q7b3n5v8z0c4d6f1g2h3")]
    end_user: String,
    connections: Vec<EndedView>,
}

/// Disconnect a person's accounts and erase what is known of them
///
/// Hand-outs stop at once and providers are asked to end the grants. Profile, account names and the personal fields of
/// the audit chain can't be read any more afterwards; the chain still verifies.
#[utoipa::path(delete, path = "/v1/end-users/{end_user}", tag = "connect", security(("key" = [])),
    params(("end_user" = String, Path, description = "The platform's own id of the person")),
    responses((status = 202, body = ErasedView)))]
async fn erase(
    State(state): State<AppState>,
    caller: Caller,
    PathId(id): PathId,
) -> Answer<(StatusCode, Json<ErasedView>)> {
    let workspace = caller.workspace(Role::Provision)?;
    let erased = offboarding::erase_person(caller.store(), &state.registry, workspace, &id).await?;
    let ended = |(connection, receipt): (String, _)| EndedView {
        connection,
        receipt: ReceiptName::from(receipt),
    };
    let view = ErasedView {
        end_user: erased.end_user,
        connections: erased.connections.into_iter().map(ended).collect(),
    };
    Ok((StatusCode::ACCEPTED, Json(view)))
}

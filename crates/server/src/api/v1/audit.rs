//! `/v1/audit`: what happened, in chain order.

use axum::{Json, extract::State};
use data_encoding::{BASE64, HEXLOWER};
use hub::audit::{self, Row};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::super::view::{List, Part, Time};
use crate::{
    http::{Caller, QueryOf},
    problem::Answer,
    state::AppState,
};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// An entry of the workspace's hash chain.
#[derive(Serialize, ToSchema)]
struct EntryView {
    /// Its place, from 1.
    seq: i64,
    #[schema(example = "rel_01k9x2q7b3n5v8z0c4d6f1g2h3")]
    id: String,
    /// `release`, `denial` or `change`.
    kind: String,
    at: Time,
    /// What was recorded, read from the bytes below.
    entry: Value,
    /// The exact bytes that were hashed, in base64.
    body: String,
    /// SHA-256 over the domain, the hash before, the place and the bytes; in hexadecimal.
    hash: String,
}

impl From<Row> for EntryView {
    fn from(row: Row) -> Self {
        Self {
            seq: row.seq,
            id: row.id,
            kind: row.kind,
            at: Time::of(row.at),
            entry: serde_json::from_slice(&row.body).unwrap_or(Value::Null),
            body: BASE64.encode(&row.body),
            hash: HEXLOWER.encode(&row.hash),
        }
    }
}

/// The workspace's audit chain, oldest entry first; of a platform key that names no workspace, the platform's
#[utoipa::path(get, path = "/v1/audit", tag = "audit", security(("key" = [])), params(Part),
    responses((status = 200, body = List<EntryView>)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    QueryOf(part): QueryOf<Part>,
) -> Answer<Json<List<EntryView>>> {
    let page = audit::list(&state.store, caller.chain()?, &part.query()?).await?;
    Ok(Json(List::of(page, EntryView::from)))
}

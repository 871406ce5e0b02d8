//! `/v1/audit`: what happened, in chain order; signed; and as a file that anybody can verify.

use axum::{
    Json,
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER};
use hub::audit::{self, Export, Row, Signed, Signer, Span};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::super::view::{List, Part, Time};
use crate::{
    config::audit_name,
    http::{Caller, QueryOf},
    problem::Answer,
    state::AppState,
};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(checkpoint)).routes(routes!(export))
}

/// An entry of the workspace's hash chain.
#[derive(Serialize, ToSchema)]
struct EntryView {
    /// Its place, from 1.
    seq: i64,
    #[schema(example = "rel_01k9x2q7b3n5v8z0c4d6f1g2h3")]
    id: String,
    /// `release`, `denial`, `outcome` (of a release's action) or `change`. A release of the form `action` with
    /// no outcome has one that nobody knows: it still runs, or the hub stopped in between.
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

/// What the chain was at a moment, signed.
#[derive(Serialize, ToSchema)]
struct CheckpointView {
    /// Which chain of which hub.
    #[schema(example = "keys.example.com/ws/ws_01k9x2q7b3n5v8z0c4d6f1g2h3")]
    origin: String,
    /// How many entries it had.
    size: i64,
    /// The hash of the last of them, in hexadecimal.
    hash: String,
    at: Time,
    /// The note, in the form of C2SP's signed notes: origin, size, hash; and an Ed25519 signature. Keep it
    /// elsewhere: a chain that is rewritten later no longer fits it.
    note: String,
    /// What it is verified with. Write it down once and compare: a key that comes with what it signs proves nothing.
    #[schema(example = "keys.example.com+1e527cfb+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs")]
    vkey: String,
}

impl CheckpointView {
    fn of(signer: &Signer, chain: &str, head: Signed) -> Self {
        Self {
            origin: signer.origin(chain),
            size: head.size,
            hash: HEXLOWER.encode(&head.hash),
            at: head.at.into(),
            note: head.note,
            vkey: signer.verifier_key().to_string(),
        }
    }
}

/// Which checkpoint.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Fresh {
    /// Sign the chain as it stands now. Otherwise the newest note is given, at most about a minute old.
    #[serde(default)]
    fresh: bool,
}

async fn signer(state: &AppState) -> hub::Result<Signer> {
    audit::signer(&state.store, &audit_name(&state.public_url)).await
}

/// The newest signed note over the chain's head; of a platform key that names no workspace, the platform's
#[utoipa::path(get, path = "/v1/audit/checkpoint", tag = "audit", security(("key" = [])), params(Fresh),
    responses((status = 200, body = CheckpointView)))]
async fn checkpoint(
    State(state): State<AppState>,
    caller: Caller,
    QueryOf(Fresh { fresh }): QueryOf<Fresh>,
) -> Answer<Json<CheckpointView>> {
    let chain = caller.chain()?;
    let signer = signer(&state).await?;
    let newest = if fresh { None } else { audit::newest(&state.store, chain).await? };
    let head = match newest {
        Some(head) => head,
        None => audit::sign_now(&state.store, &signer, chain).await?,
    };
    Ok(Json(CheckpointView::of(&signer, chain, head)))
}

/// Which part of the chain.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Parts {
    /// The first place, from 1; or a time (RFC 3339): nothing that was written since is left out.
    from: Option<String>,
    /// The last place, or a time. The export goes on to the next signed note.
    to: Option<String>,
}

/// The chain as lines of JSON with its signed notes: `valetkey audit verify` checks it without the hub.
///
/// That it was taken is recorded first. A file without its last line (`{"end":true,…}`) is not whole.
#[utoipa::path(get, path = "/v1/audit/export", tag = "audit", security(("key" = [])), params(Parts),
    responses((status = 200, body = String, content_type = "application/jsonl")))]
async fn export(
    State(state): State<AppState>,
    caller: Caller,
    QueryOf(Parts { from, to }): QueryOf<Parts>,
) -> Answer<Response> {
    let chain = caller.chain()?;
    let signer = signer(&state).await?;
    let export = Export::begin(caller.store(), &signer, chain, &Span { from, to }).await?;
    let name = format!("attachment; filename=\"audit-{chain}.jsonl\"");
    let headers = [
        (header::CONTENT_TYPE, "application/jsonl".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    let parts = futures::stream::try_unfold(export, part);
    Ok((headers, Body::from_stream(parts)).into_response())
}

/// The status has been sent: what fails now can only end the file early, and that shows.
async fn part(mut export: Export) -> hub::Result<Option<(Bytes, Export)>> {
    match export.part().await {
        Ok(lines) => Ok(lines.map(|lines| (Bytes::from(lines), export))),
        Err(error) => {
            tracing::error!(%error, "an audit export was broken off");
            Err(error)
        }
    }
}

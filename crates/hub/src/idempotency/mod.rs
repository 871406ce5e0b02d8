//! Idempotency keys: a create that is sent again is answered as before, for 24 hours.

use std::time::Duration;

use base::constant_time_eq;
use sea_orm::{ConnectionTrait, QueryResult, Value};

use crate::{Error, Result, store::Store};

/// How long an answer is kept.
const KEPT: Duration = Duration::from_hours(24);
/// How long a request may be under way before its key is free again: its process has died.
const UNDER_WAY: Duration = Duration::from_mins(2);

/// A request with an `Idempotency-Key`.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The caller's API key (its id): keys of different callers are different keys.
    pub caller: &'a str,
    /// The header's value.
    pub key: &'a str,
    /// Method, path and body: the same key on another request is an error.
    pub fingerprint: &'a [u8],
}

/// What to do with a request.
#[derive(Debug)]
pub enum Begin {
    /// Do it, then [`Ticket::finish`].
    Fresh(Ticket),
    /// It was done before; answer this.
    Replay {
        /// The status.
        status: u16,
        /// The JSON text; secrets in it are null.
        body: String,
    },
}

/// Permission to do the request once.
#[derive(Debug)]
pub struct Ticket(String);

fn hex(digest: [u8; 32]) -> String {
    data_encoding::HEXLOWER.encode(&digest)
}

async fn query(store: &Store, sql: &str, values: Vec<Value>) -> Result<Option<QueryResult>> {
    let statement = store.statement(sql, values);
    Ok(store.write().query_one_raw(statement).await?)
}

async fn execute(store: &Store, sql: &str, values: Vec<Value>) -> Result<u64> {
    let statement = store.statement(sql, values);
    Ok(store.write().execute_raw(statement).await?.rows_affected())
}

/// Looks whether this was asked before; of two at the same moment one is let through.
pub async fn begin(store: &Store, request: Request<'_>) -> Result<Begin> {
    if !(1..=255).contains(&request.key.len()) || !request.key.bytes().all(|b| b.is_ascii_graphic())
    {
        return Err(Error::invalid(
            "idempotency_key_invalid",
            "`Idempotency-Key` is 1 to 255 visible ASCII characters, such as a UUID.",
        ));
    }
    let scope = format!("{}\n{}", request.caller, request.key);
    let digest = hex(store.keys().digest("idempotency-key", scope.as_bytes()));
    let print = hex(store.keys().digest("idempotency-request", request.fingerprint));
    let now = store.now();
    let insert = "INSERT INTO idempotency (digest, request_digest, status, body, expires_at) \
         VALUES ($1, $2, NULL, NULL, $3) ON CONFLICT (digest) DO UPDATE \
         SET request_digest = excluded.request_digest, status = NULL, body = NULL, \
         expires_at = excluded.expires_at WHERE idempotency.expires_at <= $4";
    let values = vec![
        digest.clone().into(),
        print.clone().into(),
        now.plus(UNDER_WAY).millis().into(),
        now.millis().into(),
    ];
    if execute(store, insert, values).await? == 1 {
        return Ok(Begin::Fresh(Ticket(digest)));
    }
    let select = "SELECT request_digest, status, body FROM idempotency WHERE digest = $1";
    let row = query(store, select, vec![digest.into()]).await?.ok_or_else(under_way)?;
    let known: String = row.try_get("", "request_digest")?;
    if !constant_time_eq(known.as_bytes(), print.as_bytes()) {
        return Err(Error::conflict(
            "idempotency_key_reused",
            "This `Idempotency-Key` was used with another request. Use a new one for each create.",
        ));
    }
    let status: Option<i64> = row.try_get("", "status")?;
    let body: Option<String> = row.try_get("", "body")?;
    match (status.and_then(|status| u16::try_from(status).ok()), body) {
        (Some(status), Some(body)) => Ok(Begin::Replay { status, body }),
        _ => Err(under_way()),
    }
}

fn under_way() -> Error {
    Error::conflict(
        "idempotency_under_way",
        "The first request with this `Idempotency-Key` is not finished. Ask again in a moment.",
    )
}

impl Ticket {
    /// Keeps the answer; `body` must hold no secret.
    pub async fn finish(self, store: &Store, status: u16, body: &str) -> Result<()> {
        let sql =
            "UPDATE idempotency SET status = $1, body = $2, expires_at = $3 WHERE digest = $4";
        let expires = store.now().plus(KEPT).millis();
        let values = vec![i64::from(status).into(), body.into(), expires.into(), self.0.into()];
        execute(store, sql, values).await?;
        Ok(())
    }

    /// Nothing was made: the key may be used again.
    pub async fn forget(self, store: &Store) -> Result<()> {
        execute(store, "DELETE FROM idempotency WHERE digest = $1", vec![self.0.into()]).await?;
        Ok(())
    }
}

/// Forgets answers that are older than they are kept.
pub async fn forget_old(store: &Store) -> Result<()> {
    let sql = "DELETE FROM idempotency WHERE expires_at <= $1";
    execute(store, sql, vec![store.now().millis().into()]).await?;
    Ok(())
}

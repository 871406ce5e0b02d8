//! Retention: the beginning of a chain is cut off, and where that was is signed.

use std::time::Duration;

use sea_orm::ConnectionTrait;
use serde_json::json;

use super::{
    Change, Reach, ZERO, change,
    checkpoint::{Signed, signed},
    note::{Checkpoint, Signer},
    verify,
};
use crate::{Error, Result, store::Store};

/// About how many entries are removed in one transaction.
const STEP: i64 = 5_000;
/// How many entries are read at once to be verified.
const PART: i64 = 500;
/// How many chains are cut in one turn of the background's.
const CHAINS: i64 = 50;
/// Each cut is an entry of its own: once in this time is enough.
const DAY: Duration = Duration::from_hours(24);

/// Where the chain was cut last.
pub async fn anchor(store: &Store, chain: &str) -> Result<Option<Signed>> {
    let sql = "SELECT size, hash, at, note FROM chain_anchor WHERE workspace_id = $1";
    let row = store.read().query_one_raw(store.statement(sql, [chain.into()])).await?;
    row.as_ref().map(signed).transpose()
}

/// Cuts off what a checkpoint older than `keep` covers; returns how many entries are gone.
///
/// What does not verify is not cut: the traces of whoever changed it would go with it.
pub async fn cut(store: &Store, signer: &Signer, chain: &str, keep: Duration) -> Result<i64> {
    let before = store.now().minus(keep).millis();
    let mut gone = 0;
    loop {
        let anchor = anchor(store, chain).await?;
        let (size, hash) = anchor.map_or((0, ZERO), |anchor| (anchor.size, anchor.hash));
        let Some(at) = next_cut(store, chain, size, before).await? else { return Ok(gone) };
        check(store, signer, chain, (size, hash), &at).await?;
        if !cut_at(store, signer, chain, size, &at).await? {
            return Ok(gone);
        }
        gone += at.size - size;
    }
}

/// Cuts every chain that has something old enough, each once a day; for the background.
pub async fn cut_due(store: &Store, signer: &Signer, keep: Duration) -> Result<()> {
    let sql = "SELECT DISTINCT c.workspace_id FROM checkpoint c LEFT JOIN chain_anchor a \
               ON a.workspace_id = c.workspace_id \
               WHERE c.at < $1 AND c.size > COALESCE(a.size, 0) AND COALESCE(a.at, 0) < $2 \
               ORDER BY c.workspace_id LIMIT $3";
    let now = store.now();
    let values = [now.minus(keep).millis().into(), now.minus(DAY).millis().into(), CHAINS.into()];
    for row in store.read().query_all_raw(store.statement(sql, values)).await? {
        let chain: String = row.try_get("", "workspace_id")?;
        if let Err(error) = cut(store, signer, &chain, keep).await {
            tracing::error!(workspace = chain, %error, "the beginning of an audit chain could not be cut off");
        }
    }
    Ok(())
}

/// The newest checkpoint that is old enough and not too far away; or else the nearest.
async fn next_cut(store: &Store, chain: &str, from: i64, before: i64) -> Result<Option<Signed>> {
    for (limit, order) in [(from + STEP, "DESC"), (i64::MAX, "ASC")] {
        let sql = format!(
            "SELECT size, hash, at, note FROM checkpoint WHERE workspace_id = $1 AND size > $2 \
             AND size <= $3 AND at < $4 ORDER BY size {order} LIMIT 1"
        );
        let values = [chain.into(), from.into(), limit.into(), before.into()];
        if let Some(row) = store.read().query_one_raw(store.statement(&sql, values)).await? {
            return Ok(Some(signed(&row)?));
        }
    }
    Ok(None)
}

/// The entries up to the checkpoint follow one another, and the checkpoint is ours.
async fn check(
    store: &Store,
    signer: &Signer,
    chain: &str,
    (from, before): (i64, [u8; 32]),
    at: &Signed,
) -> Result<()> {
    let said = signer.verifier_key().open(&at.note).ok();
    let ours = said.is_some_and(|said| (said.size, said.hash) == (at.size, at.hash));
    let (mut place, mut hash) = (from, before);
    while ours && place < at.size {
        let until = at.size.min(place + PART);
        let sql = "SELECT body, hash FROM chain_entry WHERE workspace_id = $1 \
                   AND seq BETWEEN $2 AND $3 ORDER BY seq";
        let values = [chain.into(), (place + 1).into(), until.into()];
        let rows = store.read().query_all_raw(store.statement(sql, values)).await?;
        let entry = |row: &sea_orm::QueryResult| -> Result<(Vec<u8>, Vec<u8>)> {
            Ok((row.try_get("", "body")?, row.try_get("", "hash")?))
        };
        let entries = rows.iter().map(entry).collect::<Result<Vec<_>>>()?;
        let pairs = entries.iter().map(|(body, hash)| (body.as_slice(), hash.as_slice()));
        match verify(hash, place + 1, pairs) {
            Ok(last) if i64::try_from(entries.len()).is_ok_and(|n| n == until - place) => {
                hash = last;
            }

            _ => return Err(damaged(chain, place + 1, until)),
        }
        place = until;
    }
    if ours && hash == at.hash { Ok(()) } else { Err(damaged(chain, from + 1, at.size)) }
}

fn damaged(chain: &str, first: i64, last: i64) -> Error {
    Error::conflict(
        "chain_damaged",
        format!(
            "The audit chain of {chain} does not verify in the places {first} to {last}, so nothing was cut. Export it and run `valetkey audit verify`."
        ),
    )
}

/// False where somebody else has cut meanwhile.
async fn cut_at(
    store: &Store,
    signer: &Signer,
    chain: &str,
    from: i64,
    at: &Signed,
) -> Result<bool> {
    let Signed { size, hash, .. } = at;
    let origin = signer.origin(chain);
    let said = Checkpoint { origin, size: *size, hash: *hash, anchor: true };
    let now = store.now().millis();
    let tx = store.begin().await?;
    let upsert = "INSERT INTO chain_anchor (workspace_id, size, hash, at, note) \
                  VALUES ($1, $2, $3, $4, $5) ON CONFLICT (workspace_id) DO UPDATE \
                  SET size = excluded.size, hash = excluded.hash, at = excluded.at, \
                  note = excluded.note WHERE chain_anchor.size = $6";
    let note = signer.sign(&said);
    let values =
        [chain.into(), (*size).into(), hash.to_vec().into(), now.into(), note.into(), from.into()];
    if tx.execute_raw(store.statement(upsert, values)).await?.rows_affected() == 0 {
        tx.rollback().await?;
        return Ok(false);
    }
    // The checkpoint at the cut stays: it vouches for what the next entry follows.
    for sql in [
        "DELETE FROM chain_entry WHERE workspace_id = $1 AND seq <= $2",
        "DELETE FROM checkpoint WHERE workspace_id = $1 AND size < $2",
    ] {
        tx.execute_raw(store.statement(sql, [chain.into(), (*size).into()])).await?;
    }
    let details = json!({ "first": from + 1, "last": size });
    let what = Change::new("audit.cut", chain).with(details);
    change(store, &tx, Reach::Workspace(chain), &what).await?;
    tx.commit().await?;
    Ok(true)
}

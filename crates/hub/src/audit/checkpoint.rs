//! Checkpoints: what the chains' heads were, signed and kept.

use base::Timestamp;
use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::{
    heads::{self, placeholders, tuples},
    note::{Checkpoint, Signer},
};
use crate::{Error, Result, store::Store};

/// How many chains are signed in one transaction.
const BATCH: usize = 100;

/// A signed head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// How many entries the chain had.
    pub size: i64,
    /// The hash of the last.
    pub hash: [u8; 32],
    /// When it was signed.
    pub at: Timestamp,
    /// The note.
    pub note: String,
}

/// A chain's head as it is committed.
struct Head {
    chain: String,
    size: i64,
    hash: [u8; 32],
}

/// The hub's signer of notes; its key is made the first time. `name` is the hub's host.
pub async fn signer(store: &Store, name: &str) -> Result<Signer> {
    Ok(Signer::new(name, &*store.keys().system_secret("audit_signing_key").await?))
}

/// The chain's newest checkpoint.
pub async fn newest(store: &Store, chain: &str) -> Result<Option<Signed>> {
    let sql = "SELECT size, hash, at, note FROM checkpoint WHERE workspace_id = $1 \
               ORDER BY size DESC LIMIT 1";
    let row = store.read().query_one_raw(store.statement(sql, [chain.into()])).await?;
    row.as_ref().map(signed).transpose()
}

/// The newest checkpoint, once it covers the chain as it stands now.
pub async fn sign_now(store: &Store, signer: &Signer, chain: &str) -> Result<Signed> {
    let sql = "SELECT workspace_id, size, hash FROM chain_head WHERE workspace_id = $1";
    let row = store.read().query_one_raw(store.statement(sql, [chain.into()])).await?;
    let head = head(&row.ok_or_else(|| Error::not_found("workspace"))?)?;
    if let Some(newest) = newest(store, chain).await?
        && newest.size >= head.size
    {
        return Ok(newest);
    }
    sign(store, signer, &[head]).await?;
    newest(store, chain)
        .await?
        .ok_or_else(|| Error::internal("a checkpoint is missing after signing"))
}

/// Signs every chain that has grown since its newest checkpoint; returns how many.
pub async fn sign_due(store: &Store, signer: &Signer) -> Result<usize> {
    let sql = "SELECT workspace_id, size, hash FROM chain_head \
               WHERE size > signed_size AND workspace_id > $1 ORDER BY workspace_id LIMIT $2";
    let most = i64::try_from(BATCH).unwrap_or(i64::MAX);
    let (mut after, mut count) = (String::new(), 0);
    loop {
        let values = [after.into(), most.into()];
        let rows = store.read().query_all_raw(store.statement(sql, values)).await?;
        let heads = rows.iter().map(head).collect::<Result<Vec<_>>>()?;
        let Some(last) = heads.last() else { return Ok(count) };
        after = last.chain.clone();
        sign(store, signer, &heads).await?;
        count += heads.len();
    }
}

/// Replicas that sign the same head make the same note: whoever is second changes nothing.
async fn sign(store: &Store, signer: &Signer, heads: &[Head]) -> Result<()> {
    let now = store.now().millis();
    let rows = heads.iter().flat_map(|head| {
        let Head { chain, size, hash } = head;
        let origin = signer.origin(chain);
        let said = Checkpoint { origin, size: *size, hash: *hash, anchor: false };
        let note = signer.sign(&said);
        [chain.clone().into(), (*size).into(), hash.to_vec().into(), now.into(), note.into()]
    });
    let insert = format!(
        "INSERT INTO checkpoint (workspace_id, size, hash, at, note) VALUES {} ON CONFLICT DO NOTHING",
        tuples(5, heads.len())
    );
    let tx = store.begin().await?;
    tx.execute_raw(store.statement(&insert, rows)).await?;
    // In the workspaces' order, as everyone locks them.
    let names: Vec<&str> = heads.iter().map(|head| head.chain.as_str()).collect();
    heads::lock(store, &tx, &names).await?;
    let update = format!(
        "UPDATE chain_head SET signed_size = (SELECT MAX(c.size) FROM checkpoint c \
         WHERE c.workspace_id = chain_head.workspace_id) WHERE workspace_id IN ({})",
        placeholders(1, names.len())
    );
    tx.execute_raw(store.statement(&update, names.into_iter().map(Value::from))).await?;
    tx.commit().await?;
    Ok(())
}

fn head(row: &QueryResult) -> Result<Head> {
    Ok(Head {
        chain: row.try_get("", "workspace_id")?,
        size: row.try_get("", "size")?,
        hash: hash_of(row)?,
    })
}

pub(super) fn signed(row: &QueryResult) -> Result<Signed> {
    Ok(Signed {
        size: row.try_get("", "size")?,
        hash: hash_of(row)?,
        at: Timestamp::from_millis(row.try_get("", "at")?),
        note: row.try_get("", "note")?,
    })
}

pub(super) fn hash_of(row: &QueryResult) -> Result<[u8; 32]> {
    let hash: Vec<u8> = row.try_get("", "hash")?;
    hash.try_into().map_err(|_| Error::internal("a hash of the chain has another length"))
}

//! A chain as lines of JSON, to be verified elsewhere. `docs/audit.md` has the format.

use base::Timestamp;
use data_encoding::HEXLOWER;
use sea_orm::{ConnectionTrait, QueryResult};
use serde_json::json;

use super::{
    Change, Reach, Signer, ZERO, change,
    checkpoint::{hash_of, sign_now},
    lines::{AnchorLine, Header, write, write_end, write_entry, write_note},
    retain::anchor,
};
use crate::{Error, Result, store::Store};

/// How many entries are read at once.
const PART: i64 = 200;

/// Which part of a chain is asked for: places (`1`) or times (RFC 3339); all of it where they are left
/// out.
#[derive(Clone, Debug, Default)]
pub struct Span {
    /// The first place; or: nothing that was written at or after this time is left out.
    pub from: Option<String>,
    /// The same of the end. It is moved on to the next checkpoint: an export ends with a note.
    pub to: Option<String>,
}

/// An export that is being read, part by part.
pub struct Export {
    store: Store,
    chain: String,
    header: Option<Header>,
    next: i64,
    last: i64,
    count: i64,
    ended: bool,
}

enum Bound {
    Place(i64),
    Time(Timestamp),
}

impl Export {
    /// Records that the export is taken, by the store's actor, and signs the chain as it then stands.
    pub async fn begin(store: &Store, signer: &Signer, chain: &str, span: &Span) -> Result<Self> {
        let (from, to) = (bound("from", span.from.as_deref())?, bound("to", span.to.as_deref())?);
        record(store, chain, span).await?;
        let head = sign_now(store, signer, chain).await?;
        let anchor = anchor(store, chain).await?;
        let cut = anchor.as_ref().map_or(0, |anchor| anchor.size);
        let first = first_place(store, chain, from).await?.max(cut + 1);
        let last = last_place(store, chain, to).await?.unwrap_or(head.size);
        if first > last {
            return Err(Error::invalid(
                "range_invalid",
                format!(
                    "There is nothing in that part of the chain: it has the places {} to {}.",
                    cut + 1,
                    head.size
                ),
            ));
        }
        let key = signer.verifier_key().to_string();
        let mut header = Header::new(chain, signer.origin(chain), key);
        header.first = first;
        let before = match &anchor {
            Some(anchor) if anchor.size == first - 1 => anchor.hash,
            _ => hash_at(store, chain, first - 1).await?,
        };
        header.before = HEXLOWER.encode(&before);
        header.anchor = anchor.map(|anchor| AnchorLine {
            size: anchor.size,
            hash: HEXLOWER.encode(&anchor.hash),
            note: anchor.note,
        });
        Ok(Self {
            store: store.clone(),
            chain: chain.to_owned(),
            header: Some(header),
            next: first,
            last,
            count: 0,
            ended: false,
        })
    }

    /// The next lines; none at the end. After an error there is no more: the last line is missing then.
    pub async fn part(&mut self) -> Result<Option<Vec<u8>>> {
        let mut out = Vec::new();
        if let Some(header) = self.header.take() {
            write(&mut out, &header);
            // What the first entry follows may be signed too.
            let before = self.notes(self.next - 1, self.next - 1).await?;
            for (_, note) in before {
                write_note(&mut out, &note);
            }
            return Ok(Some(out));
        }
        if self.next <= self.last {
            self.entries(&mut out).await?;
            return Ok(Some(out));
        }
        if self.ended {
            return Ok(None);
        }
        self.ended = true;
        write_end(&mut out, self.count);
        Ok(Some(out))
    }

    /// How far it is: entries that were written, and all.
    pub fn progress(&self) -> (u64, u64) {
        let number = |count: i64| u64::try_from(count).unwrap_or_default();
        (number(self.count), number(self.last - self.next + 1 + self.count))
    }

    /// Entries are written as they stand: it is the verifier who says what is missing or wrong.
    async fn entries(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let until = self.last.min(self.next + PART - 1);
        let sql = "SELECT seq, body, hash FROM chain_entry WHERE workspace_id = $1 \
                   AND seq BETWEEN $2 AND $3 ORDER BY seq";
        let values = [self.chain.clone().into(), self.next.into(), until.into()];
        let rows = self.store.read().query_all_raw(self.store.statement(sql, values)).await?;
        let mut notes = self.notes(self.next, until).await?.into_iter().peekable();
        for row in &rows {
            let seq: i64 = row.try_get("", "seq")?;
            while let Some((_, note)) = notes.next_if(|(size, _)| *size < seq) {
                write_note(out, &note);
            }
            let (body, hash): (Vec<u8>, Vec<u8>) =
                (row.try_get("", "body")?, row.try_get("", "hash")?);
            write_entry(out, seq, &body, &hash);
            self.count += 1;
        }
        notes.for_each(|(_, note)| write_note(out, &note));
        let missing = until - self.next + 1 > i64::try_from(rows.len()).unwrap_or(i64::MAX);
        if missing
            && anchor(&self.store, &self.chain).await?.is_some_and(|cut| cut.size >= self.next)
        {
            return Err(Error::conflict(
                "chain_cut",
                "The beginning of the chain was cut off while it was exported. Export it again.",
            ));
        }
        self.next = until + 1;
        Ok(())
    }

    async fn notes(&self, first: i64, last: i64) -> Result<Vec<(i64, String)>> {
        let sql = "SELECT size, note FROM checkpoint WHERE workspace_id = $1 \
                   AND size BETWEEN $2 AND $3 ORDER BY size";
        let values = [self.chain.clone().into(), first.into(), last.into()];
        let rows = self.store.read().query_all_raw(self.store.statement(sql, values)).await?;
        let note = |row: &QueryResult| Ok((row.try_get("", "size")?, row.try_get("", "note")?));
        rows.iter().map(note).collect()
    }
}

async fn record(store: &Store, chain: &str, span: &Span) -> Result<()> {
    let tx = store.begin().await?;
    let details = json!({ "from": span.from, "to": span.to });
    let what = Change::new("audit.exported", chain).with(details);
    change(store, &tx, Reach::Workspace(chain), &what).await?;
    tx.commit().await?;
    Ok(())
}

fn bound(name: &str, text: Option<&str>) -> Result<Option<Bound>> {
    let Some(text) = text else { return Ok(None) };
    let place = text.parse().ok().filter(|place| *place >= 1).map(Bound::Place);
    let bound = place.or_else(|| Timestamp::parse_rfc3339(text).map(Bound::Time));
    if bound.is_some() && text.len() <= 64 {
        return Ok(bound);
    }
    Err(Error::invalid(
        "range_invalid",
        format!(
            "`{name}` is a place in the chain, from 1, or a time such as 2026-11-24T12:00:00Z."
        ),
    ))
}

/// Behind the last checkpoint before a time, all that was written since is there.
async fn first_place(store: &Store, chain: &str, from: Option<Bound>) -> Result<i64> {
    let at = match from {
        None => return Ok(1),
        Some(Bound::Place(place)) => return Ok(place),
        Some(Bound::Time(at)) => at,
    };
    let sql = "SELECT MAX(size) AS size FROM checkpoint WHERE workspace_id = $1 AND at < $2";
    Ok(one(store, sql, chain, at.millis()).await?.unwrap_or(0) + 1)
}

async fn last_place(store: &Store, chain: &str, to: Option<Bound>) -> Result<Option<i64>> {
    match to {
        None => Ok(None),
        Some(Bound::Place(place)) => {
            let sql =
                "SELECT MIN(size) AS size FROM checkpoint WHERE workspace_id = $1 AND size >= $2";
            one(store, sql, chain, place).await
        }
        Some(Bound::Time(at)) => {
            let sql =
                "SELECT MIN(size) AS size FROM checkpoint WHERE workspace_id = $1 AND at >= $2";
            one(store, sql, chain, at.millis()).await
        }
    }
}

async fn one(store: &Store, sql: &str, chain: &str, value: i64) -> Result<Option<i64>> {
    let statement = store.statement(sql, [chain.into(), value.into()]);
    let row = store.read().query_one_raw(statement).await?;
    Ok(row.map(|row| row.try_get("", "size")).transpose()?.flatten())
}

async fn hash_at(store: &Store, chain: &str, place: i64) -> Result<[u8; 32]> {
    if place == 0 {
        return Ok(ZERO);
    }
    let sql = "SELECT hash FROM chain_entry WHERE workspace_id = $1 AND seq = $2";
    let statement = store.statement(sql, [chain.into(), place.into()]);
    match store.read().query_one_raw(statement).await? {
        Some(row) => hash_of(&row),
        // The verifier will say that it does not fit.
        None => Ok(ZERO),
    }
}

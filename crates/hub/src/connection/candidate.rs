//! Credentials that came too late for their row: kept beside it, and tried before anyone is asked to link
//! again.

use base::{ExposeSecret, constant_time_eq};
use connector::Credential;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait,
    IntoActiveModel, QueryFilter, QuerySelect,
};
use vault::{Place, Sealed};
use zeroize::Zeroizing;

use super::{
    Belongs, Health, State, Status, Stored,
    entity::{Column, Entity, Model},
    open_credential, seal_credential,
    sealed::{CANDIDATES, owned},
};
use crate::{
    Error, Result,
    store::{SealedColumn, Store, bump},
};

/// The most that one row keeps; the oldest goes.
const MOST: usize = 8;

/// What became of a late credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// It is kept.
    Kept,
    /// The row has it already, in its place or beside it.
    Known,
    /// The connection has ended.
    Ended,
}

/// `bound` is the row and its owner.
fn place<'a>(workspace: &'a str, bound: &'a str) -> Place<'a> {
    Place { workspace, row: bound, field: CANDIDATES, generation: 1 }
}

/// The row as it is now; none where it is another's by now.
async fn lock(store: &Store, tx: &DatabaseTransaction, known: &Model) -> Result<Model> {
    let mut query = Entity::find_by_id(known.id.as_str())
        .filter(Column::WorkspaceId.eq(known.workspace_id.as_str()))
        .filter(Column::OwnerKey.eq(known.owner_key.as_str()));
    if store.is_postgres() {
        query = query.lock_exclusive();
    }
    query.one(tx).await?.ok_or_else(|| Error::not_found("connection"))
}

/// A list of length-prefixed credentials.
fn pack(all: &[Zeroizing<Vec<u8>>]) -> Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    for one in all {
        let length = u32::try_from(one.len()).map_err(Error::internal)?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(one);
    }
    Ok(bytes)
}

fn unpack(bytes: &[u8]) -> Result<Vec<Zeroizing<Vec<u8>>>> {
    let malformed = || Error::internal("kept candidates are malformed");
    let mut all = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<4>().ok_or_else(malformed)?;
        let length = u32::from_be_bytes(*length) as usize;
        let (one, after) = after.split_at_checked(length).ok_or_else(malformed)?;
        all.push(Zeroizing::new(one.to_vec()));
        rest = after;
    }
    Ok(all)
}

async fn open(store: &Store, row: &Model) -> Result<Vec<Zeroizing<Vec<u8>>>> {
    let Some(bytes) = &row.candidates else { return Ok(Vec::new()) };
    let sealed = SealedColumn(Sealed::from_bytes(bytes.clone())?);
    let bound = owned(&row.id, &row.owner_key);
    unpack(&store.keys().open_sealed(&place(&row.workspace_id, &bound), &sealed).await?)
}

async fn seal(store: &Store, row: &Model, all: &[Zeroizing<Vec<u8>>]) -> Result<Option<Vec<u8>>> {
    if all.is_empty() {
        return Ok(None);
    }
    let bound = owned(&row.id, &row.owner_key);
    let sealed = store.keys().seal(&place(&row.workspace_id, &bound), &pack(all)?).await?;
    Ok(Some(sealed.0.into_bytes()))
}

fn same_refresh_token(a: &Stored, b: &Stored) -> bool {
    let token = |stored: &Stored| match &stored.credential {
        // Where there are no refresh tokens the access token is what is renewed.
        Credential::OAuth(tokens) => {
            Some(tokens.refresh.as_ref().unwrap_or(&tokens.access).clone())
        }
        Credential::OAuth1(_) | Credential::Keys(_) => None,
    };
    match (token(a), token(b)) {
        (Some(a), Some(b)) => {
            constant_time_eq(a.expose_secret().as_bytes(), b.expose_secret().as_bytes())
        }
        _ => false,
    }
}

/// Keeps a credential beside the row that it was received for.
pub async fn keep_candidate(store: &Store, known: &Model, stored: &Stored) -> Result<Keep> {
    let tx = store.begin().await?;
    let row = lock(store, &tx, known).await?;
    if row.status == Status::Revoked {
        return Ok(Keep::Ended);
    }
    if open_credential(store, &row).await.is_ok_and(|known| same_refresh_token(&known, stored)) {
        return Ok(Keep::Known);
    }
    let mut all = open(store, &row).await?;
    for one in &all {
        if same_refresh_token(&Stored::from_bytes(one)?, stored) {
            return Ok(Keep::Known);
        }
    }
    all.push(stored.to_bytes()?);
    if all.len() > MOST {
        all.remove(0);
    }
    if row.state == State::Reauth {
        // Somebody was about to be asked to link again: this may spare them.
        promote(store, &tx, row, all).await?;
    } else {
        let candidates = seal(store, &row, &all).await?;
        let mut row = row.into_active_model();
        row.candidates = Set(candidates);
        row.updated_at = Set(store.now().millis());
        row.update(&tx).await?;
    }
    tx.commit().await?;
    Ok(Keep::Kept)
}

/// Puts the newest candidate into the place of a dead credential, due at once; whether there was one.
/// Only while the row has what was presented, under this lease.
pub async fn promote_candidate(store: &Store, presented: &Model, owner: &str) -> Result<bool> {
    if presented.candidates.is_none() {
        // Seldom there at all: no lock for nothing. One that arrives now finds the row by itself.
        let now = super::get(store, &presented.workspace_id, &presented.id).await?;
        if now.candidates.is_none() {
            return Ok(false);
        }
    }
    let tx = store.begin().await?;
    let row = lock(store, &tx, presented).await?;
    let held = row.fence == presented.fence
        && row.generation == presented.generation
        && row.lease_owner.as_deref() == Some(owner);
    let all = open(store, &row).await?;
    if !held || all.is_empty() {
        return Ok(false);
    }
    promote(store, &tx, row, all).await?;
    tx.commit().await?;
    Ok(true)
}

/// The newest of `all` becomes the credential, due at once; the others stay candidates.
async fn promote(
    store: &Store,
    tx: &DatabaseTransaction,
    row: Model,
    mut all: Vec<Zeroizing<Vec<u8>>>,
) -> Result<()> {
    let newest = all.pop().ok_or_else(|| Error::internal("there is no candidate"))?;
    let stored = Stored::from_bytes(&newest)?;
    let generation = row.generation + 1;
    let sealed = seal_credential(store, Belongs::to(&row, generation), &stored).await?;
    let candidates = seal(store, &row, &all).await?;
    let now = store.now().millis();
    let workspace = row.workspace_id.clone();
    let expires_at = match &stored.credential {
        Credential::OAuth(tokens) => tokens.expires_at.map(base::Timestamp::millis),
        Credential::OAuth1(_) | Credential::Keys(_) => None,
    };
    let mut row = row.into_active_model();
    row.credential_sealed = Set(Some(sealed));
    row.candidates = Set(candidates);
    row.generation = Set(generation);
    row.expires_at = Set(expires_at);
    row.state = Set(State::Ready);
    row.health = Set(Health::Failing);
    row.lease_owner = Set(None);
    row.deadline = Set(None);
    row.quiet_until = Set(0);
    row.hold_until = Set(0);
    row.due_at = Set(Some(now));
    row.updated_at = Set(now);
    row.update(tx).await?;
    bump(tx, &workspace).await
}

//! What a finished attempt leaves behind, and what the page tells of it.

use std::{collections::BTreeMap, time::Duration};

use connector::{Account, Credential, Manifest};
use data_encoding::BASE64URL_NOPAD;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, sea_query::Expr,
};
use serde::{Deserialize, Serialize};
use vault::Place;

use super::{
    Fault, Session, Status,
    entity::{ActiveModel, Column, Entity},
    link::{app_of, wanted_scopes},
};
use crate::{
    Error, Result,
    connection::{self, Stored},
    end_user::{self, Profile},
    integration::App,
    provider::Registry,
    store::{Json, Store},
    workspace::{self, Workspace},
};

/// How long the platform has to complete a session.
const COMPLETE_WITHIN: Duration = Duration::from_mins(10);
/// How long the code that the browser carries is good.
const CODE_LIFE: Duration = Duration::from_mins(5);

/// What is kept, sealed, until the session is completed.
#[derive(Serialize, Deserialize)]
struct PendingHead {
    account_id: String,
    account_label: String,
}

/// What a finished attempt brought.
pub(super) struct Pending {
    pub(super) account: Account,
    pub(super) stored: Stored,
}

fn place(row: &Session) -> Place<'_> {
    Place {
        workspace: &row.workspace_id,
        row: &row.id,
        field: "pending",
        generation: u64::try_from(row.generation).unwrap_or(0),
    }
}

/// Keeps what came. It is no connection yet: nobody can use it.
pub(super) async fn pending(
    store: &Store,
    row: &Session,
    app: &App,
    account: Account,
    stored: Stored,
) -> Result<()> {
    if let Some(expected) = &row.connection_id {
        let known = connection::get(store, &row.workspace_id, expected).await?;
        let digest = connection::account_digest(store, &app.integration.provider, &account.id);
        if known.account_digest != digest {
            let tx = store.begin().await?;
            discard(store, &tx, row, &app.integration.id, &stored).await?;
            failed_in(store, &tx, row, Fault::WrongAccount).await?;
            tx.commit().await?;
            return Ok(());
        }
    }
    let granted = match &stored.credential {
        Credential::OAuth(tokens) => {
            tokens.scopes.clone().unwrap_or_else(|| wanted_scopes(row, app))
        }
        // There is no word in the protocol for what was granted.
        Credential::OAuth1(_) => wanted_scopes(row, app),
        Credential::Keys(_) => app.integration.scopes.0.clone(),
    };
    let head =
        serde_json::to_vec(&PendingHead { account_id: account.id, account_label: account.label })?;
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    bytes.extend_from_slice(&u32::try_from(head.len()).map_err(Error::internal)?.to_be_bytes());
    bytes.extend_from_slice(&head);
    bytes.extend_from_slice(&stored.to_bytes()?);
    let now = store.now();
    let mut next = row.clone();
    next.generation += 1;
    let sealed = store.keys().seal(&place(&next), &bytes).await?;
    let active = ActiveModel {
        generation: Set(next.generation),
        integration_id: Set(Some(app.integration.id.clone())),
        pending_sealed: Set(Some(sealed)),
        granted: Set(Some(Json(granted))),
        status: Set(Status::Pending),
        error: Set(None),
        code_digest: Set(Some(code_digest(store, &completion_code(store, &next)))),
        code_expires_at: Set(Some(now.plus(CODE_LIFE).millis())),
        expires_at: Set(now.plus(COMPLETE_WITHIN).millis()),
        updated_at: Set(now.millis()),
        ..Default::default()
    };
    let tx = store.begin().await?;
    // Only as what this attempt began: the browser may have started anew meanwhile.
    let done = Entity::update_many()
        .set(active)
        .filter(Column::Id.eq(row.id.as_str()))
        .filter(Column::Generation.eq(row.generation))
        .filter(Column::Status.is_in([Status::Linking, Status::Failed]))
        .exec(&tx)
        .await?;
    if done.rows_affected == 1 {
        tx.commit().await?;
        return Ok(());
    }
    discard(store, &tx, row, &app.integration.id, &stored).await?;
    tx.commit().await?;
    Err(Error::conflict(
        "session_busy",
        "This link was started again meanwhile, so this answer was not used. Finish the newer one.",
    ))
}

/// The single-use code, which only the browser that finished is shown. It is derived, so that a
/// reloaded page shows the same one; each attempt has its own.
pub fn completion_code(store: &Store, row: &Session) -> String {
    let text = format!("{}\n{}", row.id, row.generation);
    BASE64URL_NOPAD.encode(&store.keys().digest("completion-code", text.as_bytes()))
}

pub(super) fn code_digest(store: &Store, code: &str) -> Vec<u8> {
    store.keys().digest("completion-code-kept", code.as_bytes()).to_vec()
}

/// Opens what a pending session keeps.
pub(super) async fn open_pending(store: &Store, row: &Session) -> Result<Option<Pending>> {
    let Some(sealed) = &row.pending_sealed else { return Ok(None) };
    let bytes = store.keys().open_sealed(&place(row), sealed).await?;
    let malformed = || Error::internal("a pending credential is malformed");
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(malformed)?;
    let (head, stored) =
        rest.split_at_checked(u32::from_be_bytes(*length) as usize).ok_or_else(malformed)?;
    let head: PendingHead = serde_json::from_slice(head)?;
    let extra = BTreeMap::default();
    let account = Account { id: head.account_id, label: head.account_label, extra };
    Ok(Some(Pending { account, stored: Stored::from_bytes(stored)? }))
}

/// Ends the attempt; the same browser may try again while the session lasts.
pub(super) async fn failed(store: &Store, row: &Session, fault: Fault) -> Result<()> {
    failed_in(store, store.write(), row, fault).await
}

/// The same, within a transaction. An attempt that was started since is left alone.
pub(super) async fn failed_in<C: ConnectionTrait>(
    store: &Store,
    tx: &C,
    row: &Session,
    fault: Fault,
) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::Status, Expr::value(Status::Failed))
        .col_expr(Column::Error, Expr::value(fault))
        .col_expr(Column::StateDigest, Expr::value(None::<Vec<u8>>))
        .col_expr(Column::FlowSealed, Expr::value(None::<Vec<u8>>))
        .col_expr(Column::UpdatedAt, Expr::value(store.now().millis()))
        .filter(Column::Id.eq(row.id.as_str()))
        .filter(Column::Generation.eq(row.generation))
        .exec(tx)
        .await?;
    Ok(())
}

/// The person at the browser says no, or is another one than the link was made for.
pub async fn cancel(store: &Store, row: &Session, fault: Fault) -> Result<()> {
    match row.status {
        Status::Linking | Status::Failed => failed(store, row, fault).await,
        _ => Ok(()),
    }
}

/// Queues the end, at the provider, of a grant that nobody is to have.
///
/// Within the transaction that decides so: a grant is not forgotten by a crash in between.
pub(super) async fn discard<C: ConnectionTrait>(
    store: &Store,
    tx: &C,
    row: &Session,
    integration: &str,
    stored: &Stored,
) -> Result<()> {
    let workspace = &row.workspace_id;
    connection::queue_revocation(store, tx, workspace, &row.id, integration, stored).await
}

/// What the page shows before and after.
pub struct Review {
    /// The tenant.
    pub workspace: Workspace,
    /// Who is expected at this browser.
    pub end_user: Profile,
    /// What is linked.
    pub app: App,
    /// Which scopes will be asked for.
    pub scopes: Vec<String>,
    /// The account, once it is known.
    pub account: Option<String>,
}

/// Everything that the review and result pages need.
pub async fn review(store: &Store, registry: &Registry, row: &Session) -> Result<Review> {
    let workspace = workspace::get(store, &row.workspace_id).await?;
    let id = row.end_user_id.as_deref().ok_or_else(|| Error::not_found("end user"))?;
    let person = end_user::get(store, &row.workspace_id, id).await?;
    let end_user = end_user::profile(store, &person).await?;
    let app = app_of(store, registry, row).await?;
    let scopes = wanted_scopes(row, &app);
    let account = open_pending(store, row).await?.map(|pending| pending.account.label);
    Ok(Review { workspace, end_user, app, scopes, account })
}

/// The granted scopes with their sentences, and those that were asked for and not granted.
pub fn granted<'a>(
    manifest: &'a Manifest,
    row: &'a Session,
    wanted: &'a [String],
) -> (Vec<(&'a str, Option<&'a str>)>, Vec<&'a str>) {
    let title = |name: &str| {
        manifest.scopes.iter().find(|scope| scope.name == name).map(|scope| scope.title.as_str())
    };
    let granted = row.granted.as_ref().map_or(&[][..], |list| list.0.as_slice());
    let given = granted.iter().map(|name| (name.as_str(), title(name))).collect();
    let withheld =
        wanted.iter().filter(|name| !granted.contains(name)).map(String::as_str).collect();
    (given, withheld)
}

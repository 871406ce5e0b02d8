//! Completing a link: the platform says who is signed in at the browser that finished.

use base::{Timestamp, constant_time_eq};
use connector::Credential;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};

use super::{
    Fault, Session, Status,
    entity::{Column, Entity},
    finish::{Pending, code_digest, discard, failed_in, open_pending},
    get,
};
use crate::{
    Error, Result,
    connection::{Connection, Linked, activate},
    end_user,
    integration::{self, App},
    provider::Registry,
    refresh,
    store::{SYSTEM, Store},
    workspace::api_key::{Owner, Principal},
};

/// A completed session.
pub struct Completed {
    /// The session.
    pub session: Session,
    /// The connection, active now.
    pub connection: Connection,
}

/// Completes a session with the code that the finishing browser carried and the platform's own id of
/// the user *who is signed in in that browser*.
///
/// Another user than the one the session was made for: the credential is discarded.
pub async fn complete(
    store: &Store,
    registry: &Registry,
    principal: &Principal,
    workspace: &str,
    id: &str,
    code: &str,
    end_user: &str,
) -> Result<Completed> {
    let row = get(store, workspace, id).await?;
    check_code(store, &row, code)?;
    let integration_id = row
        .integration_id
        .clone()
        .ok_or_else(|| Error::internal("a pending session has no app"))?;
    let found = integration::get(store, workspace, &integration_id).await?;
    let app = App::load(store, registry, found).await?;
    check_caller(principal, &app)?;
    let pending = open_pending(store, &row)
        .await?
        .ok_or_else(|| Error::internal("a pending session keeps no credential"))?;
    let person = end_user::find(store, workspace, end_user).await?;
    if person.is_none_or(|person| Some(person.id) != row.end_user_id) {
        let tx = store.begin().await?;
        take(&tx, store, &row, Status::Failed, None).await?;
        failed_in(store, &tx, &row, Fault::WrongEndUser).await?;
        discard(store, &tx, &row, &integration_id, &pending.stored).await?;
        tx.commit().await?;
        return Err(Error::conflict(
            "wrong_end_user",
            "This session was made for another end user than the one who finished it. The credential was discarded; nobody got access.",
        ));
    }
    let connection = activate_pending(store, &row, &app, pending).await?;
    let session = get(store, workspace, id).await?;
    Ok(Completed { session, connection })
}

fn check_code(store: &Store, row: &Session, code: &str) -> Result<()> {
    let refused = || {
        Error::invalid(
            "code_invalid",
            "The code is wrong, was used already, or is older than 5 minutes. Start a new connect session.",
        )
    };
    if row.status != Status::Pending || row.expires_at <= store.now().millis() {
        return Err(refused());
    }
    let kept = row.code_digest.as_deref().ok_or_else(refused)?;
    let fresh = row.code_expires_at.is_some_and(|at| at > store.now().millis());
    let right = code.len() <= 128 && constant_time_eq(kept, &code_digest(store, code));
    if fresh && right { Ok(()) } else { Err(refused()) }
}

/// Where workspaces share a client, only the platform says who is who: a workspace could name anyone.
fn check_caller(principal: &Principal, app: &App) -> Result<()> {
    let shared = app.client.as_ref().is_some_and(|client| client.owner_id == SYSTEM);
    if shared && !matches!(principal.owner, Owner::Platform(_)) {
        return Err(Error::forbidden(
            "platform_key_required",
            "This app's client is the platform's, so only a platform key with the role `sessions` completes the link.",
        ));
    }
    Ok(())
}

/// Takes a pending session, once: of two callers with the same code one wins.
async fn take(
    tx: &sea_orm::DatabaseTransaction,
    store: &Store,
    row: &Session,
    to: Status,
    connection: Option<&str>,
) -> Result<()> {
    let done = Entity::update_many()
        .col_expr(Column::Status, Expr::value(to))
        .col_expr(Column::PendingSealed, Expr::value(None::<Vec<u8>>))
        .col_expr(Column::CodeDigest, Expr::value(None::<Vec<u8>>))
        .col_expr(Column::ResultConnectionId, Expr::value(connection.map(str::to_owned)))
        .col_expr(Column::UpdatedAt, Expr::value(store.now().millis()))
        .filter(Column::Id.eq(row.id.as_str()))
        .filter(Column::Status.eq(Status::Pending))
        .filter(Column::Generation.eq(row.generation))
        .exec(tx)
        .await?;
    if done.rows_affected == 1 {
        return Ok(());
    }
    Err(Error::invalid("code_invalid", "The code was used already."))
}

async fn activate_pending(
    store: &Store,
    row: &Session,
    app: &App,
    pending: Pending,
) -> Result<Connection> {
    let scopes = row.granted.clone().unwrap_or_default().0;
    let (expires_at, refresh_expires_at, due_at): (Option<Timestamp>, _, _) = match &pending
        .stored
        .credential
    {
        Credential::OAuth(tokens) => {
            (tokens.expires_at, tokens.refresh_expires_at, refresh::next_due(store, app, tokens))
        }
        Credential::OAuth1(_) | Credential::Keys(_) => (None, None, None),
    };
    let owner = row.end_user_id.as_deref().filter(|id| *id == row.owner_key);
    let linked = Linked {
        integration: &app.integration,
        end_user: owner,
        account: &pending.account,
        stored: &pending.stored,
        scopes,
        expires_at,
        refresh_expires_at,
        due_at,
        class: app.connector.manifest().refresh.class,
    };
    let tx = store.begin().await?;
    let linked = activate(store, &tx, linked).await?;
    // Of two callers with the same code one wins; the other's transaction ends here.
    take(&tx, store, row, Status::Completed, Some(&linked.row.id)).await?;
    linked.record(store, &tx).await?;
    tx.commit().await?;
    Ok(linked.row)
}

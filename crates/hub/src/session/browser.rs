//! The one browser that goes through a session.

use base::{SessionId, constant_time_eq, random_token};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};

use super::{
    Session, Status,
    create::read_token,
    entity::{Column, Entity},
};
use crate::{Error, Result, store::Store};

fn gone() -> Error {
    Error::new(
        crate::Kind::NotFound,
        "link_expired",
        "This link is not valid, was used already, or its time ran out. Ask for a new one where you got it.",
    )
}

fn digest(store: &Store, cookie: &str) -> Vec<u8> {
    store.keys().digest("connect-browser", cookie.as_bytes()).to_vec()
}

async fn load(store: &Store, id: &str) -> Result<Session> {
    let row = Entity::find_by_id(id).one(store.read()).await?.ok_or_else(gone)?;
    let over = row.expires_at <= store.now().millis() || row.status == Status::Expired;
    if over { Err(gone()) } else { Ok(row) }
}

/// The session that a link opens. Looking binds nothing: chat programs open links.
pub async fn by_token(store: &Store, token: &str) -> Result<Session> {
    let id = read_token(store, token).ok_or_else(gone)?;
    let row = load(store, id).await?;
    if row.browser_digest.is_some() {
        return Err(gone());
    }
    Ok(row)
}

/// Binds the browser that clicked: returns the session and the cookie. A link binds once.
pub async fn bind(store: &Store, token: &str) -> Result<(Session, String)> {
    let row = by_token(store, token).await?;
    let cookie = format!("{}.{}", row.id, random_token(store.rng()));
    let done = Entity::update_many()
        .col_expr(Column::BrowserDigest, Expr::value(digest(store, &cookie)))
        .col_expr(Column::Status, Expr::value(Status::Linking))
        .col_expr(Column::UpdatedAt, Expr::value(store.now().millis()))
        .filter(Column::Id.eq(row.id.as_str()))
        .filter(Column::BrowserDigest.is_null())
        .filter(Column::Status.eq(Status::Open))
        .exec(store.write())
        .await?;
    if done.rows_affected == 0 {
        return Err(gone());
    }
    Ok((load(store, &row.id).await?, cookie))
}

/// The session that this browser is bound to.
pub async fn by_browser(store: &Store, cookie: &str) -> Result<Session> {
    if cookie.len() > 128 {
        return Err(gone());
    }
    let id = cookie.split('.').next().unwrap_or_default();
    id.parse::<SessionId>().map_err(|_| gone())?;
    let row = load(store, id).await?;
    let bound = row.browser_digest.as_deref().ok_or_else(gone)?;
    if !constant_time_eq(bound, &digest(store, cookie)) {
        return Err(gone());
    }
    Ok(row)
}

/// Picks one of the session's integrations.
pub async fn choose(store: &Store, row: &Session, integration: &str) -> Result<()> {
    if !row.integrations.0.iter().any(|one| one == integration) {
        return Err(Error::invalid("not_in_session", "This app is not part of this link."));
    }
    Entity::update_many()
        .col_expr(Column::IntegrationId, Expr::value(integration))
        .filter(Column::Id.eq(row.id.as_str()))
        .filter(Column::Status.is_in([Status::Linking, Status::Failed]))
        .exec(store.write())
        .await?;
    Ok(())
}

//! Making and changing workspaces.

use base::WorkspaceId;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction,
    EntityTrait, IntoActiveModel, QueryFilter, Statement, sea_query::Expr,
};
use serde_json::json;
use url::Url;

use super::entity::{ActiveModel, Column, Entity, Model};
use crate::{
    Error, Result,
    audit::{self, Change, Reach},
    page::{Page, PageQuery},
    slug,
    store::{Json, Store},
};

/// What a workspace is set to.
#[derive(Clone, Debug)]
pub struct NewWorkspace {
    /// What people read.
    pub name: String,
    /// Where a connect session may send the browser back to: whole URLs without query, or prefixes
    /// that end in `/`.
    pub return_urls: Vec<String>,
}

const MOST_RETURN_URLS: usize = 50;

/// Makes the workspace of this slug, or changes it. Returns it and whether it is new.
pub async fn put(store: &Store, slug: &str, new: NewWorkspace) -> Result<(Model, bool)> {
    slug::check(slug)?;
    check(&new)?;
    let now = store.now().millis();
    let by_slug = Entity::find().filter(Column::Slug.eq(slug));
    let id: String = WorkspaceId::new(store.clock(), store.rng()).into();
    let keys = match by_slug.clone().one(store.read()).await? {
        Some(_) => None,
        None => Some(store.keys().first_keys(&id, now).await?),
    };
    let tx = store.begin().await?;
    let found = by_slug.one(&tx).await?;
    let is_new = found.is_none();
    let saved = if let Some(found) = found {
        if found.status != "active" {
            return Err(Error::conflict(
                "workspace_closing",
                "This workspace is closing, or closed; it can't be changed. Make another one.",
            ));
        }
        let mut row = found.into_active_model();
        row.name = Set(new.name);
        row.return_urls = Set(Json(new.return_urls));
        row.updated_at = Set(now);
        row.update(&tx).await?
    } else {
        let row = ActiveModel {
            id: Set(id),
            slug: Set(slug.to_owned()),
            name: Set(new.name),
            status: Set("active".to_owned()),
            return_urls: Set(Json(new.return_urls)),
            created_at: Set(now),
            updated_at: Set(now),
        };
        let saved = row.insert(&tx).await?;
        // Workspaces are never removed: one that was there is there.
        let keys = keys.ok_or_else(|| Error::internal("a workspace was removed meanwhile"))?;
        keys.insert(&tx).await?;
        start_chain(&tx, &saved.id).await?;
        saved
    };
    let action = if is_new { "workspace.created" } else { "workspace.changed" };
    let details = json!({ "name": saved.name, "return_urls": saved.return_urls.0 });
    let what = Change::new(action, &saved.id).named(&saved.slug).with(details);
    audit::change(store, &tx, Reach::Workspace(&saved.id), &what).await?;
    tx.commit().await?;
    Ok((saved, is_new))
}

/// The head of an empty chain: 32 zero bytes.
async fn start_chain<C: ConnectionTrait>(tx: &C, workspace: &str) -> Result<()> {
    let statement = Statement::from_sql_and_values(
        tx.get_database_backend(),
        "INSERT INTO chain_head (workspace_id, size, hash, epoch) VALUES ($1, 0, $2, 1)",
        [workspace.into(), vec![0_u8; 32].into()],
    );
    tx.execute_raw(statement).await?;
    Ok(())
}

fn check(new: &NewWorkspace) -> Result<()> {
    slug::check_name(&new.name)?;
    if new.return_urls.len() > MOST_RETURN_URLS {
        return Err(Error::invalid(
            "too_many_return_urls",
            format!("A workspace has at most {MOST_RETURN_URLS} return URLs."),
        ));
    }
    for text in &new.return_urls {
        check_return_url(text)?;
    }
    Ok(())
}

fn check_return_url(text: &str) -> Result<()> {
    let bad = |why: &str| {
        Err(Error::invalid(
            "return_url_invalid",
            format!(
                "`{text}` can't be a return URL: {why}. Write it like https://chat.example/linked"
            ),
        ))
    };
    let Ok(url) = Url::parse(text) else { return bad("it is not a whole URL") };
    if text.len() > 2000 {
        return bad("it is longer than 2000 characters");
    }
    if url.scheme() != "https" && !is_loopback(&url) {
        return bad("it must be https (http only on this machine)");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return bad("it must not hold a user or password");
    }
    if url.fragment().is_some() || url.query().is_some() {
        return bad("it must not have a query or a fragment");
    }
    Ok(())
}

fn is_loopback(url: &Url) -> bool {
    url.scheme() == "http" && matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

impl Model {
    /// Whether the browser may be sent there: equal to a return URL, or below one that ends in `/`;
    /// a query is allowed, another origin never.
    pub fn allows_return(&self, text: &str) -> bool {
        let Some(url) = read_plainly(text) else { return false };
        self.return_urls.0.iter().filter_map(|allowed| Url::parse(allowed).ok()).any(|allowed| {
            allowed.origin() == url.origin()
                && (allowed.path() == url.path()
                    || (allowed.path().ends_with('/') && url.path().starts_with(allowed.path())))
        })
    }
}

/// A URL that every program reads alike, and to which `session` and `code` can be added: browsers drop
/// blanks and turn backslashes, servers decode `%2f` before they look for `..`, and of two codes many take
/// the first.
fn read_plainly(text: &str) -> Option<Url> {
    let odd = |c: char| c == '\\' || c.is_whitespace() || c.is_control();
    if text.len() > 2000 || text.contains(odd) {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let authority = text.split_once("://")?.1.split(['/', '?', '#']).next()?;
    let path = url.path().to_ascii_lowercase();
    let ours = |(name, _): (std::borrow::Cow<'_, str>, _)| matches!(&*name, "session" | "code");
    let plain = !authority.is_empty()
        && !authority.contains('@')
        && !path.contains("%2f")
        && !path.contains("%5c")
        && url.fragment().is_none()
        && !url.query_pairs().any(ours);
    plain.then_some(url)
}

/// Moves a workspace from one status to another, within a transaction; whether it had the former.
pub async fn set_status(
    store: &Store,
    tx: &DatabaseTransaction,
    id: &str,
    from: &str,
    to: &str,
) -> Result<bool> {
    let done = Entity::update_many()
        .col_expr(Column::Status, Expr::value(to))
        .col_expr(Column::UpdatedAt, Expr::value(store.now().millis()))
        .filter(Column::Id.eq(id))
        .filter(Column::Status.eq(from))
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

/// The workspace of this id or slug.
pub async fn get(store: &Store, id_or_slug: &str) -> Result<Model> {
    let by = if id_or_slug.parse::<WorkspaceId>().is_ok() {
        Column::Id.eq(id_or_slug)
    } else {
        Column::Slug.eq(id_or_slug)
    };
    Entity::find().filter(by).one(store.read()).await?.ok_or_else(|| {
        Error::not_found("workspace")
            .with("workspace", id_or_slug.chars().take(64).collect::<String>())
    })
}

/// All workspaces, oldest first.
pub async fn list(store: &Store, query: &PageQuery) -> Result<Page<Model>> {
    let rows = query.apply(Entity::find(), Column::Id).all(store.read()).await?;
    Ok(query.page(rows, |row| row.id.clone()))
}

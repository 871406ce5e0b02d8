//! Agents: programs that ask for access at tool-call time.

use base::AgentId;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter,
    entity::prelude::*,
};

use serde_json::json;

use crate::{
    Error, Result,
    audit::{self, Change, Reach},
    page::{Page, PageQuery},
    slug,
    store::Store,
    workspace::api_key,
};

/// The `agent` table.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "agent")]
pub struct Model {
    /// `agt_…`
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The tenant.
    pub workspace_id: String,
    /// The workspace's name for it.
    pub slug: String,
    /// What people read.
    pub name: String,
    /// Whether it may say by id whom it asks for.
    pub trusted_backend: bool,
    /// `active` or `disabled`.
    pub status: String,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// Milliseconds since the Unix epoch.
    pub updated_at: i64,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What an agent is set to.
#[derive(Clone, Debug)]
pub struct NewAgent {
    /// What people read.
    pub name: String,
    /// Whether it may say by id whom it asks for.
    pub trusted_backend: bool,
}

/// Makes the agent of this slug, or changes it. Returns it and whether it is new.
pub async fn put(
    store: &Store,
    workspace: &str,
    slug: &str,
    new: NewAgent,
) -> Result<(Model, bool)> {
    slug::check(slug)?;
    slug::check_name(&new.name)?;
    let now = store.now().millis();
    let tx = store.begin().await?;
    let found = Entity::find()
        .filter(Column::WorkspaceId.eq(workspace))
        .filter(Column::Slug.eq(slug))
        .one(&tx)
        .await?;
    let is_new = found.is_none();
    let saved = if let Some(found) = found {
        let mut row = found.into_active_model();
        row.name = Set(new.name);
        row.trusted_backend = Set(new.trusted_backend);
        row.status = Set("active".to_owned());
        row.updated_at = Set(now);
        row.update(&tx).await?
    } else {
        let row = ActiveModel {
            id: Set(AgentId::new(store.clock(), store.rng()).into()),
            workspace_id: Set(workspace.to_owned()),
            slug: Set(slug.to_owned()),
            name: Set(new.name),
            trusted_backend: Set(new.trusted_backend),
            status: Set("active".to_owned()),
            created_at: Set(now),
            updated_at: Set(now),
        };
        row.insert(&tx).await?
    };
    let action = if is_new { "agent.created" } else { "agent.changed" };
    let details = json!({ "name": saved.name, "trusted_backend": saved.trusted_backend });
    let what = Change::new(action, &saved.id).named(&saved.slug).with(details);
    audit::change(store, &tx, Reach::Workspace(workspace), &what).await?;
    tx.commit().await?;
    Ok((saved, is_new))
}

/// The agent of this id or slug.
pub async fn get(store: &Store, workspace: &str, id_or_slug: &str) -> Result<Model> {
    let by = if id_or_slug.parse::<AgentId>().is_ok() {
        Column::Id.eq(id_or_slug)
    } else {
        Column::Slug.eq(id_or_slug)
    };
    Entity::find()
        .filter(Column::WorkspaceId.eq(workspace))
        .filter(by)
        .one(store.read())
        .await?
        .ok_or_else(|| Error::not_found("agent"))
}

/// The workspace's agents, oldest first.
pub async fn list(store: &Store, workspace: &str, query: &PageQuery) -> Result<Page<Model>> {
    let all = Entity::find().filter(Column::WorkspaceId.eq(workspace));
    let rows = query.apply(all, Column::Id).all(store.read()).await?;
    Ok(query.page(rows, |row| row.id.clone()))
}

/// Disables an agent and revokes its keys; its row stays, because the audit chain names it.
pub async fn disable(store: &Store, workspace: &str, id_or_slug: &str) -> Result<()> {
    let found = get(store, workspace, id_or_slug).await?;
    let id = found.id.clone();
    let now = store.now().millis();
    let tx = store.begin().await?;
    let mut row = found.into_active_model();
    row.status = Set("disabled".to_owned());
    row.updated_at = Set(now);
    let saved = row.update(&tx).await?;
    api_key::revoke_of_agent(&tx, &id, now).await?;
    let what = Change::new("agent.disabled", &saved.id).named(&saved.slug);
    audit::change(store, &tx, Reach::Workspace(workspace), &what).await?;
    tx.commit().await?;
    Ok(())
}

//! Policies as rows.

use base::PolicyId;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, entity::prelude::*,
};

use serde_json::json;

use super::{Rule, decide::fits};
use crate::{
    Error, Result, agent,
    audit::{self, Change, Reach},
    integration,
    page::{Page, PageQuery},
    slug,
    store::{Json, Store},
};

/// The `policy` table.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "policy")]
pub struct Model {
    /// `pol_…`
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The tenant.
    pub workspace_id: String,
    /// The workspace's name for it.
    pub slug: String,
    /// What it allows.
    pub rule: Json<Rule>,
    /// Whether it counts.
    pub enabled: bool,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// Milliseconds since the Unix epoch.
    pub updated_at: i64,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const MOST: usize = 100;

/// Checks a rule and turns the slugs in it into ids.
async fn resolve(store: &Store, workspace: &str, mut rule: Rule) -> Result<Rule> {
    let lists = [rule.agents.len(), rule.integrations.len(), rule.scopes.len(), rule.owners.len()];
    let what_for = [rule.forms.len(), rule.actions.len()];
    let most = lists.iter().chain(&what_for).any(|len| *len > MOST);
    if most || lists.contains(&0) || what_for == [0, 0] {
        return Err(Error::invalid(
            "policy_incomplete",
            format!(
                "A policy names 1 to {MOST} each of `agents`, `integrations`, `scopes` and `owners`, and of `forms`, `actions` or both."
            ),
        ));
    }
    let means_none =
        |word: &&String| !connector::actions().iter().any(|action| fits(word, action.name));
    if let Some(word) = rule.actions.iter().find(means_none) {
        let word: String = word.chars().take(64).collect();
        return Err(Error::invalid(
            "action_unknown",
            format!(
                "There is no action `{word}`. GET /v1/actions lists them; `contacts.*` means all of a noun, `*` all."
            ),
        ));
    }
    for name in &mut rule.agents {
        *name = agent::get(store, workspace, name).await.map_err(|e| named(e, "agent", name))?.id;
    }
    let mut known = Vec::new();
    for name in &mut rule.integrations {
        let found = integration::get(store, workspace, name)
            .await
            .map_err(|e| named(e, "integration", name))?;
        known.extend(found.scopes.0);
        *name = found.id;
    }
    let unknown = rule.scopes.iter().find(|scope| *scope != "*" && !known.contains(scope));
    if let Some(scope) = unknown {
        let scope: String = scope.chars().take(200).collect();
        return Err(Error::invalid(
            "scope_unknown",
            format!(
                "None of the policy's integrations asks for the scope `{scope}`. Add it to the integration first, or write `*`."
            ),
        ));
    }
    Ok(rule)
}

fn named(error: Error, what: &str, name: &str) -> Error {
    let name: String = name.chars().take(64).collect();
    match error.kind {
        crate::Kind::NotFound => Error::invalid(
            "policy_names_unknown",
            format!("The policy names the {what} `{name}`, which this workspace does not have."),
        ),
        _ => error,
    }
}

/// Makes the policy of this slug, or changes it. Returns it and whether it is new.
pub async fn put(
    store: &Store,
    workspace: &str,
    slug: &str,
    rule: Rule,
    enabled: bool,
) -> Result<(Model, bool)> {
    slug::check(slug)?;
    let rule = resolve(store, workspace, rule).await?;
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
        row.rule = Set(Json(rule));
        row.enabled = Set(enabled);
        row.updated_at = Set(now);
        row.update(&tx).await?
    } else {
        let row = ActiveModel {
            id: Set(PolicyId::new(store.clock(), store.rng()).into()),
            workspace_id: Set(workspace.to_owned()),
            slug: Set(slug.to_owned()),
            rule: Set(Json(rule)),
            enabled: Set(enabled),
            created_at: Set(now),
            updated_at: Set(now),
        };
        row.insert(&tx).await?
    };
    let action = if is_new { "policy.created" } else { "policy.changed" };
    let details = json!({ "rule": saved.rule.0, "enabled": saved.enabled });
    let what = Change::new(action, &saved.id).named(&saved.slug).with(details);
    audit::change(store, &tx, Reach::Workspace(workspace), &what).await?;
    tx.commit().await?;
    Ok((saved, is_new))
}

/// The policy of this id or slug.
pub async fn get(store: &Store, workspace: &str, id_or_slug: &str) -> Result<Model> {
    let by = if id_or_slug.parse::<PolicyId>().is_ok() {
        Column::Id.eq(id_or_slug)
    } else {
        Column::Slug.eq(id_or_slug)
    };
    Entity::find()
        .filter(Column::WorkspaceId.eq(workspace))
        .filter(by)
        .one(store.read())
        .await?
        .ok_or_else(|| Error::not_found("policy"))
}

/// The workspace's policies, oldest first.
pub async fn list(store: &Store, workspace: &str, query: &PageQuery) -> Result<Page<Model>> {
    let all = Entity::find().filter(Column::WorkspaceId.eq(workspace));
    let rows = query.apply(all, Column::Id).all(store.read()).await?;
    Ok(query.page(rows, |row| row.id.clone()))
}

/// The enabled rules with their policies' ids, in order of their making: what [`super::decide`] takes.
pub async fn active(store: &Store, workspace: &str) -> Result<Vec<(String, Rule)>> {
    let rows = Entity::find()
        .filter(Column::WorkspaceId.eq(workspace))
        .filter(Column::Enabled.eq(true))
        .order_by_asc(Column::Id)
        .all(store.read())
        .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.rule.0)).collect())
}

/// Removes a policy; from this commit on nothing is released on its strength.
pub async fn delete(store: &Store, workspace: &str, id_or_slug: &str) -> Result<()> {
    let found = get(store, workspace, id_or_slug).await?;
    let tx = store.begin().await?;
    let what = Change::new("policy.removed", &found.id).named(&found.slug);
    found.clone().delete(&tx).await?;
    audit::change(store, &tx, Reach::Workspace(workspace), &what).await?;
    tx.commit().await?;
    Ok(())
}

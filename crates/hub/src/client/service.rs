//! Making, changing and using clients.

use std::time::Duration;

use base::{ClientId, ExposeSecret, SecretString, constant_time_eq};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction,
    EntityTrait, IntoActiveModel, QueryFilter, entity::prelude::Expr,
};
use vault::Place;

use serde_json::json;

use super::{
    check,
    entity::{ActiveModel, Column, Entity, Model},
};
use crate::{
    Error, Result,
    audit::{self, Change, Reach},
    page::{Page, PageQuery},
    provider::Registry,
    slug,
    store::{Json, SYSTEM, SealedColumn, Store},
};

/// How long a former secret is still tried.
const FORMER_SECRET: Duration = Duration::from_hours(24);

/// Whose client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner<'a> {
    /// The platform's: shared by its workspaces under safety rules.
    Platform,
    /// One workspace's own.
    Workspace(&'a str),
}

impl Owner<'_> {
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Platform => SYSTEM,
            Self::Workspace(workspace) => workspace,
        }
    }
}

/// What a client is set to.
pub struct NewClient {
    /// The provider's slug; can't be changed later.
    pub provider: String,
    /// The id at the provider.
    pub client_id: String,
    /// The secret at the provider; none at a change keeps the one there is.
    pub client_secret: Option<SecretString>,
    /// A platform's own URL that forwards the query unchanged.
    pub redirect_uri: Option<String>,
    /// The most that integrations may ask for with it; required of a platform's.
    pub scopes: Vec<String>,
}

fn secret_place(row: &Model, generation: i64) -> Place<'_> {
    Place {
        workspace: &row.owner_id,
        row: &row.id,
        field: "client_secret",
        generation: u64::try_from(generation).unwrap_or(0),
    }
}

/// Makes the client of this slug, or changes it. Returns it and whether it is new.
pub async fn put(
    store: &Store,
    registry: &Registry,
    owner: Owner<'_>,
    slug: &str,
    new: NewClient,
) -> Result<(Model, bool)> {
    slug::check(slug)?;
    check::settings(store, registry, owner, &new).await?;
    let found = Entity::find()
        .filter(Column::OwnerId.eq(owner.id()))
        .filter(Column::Slug.eq(slug))
        .one(store.read())
        .await?;
    match found {
        Some(found) => Ok((change(store, found, new).await?, false)),
        None => Ok((create(store, owner, slug, new).await?, true)),
    }
}

async fn create(store: &Store, owner: Owner<'_>, slug: &str, new: NewClient) -> Result<Model> {
    let now = store.now().millis();
    let mut row = Model {
        id: ClientId::new(store.clock(), store.rng()).into(),
        owner_id: owner.id().to_owned(),
        slug: slug.to_owned(),
        provider: new.provider,
        client_id: new.client_id,
        secret_sealed: None,
        generation: 1,
        former_sealed: None,
        former_generation: None,
        former_until: None,
        redirect_uri: new.redirect_uri,
        settings: Json::default(),
        scopes: Json(new.scopes),
        status: "active".to_owned(),
        status_reason: None,
        created_at: now,
        updated_at: now,
    };
    if let Some(secret) = &new.client_secret {
        row.secret_sealed = Some(seal(store, &row, 1, secret).await?);
    }
    let tx = store.begin().await?;
    let saved = ActiveModel::from(row).reset_all().insert(&tx).await?;
    record(store, &tx, "client.created", &saved).await?;
    tx.commit().await?;
    Ok(saved)
}

/// In its owner's chain; moves the epoch of every workspace that uses the client.
async fn record(
    store: &Store,
    tx: &DatabaseTransaction,
    action: &'static str,
    row: &Model,
) -> Result<()> {
    let details = json!({
        "provider": row.provider, "client_id": row.client_id, "redirect_uri": row.redirect_uri,
        "scopes": row.scopes.0, "secret_generation": row.generation, "status": row.status,
        "status_reason": row.status_reason,
    });
    let what = Change::new(action, &row.id).named(&row.slug).with(details);
    let reach = Reach::UsersOfClient { owner: &row.owner_id, client: &row.id };
    audit::change(store, tx, reach, &what).await
}

async fn seal(
    store: &Store,
    row: &Model,
    generation: i64,
    secret: &SecretString,
) -> Result<SealedColumn> {
    let place = secret_place(row, generation);
    store.keys().seal(&place, secret.expose_secret().as_bytes()).await
}

async fn change(store: &Store, found: Model, new: NewClient) -> Result<Model> {
    if found.provider != new.provider {
        return Err(Error::conflict(
            "provider_fixed",
            format!(
                "This client belongs to `{}`. Make another one for `{}`.",
                found.provider, new.provider
            ),
        ));
    }
    if found.client_id != new.client_id && has_integrations(store, &found.id).await? {
        return Err(Error::conflict(
            "client_in_use",
            "Integrations use this client, and their connections belong to its `client_id`. Make another client for another id.",
        ));
    }
    let secret = new.client_secret;
    let mut row = found.clone().into_active_model();
    row.client_id = Set(new.client_id);
    row.redirect_uri = Set(new.redirect_uri);
    row.scopes = Set(Json(new.scopes));
    write_change(store, found, row, secret).await
}

async fn has_integrations(store: &Store, client: &str) -> Result<bool> {
    let statement =
        store.statement("SELECT id FROM integration WHERE client_id = $1 LIMIT 1", [client.into()]);
    Ok(store.read().query_one_raw(statement).await?.is_some())
}

/// Changes the secret alone; the former one is tried for another 24 hours.
pub async fn change_secret(
    store: &Store,
    registry: &Registry,
    owner: Owner<'_>,
    id_or_slug: &str,
    secret: SecretString,
) -> Result<Model> {
    let found = get(store, owner, id_or_slug).await?;
    check::secret(store, registry, owner, &found.provider, &secret).await?;
    let row = found.clone().into_active_model();
    write_change(store, found, row, Some(secret)).await
}

async fn write_change(
    store: &Store,
    found: Model,
    mut row: ActiveModel,
    secret: Option<SecretString>,
) -> Result<Model> {
    let now = store.now();
    row.updated_at = Set(now.millis());
    if let Some(secret) = secret
        && !is_same(store, &found, &secret).await?
    {
        let generation = found.generation + 1;
        row.secret_sealed = Set(Some(seal(store, &found, generation, &secret).await?));
        row.generation = Set(generation);
        row.former_until =
            Set(found.secret_sealed.as_ref().map(|_| now.plus(FORMER_SECRET).millis()));
        row.former_sealed = Set(found.secret_sealed.clone());
        row.former_generation = Set(Some(found.generation));
    }
    let tx = store.begin().await?;
    let saved = row.update(&tx).await?;
    record(store, &tx, "client.changed", &saved).await?;
    tx.commit().await?;
    Ok(saved)
}

/// Setting the same secret again must not push the one that really came before out of its place.
async fn is_same(store: &Store, row: &Model, secret: &SecretString) -> Result<bool> {
    let Some(sealed) = &row.secret_sealed else { return Ok(false) };
    let known = store.keys().open_sealed(&secret_place(row, row.generation), sealed).await?;
    Ok(constant_time_eq(&known, secret.expose_secret().as_bytes()))
}

/// The client's secrets: the one in use, then a former one that is still tried.
pub async fn secrets(store: &Store, row: &Model) -> Result<Vec<SecretString>> {
    let mut all = Vec::new();
    let now = store.now().millis();
    let former = row
        .former_sealed
        .as_ref()
        .zip(row.former_generation)
        .filter(|_| row.former_until.is_some_and(|until| until > now));
    let present = row.secret_sealed.as_ref().map(|sealed| (sealed, row.generation));
    for (sealed, generation) in present.into_iter().chain(former) {
        let text = store.keys().open_sealed(&secret_place(row, generation), sealed).await?;
        let text = String::from_utf8(text.to_vec()).map_err(Error::internal)?;
        all.push(text.into());
    }
    Ok(all)
}

/// The owner's client of this id or slug.
pub async fn get(store: &Store, owner: Owner<'_>, id_or_slug: &str) -> Result<Model> {
    let by = if id_or_slug.parse::<ClientId>().is_ok() {
        Column::Id.eq(id_or_slug)
    } else {
        Column::Slug.eq(id_or_slug)
    };
    Entity::find()
        .filter(Column::OwnerId.eq(owner.id()))
        .filter(by)
        .one(store.read())
        .await?
        .ok_or_else(|| Error::not_found("client"))
}

/// The client of this id, whoever owns it: for the hub's own work on an integration's connections.
pub async fn get_any(store: &Store, id: &str) -> Result<Model> {
    Entity::find_by_id(id).one(store.read()).await?.ok_or_else(|| Error::not_found("client"))
}

/// A client that the workspace may use: its own, else one of the platform's.
pub async fn usable_by(store: &Store, workspace: &str, id_or_slug: &str) -> Result<Model> {
    match get(store, Owner::Workspace(workspace), id_or_slug).await {
        Err(error) if error.kind == crate::Kind::NotFound => {
            get(store, Owner::Platform, id_or_slug).await
        }
        found => found,
    }
}

/// The owner's clients, oldest first.
pub async fn list(store: &Store, owner: Owner<'_>, query: &PageQuery) -> Result<Page<Model>> {
    let all = Entity::find().filter(Column::OwnerId.eq(owner.id()));
    let rows = query.apply(all, Column::Id).all(store.read()).await?;
    Ok(query.page(rows, |row| row.id.clone()))
}

/// Removes a client that no integration uses.
pub async fn delete(store: &Store, owner: Owner<'_>, id_or_slug: &str) -> Result<()> {
    let found = get(store, owner, id_or_slug).await?;
    if has_integrations(store, &found.id).await? {
        return Err(Error::conflict(
            "client_in_use",
            "Integrations use this client. Remove them first, or give them another client.",
        ));
    }
    let tx = store.begin().await?;
    Entity::delete_by_id(found.id.as_str()).exec(&tx).await?;
    record(store, &tx, "client.removed", &found).await?;
    tx.commit().await?;
    Ok(())
}

/// Stops the use of a client whose credentials the provider refuses; its connections stay as they are.
pub async fn suspend(store: &Store, id: &str, reason: &str) -> Result<()> {
    set_status(store, id, "suspended", Some(reason)).await
}

/// Lets a suspended client be used again.
pub async fn lift_suspension(store: &Store, owner: Owner<'_>, id_or_slug: &str) -> Result<Model> {
    let found = get(store, owner, id_or_slug).await?;
    set_status(store, &found.id, "active", None).await?;
    get(store, owner, &found.id).await
}

async fn set_status(store: &Store, id: &str, status: &str, reason: Option<&str>) -> Result<()> {
    let tx = store.begin().await?;
    Entity::update_many()
        .col_expr(Column::Status, Expr::value(status))
        .col_expr(Column::StatusReason, Expr::value(reason.map(str::to_owned)))
        .col_expr(Column::UpdatedAt, Expr::value(store.now().millis()))
        .filter(Column::Id.eq(id))
        .exec(&tx)
        .await?;
    let row = Entity::find_by_id(id).one(&tx).await?.ok_or_else(|| Error::not_found("client"))?;
    let action = if status == "active" { "client.resumed" } else { "client.suspended" };
    record(store, &tx, action, &row).await?;
    tx.commit().await?;
    Ok(())
}

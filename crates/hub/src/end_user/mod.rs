//! End users: people, named by the platform's own id, kept under a key of their own.

use base::EndUserId;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    entity::prelude::*, sea_query::Expr,
};
use serde::{Deserialize, Serialize};
use vault::Place;

use crate::{
    Error, Result,
    store::{SealedColumn, Store},
};

/// The `end_user` table.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "end_user")]
pub struct Model {
    /// `eu_…`: the hub's own name for the person, which says nothing of them.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The tenant.
    pub workspace_id: String,
    /// Keyed digest of the platform's id.
    pub subject_digest: Vec<u8>,
    /// The id of the person's key.
    pub key_id: String,
    /// The person's key, sealed by the workspace's; gone once erased.
    pub key_sealed: Option<SealedColumn>,
    /// The person's profile, sealed by the person's key.
    pub profile_sealed: Option<SealedColumn>,
    /// Counts the profile's versions.
    pub generation: i64,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// Milliseconds since the Unix epoch.
    pub erased_at: Option<i64>,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What the platform tells of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The platform's own id.
    pub id: String,
    /// What the connect page greets them with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Shown on the connect page, so that people see whose account is linked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

impl Profile {
    /// A person of whom only the id is known.
    pub fn of_id(id: &str) -> Self {
        Self { id: id.to_owned(), name: None, email: None }
    }

    fn check(&self) -> Result<()> {
        let fine = |text: &str, most: usize| {
            (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control)
        };
        if !fine(&self.id, 200) {
            return Err(Error::invalid(
                "end_user_invalid",
                "`end_user.id` is your own id of the person: 1 to 200 characters, no control characters.",
            ));
        }
        let others = [&self.name, &self.email];
        if others.into_iter().flatten().any(|text| !fine(text, 320)) {
            return Err(Error::invalid(
                "end_user_invalid",
                "`end_user.name` and `end_user.email` are 1 to 320 characters, no control characters.",
            ));
        }
        Ok(())
    }
}

fn profile_place(row: &Model) -> Place<'_> {
    Place {
        workspace: &row.workspace_id,
        row: &row.id,
        field: "profile",
        generation: u64::try_from(row.generation).unwrap_or(0),
    }
}

fn digest(store: &Store, workspace: &str, subject: &str) -> Vec<u8> {
    let text = format!("{workspace}\n{subject}");
    store.keys().digest("end-user", text.as_bytes()).to_vec()
}

/// The end user of this platform id, if the hub has met them.
pub async fn find(store: &Store, workspace: &str, subject: &str) -> Result<Option<Model>> {
    Ok(Entity::find()
        .filter(Column::WorkspaceId.eq(workspace))
        .filter(Column::SubjectDigest.eq(digest(store, workspace, subject)))
        .filter(Column::ErasedAt.is_null())
        .one(store.read())
        .await?)
}

/// The end user of this profile; made at the first meeting, and kept as told last.
pub async fn ensure(store: &Store, workspace: &str, profile: &Profile) -> Result<Model> {
    profile.check()?;
    if let Some(found) = find(store, workspace, &profile.id).await? {
        return keep(store, found, profile).await;
    }
    let id: String = EndUserId::new(store.clock(), store.rng()).into();
    let (key, sealed) = store.keys().new_person(workspace, &id).await?;
    let place = Place { workspace, row: &id, field: "profile", generation: 1 };
    let text = serde_json::to_vec(profile)?;
    let row = ActiveModel {
        id: Set(id.clone()),
        workspace_id: Set(workspace.to_owned()),
        subject_digest: Set(digest(store, workspace, &profile.id)),
        key_id: Set(key.id().to_string()),
        key_sealed: Set(Some(sealed)),
        profile_sealed: Set(Some(key.seal(store.rng(), &place, &text)?.into())),
        generation: Set(1),
        created_at: Set(store.now().millis()),
        erased_at: Set(None),
    };
    match row.insert(store.write()).await {
        Ok(row) => Ok(row),
        // Another request met the person at the same moment.
        Err(error) => find(store, workspace, &profile.id).await?.ok_or_else(|| error.into()),
    }
}

/// Keeps a changed name or e-mail address; one that isn't told stays.
async fn keep(store: &Store, found: Model, told: &Profile) -> Result<Model> {
    let known = profile(store, &found).await?;
    let merged = Profile {
        id: known.id.clone(),
        name: told.name.clone().or_else(|| known.name.clone()),
        email: told.email.clone().or_else(|| known.email.clone()),
    };
    if merged == known {
        return Ok(found);
    }
    let mut next = found.clone();
    next.generation += 1;
    let key = store.keys().person(&found.workspace_id, &found.id).await?;
    let sealed = key.seal(store.rng(), &profile_place(&next), &serde_json::to_vec(&merged)?)?;
    let mut row = ActiveModel::from(found);
    row.generation = Set(next.generation);
    row.profile_sealed = Set(Some(sealed.into()));
    Ok(row.update(store.write()).await?)
}

/// What is known of a person.
pub async fn profile(store: &Store, row: &Model) -> Result<Profile> {
    let sealed = row.profile_sealed.as_ref().ok_or_else(|| Error::not_found("end user"))?;
    let key = store.keys().person(&row.workspace_id, &row.id).await?;
    let text = key.open(&profile_place(row), &sealed.0)?;
    Ok(serde_json::from_slice(&text)?)
}

/// The end user of this inner id.
pub async fn get(store: &Store, workspace: &str, id: &str) -> Result<Model> {
    Entity::find()
        .filter(Column::WorkspaceId.eq(workspace))
        .filter(Column::Id.eq(id))
        .one(store.read())
        .await?
        .ok_or_else(|| Error::not_found("end user"))
}

/// Erases a person, within the caller's transaction: their key and profile go, and nothing finds them by
/// the platform's id any more. Their row stays, because the audit chain names it.
pub async fn erase(
    store: &Store,
    tx: &DatabaseTransaction,
    workspace: &str,
    id: &str,
) -> Result<()> {
    // The unique index is on the digest: the same person may come again, as somebody new.
    let mut blank = vec![0_u8; 32];
    store.rng().fill(&mut blank);
    Entity::update_many()
        .col_expr(Column::KeySealed, Expr::value(None::<Vec<u8>>))
        .col_expr(Column::ProfileSealed, Expr::value(None::<Vec<u8>>))
        .col_expr(Column::SubjectDigest, Expr::value(blank))
        .col_expr(Column::ErasedAt, Expr::value(store.now().millis()))
        .filter(Column::WorkspaceId.eq(workspace))
        .filter(Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

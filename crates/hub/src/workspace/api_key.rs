//! API keys: shown once, kept as a keyed digest, found by their public part.
//!
//! A key reads `vk_agent_<public part>_<secret part>`.

use base::{ExposeSecret, KeyId, SecretString, Timestamp, constant_time_eq, random_token};
use data_encoding::BASE32_NOPAD;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait,
    DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryResult, Statement,
    entity::prelude::*,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Error, Kind, Result,
    audit::{self, Change, Reach},
    page::{Page, PageQuery},
    slug,
    store::{Json, Store},
};

/// What a platform key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Make workspaces and set them up.
    Provision,
    /// Make and complete connect sessions.
    Sessions,
    /// Ask as a workspace's agent.
    Agent,
    /// Move connections in.
    Import,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Provision, Self::Sessions, Self::Agent, Self::Import];
}

/// The `api_key` table.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_key")]
pub struct Model {
    /// `key_…`
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// `platform`, `ws` or `agent`.
    pub kind: String,
    /// Whose it is; none for the platform's.
    pub workspace_id: Option<String>,
    /// Whose it is, for an agent's.
    pub agent_id: Option<String>,
    /// The part that may be shown.
    pub public_part: String,
    /// HMAC-SHA-256 of the whole key.
    pub digest: Vec<u8>,
    /// For the platform's.
    pub roles: Json<Vec<Role>>,
    /// What people read.
    pub name: String,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// Milliseconds since the Unix epoch.
    pub expires_at: Option<i64>,
    /// Milliseconds since the Unix epoch.
    pub revoked_at: Option<i64>,
    /// Milliseconds since the Unix epoch.
    pub last_used_at: Option<i64>,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Whose key it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The platform's, with its roles.
    Platform(Vec<Role>),
    /// A workspace's.
    Workspace(String),
    /// An agent's.
    Agent {
        /// The agent's workspace.
        workspace: String,
        /// The agent.
        agent: String,
    },
}

/// A caller whose key was right.
///
/// `workspace` and `epoch` were read in the same snapshot as the key: a release whose commit finds
/// the same epoch was asked for with a key that was still good.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The key's id.
    pub key: String,
    /// Whose key it is.
    pub owner: Owner,
    /// The workspace in which it acts: its own, or the one that a platform key names.
    pub workspace: Option<String>,
    /// That workspace's status.
    pub workspace_status: Option<String>,
    /// That workspace's epoch.
    pub epoch: i64,
}

/// A key as it is made: the only time its text is known.
pub struct Made {
    /// The row.
    pub row: Model,
    /// The whole key.
    pub secret: SecretString,
}

const DIGEST_DOMAIN: &str = "api-key";
/// Longer than any key of ours; what is longer is not looked at.
const MOST_LENGTH: usize = 128;

fn word(owner: &Owner) -> &'static str {
    match owner {
        Owner::Platform(_) => "platform",
        Owner::Workspace(_) => "ws",
        Owner::Agent { .. } => "agent",
    }
}

/// Makes a key.
pub async fn create(
    store: &Store,
    owner: Owner,
    name: &str,
    expires_at: Option<Timestamp>,
) -> Result<Made> {
    slug::check_name(name)?;
    if expires_at.is_some_and(|at| at <= store.now()) {
        return Err(Error::invalid("expires_at_past", "`expires_at` must lie in the future."));
    }
    let mut public = [0_u8; 10];
    store.rng().fill(&mut public);
    let public = BASE32_NOPAD.encode(&public).to_ascii_lowercase();
    let text = format!("vk_{}_{public}_{}", word(&owner), random_token(store.rng()));
    let row = row(store, owner, public, &text, name, expires_at);
    let tx = store.begin().await?;
    let row = row.insert(&tx).await?;
    record(store, &tx, "key.created", &row).await?;
    tx.commit().await?;
    Ok(Made { row, secret: text.into() })
}

fn row(
    store: &Store,
    owner: Owner,
    public: String,
    text: &str,
    name: &str,
    expires_at: Option<Timestamp>,
) -> ActiveModel {
    let kind = word(&owner).to_owned();
    let (workspace_id, agent_id, roles) = match owner {
        Owner::Platform(roles) => (None, None, roles),
        Owner::Workspace(workspace) => (Some(workspace), None, Vec::new()),
        Owner::Agent { workspace, agent } => (Some(workspace), Some(agent), Vec::new()),
    };
    ActiveModel {
        id: Set(KeyId::new(store.clock(), store.rng()).into()),
        kind: Set(kind),
        workspace_id: Set(workspace_id),
        agent_id: Set(agent_id),
        public_part: Set(public),
        digest: Set(store.keys().digest(DIGEST_DOMAIN, text.as_bytes()).to_vec()),
        roles: Set(Json(roles)),
        name: Set(name.to_owned()),
        created_at: Set(store.now().millis()),
        expires_at: Set(expires_at.map(Timestamp::millis)),
        revoked_at: Set(None),
        last_used_at: Set(None),
    }
}

/// Takes over the platform key that the configuration gives; a former one stops working.
pub async fn adopt_configured(store: &Store, text: &SecretString) -> Result<()> {
    const NAME: &str = "configured";
    let text = text.expose_secret();
    let Some((kind, public)) = parts(text) else {
        return Err(Error::invalid(
            "platform_key_malformed",
            "VALETKEY_PLATFORM_KEY must read vk_platform_<8 to 32 letters or digits>_<at least 32 characters>.",
        ));
    };
    if kind != "platform" || text.len() < 50 {
        return Err(Error::invalid(
            "platform_key_malformed",
            "VALETKEY_PLATFORM_KEY must start with vk_platform_ and have a secret part of at least 32 characters.",
        ));
    }
    let digest = store.keys().digest(DIGEST_DOMAIN, text.as_bytes());
    let tx = store.begin().await?;
    let former = Entity::find()
        .filter(Column::Kind.eq("platform"))
        .filter(Column::Name.eq(NAME))
        .all(&tx)
        .await?;
    if former.iter().any(|row| constant_time_eq(&row.digest, &digest)) {
        return Ok(());
    }
    for row in former {
        row.clone().delete(&tx).await?;
        record(store, &tx, "key.revoked", &row).await?;
    }
    let owner = Owner::Platform(Role::ALL.to_vec());
    let saved = row(store, owner, public.to_owned(), text, NAME, None).insert(&tx).await?;
    record(store, &tx, "key.created", &saved).await?;
    tx.commit().await?;
    Ok(())
}

/// Whether the platform has any key that works.
pub async fn platform_has_key(store: &Store) -> Result<bool> {
    let found = Entity::find()
        .filter(Column::Kind.eq("platform"))
        .filter(Column::RevokedAt.is_null())
        .one(store.read())
        .await?;
    Ok(found.is_some())
}

/// The kind and the public part of a key's text.
fn parts(text: &str) -> Option<(&str, &str)> {
    if text.len() > MOST_LENGTH || !text.is_ascii() {
        return None;
    }
    let rest = text.strip_prefix("vk_")?;
    let (kind, rest) = rest.split_once('_')?;
    let (public, secret) = rest.split_once('_')?;
    let good = matches!(kind, "platform" | "ws" | "agent")
        && (8..=32).contains(&public.len())
        && public.bytes().all(|b| b.is_ascii_alphanumeric())
        && secret.len() >= 32;
    good.then_some((kind, public))
}

/// Whether a text can be a key at all. What can't is refused without a look at the database.
pub fn is_well_formed(text: &str) -> bool {
    parts(text).is_some()
}

fn refused() -> Error {
    Error::new(
        Kind::Unauthenticated,
        "unauthenticated",
        "The API key is missing, wrong, expired or revoked. Send it as `Authorization: Bearer vk_…`.",
    )
}

/// Who calls with this key; `workspace` is the id or slug that a platform key acts in.
pub async fn authenticate(store: &Store, text: &str, workspace: Option<&str>) -> Result<Principal> {
    let (kind, public) = parts(text).ok_or_else(refused)?;
    let row = find(store, kind, public, workspace).await?;
    // The same work for a public part that nobody has.
    let digest = store.keys().digest(DIGEST_DOMAIN, text.as_bytes());
    let row = row.ok_or_else(refused)?;
    let stored: Vec<u8> = row.try_get("", "digest")?;
    if !constant_time_eq(&stored, &digest) || row.try_get::<String>("", "kind")? != kind {
        return Err(refused());
    }
    check_alive(store, &row)?;
    let principal = principal(&row)?;
    if workspace.is_some() && principal.workspace.is_none() {
        return Err(Error::not_found("workspace"));
    }
    if let (Some(named), Owner::Workspace(own) | Owner::Agent { workspace: own, .. }) =
        (workspace, &principal.owner)
        && named != own
        && row.try_get::<Option<String>>("", "ws_slug")?.as_deref() != Some(named)
    {
        return Err(Error::not_found("workspace"));
    }
    Ok(principal)
}

/// The same caller, seen again: an error if its key has been revoked since, and the present epoch.
pub async fn again(store: &Store, principal: &Principal) -> Result<Principal> {
    let sql = format!(
        "{COLUMNS} LEFT JOIN workspace w ON w.id = $2 \
         LEFT JOIN chain_head h ON h.workspace_id = w.id WHERE k.id = $1"
    );
    let values = [principal.key.clone().into(), principal.workspace.clone().into()];
    let statement = store.statement(sql, values);
    let row = store.read().query_one_raw(statement).await?.ok_or_else(refused)?;
    check_alive(store, &row)?;
    self::principal(&row)
}

fn check_alive(store: &Store, row: &QueryResult) -> Result<()> {
    let revoked: Option<i64> = row.try_get("", "revoked_at")?;
    let expires: Option<i64> = row.try_get("", "expires_at")?;
    if revoked.is_some() || expires.is_some_and(|at| at <= store.now().millis()) {
        return Err(refused());
    }
    Ok(())
}

fn principal(row: &QueryResult) -> Result<Principal> {
    let own: Option<String> = row.try_get("", "workspace_id")?;
    let agent: Option<String> = row.try_get("", "agent_id")?;
    let owner = match (own, agent) {
        (Some(workspace), Some(agent)) => Owner::Agent { workspace, agent },
        (Some(workspace), None) => Owner::Workspace(workspace),
        (None, _) => Owner::Platform(row.try_get::<Json<Vec<Role>>>("", "roles")?.0),
    };
    Ok(Principal {
        key: row.try_get("", "id")?,
        owner,
        workspace: row.try_get("", "ws_id")?,
        workspace_status: row.try_get("", "ws_status")?,
        epoch: row.try_get::<Option<i64>>("", "epoch")?.unwrap_or(0),
    })
}

const COLUMNS: &str = "SELECT k.id, k.kind, k.workspace_id, k.agent_id, k.digest, k.roles, \
    k.expires_at, k.revoked_at, w.id AS ws_id, w.slug AS ws_slug, w.status AS ws_status, h.epoch \
    FROM api_key k";

/// One statement: the key and the epoch are of one snapshot.
async fn find(
    store: &Store,
    kind: &str,
    public: &str,
    workspace: Option<&str>,
) -> Result<Option<QueryResult>> {
    let sql = if kind == "platform" {
        format!(
            "{COLUMNS} LEFT JOIN workspace w ON w.id = (SELECT id FROM workspace WHERE id = $2 OR slug = $2) \
             LEFT JOIN chain_head h ON h.workspace_id = w.id WHERE k.public_part = $1"
        )
    } else {
        format!(
            "{COLUMNS} LEFT JOIN workspace w ON w.id = k.workspace_id \
             LEFT JOIN chain_head h ON h.workspace_id = w.id WHERE k.public_part = $1"
        )
    };
    let mut values = vec![public.into()];
    if kind == "platform" {
        values.push(workspace.into());
    }
    let statement = store.statement(sql, values);
    Ok(store.read().query_one_raw(statement).await?)
}

/// Which keys a list or a revocation is about.
fn scope(owner: &Owner) -> Condition {
    let base = Condition::all().add(Column::Kind.eq(word(owner)));
    match owner {
        Owner::Platform(_) => base,
        Owner::Workspace(workspace) => base.add(Column::WorkspaceId.eq(workspace.as_str())),
        Owner::Agent { workspace, agent } => base
            .add(Column::WorkspaceId.eq(workspace.as_str()))
            .add(Column::AgentId.eq(agent.as_str())),
    }
}

/// The keys of this owner, oldest first, revoked ones too.
pub async fn list(store: &Store, owner: &Owner, query: &PageQuery) -> Result<Page<Model>> {
    let rows =
        query.apply(Entity::find().filter(scope(owner)), Column::Id).all(store.read()).await?;
    Ok(query.page(rows, |row| row.id.clone()))
}

/// Revokes one key of this owner; from this commit on nothing is released to it.
pub async fn revoke(store: &Store, owner: &Owner, id: &str) -> Result<()> {
    let tx = store.begin().await?;
    let found = Entity::find().filter(scope(owner)).filter(Column::Id.eq(id)).one(&tx).await?;
    let found = found.ok_or_else(|| Error::not_found("key"))?;
    if found.revoked_at.is_none() {
        revoke_row(store, &tx, found).await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn revoke_row(store: &Store, tx: &DatabaseTransaction, found: Model) -> Result<()> {
    let mut row = found.into_active_model();
    row.revoked_at = Set(Some(store.now().millis()));
    let row = row.update(tx).await?;
    record(store, tx, "key.revoked", &row).await
}

/// In the workspace's chain, or in the platform's for a key that reaches every workspace.
async fn record(
    store: &Store,
    tx: &DatabaseTransaction,
    action: &'static str,
    row: &Model,
) -> Result<()> {
    let details = json!({
        "kind": row.kind, "agent": row.agent_id, "roles": row.roles.0,
        "public_part": row.public_part, "expires_at": row.expires_at.map(Timestamp::from_millis),
    });
    let what = Change::new(action, &row.id).named(&row.name).with(details);
    let reach = row.workspace_id.as_deref().map_or(Reach::Everyone, Reach::Workspace);
    audit::change(store, tx, reach, &what).await
}

/// Revokes every key of an agent, within the transaction that ends it.
pub async fn revoke_of_agent<C: ConnectionTrait>(tx: &C, agent: &str, now: i64) -> Result<()> {
    let statement = Statement::from_sql_and_values(
        tx.get_database_backend(),
        "UPDATE api_key SET revoked_at = $1 WHERE agent_id = $2 AND revoked_at IS NULL",
        [now.into(), agent.into()],
    );
    tx.execute_raw(statement).await?;
    Ok(())
}

/// Revokes every key of a workspace and of its agents, within the transaction that closes it.
pub async fn revoke_of_workspace<C: ConnectionTrait>(
    tx: &C,
    workspace: &str,
    now: i64,
) -> Result<()> {
    let statement = Statement::from_sql_and_values(
        tx.get_database_backend(),
        "UPDATE api_key SET revoked_at = $1 WHERE workspace_id = $2 AND revoked_at IS NULL",
        [now.into(), workspace.into()],
    );
    tx.execute_raw(statement).await?;
    Ok(())
}

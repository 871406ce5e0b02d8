//! Making and changing integrations.

use std::collections::BTreeMap;

use base::{IntegrationId, SecretString};
use connector::{InputKind, Manifest};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect, Select, Statement,
};

use serde_json::json;

use super::entity::{ActiveModel, Column, Entity, Model};
use crate::{
    Error, Result,
    audit::{self, Change, Reach},
    client::{self, Client, NewClient},
    page::{Page, PageQuery},
    provider::{self, Registry},
    slug,
    store::{Json, SYSTEM, Store},
};

/// Which client an integration uses.
pub enum ClientChoice {
    /// None: the provider takes keys.
    None,
    /// One that is there, by id or slug: the workspace's own, else the platform's.
    Named(String),
    /// One that comes with it and gets the integration's slug.
    Inline {
        /// The id at the provider.
        client_id: String,
        /// The secret at the provider.
        client_secret: Option<SecretString>,
    },
}

/// What an integration is set to.
pub struct NewIntegration {
    /// The provider's slug; can't be changed later.
    pub provider: String,
    /// The client.
    pub client: ClientChoice,
    /// What people are asked to grant; none = the manifest's defaults.
    pub scopes: Option<Vec<String>>,
    /// Answers to the manifest's inputs.
    pub settings: BTreeMap<String, String>,
}

/// The most integrations of one workspace.
const MOST: u64 = 500;

/// Makes the integration of this slug, or changes it. Returns it and whether it is new.
///
/// Changed scopes force nobody to link again.
pub async fn put(
    store: &Store,
    registry: &Registry,
    workspace: &str,
    slug: &str,
    new: NewIntegration,
) -> Result<(Model, bool)> {
    slug::check(slug)?;
    let found = find(store, workspace, slug).await?;
    if let Some(found) = &found
        && found.provider != new.provider
    {
        return Err(Error::conflict(
            "provider_fixed",
            format!(
                "This integration uses `{}`. Make another one for `{}`.",
                found.provider, new.provider
            ),
        ));
    }
    let provider = provider::find(store, registry, workspace, &new.provider, None).await?;
    let manifest = provider.connector.manifest();
    check_settings(manifest, &new.settings)?;
    let client = choose_client(store, registry, workspace, slug, &new, manifest).await?;
    let scopes = choose_scopes(manifest, new.scopes)?;
    if let Some(client) = &client {
        check_ceiling(client, &scopes)?;
    }
    let wanted = Wanted {
        provider_version: provider.version,
        client: client.map(|client| client.id),
        scopes,
        settings: new.settings,
    };
    save(store, workspace, slug, &new.provider, found, wanted).await
}

struct Wanted {
    provider_version: Option<i64>,
    client: Option<String>,
    scopes: Vec<String>,
    settings: BTreeMap<String, String>,
}

async fn save(
    store: &Store,
    workspace: &str,
    slug: &str,
    provider: &str,
    found: Option<Model>,
    wanted: Wanted,
) -> Result<(Model, bool)> {
    let now = store.now().millis();
    let is_new = found.is_none();
    let tx = store.begin().await?;
    let saved = if let Some(found) = found {
        if found.client_id != wanted.client && has_connections(&tx, &found.id).await? {
            return Err(Error::conflict(
                "integration_in_use",
                "Connections of this integration belong to its client. Make another integration for another client.",
            ));
        }
        let mut row = found.into_active_model();
        row.provider_version = Set(wanted.provider_version);
        row.client_id = Set(wanted.client);
        row.scopes = Set(Json(wanted.scopes));
        row.settings = Set(Json(wanted.settings));
        row.updated_at = Set(now);
        row.update(&tx).await?
    } else {
        if of_workspace(workspace).limit(MOST + 1).all(&tx).await?.len() as u64 >= MOST {
            return Err(Error::conflict(
                "too_many_integrations",
                format!("A workspace has at most {MOST} integrations."),
            ));
        }
        let row = ActiveModel {
            id: Set(IntegrationId::new(store.clock(), store.rng()).into()),
            workspace_id: Set(workspace.to_owned()),
            slug: Set(slug.to_owned()),
            provider: Set(provider.to_owned()),
            provider_version: Set(wanted.provider_version),
            client_id: Set(wanted.client),
            scopes: Set(Json(wanted.scopes)),
            settings: Set(Json(wanted.settings)),
            status: Set("active".to_owned()),
            created_at: Set(now),
            updated_at: Set(now),
        };
        row.insert(&tx).await?
    };
    let action = if is_new { "integration.created" } else { "integration.changed" };
    let details = json!({
        "provider": saved.provider, "client": saved.client_id, "scopes": saved.scopes.0,
        "settings": saved.settings.0,
    });
    let what = Change::new(action, &saved.id).named(&saved.slug).with(details);
    audit::change(store, &tx, Reach::Workspace(workspace), &what).await?;
    tx.commit().await?;
    Ok((saved, is_new))
}

async fn has_connections<C: ConnectionTrait>(tx: &C, integration: &str) -> Result<bool> {
    let statement = Statement::from_sql_and_values(
        tx.get_database_backend(),
        "SELECT id FROM connection WHERE integration_id = $1 AND status <> 'revoked' LIMIT 1",
        [integration.into()],
    );
    Ok(tx.query_one_raw(statement).await?.is_some())
}

/// Each answer must fit its input; what is left out may be asked on the connect page, hosts excepted:
/// whoever links must not choose where our client's secret is sent.
fn check_settings(manifest: &Manifest, settings: &BTreeMap<String, String>) -> Result<()> {
    let oauth = manifest.auth.kind.has_a_client();
    for (name, value) in settings {
        let input = manifest.inputs.iter().find(|input| &input.name == name);
        let Some(input) = input.filter(|input| !input.secret) else {
            let name: String = name.chars().take(64).collect();
            let open: Vec<_> =
                manifest.inputs.iter().filter(|i| !i.secret).map(|i| i.name.clone()).collect();
            return Err(Error::invalid(
                "setting_unknown",
                format!(
                    "`{}` has no setting `{name}`. It has: {}.",
                    manifest.slug,
                    open.join(", ")
                ),
            ));
        };
        input.check(value).map_err(|error| Error::invalid("setting_invalid", error.to_string()))?;
    }
    let missing = manifest.inputs.iter().find(|input| {
        oauth
            && input.required
            && input.default.is_none()
            && matches!(input.kind, InputKind::Url | InputKind::Host)
            && !settings.contains_key(&input.name)
    });
    match missing {
        None => Ok(()),
        Some(input) => Err(Error::invalid(
            "setting_required",
            format!("`settings.{}` is needed: {}", input.name, input.label),
        )),
    }
}

async fn choose_client(
    store: &Store,
    registry: &Registry,
    workspace: &str,
    slug: &str,
    new: &NewIntegration,
    manifest: &Manifest,
) -> Result<Option<Client>> {
    let oauth = manifest.auth.kind.has_a_client();
    let client = match &new.client {
        ClientChoice::None => None,
        ClientChoice::Named(name) => {
            let found = client::usable_by(store, workspace, name).await.map_err(|_| {
                let name: String = name.chars().take(64).collect();
                Error::invalid(
                    "client_unknown",
                    format!("There is no client `{name}` that this workspace may use."),
                )
            })?;
            Some(found)
        }
        ClientChoice::Inline { client_id, client_secret } => {
            let inline = NewClient {
                provider: new.provider.clone(),
                client_id: client_id.clone(),
                client_secret: client_secret.clone(),
                redirect_uri: None,
                scopes: Vec::new(),
            };
            let owner = client::Owner::Workspace(workspace);
            Some(client::put(store, registry, owner, slug, inline).await?.0)
        }
    };
    match (&client, oauth) {
        (None, true) => Err(Error::invalid(
            "client_required",
            format!(
                "`{}` needs an OAuth client: give `client`, or `client_id` and `client_secret`.",
                manifest.slug
            ),
        )),
        (Some(_), false) => Err(Error::invalid(
            "client_not_used",
            format!("`{}` takes keys, not an OAuth client. Leave `client` out.", manifest.slug),
        )),
        (Some(client), true) if client.provider != manifest.slug => Err(Error::invalid(
            "client_of_other_provider",
            format!(
                "The client `{}` is registered at `{}`, not at `{}`.",
                client.slug, client.provider, manifest.slug
            ),
        )),
        _ => Ok(client),
    }
}

fn choose_scopes(manifest: &Manifest, asked: Option<Vec<String>>) -> Result<Vec<String>> {
    let known: Vec<String> = manifest.scopes.iter().map(|scope| scope.name.clone()).collect();
    let mut scopes = match asked {
        Some(asked) => asked,
        None if manifest.authorize.default_scopes.is_empty() => known.clone(),
        None => manifest.authorize.default_scopes.clone(),
    };
    scopes.sort();
    scopes.dedup();
    if scopes.len() > 500 {
        return Err(Error::invalid("scopes_invalid", "`scopes` names at most 500 scopes."));
    }
    if scopes.is_empty() {
        scopes.push("*".to_owned());
        return Ok(scopes);
    }
    // A manifest without a list of scopes (any OpenID server) can't tell which exist.
    let unknown = scopes.iter().find(|scope| !known.is_empty() && !known.contains(scope));
    let malformed = scopes.iter().find(|scope| {
        scope.is_empty()
            || scope.len() > 300
            || !scope.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
    });
    if let Some(scope) = unknown.or(malformed) {
        let scope: String = scope.chars().take(200).collect();
        return Err(Error::invalid(
            "scope_unknown",
            format!(
                "`{}` has no scope `{scope}`. GET /v1/providers/{} lists them.",
                manifest.slug, manifest.slug
            ),
        )
        .with("known", known));
    }
    Ok(scopes)
}

/// With a client that workspaces share, nobody asks for more than its owner allows.
pub fn check_ceiling(client: &Client, scopes: &[String]) -> Result<()> {
    let has_ceiling = client.owner_id == SYSTEM || !client.scopes.0.is_empty();
    let beyond: Vec<&str> = scopes
        .iter()
        .filter(|scope| has_ceiling && !client.scopes.0.contains(scope))
        .map(String::as_str)
        .collect();
    if beyond.is_empty() {
        return Ok(());
    }
    Err(Error::invalid(
        "scopes_above_ceiling",
        format!("The client `{}` does not allow: {}.", client.slug, beyond.join(", ")),
    ))
}

fn of_workspace(workspace: &str) -> Select<Entity> {
    Entity::find().filter(Column::WorkspaceId.eq(workspace))
}

async fn find(store: &Store, workspace: &str, id_or_slug: &str) -> Result<Option<Model>> {
    let by = if id_or_slug.parse::<IntegrationId>().is_ok() {
        Column::Id.eq(id_or_slug)
    } else {
        Column::Slug.eq(id_or_slug)
    };
    Ok(of_workspace(workspace).filter(by).one(store.read()).await?)
}

/// The integration of this id or slug.
pub async fn get(store: &Store, workspace: &str, id_or_slug: &str) -> Result<Model> {
    find(store, workspace, id_or_slug).await?.ok_or_else(|| Error::not_found("integration"))
}

/// The workspace's integrations with this provider, oldest first.
pub async fn of_provider(store: &Store, workspace: &str, provider: &str) -> Result<Vec<Model>> {
    Ok(of_workspace(workspace)
        .filter(Column::Provider.eq(provider))
        .order_by_asc(Column::Id)
        .all(store.read())
        .await?)
}

/// All integrations, of any workspace, that use this client.
pub(crate) async fn of_client(store: &Store, client: &str) -> Result<Vec<Model>> {
    Ok(Entity::find().filter(Column::ClientId.eq(client)).all(store.read()).await?)
}

/// All of the workspace's integrations, oldest first.
pub async fn all(store: &Store, workspace: &str) -> Result<Vec<Model>> {
    Ok(of_workspace(workspace).order_by_asc(Column::Id).limit(MOST).all(store.read()).await?)
}

/// The workspace's integrations, oldest first, a part at a time.
pub async fn list(store: &Store, workspace: &str, query: &PageQuery) -> Result<Page<Model>> {
    let rows = query.apply(of_workspace(workspace), Column::Id).all(store.read()).await?;
    Ok(query.page(rows, |row| row.id.clone()))
}

/// Removes an integration that has no connections.
pub async fn delete(store: &Store, workspace: &str, id_or_slug: &str) -> Result<()> {
    let found = get(store, workspace, id_or_slug).await?;
    let tx = store.begin().await?;
    let statement = store.statement(
        "SELECT id FROM connection WHERE integration_id = $1 LIMIT 1",
        [found.id.clone().into()],
    );
    if tx.query_one_raw(statement).await?.is_some() {
        return Err(Error::conflict(
            "integration_in_use",
            "Connections belong to this integration. Disconnect and delete them first.",
        ));
    }
    Entity::delete_by_id(found.id.as_str()).exec(&tx).await?;
    let what = Change::new("integration.removed", &found.id).named(&found.slug);
    audit::change(store, &tx, Reach::Workspace(workspace), &what).await?;
    tx.commit().await?;
    Ok(())
}

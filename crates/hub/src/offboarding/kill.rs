//! The kill switch: everything of an agent, a client, a provider or a workspace stops in one commit.

use std::collections::BTreeMap;

use sea_orm::{ActiveEnum, DatabaseTransaction, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::json;

use super::disconnect::{Which, queue};
use crate::{
    Error, Result, agent,
    audit::{self, Change, Reach},
    client::{self, Owner},
    connection::{Column, Entity, Status},
    integration,
    store::{SYSTEM, Store},
};

/// What is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// One agent: it is disabled, its keys are revoked.
    Agent(&'a str),
    /// The workspace's own client: it is suspended, its connections are switched off.
    Client(&'a str),
    /// A provider's connections are switched off.
    Provider(&'a str),
    /// All of the workspace's connections are switched off.
    Workspace,
}

impl Target<'_> {
    fn word(self) -> &'static str {
        match self {
            Self::Agent(_) => "agent",
            Self::Client(_) => "client",
            Self::Provider(_) => "provider",
            Self::Workspace => "workspace",
        }
    }
}

/// What stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Killed {
    /// How many connections are switched off, or are being ended.
    pub connections: u64,
    /// Whether their grants are being ended at the providers.
    pub revoking: bool,
}

/// Stops hand-outs in one commit. With `revoke`, the grants are then ended at their providers too, which
/// can't be undone; without, what is switched off can be switched on again.
pub async fn kill(
    store: &Store,
    workspace: &str,
    target: Target<'_>,
    revoke: bool,
) -> Result<Killed> {
    let (which, object) = resolve(store, workspace, target).await?;
    match target {
        Target::Agent(name) => agent::disable(store, workspace, name).await?,
        Target::Client(_) => client::suspend(store, &object, "Stopped by the kill switch.").await?,
        Target::Provider(_) | Target::Workspace => {}
    }
    // Others may go on using what one agent was handed, unless the grants are to end.
    let stops = revoke || !matches!(target, Target::Agent(_));
    let tx = store.begin().await?;
    let connections = if stops { switch_off(store, &tx, workspace, &which).await? } else { 0 };
    if revoke {
        queue(store, &tx, workspace, &which).await?;
    }
    let details = json!({ "target": target.word(), "connections": connections, "revoke": revoke });
    let what = Change::new("kill_switch.used", &object).with(details);
    audit::change(store, &tx, Reach::Workspace(workspace), &what).await?;
    tx.commit().await?;
    Ok(Killed { connections, revoking: revoke })
}

/// The same for a client of the platform's: in one commit, in every workspace that uses it. The record stands in
/// the platform's chain.
pub async fn kill_shared(store: &Store, client: &str, revoke: bool) -> Result<Killed> {
    let found = client::get(store, Owner::Platform, client).await?;
    // Nobody begins to use it from here on.
    client::suspend(store, &found.id, "Stopped by the kill switch.").await?;
    let mut users: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for one in integration::of_client(store, &found.id).await? {
        users.entry(one.workspace_id).or_default().push(one.id);
    }
    let tx = store.begin().await?;
    let workspaces = users.len();
    let mut connections = 0;
    for (workspace, ids) in users {
        let which = Which::Integrations(ids);
        connections += switch_off(store, &tx, &workspace, &which).await?;
        if revoke {
            queue(store, &tx, &workspace, &which).await?;
        }
    }
    let details = json!({
        "target": "client", "workspaces": workspaces, "connections": connections, "revoke": revoke,
    });
    let what = Change::new("kill_switch.used", &found.id).named(&found.slug).with(details);
    audit::change(store, &tx, Reach::UsersOfClient { owner: SYSTEM, client: &found.id }, &what)
        .await?;
    tx.commit().await?;
    Ok(Killed { connections, revoking: revoke })
}

/// Which connections, and the id of what is to stop.
async fn resolve(store: &Store, workspace: &str, target: Target<'_>) -> Result<(Which, String)> {
    Ok(match target {
        Target::Agent(name) => {
            let found = agent::get(store, workspace, name).await?;
            (Which::HandedTo(found.id.clone()), found.id)
        }
        Target::Client(name) => {
            let found = client::get(store, Owner::Workspace(workspace), name).await?;
            let all = integration::all(store, workspace).await?;
            let of_client =
                |one: &&integration::Integration| one.client_id.as_ref() == Some(&found.id);
            let ids = all.iter().filter(of_client).map(|one| one.id.clone()).collect();
            (Which::Integrations(ids), found.id)
        }
        Target::Provider(slug) => {
            let all = integration::of_provider(store, workspace, slug).await?;
            if all.is_empty() {
                return Err(Error::not_found("provider's integration"));
            }
            (Which::Integrations(all.into_iter().map(|one| one.id).collect()), slug.to_owned())
        }
        Target::Workspace => (Which::All, workspace.to_owned()),
    })
}

/// Switches connections off; returns how many.
pub(super) async fn switch_off(
    store: &Store,
    tx: &DatabaseTransaction,
    workspace: &str,
    which: &Which,
) -> Result<u64> {
    let done = Entity::update_many()
        .col_expr(Column::Status, Expr::value(Status::Disabled.to_value()))
        .col_expr(Column::UpdatedAt, Expr::value(store.now().millis()))
        .filter(which.condition(workspace))
        .exec(tx)
        .await?;
    Ok(done.rows_affected)
}

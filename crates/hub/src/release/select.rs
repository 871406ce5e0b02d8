//! Which connection serves an ask, and whether a policy lets it.

use std::collections::BTreeSet;

use connector::Action;
use serde::Serialize;
use serde_json::Value;

use super::{
    ask::{Parts, Target, TokenAsk, Who},
    signed,
};
use crate::{
    Error, Result,
    connection::{self, Connection, Health, State, Status},
    integration::{self, App, Integration},
    policy::{self, Act, Ask, Decision, Denied, Granted, OwnerKind, Rule, decide},
};

/// Why a person is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectReason {
    /// There is no such connection yet.
    NotConnected,
    /// The connection was granted less than is asked for.
    MissingScopes,
    /// The provider ended the grant.
    ReauthorizationRequired,
    /// A link was finished at the provider; the platform has not confirmed whose it is.
    ConfirmationPending,
}

/// What is missing.
#[derive(Clone, Debug)]
pub struct Missing {
    /// Why.
    pub reason: ConnectReason,
    /// Scopes to be granted.
    pub missing_scopes: Vec<String>,
    /// Through which integration to link.
    pub integration: Integration,
    /// All scopes that the policies allow here.
    pub scopes: Vec<String>,
    /// The connection to renew.
    pub connection: Option<String>,
    /// Whose it must be.
    pub owner: OwnerKind,
    /// Who asked.
    pub agent: String,
}

/// One account to choose.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The connection.
    pub connection: String,
    /// The provider's id of the account.
    pub account_id: String,
    /// What people read.
    pub label: String,
}

pub(super) struct Selected {
    pub(super) row: Connection,
    pub(super) app: App,
    pub(super) granted: Granted,
    pub(super) agent: String,
}

pub(super) enum Selection {
    Use(Box<Selected>),
    Choose(Vec<Choice>),
    Missing(Box<Missing>),
    Denied { denied: Denied, integration: String, provider: String },
}

/// An integration and owner for which the policies say yes.
struct Allowed {
    app: App,
    owner: OwnerKind,
    granted: Granted,
}

pub(super) async fn select(parts: &Parts<'_>, who: &Who, ask: &TokenAsk) -> Result<Selection> {
    let rules = policy::active(parts.store, &who.workspace).await?;
    let (integrations, named) = candidates(parts, who, ask).await?;
    let owners: &[OwnerKind] = if ask.end_user.is_some() {
        // The end user's own first; a shared one only where a policy says so.
        &[OwnerKind::EndUser, OwnerKind::Workspace]
    } else {
        &[OwnerKind::Workspace]
    };
    let mut first_no = None;
    let mut yes = Vec::new();
    let apps = able(parts, ask, &integrations).await?;
    for owner in owners {
        for app in &apps {
            match decide_one(&rules, who, ask, app, *owner) {
                Decision::Allow(granted) => {
                    yes.push(Allowed { app: app.clone(), owner: *owner, granted });
                }
                Decision::Deny(denied) => {
                    first_no.get_or_insert((denied, &app.integration));
                }
            }
        }
    }
    if let (true, Some((denied, integration))) = (yes.is_empty(), first_no) {
        return Ok(Selection::Denied {
            denied,
            integration: integration.id.clone(),
            provider: integration.provider.clone(),
        });
    }
    match named {
        Some(row) => use_named(who, ask, yes, row),
        None => use_any(parts, who, ask, yes).await,
    }
}

/// Those of the integrations whose provider can do what is asked for.
async fn able(parts: &Parts<'_>, ask: &TokenAsk, integrations: &[Integration]) -> Result<Vec<App>> {
    let mut apps = Vec::with_capacity(integrations.len());
    for integration in integrations {
        apps.push(App::load(parts.store, parts.registry, integration.clone()).await?);
    }
    let Some(action) = ask.action else { return Ok(apps) };
    let providers: BTreeSet<_> = apps.iter().map(|app| app.integration.provider.clone()).collect();
    let there = |app: &App| {
        let can = |one: &&Action| one.needs(app.connector.as_ref()).is_some();
        connector::actions().iter().filter(can).map(|one| one.name).collect::<Vec<_>>()
    };
    let actions: BTreeSet<_> = apps.iter().flat_map(there).collect();
    apps.retain(|app| action.needs(app.connector.as_ref()).is_some());
    if apps.is_empty() {
        let others: Vec<_> = parts
            .registry
            .iter()
            .filter(|connector| action.needs(connector.as_ref()).is_some())
            .map(|connector| connector.manifest().slug.clone())
            .collect();
        let detail = format!(
            "The hub can't do `{}` with {}. GET /v1/actions tells what can be done with which provider.",
            action.name,
            providers.into_iter().collect::<Vec<_>>().join(", ")
        );
        return Err(Error::invalid("action_unsupported", detail)
            .with("actions", actions.into_iter().map(Value::from).collect::<Vec<_>>())
            .with("providers", others));
    }
    Ok(apps)
}

fn decide_one(
    rules: &[(String, Rule)],
    who: &Who,
    ask: &TokenAsk,
    app: &App,
    owner: OwnerKind,
) -> Decision {
    decide(
        rules,
        &Ask {
            agent: &who.agent.id,
            integration: &app.integration.id,
            integration_scopes: &app.integration.scopes.0,
            owner,
            scopes: ask.scopes.as_deref(),
            form: ask.form,
            // A signature for one request is as narrow as can be.
            can_narrow: app.connector.manifest().can_narrow() || signed::is_signed(app),
            action: ask.action.and_then(|action| {
                let needs = action.needs(app.connector.as_ref())?;
                Some(Act { name: action.name, needs })
            }),
        },
    )
}

/// The integrations that the ask may mean, and the connection if it names one.
async fn candidates(
    parts: &Parts<'_>,
    who: &Who,
    ask: &TokenAsk,
) -> Result<(Vec<Integration>, Option<Connection>)> {
    let workspace = &who.workspace;
    match &ask.target {
        Target::Provider(slug) => {
            let found = integration::of_provider(parts.store, workspace, slug).await?;
            if found.is_empty() {
                let slug: String = slug.chars().take(64).collect();
                return Err(Error::conflict(
                    "integration_missing",
                    format!(
                        "This workspace has no integration with `{slug}`. Its owner can add one with PUT /v1/integrations/{{slug}}."
                    ),
                ));
            }
            Ok((found, None))
        }
        Target::Integration(name) => {
            let found = integration::get(parts.store, workspace, name).await.map_err(|_| {
                let name: String = name.chars().take(64).collect();
                Error::conflict(
                    "integration_missing",
                    format!("This workspace has no integration `{name}`."),
                )
            })?;
            Ok((vec![found], None))
        }
        Target::Connection(id) => {
            let row = connection::get(parts.store, workspace, id).await?;
            // Another person's connection is as absent as none at all.
            if row.end_user_id.is_some() && row.end_user_id != who.end_user {
                return Err(Error::not_found("connection"));
            }
            let found = integration::get(parts.store, workspace, &row.integration_id).await?;
            Ok((vec![found], Some(row)))
        }
    }
}

fn use_named(who: &Who, ask: &TokenAsk, yes: Vec<Allowed>, row: Connection) -> Result<Selection> {
    let owner = if row.end_user_id.is_some() { OwnerKind::EndUser } else { OwnerKind::Workspace };
    let provider = yes.first().map(|allowed| allowed.app.integration.provider.clone());
    let Some(allowed) = yes.into_iter().find(|allowed| allowed.owner == owner) else {
        return Ok(Selection::Denied {
            denied: Denied {
                policy: None,
                why: "No policy lets this agent use a connection of this owner.".to_owned(),
                scopes: Vec::new(),
            },
            integration: row.integration_id,
            provider: provider.unwrap_or_default(),
        });
    };
    judge(who, ask, allowed, row)
}

async fn use_any(
    parts: &Parts<'_>,
    who: &Who,
    ask: &TokenAsk,
    yes: Vec<Allowed>,
) -> Result<Selection> {
    for owner in [OwnerKind::EndUser, OwnerKind::Workspace] {
        let ids: Vec<String> = yes
            .iter()
            .filter(|allowed| allowed.owner == owner)
            .map(|allowed| allowed.app.integration.id.clone())
            .collect();
        let end_user = match owner {
            OwnerKind::EndUser => who.end_user.as_deref(),
            OwnerKind::Workspace => None,
        };
        if ids.is_empty() || (owner == OwnerKind::EndUser && end_user.is_none()) {
            continue;
        }
        let mut rows = connection::of_owner(parts.store, &who.workspace, end_user, &ids).await?;
        // One that is switched off or held answers for itself; linking again would not help.
        let off = rows.iter().find(|row| row.status != Status::Active).cloned();
        rows.retain(|row| row.status == Status::Active);
        if rows.len() > 1 {
            return choose(parts, rows).await;
        }
        if let Some(row) = rows.pop().or(off) {
            let allowed = yes
                .into_iter()
                .find(|a| a.owner == owner && a.app.integration.id == row.integration_id)
                .ok_or_else(|| Error::internal("a selected connection lost its integration"))?;
            return judge(who, ask, allowed, row);
        }
    }
    let allowed =
        yes.into_iter().next().ok_or_else(|| Error::internal("neither a yes nor a no"))?;
    let missing = allowed.granted.scopes.clone();
    Ok(missing_from(who, allowed, ConnectReason::NotConnected, missing, None))
}

async fn choose(parts: &Parts<'_>, rows: Vec<Connection>) -> Result<Selection> {
    let mut choices = Vec::with_capacity(rows.len());
    for row in rows.into_iter().take(100) {
        let label = connection::label(parts.store, &row).await?;
        let (account_id, label) =
            label.map_or_else(Default::default, |label| (label.id, label.label));
        choices.push(Choice { connection: row.id, account_id, label });
    }
    Ok(Selection::Choose(choices))
}

fn missing_from(
    who: &Who,
    allowed: Allowed,
    reason: ConnectReason,
    missing_scopes: Vec<String>,
    connection: Option<String>,
) -> Selection {
    Selection::Missing(Box::new(Missing {
        reason,
        missing_scopes,
        scopes: allowed.granted.scopes,
        integration: allowed.app.integration,
        connection,
        owner: allowed.owner,
        agent: who.agent.id.clone(),
    }))
}

/// Whether the one connection can serve what the policies allow.
fn judge(who: &Who, ask: &TokenAsk, mut allowed: Allowed, row: Connection) -> Result<Selection> {
    match row.status {
        Status::Active => {}
        Status::Revoked => {
            let missing = allowed.granted.scopes.clone();
            return Ok(missing_from(who, allowed, ConnectReason::NotConnected, missing, None));
        }
        Status::Held => {
            return Err(Error::conflict(
                "connection_held",
                "The hub's database was restored, and this connection is held until it is tested. The workspace's owner can do that: POST /v1/connections/{id}/test.",
            ));
        }
        Status::Pending | Status::Disabled => {
            return Err(Error::conflict(
                "connection_disabled",
                "The workspace has switched this connection off. Its owner can switch it on again.",
            ));
        }
    }
    if row.state == State::Reauth || row.health == Health::ReauthorizationRequired {
        let again = Some(row.id);
        return Ok(missing_from(
            who,
            allowed,
            ConnectReason::ReauthorizationRequired,
            Vec::new(),
            again,
        ));
    }
    let has = |scope: &String| row.scopes.0.contains(scope);
    let (held, mut lacking): (Vec<_>, Vec<_>) =
        allowed.granted.scopes.iter().cloned().partition(has);
    let needs = ask.action.and_then(|action| action.needs(allowed.app.connector.as_ref()));
    let short = match needs {
        Some(needs) => {
            lacking = needs.missing(&held);
            !lacking.is_empty()
        }
        None => ask.scopes.is_some() && !lacking.is_empty(),
    };
    if held.is_empty() || short {
        let again = Some(row.id);
        return Ok(missing_from(who, allowed, ConnectReason::MissingScopes, lacking, again));
    }
    allowed.granted.scopes = held;
    Ok(Selection::Use(Box::new(Selected {
        row,
        app: allowed.app,
        granted: allowed.granted,
        agent: who.agent.id.clone(),
    })))
}

//! From the hub's rows to what the pages show.

use std::collections::BTreeMap;

use connector::{
    Manifest,
    manifest::{Access as ManifestAccess, InputKind},
};
use hub::{
    Result, agent,
    end_user::{self, Profile},
    integration::{self, App, Integration},
    session::{self, Review, Session},
    workspace::{self, Workspace},
};
use url::Url;

use super::{
    browser::{authority, csrf, host},
    pages::{
        Access, AppCard, Back, Field, LandingPage, Person, PickPage, ResultPage, ReviewPage, Scope,
    },
};
use crate::state::AppState;

/// The name that fields of the form have before their input's.
pub(super) const FIELD: &str = "input-";

fn person(profile: &Profile) -> Person {
    match (&profile.name, &profile.email) {
        (Some(name), email) => Person { name: name.clone(), detail: email.clone() },
        (None, Some(email)) => Person { name: email.clone(), detail: None },
        (None, None) => Person { name: profile.id.clone(), detail: None },
    }
}

/// The host that the person returns to.
pub(super) fn site(row: &Session) -> String {
    Url::parse(&row.return_url).map_or_else(|_| String::new(), |url| authority(&url))
}

/// Back to where the person came from, without a code.
pub(super) fn back(row: &Session) -> Back {
    Back { site: site(row), url: row.return_url.clone() }
}

async fn tenant(state: &AppState, row: &Session) -> Result<(Workspace, Person)> {
    let tenant = workspace::get(&state.store, &row.workspace_id).await?;
    let id = row.end_user_id.as_deref().unwrap_or_default();
    let found = end_user::get(&state.store, &row.workspace_id, id).await?;
    let profile = end_user::profile(&state.store, &found).await?;
    Ok((tenant, person(&profile)))
}

async fn app_name(
    state: &AppState,
    row: &Session,
    id: &str,
) -> Result<(Integration, String, String)> {
    let found = integration::get(&state.store, &row.workspace_id, id).await?;
    let app = App::load(&state.store, &state.registry, found).await?;
    let manifest = app.connector.manifest();
    let (name, category) = (manifest.display_name.clone(), manifest.category.clone());
    Ok((app.integration, name, category))
}

/// Names for a page about a link that came to nothing.
pub(super) async fn names(state: &AppState, row: &Session) -> Result<(String, Option<String>)> {
    let tenant = workspace::get(&state.store, &row.workspace_id).await?;
    let app = match picked(row) {
        Some(id) => Some(app_name(state, row, id).await?.1),
        None => None,
    };
    Ok((tenant.name, app))
}

/// The integration that is linked, once that is settled.
pub(super) fn picked(row: &Session) -> Option<&str> {
    row.integration_id.as_deref().or(match row.integrations.0.as_slice() {
        [only] => Some(only),
        _ => None,
    })
}

pub(super) async fn landing(state: &AppState, row: &Session, token: String) -> Result<LandingPage> {
    let (tenant, person) = tenant(state, row).await?;
    let app = match row.integrations.0.as_slice() {
        [only] => Some(app_name(state, row, only).await?.1),
        _ => None,
    };
    Ok(LandingPage {
        host: host(state),
        workspace: tenant.name,
        app,
        person,
        site: site(row),
        token,
    })
}

pub(super) async fn pick(state: &AppState, row: &Session, cookie: &str) -> Result<PickPage> {
    let (tenant, _) = tenant(state, row).await?;
    let mut apps = Vec::with_capacity(row.integrations.0.len());
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for id in &row.integrations.0 {
        let (integration, name, category) = app_name(state, row, id).await?;
        *seen.entry(name.clone()).or_default() += 1;
        apps.push((integration, name, category));
    }
    let apps = apps.into_iter().map(|(integration, name, category)| AppCard {
        detail: Some(if seen[&name] > 1 { integration.slug } else { category }),
        integration: integration.id,
        name,
    });
    Ok(PickPage {
        host: host(state),
        workspace: tenant.name,
        apps: apps.collect(),
        csrf: csrf(state, cookie),
    })
}

/// What the form says again after a mistake.
#[derive(Default)]
pub(super) struct Again {
    /// What was answered.
    pub(super) answers: BTreeMap<String, String>,
    /// The input that is wrong.
    pub(super) input: Option<String>,
    /// What is wrong.
    pub(super) problem: Option<String>,
}

pub(super) async fn review(
    state: &AppState,
    row: &Session,
    cookie: &str,
    again: Again,
) -> Result<ReviewPage> {
    let Review { workspace, end_user, app, scopes, .. } =
        session::review(&state.store, &state.registry, row).await?;
    let manifest = app.connector.manifest();
    let by_key = manifest.auth.kind.is_filled_in();
    let agent = match &row.agent_id {
        Some(id) => Some(agent::get(&state.store, &row.workspace_id, id).await?.name),
        None => None,
    };
    let fields = fields(manifest, &app, by_key, &again);
    let on_field = again.input.is_some() && fields.iter().any(|field| field.problem.is_some());
    Ok(ReviewPage {
        host: host(state),
        workspace: workspace.name,
        agent,
        site: site(row),
        person: person(&end_user),
        app: manifest.display_name.clone(),
        provider_site: None,
        reconnect: row.connection_id.is_some(),
        shared: row.owner_key == "workspace",
        by_key,
        scopes: asked_scopes(manifest, &scopes),
        fields,
        problem: again.problem.filter(|_| !on_field),
        csrf: csrf(state, cookie),
    })
}

/// What this person must answer: what the workspace has not, and at an OAuth app no hosts or secrets.
fn fields(manifest: &Manifest, app: &App, by_key: bool, again: &Again) -> Vec<Field> {
    let settled = &app.integration.settings.0;
    let open = manifest.inputs.iter().filter(|input| {
        !settled.contains_key(&input.name)
            && (by_key || (!input.secret && !matches!(input.kind, InputKind::Url | InputKind::Host)))
            // What has a default needs no question, unless it is asked again.
            && (input.required || by_key && input.default.is_none())
    });
    open.map(|input| Field {
        name: format!("{FIELD}{}", input.name),
        label: input.label.clone(),
        help: input.help.clone(),
        secret: input.secret,
        required: input.required,
        url: input.kind == InputKind::Url,
        pattern: input.pattern.clone(),
        suffix: input.suffix.clone(),
        options: input.one_of.clone(),
        value: again
            .answers
            .get(&input.name)
            .or(input.default.as_ref())
            .filter(|_| !input.secret)
            .cloned()
            .unwrap_or_default(),
        max_length: input.most_chars(),
        problem: again.problem.clone().filter(|_| again.input.as_deref() == Some(&input.name)),
    })
    .collect()
}

fn scope(manifest: &Manifest, name: &str) -> Scope {
    let known = manifest.scope(name);
    Scope {
        title: known.map(|scope| scope.title.clone()),
        name: name.to_owned(),
        access: known.map_or(Access::Other, |scope| match scope.access {
            ManifestAccess::Read => Access::Read,
            ManifestAccess::Write => Access::Write,
            ManifestAccess::Admin => Access::Admin,
        }),
    }
}

/// `*` is no scope of the provider's: it has none, and the credential can do whatever it can.
fn asked_scopes(manifest: &Manifest, scopes: &[String]) -> Vec<Scope> {
    scopes
        .iter()
        .map(|name| match name.as_str() {
            "*" => Scope {
                title: Some(
                    "All that this account can do: the app does not offer less.".to_owned(),
                ),
                name: "*".to_owned(),
                access: Access::Admin,
            },
            name => scope(manifest, name),
        })
        .collect()
}

pub(super) async fn result(state: &AppState, row: &Session) -> Result<ResultPage> {
    let Review { workspace, app, scopes, account, .. } =
        session::review(&state.store, &state.registry, row).await?;
    let manifest = app.connector.manifest();
    let (granted, withheld) = session::granted(manifest, row, &scopes);
    let granted: Vec<String> = granted.into_iter().map(|(name, _)| name.to_owned()).collect();
    let withheld: Vec<String> = withheld.into_iter().map(str::to_owned).collect();
    let completed = row.status == session::Status::Completed;
    let left = row.code_expires_at.unwrap_or(0) - state.store.now().millis();
    Ok(ResultPage {
        host: host(state),
        workspace: workspace.name,
        app: manifest.display_name.clone(),
        account: account.unwrap_or_default(),
        site: site(row),
        completed,
        minutes_left: u64::try_from(left.max(0)).unwrap_or(0).div_ceil(60_000),
        granted: asked_scopes(manifest, &granted),
        withheld: asked_scopes(manifest, &withheld),
        back: if completed { Some(row.return_url.clone()) } else { with_code(state, row) },
        auto_continue: false,
    })
}

/// The return URL with session and code, which only this browser is shown.
fn with_code(state: &AppState, row: &Session) -> Option<String> {
    let mut url = Url::parse(&row.return_url).ok()?;
    url.query_pairs_mut()
        .append_pair("session", &row.id)
        .append_pair("code", &session::completion_code(&state.store, row));
    Some(url.into())
}

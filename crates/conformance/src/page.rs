//! A connector's page in `docs/connectors/`, made of its manifest and its README.

use std::fmt::Write as _;

use connector::{
    Action, AuthKind, Manifest, RefreshClass,
    manifest::{Access, Needs},
};

/// The page. `readme` is the crate's own; its first heading becomes the page's.
pub(crate) fn of(manifest: &Manifest, readme: &str) -> String {
    let text = readme.split_once('\n').map_or("", |(_, rest)| rest).trim();
    let mut page = format!(
        "<!-- Made of connectors/{slug}/: change that, and run CONFORMANCE_WRITE=1 cargo test -p {slug} -->\n\n# {name}\n\n",
        slug = manifest.slug,
        name = manifest.display_name
    );
    facts(&mut page, manifest);
    inputs(&mut page, manifest);
    actions(&mut page, manifest);
    scopes(&mut page, manifest);
    page.push_str("\n---\n\n");
    page.push_str(text);
    page.push('\n');
    page
}

fn facts(page: &mut String, manifest: &Manifest) {
    let how = match manifest.auth.kind {
        AuthKind::Oauth2Code => "OAuth 2.0, authorization code",
        AuthKind::Oauth2ClientCredentials => "OAuth 2.0, client credentials",
        AuthKind::ApiKey => "a key that a person pastes",
        AuthKind::Basic => "a user and a password",
        AuthKind::Oauth1 => "OAuth 1.0a",
        AuthKind::SessionExchange => "what a person fills in is exchanged for a session",
        AuthKind::JwtBearer => "what is signed with a key that a person fills in is exchanged",
    };
    let refresh = match manifest.refresh.class {
        RefreshClass::Static => "the refresh token stays",
        RefreshClass::ReplaySafe => "the refresh token changes; the old one works a while longer",
        RefreshClass::Strict => {
            "the refresh token changes, or may; the old one is never sent again"
        }
    };
    let revoked = match (manifest.can_revoke(), manifest.revoke.wide) {
        (false, _) => "not offered",
        (true, false) => "ends this grant alone",
        (true, true) => "may end other grants of the same account and client too",
    };
    page.push_str("| | |\n| --- | --- |\n");
    let mut row = |name: &str, value: &str| {
        let _ = writeln!(page, "| {name} | {value} |");
    };
    row("slug", &format!("`{}`", manifest.slug));
    row("category", &manifest.category);
    row("linked by", how);
    if matches!(manifest.auth.kind, AuthKind::Oauth2Code) {
        row("refresh", refresh);
        row("narrower tokens", if manifest.can_narrow() { "yes" } else { "no" });
        row("revocation", revoked);
    }
    if let Some(base) = &manifest.api.base {
        row("API", &format!("`{base}`"));
    }
    if let Some(docs) = &manifest.docs_url {
        row("vendor's documentation", &format!("<{docs}>"));
    }
}

fn inputs(page: &mut String, manifest: &Manifest) {
    if manifest.inputs.is_empty() {
        return;
    }
    page.push_str(
        "\n## What is asked for\n\n| input | what it is | what fits |\n| --- | --- | --- |\n",
    );
    for input in &manifest.inputs {
        let fits = match (&input.pattern, input.one_of.as_slice()) {
            _ if input.secret => "a secret, sealed".to_owned(),
            (_, [_, ..]) => input.one_of.join(", "),
            (Some(pattern), _) => match &input.suffix {
                Some(suffix) => format!("`{}`, with or without `{suffix}`", cell(pattern)),
                None => format!("`{}`", cell(pattern)),
            },
            (None, []) => String::new(),
        };
        let what = match &input.help {
            Some(help) => format!("{}: {help}", input.label),
            None => input.label.clone(),
        };
        let _ = writeln!(page, "| `{}` | {} | {fits} |", input.name, cell(&what));
    }
}

fn actions(page: &mut String, manifest: &Manifest) {
    if manifest.actions.is_empty() {
        return;
    }
    page.push_str("\n## What agents can do by name\n\n| action | what it does | effect | scopes |\n| --- | --- | --- | --- |\n");
    let listed = connector::actions()
        .iter()
        .filter_map(|action| manifest.actions.get(action.name).map(|needs| (action, needs)));
    for (action, needs) in listed {
        let Action { name, title, .. } = action;
        let effect = format!("{:?}", action.effect).to_lowercase();
        let _ = writeln!(page, "| `{name}` | {title} | {effect} | {} |", needed(needs));
    }
}

fn needed(needs: &Needs) -> String {
    let (names, between) = match needs {
        Needs::All(names) => (names, ", "),
        Needs::Any { any_of } => (any_of, " or "),
    };
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(between)
}

fn scopes(page: &mut String, manifest: &Manifest) {
    if manifest.scopes.is_empty() {
        return;
    }
    page.push_str("\n## What people are told of scopes\n\n| scope | in words | access |\n| --- | --- | --- |\n");
    for scope in &manifest.scopes {
        let access = match scope.access {
            Access::Read => "read",
            Access::Write => "write",
            Access::Admin => "admin",
        };
        let _ = writeln!(page, "| `{}` | {} | {access} |", scope.name, cell(&scope.title));
    }
}

/// A text within a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

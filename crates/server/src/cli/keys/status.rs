//! The data keys as a table, and as JSON.

use base::Timestamp;
use hub::{
    keys::{Kept, KeyStatus, Status},
    store::{KeyRole, KeyState},
};
use serde_json::{Value, json};

use super::super::table::{count, counted, table};

/// What there is altogether.
struct Totals {
    keys: u64,
    workspaces: u64,
    /// Values that name a retired key and are to be sealed anew.
    left: u64,
    /// Keys that a former wrapping key wraps.
    stale: u64,
}

fn totals(status: &Status) -> Totals {
    let mut workspaces: Vec<_> = status.keys.iter().map(|one| &one.key.workspace).collect();
    workspaces.dedup();
    let left = |one: &&KeyStatus| one.kept == Some(Kept::Named);
    Totals {
        keys: status.keys.len() as u64,
        workspaces: workspaces.len() as u64,
        left: status.keys.iter().filter(left).map(|one| one.named).sum(),
        stale: status.keys.iter().filter(|one| !one.key.is_current).count() as u64,
    }
}

fn state(state: KeyState) -> &'static str {
    match state {
        KeyState::Staged => "staged",
        KeyState::Primary => "primary",
        KeyState::Retired => "retired",
        KeyState::Destroyed => "destroyed",
    }
}

fn seals(role: KeyRole) -> &'static str {
    match role {
        KeyRole::Values => "values",
        KeyRole::Personal => "personal",
    }
}

fn day(millis: i64) -> String {
    Timestamp::from_millis(millis).day()
}

fn note(one: &KeyStatus, now: Timestamp) -> String {
    let until = |until: Timestamp| {
        if until <= now {
            return "deleted soon by a running hub".to_owned();
        }
        format!("kept until {}: a journal may name it", day(until.millis()))
    };
    match one.kept {
        None => String::new(),
        Some(Kept::Named) => format!("kept: {} to seal anew", counted(one.named, "value")),
        Some(Kept::Audit) => "kept: audit entries may name it".to_owned(),
        Some(Kept::Until(at)) => until(at),
    }
}

/// For people.
pub(super) fn text(status: &Status, now: Timestamp) -> String {
    let head = ["workspace", "key", "seals", "state", "made", "uses", "named by", "wrapped", ""];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    let mut last = None;
    for one in &status.keys {
        let key = &one.key;
        let name = one.slug.as_deref().unwrap_or(&key.workspace);
        let is_same = last.replace(&key.workspace) == Some(&key.workspace);
        let wrapped = match (key.state, key.is_current) {
            (KeyState::Destroyed, _) => "-",
            (_, true) => "current",
            (_, false) => "former",
        };
        lines.push(vec![
            if is_same { String::new() } else { name.to_owned() },
            key.id.to_string().chars().take(8).collect(),
            seals(key.role).to_owned(),
            state(key.state).to_owned(),
            day(key.created_at),
            count(u64::try_from(key.uses).unwrap_or(0)),
            count(one.named),
            wrapped.to_owned(),
            note(one, now),
        ]);
    }
    let mut text = table(&lines, &[5, 6]);
    text.push_str(&summary(status));
    text
}

fn summary(status: &Status) -> String {
    let totals = totals(status);
    let mut lines = vec![format!(
        "\n{} of {}; the wrapping key is {}.",
        counted(totals.keys, "data key"),
        counted(totals.workspaces, "workspace"),
        status.wrapping_key
    )];
    if totals.left > 0 {
        let values = counted(totals.left, "value");
        lines.push(format!(
            "{values} still under a retired key: a running hub seals them anew by itself, `valetkey keys rotate` does so now."
        ));
    }
    if totals.stale > 0 {
        let keys = counted(totals.stale, "data key");
        lines.push(format!(
            "{keys} wrapped by a former wrapping key: `valetkey keys rewrap` wraps them anew."
        ));
    }
    if let Some(since) = status.running_since {
        lines.push(format!(
            "A rotation of all workspaces began {since} and is not through: a running hub goes on with it, and so does `valetkey keys rotate --all`."
        ));
    }
    lines.join("\n")
}

/// For programs.
pub(super) fn json(status: &Status) -> serde_json::Result<String> {
    let totals = totals(status);
    let keys: Vec<Value> = status.keys.iter().map(one).collect();
    serde_json::to_string_pretty(&json!({
        "wrapping_key": status.wrapping_key,
        "rotation_of_all_since": status.running_since,
        "totals": {
            "keys": totals.keys,
            "workspaces": totals.workspaces,
            "values_to_seal_anew": totals.left,
            "keys_to_wrap_anew": totals.stale,
        },
        "keys": keys,
    }))
}

fn one(one: &KeyStatus) -> Value {
    let key = &one.key;
    let (kept, until) = match one.kept {
        None => (None, None),
        Some(Kept::Named) => (Some("values"), None),
        Some(Kept::Audit) => (Some("audit"), None),
        Some(Kept::Until(until)) => (Some("journal"), Some(until)),
    };
    json!({
        "id": key.id.to_string(),
        "workspace": key.workspace,
        "workspace_slug": one.slug,
        "seals": key.role,
        "state": key.state,
        "created_at": Timestamp::from_millis(key.created_at),
        "retired_at": key.retired_at.map(Timestamp::from_millis),
        "uses": key.uses,
        "named_by": one.named,
        "is_wrapped_by_current": key.is_current,
        "kept_for": kept,
        "kept_until": until,
    })
}

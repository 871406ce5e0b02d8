//! docs/actions.md has every action, and what it takes, as the code has it.

use std::{fmt::Write as _, fs, path::PathBuf};

use connector::{Action, Effect, actions};
use serde_json::Value;

const BEGIN: &str = "<!-- actions -->\n";
const END: &str = "<!-- end -->";

fn page() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/actions.md")
}

#[allow(clippy::disallowed_methods, reason = "a developer's switch, of tests alone")]
fn is_written() -> bool {
    std::env::var_os("ACTIONS_WRITE").is_some()
}

/// The fields of the input: those that must be there in bold.
fn takes(action: &Action) -> String {
    let schema = action.input_schema().to_value();
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let none = serde_json::Map::new();
    let fields = schema["properties"].as_object().unwrap_or(&none).keys().map(|name| {
        let must = required.contains(&Value::from(name.as_str()));
        if must { format!("**`{name}`**") } else { format!("`{name}`") }
    });
    fields.collect::<Vec<_>>().join(", ")
}

fn table() -> String {
    let mut text =
        "| action | what it does | effect | what it takes |\n| --- | --- | --- | --- |\n"
            .to_owned();
    for action in actions() {
        let effect = match action.effect {
            Effect::Read => "read",
            Effect::Write => "write",
            Effect::Destructive => "destructive",
        };
        let (name, title, takes) = (action.name, action.title, takes(action));
        let _ = writeln!(text, "| `{name}` | {title} | {effect} | {takes} |");
    }
    text
}

#[test]
fn the_page_lists_every_action_with_what_it_takes() {
    let text = fs::read_to_string(page()).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the table has a beginning");
    let (_, after) = rest.split_once(END).expect("the table has an end");
    let wanted = format!("{before}{BEGIN}{}{END}{after}", table());
    if is_written() {
        fs::write(page(), &wanted).unwrap();
    }
    let text = fs::read_to_string(page()).unwrap();
    assert!(text == wanted, "docs/actions.md is old: run ACTIONS_WRITE=1 cargo test -p connector");
}

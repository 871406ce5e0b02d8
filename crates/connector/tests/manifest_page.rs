//! docs/manifest.md and docs/manifest.schema.json tell what the code reads, and all of it.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf};

use connector::{Manifest, manifest};
use serde_json::Value;

/// What an example is put behind, unless it is a whole manifest.
const HEAD: &str = "slug = \"mine\"\ndisplay_name = \"Mine\"\ncategory = \"crm\"\n\
    auth.kind = \"oauth2_code\"\nurls.authorize = \"https://mine.example/authorize\"\n\
    urls.token = \"https://mine.example/token\"\n";

fn docs(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

#[allow(clippy::disallowed_methods, reason = "a developer's switch, of tests alone")]
fn is_written() -> bool {
    std::env::var_os("MANIFEST_WRITE").is_some()
}

fn read(name: &str) -> String {
    fs::read_to_string(docs(name)).unwrap_or_default()
}

/// Writes the file anew if asked to; else it must be as it would be written.
fn keep(name: &str, wanted: &str) {
    if is_written() {
        fs::write(docs(name), wanted).expect("docs/ can be written");
    }
    let same = read(name) == wanted;
    assert!(same, "docs/{name} is old: run MANIFEST_WRITE=1 cargo test -p connector");
}

#[test]
fn the_published_schema_is_that_of_the_code() {
    let mut text = serde_json::to_string_pretty(&manifest::schema()).unwrap();
    text.push('\n');
    keep("manifest.schema.json", &text);
}

#[test]
fn the_page_has_every_key_of_every_table() {
    let tables = tables();
    let mut page = String::new();
    let mut named = Vec::new();
    let text = read("manifest.md");
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("<!-- keys: ") {
        let (name, after) = after.split_once(" -->").expect("a mark is closed");
        let (_, after) = after.split_once("<!-- end -->").expect("a table is closed");
        let table = tables.get(name).unwrap_or_else(|| panic!("there is no table `{name}`"));
        let _ = write!(page, "{before}<!-- keys: {name} -->\n{table}<!-- end -->");
        named.push(name.to_owned());
        rest = after;
    }
    page.push_str(rest);
    let missing: Vec<_> = tables.keys().filter(|name| !named.contains(name)).collect();
    assert!(missing.is_empty(), "docs/manifest.md has no place for {missing:?}");
    keep("manifest.md", &page);
}

#[test]
fn every_example_of_the_page_is_a_manifest() {
    let text = read("manifest.md");
    let mut count = 0;
    for block in text.split("```toml\n").skip(1) {
        let example = block.split("```").next().unwrap_or_default();
        let whole = example.contains("slug =");
        let text = if whole { example.to_owned() } else { format!("{HEAD}{example}") };
        Manifest::parse(&text).unwrap_or_else(|error| panic!("{error}\n{example}"));
        count += 1;
    }
    assert!(count >= 10, "the page has {count} examples");
}

#[test]
fn an_unknown_key_is_refused_by_the_schema_as_by_the_parser() {
    let schema = manifest::schema();
    let mut objects = 0;
    for object in schema["$defs"].as_object().unwrap().values().chain([&schema]) {
        if object.get("properties").is_some() {
            let closed = object["additionalProperties"] == Value::Bool(false);
            assert!(closed, "{}", object["description"]);
            objects += 1;
        }
    }
    assert!(objects > 15, "the schema has {objects} tables");
}

/// The tables of keys in Markdown, by the schema's name of them.
fn tables() -> BTreeMap<String, String> {
    let schema = manifest::schema();
    let mut tables = BTreeMap::new();
    let all = schema["$defs"].as_object().expect("the schema has parts").iter();
    for (name, def) in all.map(|(name, def)| (name.as_str(), def)).chain([("Manifest", &schema)]) {
        let inline = def["anyOf"].as_array().into_iter().flatten();
        let rows: String = inline.chain([def]).map(|object| rows(&schema, object)).collect();
        if !rows.is_empty() {
            let head = "\n| key | values | what it says |\n| --- | --- | --- |\n";
            tables.insert(name.to_owned(), format!("{head}{rows}\n"));
        }
    }
    tables
}

fn rows(root: &Value, object: &Value) -> String {
    let mut rows = String::new();
    let required = object["required"].as_array();
    for (name, spec) in object["properties"].as_object().into_iter().flatten() {
        let needed = required.is_some_and(|all| all.contains(&Value::from(name.as_str())));
        let star = if needed { " (required)" } else { "" };
        let own = spec["description"].as_str().map(str::to_owned);
        let text = own.unwrap_or_else(|| description(root, spec)) + &meanings(root, spec);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
        let (kind, usual) = (kind(root, spec), usual(spec));
        let _ = writeln!(rows, "| `{name}`{star} | {kind}{usual} | {text} |");
    }
    rows
}

/// What each word means that a value may be.
fn meanings(root: &Value, spec: &Value) -> String {
    let mut text = String::new();
    for word in choices(root, spec).iter().filter_map(|one| one["oneOf"].as_array()).flatten() {
        if let (Some(word), Some(means)) = (word["const"].as_str(), word["description"].as_str()) {
            let _ = write!(text, " `{word}`: {means}");
        }
    }
    text
}

fn resolved<'a>(root: &'a Value, spec: &'a Value) -> &'a Value {
    match spec["$ref"].as_str() {
        Some(place) => {
            root.pointer(place.trim_start_matches('#')).expect("a reference leads to a part")
        }
        None => spec,
    }
}

/// Those that a value may be.
fn choices<'a>(root: &'a Value, spec: &'a Value) -> Vec<&'a Value> {
    let spec = resolved(root, spec);
    match spec["anyOf"].as_array() {
        Some(any) => any.iter().flat_map(|one| choices(root, one)).collect(),
        None => vec![spec],
    }
}

fn description(root: &Value, spec: &Value) -> String {
    let found = choices(root, spec).into_iter().find_map(|one| one["description"].as_str());
    found.unwrap_or_default().to_owned()
}

fn kind(root: &Value, spec: &Value) -> String {
    let mut kinds: Vec<String> = Vec::new();
    for one in choices(root, spec) {
        let words = |list: &[Value]| {
            let word =
                |value: &Value| value.as_str().or(value["const"].as_str()).map(str::to_owned);
            let words = list.iter().filter_map(word).map(|word| format!("`\"{word}\"`"));
            words.collect::<Vec<_>>().join(", ")
        };
        let kind = if let Some(list) = one["oneOf"].as_array().or(one["enum"].as_array()) {
            words(list)
        } else if one.get("items").is_some() {
            let tables =
                choices(root, &one["items"]).iter().any(|one| one.get("properties").is_some());
            (if tables { "tables" } else { "a list" }).to_owned()
        } else {
            word(one["type"].as_str().or(one["type"][0].as_str()).unwrap_or_default()).to_owned()
        };
        if !kind.is_empty() && !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds.join(" or ")
}

fn word(kind: &str) -> &'static str {
    match kind {
        "string" => "text",
        "integer" | "number" => "a number",
        "boolean" => "`true`, `false`",
        "object" => "a table",
        "array" => "a list",
        _ => "",
    }
}

/// What counts where the key is left out, if that is a word.
fn usual(spec: &Value) -> String {
    match &spec["default"] {
        Value::String(text) if !text.is_empty() => format!("; else `\"{text}\"`"),
        Value::Number(number) => format!("; else `{number}`"),
        _ => String::new(),
    }
}

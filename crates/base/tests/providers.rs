//! Nobody but its connector knows a provider: no text in the code of `crates/` holds the host of one, or is
//! its slug. Acme is apart: it is the example in the API's documentation, and the playground's own.

#[path = "providers/literals.rs"]
mod literals;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use toml::{Table, Value};

/// What providers are called, and where they are.
#[derive(Default)]
struct Known {
    slugs: BTreeSet<String>,
    /// Hosts, with a slug that has it.
    hosts: BTreeMap<String, String>,
}

#[test]
fn no_text_in_the_crates_knows_a_provider() {
    let known = known();
    assert!(known.slugs.len() > 600 && known.hosts.len() > 600, "all providers are read");
    let files = sources(&root().join("crates"));
    assert!(files.len() > 100, "all crates are read");
    let mut found = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).expect("source is text");
        let name = path.strip_prefix(root()).unwrap_or(&path).display().to_string();
        found.extend(knows(&known, &text).into_iter().map(|what| format!("{name}:{what}")));
    }
    assert!(found.is_empty(), "say it in a manifest or in a connector:\n{}", found.join("\n"));
}

#[test]
fn a_text_that_knows_a_provider_is_found() {
    let known = Known {
        slugs: ["pear".to_owned()].into(),
        hosts: [("api.pear.dev".to_owned(), "pear".to_owned())].into(),
    };
    for (source, count) in [
        (r#"fn f() { g("pear") }"#, 1),
        (r#"let url = "https://api.pear.dev/v1";"#, 1),
        (r##"let url = r#"https://eu.api.pear.dev"#;"##, 1),
        ("// \"pear\"\nlet quote = '\"'; let other = \"pear tree\";", 0),
        (r#"let other = "https://api.pear.dev.example";"#, 0),
        ("#[cfg(test)]\nmod tests { const A: &str = \"pear\"; }", 0),
    ] {
        assert_eq!(knows(&known, source).len(), count, "{source}");
    }
}

/// Line and text of each that knows a provider; tests, which stand at the end, don't count.
fn knows(known: &Known, source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]\nmod ").next().unwrap_or(source);
    let mut found = Vec::new();
    for (text, line) in literals::of(code) {
        if known.slugs.contains(&text) {
            found.push(format!("{line}: \"{text}\" is a provider"));
        }
        for host in hosts_in(&text) {
            let mut parts = std::iter::successors(Some(host), |host| Some(host.split_once('.')?.1));
            if let Some(slug) = parts.find_map(|part| known.hosts.get(part)) {
                found.push(format!("{line}: \"{host}\" is where {slug} is"));
            }
        }
    }
    found
}

/// Whatever looks like a host in a text.
fn hosts_in(text: &str) -> impl Iterator<Item = &str> {
    let host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    text.split(move |c| !host(c))
        .map(|word| word.trim_matches('.'))
        .filter(|word| word.contains('.'))
}

fn known() -> Known {
    let mut known = Known::default();
    let folder = root().join("connectors");
    let crates = entries(&folder).into_iter().map(|folder| folder.join("provider.toml"));
    let apps = entries(&folder.join("catalogue/apps"));
    for path in crates.filter(|path| path.exists()).chain(apps) {
        let text = fs::read_to_string(&path).expect("a manifest is text");
        let table: Table = text.parse().expect("a manifest is TOML");
        let slug = table["slug"].as_str().expect("a manifest has a slug").to_owned();
        if slug == "acme" {
            continue;
        }
        for part in ["issuer", "urls", "api", "identity"] {
            if let Some(value) = table.get(part) {
                hosts(value, &slug, &mut known.hosts);
            }
        }
        known.slugs.insert(slug);
    }
    known
}

/// The hosts of all addresses in a value; of a template what is behind its last answer.
fn hosts(value: &Value, slug: &str, found: &mut BTreeMap<String, String>) {
    match value {
        Value::String(text) => {
            let Some((_, rest)) = text.split_once("https://") else { return };
            let authority = rest.split(['/', '?']).next().unwrap_or_default();
            let fixed = authority.rsplit('}').next().unwrap_or_default().trim_start_matches('.');
            if fixed.contains('.') {
                found.insert(fixed.to_owned(), slug.to_owned());
            }
        }
        Value::Array(list) => list.iter().for_each(|value| hosts(value, slug, found)),
        Value::Table(table) => table.values().for_each(|value| hosts(value, slug, found)),
        _ => {}
    }
}

/// All Rust files of the crates' `src`, those apart that are tests alone.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in entries(folder) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "tests" && name != "playground" {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|kind| kind == "rs") && !name.ends_with("tests.rs") {
            files.push(path);
        }
    }
    files
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder can be listed");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

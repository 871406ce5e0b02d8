//! docs/catalogue.md counts truly.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf};

use connector::AuthKind;

const BEGIN: &str = "<!-- counts -->\n";
const END: &str = "<!-- end -->";

#[test]
fn the_page_counts_what_there_is() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/catalogue.md");
    let page = fs::read_to_string(&path).expect("docs/catalogue.md");
    let (before, rest) = page.split_once(BEGIN).expect("the page has a place for the counts");
    let (_, after) = rest.split_once(END).expect("the place ends");
    let wanted = format!("{before}{BEGIN}\n{}\n{END}{after}", counts());
    if is_written() {
        fs::write(&path, &wanted).expect("docs/ can be written");
    }
    let same = fs::read_to_string(&path).is_ok_and(|page| page == wanted);
    assert!(same, "docs/catalogue.md is old: run CATALOGUE_WRITE=1 cargo test -p catalogue");
}

#[allow(clippy::disallowed_methods, reason = "a developer's switch, of tests alone")]
fn is_written() -> bool {
    std::env::var_os("CATALOGUE_WRITE").is_some()
}

const KINDS: [(AuthKind, &str); 7] = [
    (AuthKind::Oauth2Code, "OAuth 2.0, by a person"),
    (AuthKind::Oauth2ClientCredentials, "OAuth 2.0, by the client"),
    (AuthKind::Oauth1, "OAuth 1.0a"),
    (AuthKind::ApiKey, "key"),
    (AuthKind::Basic, "HTTP Basic"),
    (AuthKind::SessionExchange, "session"),
    (AuthKind::JwtBearer, "signed assertion"),
];

fn counts() -> String {
    let mut by_category: BTreeMap<String, [usize; KINDS.len()]> = BTreeMap::new();
    for connector in catalogue::connectors() {
        let manifest = connector.manifest();
        let at =
            KINDS.iter().position(|(kind, _)| *kind == manifest.auth.kind).expect("a known kind");
        by_category.entry(manifest.category.clone()).or_default()[at] += 1;
    }
    let mut all = [0; KINDS.len()];
    let names: Vec<&str> = KINDS.iter().map(|(_, name)| *name).collect();
    let mut table = format!(
        "| category | {} | all |\n| --- |{}\n",
        names.join(" | "),
        " ---: |".repeat(KINDS.len() + 1)
    );
    for (category, counts) in &by_category {
        row(&mut table, category, counts);
        all.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    row(&mut table, "**all**", &all);
    table
}

fn row(table: &mut String, name: &str, counts: &[usize]) {
    let cells: Vec<_> = counts.iter().map(ToString::to_string).collect();
    let _ =
        writeln!(table, "| {name} | {} | {} |", cells.join(" | "), counts.iter().sum::<usize>());
}

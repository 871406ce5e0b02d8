//! What lies in the connector's folder.

use std::fs;

use connector::Manifest;

use crate::{Subject, case, fixture, page};

/// `provider.toml` is sound and is what the connector uses; the folder and the README go with it.
#[allow(clippy::unused_async, reason = "all checks are called alike")]
pub async fn the_manifest_is_sound(subject: &Subject) {
    let text = fs::read_to_string(subject.folder.join("provider.toml"))
        .expect("the folder has a provider.toml");
    let parsed = Manifest::parse(&text).unwrap_or_else(|error| panic!("provider.toml: {error}"));
    let used = subject.manifest();
    assert_eq!(format!("{parsed:?}"), format!("{used:?}"), "the connector uses another manifest");

    let folder = subject.folder.file_name().expect("a crate's folder has a name");
    assert_eq!(folder.to_string_lossy(), used.slug, "the folder is named as the slug");
    let readme = fs::read_to_string(subject.folder.join("README.md"))
        .expect("README.md tells how to register an app");
    for section in ["## Register an app", "## Scopes", "## Quirks"] {
        assert!(readme.contains(section), "README.md has no section `{section}`");
    }
    for scope in &used.scopes {
        assert!(readme.contains(&scope.name), "README.md does not name the scope `{}`", scope.name);
        assert_ne!(scope.title, scope.name, "a scope's title is a sentence for a person");
    }
}

/// Every fixture that the suite needs is there, each says what is expected, and none is misspelt.
#[allow(clippy::unused_async, reason = "all checks are called alike")]
pub async fn the_fixtures_are_complete(subject: &Subject) {
    let folder = fs::read_dir(subject.folder.join("fixtures")).expect("the folder has fixtures/");
    for entry in folder {
        let name = entry.expect("fixtures/ can be listed").file_name();
        let name = name.to_string_lossy();
        if name == "actions" {
            continue;
        }
        let known = name.strip_suffix(".json").is_some_and(|name| fixture::KNOWN.contains(&name));
        assert!(known, "fixtures/{name}: the suite reads no such file");
    }
    let waits = subject.fixture("rate_limited");
    assert_eq!(waits.status, 429, "rate_limited.json is a 429");
    if subject.is_oauth() {
        let tokens = subject.fixture("token_ok").expect;
        assert!(tokens.access.is_some(), "token_ok.json expects no `access`");
    }
    if subject.refreshes() {
        let tokens = subject.fixture("token_refreshed").expect;
        assert!(tokens.access.is_some(), "token_refreshed.json expects no `access`");
        subject.fixture("dead_refresh");
    }
    if subject.manifest().identity.is_some() {
        let account = subject.fixture("whoami").expect;
        assert!(
            account.id.is_some() && account.label.is_some(),
            "whoami.json expects no `id` and `label`"
        );
    }
}

/// `docs/connectors/<slug>.md` says what the manifest and the README say.
#[allow(clippy::unused_async, reason = "all checks are called alike")]
pub async fn its_page_in_the_docs_is_up_to_date(subject: &Subject) {
    let readme = fs::read_to_string(subject.folder.join("README.md")).expect("README.md");
    let page = page::of(subject.manifest(), &readme);
    let path = subject.folder.join("../../docs/connectors");
    let path = path.join(format!("{}.md", subject.manifest().slug));
    if case::are_written() {
        fs::write(&path, page).expect("docs/connectors can be written");
        return;
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == page,
        "docs/connectors/{slug}.md is not what the manifest and the README say: run CONFORMANCE_WRITE=1 cargo test -p {slug}",
        slug = subject.manifest().slug
    );
}

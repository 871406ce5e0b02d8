//! Who may use whom: the arrows between the crates, and between the rooms of the hub.
//!
//! The tables below are the rule and its documentation. A new crate, connector or room that does
//! not stand in them fails here. docs/architecture.md draws them.

#[path = "arrows/check.rs"]
mod check;
#[path = "arrows/source.rs"]
mod source;

use check::{Package, Room, Rule};

/// The packages, by folder: what they may use of ours, and what their tests may use besides.
#[rustfmt::skip]
const PACKAGES: &[Rule] = &[
    Rule { folder: "crates/base",        uses: &[],                                          tests_use: &[] },
    Rule { folder: "crates/outbound",    uses: &["base"],                                    tests_use: &[] },
    Rule { folder: "crates/connector",   uses: &["base", "outbound"],                        tests_use: &[] },
    // Its tests use itself: with every key source.
    Rule { folder: "crates/vault",       uses: &["base", "outbound"],                        tests_use: &["vault"] },
    Rule { folder: "crates/oauth",       uses: &["base", "outbound", "connector"],           tests_use: &[] },
    Rule { folder: "migrations",         uses: &["base", "outbound"],                        tests_use: &[] },
    Rule { folder: "crates/hub",         uses: &["base", "outbound", "connector", "oauth", "vault", "migrations"],
                                                                                             tests_use: &["acme"] },
    Rule { folder: "connectors/*",       uses: &["base", "outbound", "connector"],           tests_use: &["conformance"] },
    Rule { folder: "crates/server",      uses: &["base", "outbound", "connector", "vault", "hub", "connectors/*"],
                                                                                             tests_use: &[] },
    // Development only: in nobody's binary.
    Rule { folder: "crates/conformance", uses: &["base", "outbound", "connector", "oauth"],
                                                                                             tests_use: &[] },
    // It uses what it attacks.
    Rule { folder: "fuzz",               uses: &["base", "outbound", "connector", "oauth", "vault", "hub", "connectors/*"],
                                                                                             tests_use: &[] },
    // A stranger to the hub, as every provider is.
    Rule { folder: "crates/playground",  uses: &[],                                          tests_use: &[] },
    // Knows the binary only.
    Rule { folder: "tests",              uses: &[],                                          tests_use: &[] },
];

/// Libraries with one home (`*` ends a prefix), and the packages that may name them, tests included.
#[rustfmt::skip]
const HOMES: &[(&[&str], &[&str], &str)] = &[
    (&["hyper", "hyper-util"],                     &["outbound", "server", "blackbox"],   "connections are opened by outbound and served by server"),
    (&["reqwest", "hyper-tls", "hyper-rustls", "hyper-proxy*", "ureq", "isahc", "curl", "awc"],
                                                   &["outbound", "blackbox"],             "all HTTP leaves through outbound"),
    (&["axum", "axum-*"],                          &["server", "playground", "blackbox"], "HTTP is served by server and playground"),
    (&["sea-orm", "sea-orm-*", "sea-query*", "sqlx", "sqlx-*", "rusqlite"],
                                                   // (attack tests edit the database behind the hub's back)
                                                   &["hub", "migrations", "blackbox"],    "the database is the hub's"),
    (&["aes", "aes-*", "chacha20*"],               &["vault"],                            "nothing but vault encrypts"),
    (&["region"],                                  &["vault"],                            "what is locked in memory is keys"),
    (&["aws-*"],                                   &["vault"],                            "of AWS there is its key service, and only its signer"),
    (&["apalis", "apalis-*"],                      &["hub"],                              "background work runs in hub/jobs"),
    (&["ed25519-dalek", "signed_note"],             &["hub"],                              "audit notes are signed and verified in hub/audit/note.rs"),
    (&["ring"],                                    &["oauth", "conformance"],             "assertions are signed in oauth/assertion.rs, and verified by the suite"),
    (&["indicatif"],                               &["server"],                           "the command line draws progress"),
    (&["subtle"],                                  &["base"],                             "secrets are compared in base::constant_time_eq"),
    (&["getrandom", "rand", "fastrand"],           &["base", "playground"],               "randomness is passed in as base::Rng"),
    (&["libfuzzer-sys", "arbitrary"],              &["fuzz"],                             "fuzzing has one home"),
    (&["figment"],                                 &["server"],                           "configuration is read in server/config.rs"),
];

/// The hub's rooms, lowest floor first. A room may use itself, every floor below, and its neighbours
/// on the same floor as long as no circle arises. The root file `lib.rs` stands on top.
const FLOORS: &[&[&str]] = &[
    &["error", "page", "slug"],
    &["store"],
    &["audit"],
    &["workspace", "provider", "client", "integration", "agent", "end_user", "idempotency"],
    &["policy"],
    &["connection"],
    &["refresh"],
    &["release"],
    &["session"],
    &["action"],
    &["keys", "offboarding"],
    &["jobs"],
];

/// The only file that names apalis, in the hub's `src`.
const NAMES_APALIS: &str = "jobs/queue.rs";

/// The only folder that names hyper, in the server's `src`; it names no client of it.
const NAMES_HYPER: &str = "http/serving/";

#[test]
fn every_crate_uses_only_what_its_row_allows() {
    check::none(&check::packages(&workspace(), PACKAGES));
}

#[test]
fn every_library_with_a_home_stays_in_it() {
    check::none(&check::homes(&workspace(), HOMES));
}

#[test]
fn every_crate_takes_the_workspaces_lints() {
    let lacks = |package: &&Package| {
        let manifest = check::read(&check::root().join(&package.folder).join("Cargo.toml"));
        !manifest.contains("[lints]\nworkspace = true")
    };
    let complain = |package: &Package| format!("{}: no `[lints] workspace = true`", package.folder);
    check::none(&workspace().iter().filter(lacks).map(complain).collect::<Vec<_>>());
}

#[test]
fn every_room_of_the_hub_uses_only_its_own_floor_and_those_below() {
    check::none(&check::rooms(&check::files_of("hub"), FLOORS));
}

#[test]
fn only_the_queue_names_apalis() {
    check::none(&check::names(&check::files_of("hub"), "apalis", NAMES_APALIS));
}

#[test]
fn only_what_serves_connections_names_hyper_and_it_opens_none() {
    let files = check::files_of("server");
    check::none(&check::names(&files, "hyper", NAMES_HYPER));
    let serving: Vec<_> =
        files.into_iter().filter(|file| file.path.starts_with(NAMES_HYPER)).collect();
    assert!(!serving.is_empty(), "{NAMES_HYPER} has files");
    check::none(&check::names(&serving, "client", ""));
}

#[test]
fn every_connector_has_its_one_line_in_the_servers_sorted_list() {
    let packages = workspace();
    let ours = packages.iter().filter(|package| package.folder.starts_with("connectors/"));
    let names: Vec<_> = ours.map(|package| package.name.as_str()).collect();
    let folders = check::folders(&check::root().join("connectors"));
    assert_eq!(names, folders, "each folder of connectors/ is a crate of the same name");
    let list = check::read(&check::root().join("crates/server/src/connectors.rs"));
    check::none(&check::registered(&names, &list));
}

fn workspace() -> Vec<Package> {
    check::workspace(&check::root())
}

/// The checks themselves can fail: each is shown something wrong.
mod a_checker {
    use super::*;

    fn package(folder: &str, uses: &[&str], tests_use: &[&str]) -> Package {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Package {
            name: folder.rsplit('/').next().unwrap_or(folder).to_owned(),
            folder: folder.to_owned(),
            uses: owned(uses),
            tests_use: owned(tests_use),
        }
    }

    /// A workspace in which nobody uses anybody, a package for every row.
    fn sound() -> Vec<Package> {
        let folders = PACKAGES.iter().map(|rule| rule.folder.replace('*', "acme"));
        folders.map(|folder| package(&folder, &[], &[])).collect()
    }

    /// That workspace, with one package more or in another's place.
    fn with(changed: Package) -> Vec<Package> {
        let mut packages = sound();
        packages.retain(|package| package.folder != changed.folder);
        packages.push(changed);
        packages
    }

    fn file(path: &str, text: &str) -> Room {
        Room { path: path.to_owned(), text: text.to_owned() }
    }

    /// One stand-in file for every room, and `files` besides.
    fn rooms(files: Vec<Room>) -> Vec<String> {
        let all = FLOORS.iter().copied().flatten();
        let mut tree: Vec<_> = all.map(|room| file(&format!("{room}/mod.rs"), "")).collect();
        tree.push(file("lib.rs", "pub use error::{Error, Kind};"));
        tree.extend(files);
        check::rooms(&tree, FLOORS)
    }

    fn only(complaints: &[String], expected: &str) {
        assert!(
            matches!(complaints, [one] if one.contains(expected)),
            "expected one complaint about {expected:?}, got {complaints:#?}"
        );
    }

    #[test]
    fn reports_an_arrow_that_the_table_does_not_have() {
        let bad = with(package("crates/vault", &["base", "hub"], &[]));
        only(&check::packages(&bad, PACKAGES), "crates/vault may not use hub");
    }

    #[test]
    fn reports_a_test_only_crate_in_the_real_code() {
        let bad = with(package("connectors/acme", &["connector", "conformance"], &[]));
        only(&check::packages(&bad, PACKAGES), "connectors/acme may not use conformance");
    }

    #[test]
    fn reports_a_connector_that_uses_another() {
        let bad = with(package("connectors/hubspot", &["connector", "acme"], &[]));
        only(&check::packages(&bad, PACKAGES), "connectors/hubspot may not use acme");
    }

    #[test]
    fn reports_a_crate_without_a_row_and_a_row_without_a_crate() {
        let bad = with(package("crates/helpers", &[], &[]));
        only(&check::packages(&bad, PACKAGES), "crates/helpers has no row");
        let mut bad = sound();
        bad.retain(|package| package.folder != "crates/vault");
        only(&check::packages(&bad, PACKAGES), "the row crates/vault is stale");
    }

    #[test]
    fn reports_a_library_away_from_home_even_in_tests() {
        let bad = with(package("crates/oauth", &["connector", "reqwest"], &[]));
        only(&check::homes(&bad, HOMES), "oauth may not use reqwest");
        let bad = with(package("crates/vault", &[], &["sqlx-core"]));
        only(&check::homes(&bad, HOMES), "vault may not use sqlx-core");
    }

    #[test]
    fn reports_a_room_that_reaches_upwards() {
        let bad = file("audit/writer.rs", "\nuse crate::{Error, release::Ask};");
        only(&rooms(vec![bad]), "audit/writer.rs:2: audit may not use release");
        let bad = file("store/open.rs", "fn f() -> super::super::session::Session {}");
        only(&rooms(vec![bad]), "store may not use session");
    }

    #[test]
    fn reports_a_room_that_reaches_upwards_through_the_root() {
        let root = file("lib.rs", "pub use release::hand_out as give; pub struct Hub;");
        let bad = file("audit/writer.rs", "use crate::give;");
        only(&rooms(vec![root, bad]), "audit may not use release");
        let bad = file("audit/writer.rs", "use crate::Hub;");
        only(&rooms(vec![bad]), "`crate::Hub`");
    }

    #[test]
    fn reports_a_circle_of_neighbours() {
        let one = file("client/service.rs", "use crate::provider::Registry;");
        assert_eq!(rooms(vec![one.clone()]), Vec::<String>::new());
        let back = file("provider/service.rs", "use crate::client::Client;");
        only(&rooms(vec![one, back]), "client -> provider -> client");
    }

    #[test]
    fn reports_a_room_without_a_floor() {
        only(&rooms(vec![file("billing/mod.rs", "")]), "billing stands on no floor");
    }

    #[test]
    fn reports_a_second_file_that_names_apalis() {
        let files = [
            file(NAMES_APALIS, "use apalis::prelude::*;"),
            file("jobs/mod.rs", "// apalis runs it\nuse apalis_core::worker;"),
        ];
        only(&check::names(&files, "apalis", NAMES_APALIS), "jobs/mod.rs:2");
        assert_eq!(check::names(&files, "apalis", "jobs/"), Vec::<String>::new());
        assert_eq!(check::names(&files, "apalis", "job/").len(), 2);
    }

    #[test]
    fn reports_a_connector_that_is_missing_twice_there_or_out_of_order() {
        let names = ["acme", "generic-oidc"];
        let good = "//! acme::x\nvec![\n  acme::connector(),\n  generic_oidc::connector(),\n]";
        assert_eq!(check::registered(&names, good), Vec::<String>::new());
        only(&check::registered(&names, "acme::connector(),"), "generic-oidc has 0 lines");
        let twice = "use acme::Acme;\nacme::connector(),\ngeneric_oidc::connector(),";
        only(&check::registered(&names, twice), "acme has 2 lines");
        let unsorted = "generic_oidc::connector(),\nacme::connector(),";
        only(&check::registered(&names, unsorted), "not sorted");
    }
}

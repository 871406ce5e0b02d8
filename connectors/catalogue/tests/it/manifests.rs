//! The files themselves.

use std::{collections::BTreeMap, path::Path};

use connector::{AuthKind, Manifest, manifest::Confidence};

use crate::apps::{File, is_oauth, none};

/// How many apps there are at least.
const LEAST: usize = 600;

fn all() -> impl Iterator<Item = (&'static str, Manifest)> {
    catalogue::manifests().map(|(slug, text)| {
        (slug, Manifest::parse(text).unwrap_or_else(|error| panic!("{slug}: {error}")))
    })
}

fn wrong(complain: impl Fn(&Manifest) -> Vec<String>) {
    let of = |(slug, manifest): (&str, Manifest)| {
        complain(&manifest)
            .into_iter()
            .map(move |text| format!("{slug}: {text}"))
            .collect::<Vec<_>>()
    };
    none(&all().flat_map(of).collect::<Vec<_>>());
}

#[test]
fn every_manifest_is_sound() {
    let broken = catalogue::manifests()
        .filter_map(|(slug, text)| Some(format!("{slug}: {}", Manifest::parse(text).err()?)));
    none(&broken.collect::<Vec<_>>());
}

#[test]
fn there_are_at_least_six_hundred_apps() {
    let count = catalogue::connectors().count();
    assert!(count >= LEAST, "there are {count}");
}

#[test]
fn lists_say_what_the_manifests_say() {
    for connector in catalogue::connectors() {
        let (card, manifest) = (connector.card(), connector.manifest());
        assert_eq!(card.slug, manifest.slug);
        assert_eq!(card.display_name, manifest.display_name);
        assert_eq!(card.category, manifest.category);
    }
}

#[test]
fn no_two_apps_have_one_name() {
    let mut seen = BTreeMap::new();
    let mut twice = Vec::new();
    for (slug, manifest) in all() {
        if let Some(other) = seen.insert(manifest.display_name.to_lowercase(), slug) {
            twice.push(format!("{slug} and {other}: {}", manifest.display_name));
        }
    }
    none(&twice);
}

#[test]
fn an_app_with_a_crate_of_its_own_is_not_in_the_catalogue() {
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let has_a_crate = |slug: &str| folders.join(slug).join("provider.toml").exists();
    assert!(has_a_crate("acme"), "the crates are beside the catalogue");
    let twice = catalogue::manifests().map(|(slug, _)| slug).filter(|slug| has_a_crate(slug));
    none(&twice.map(str::to_owned).collect::<Vec<_>>());
}

#[test]
fn every_app_says_what_it_is_and_how_well_that_is_known() {
    let known = ["agreed", "vendor", "single"];
    wrong(|manifest| {
        let mut wrong = Vec::new();
        if !catalogue::CATEGORIES.contains(&manifest.category.as_str()) {
            wrong.push(format!("`{}` is no category of the catalogue", manifest.category));
        }
        match &manifest.facts {
            None => wrong.push("say how well the facts are known, in [facts]".to_owned()),
            Some(facts) => {
                let word = match facts.confidence {
                    Confidence::Agreed => known[0],
                    Confidence::Vendor => known[1],
                    Confidence::Single => known[2],
                };
                let written = File::of(&manifest.slug);
                if written.text("facts.confidence") != Some(word) {
                    wrong.push("the confidence is read otherwise than it is written".to_owned());
                }
                if facts.checked.as_str() < "2026-11-01" {
                    wrong.push(format!("it was checked long ago, on {}", facts.checked));
                }
            }
        }
        wrong
    });
}

/// What a default would be right for too is written down: a reader sees that somebody thought of it.
#[test]
fn every_app_says_what_its_kind_needs() {
    wrong(|manifest| {
        let written = File::of(&manifest.slug);
        let needed: &[&str] = match manifest.auth.kind {
            AuthKind::Oauth2Code if manifest.issuer.is_some() => {
                &["authorize.scope_separator", "client.auth"]
            }
            AuthKind::Oauth2Code => {
                &["urls.authorize", "urls.token", "authorize.scope_separator", "client.auth"]
            }
            AuthKind::Oauth2ClientCredentials => {
                &["urls.token", "authorize.scope_separator", "client.auth", "api.base"]
            }
            AuthKind::Oauth1 => &["urls.request_token", "urls.authorize", "urls.token", "api.base"],
            AuthKind::ApiKey | AuthKind::Basic => &["api.base", "api.credential"],
            AuthKind::SessionExchange => &["urls.token", "session", "api.base"],
            AuthKind::JwtBearer => &[
                "urls.token",
                "authorize.scope_separator",
                "assertion.algorithm",
                "assertion.lifetime_s",
            ],
        };
        let lacks = needed.iter().filter(|path| written.at(path).is_none());
        lacks.map(|path| format!("`{path}` is missing")).collect()
    });
}

#[test]
fn every_address_is_https() {
    wrong(|manifest| {
        let text = catalogue::manifests().find(|(slug, _)| *slug == manifest.slug);
        let plain = text.is_some_and(|(_, text)| text.contains("http://"));
        plain.then(|| "it has an address without TLS".to_owned()).into_iter().collect()
    });
}

#[test]
fn a_client_that_sends_no_proof_has_a_secret() {
    wrong(|manifest| {
        let written = File::of(&manifest.slug);
        let open = written.text("authorize.pkce") == Some("never")
            && written.text("client.auth") == Some("none");
        let open = is_oauth(manifest.auth.kind) && open;
        open.then(|| "neither PKCE nor a secret".to_owned()).into_iter().collect()
    });
}

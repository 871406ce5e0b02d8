//! Manifests: their text.
//!
//! One that is accepted is read the same again, and whatever is then answered to its inputs, its URLs
//! are secure and lead where it points.

use std::collections::BTreeMap;

use connector::{Input, Manifest, manifest::UrlSpec};
use url::Url;

use crate::urls;

/// What somebody might answer to get elsewhere.
const ANSWERS: [&str; 22] = [
    "a",
    "1",
    "8080",
    ".",
    "..",
    "../..",
    "%2e%2e",
    "evil.example",
    "evil.example/",
    "evil.example#",
    "evil.example?",
    "evil.example\\",
    "a@evil.example",
    "a:b@evil.example:1",
    "a:80",
    "[::1]",
    "127.0.0.1",
    "\u{ff0e}\u{ff0f}",
    "https://evil.example",
    "https://evil.example/a/../b",
    "https://a@evil.example",
    "http://localhost:1/x",
];

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(manifest) = Manifest::parse(text) else { return };
    assert!(text.len() <= Manifest::MOST, "a manifest of {} bytes", text.len());
    let again = Manifest::parse(text).expect("what was accepted is accepted again");
    assert_eq!(
        format!("{manifest:?}"),
        format!("{again:?}"),
        "it is read otherwise the second time"
    );
    manifest.inputs.iter().for_each(input);
    let early = early(&manifest);
    let late = late(&manifest);
    for template in early.iter().chain(&late) {
        secure(template);
    }
    if let Some(docs) = &manifest.docs_url {
        assert!(Url::parse(docs).is_ok_and(|url| matches!(url.scheme(), "https" | "http")));
    }
    for answer in ANSWERS {
        answered(&manifest, &early, answer);
    }
}

/// Templates that inputs alone fill.
fn early(manifest: &Manifest) -> Vec<&str> {
    let urls = &manifest.urls;
    let all = [&urls.authorize, &urls.token, &urls.refresh, &urls.revoke, &urls.userinfo];
    let others = urls.alternatives.iter().flat_map(|other| {
        [&other.authorize, &other.token, &other.refresh, &other.revoke, &other.userinfo]
    });
    let all = all.into_iter().chain(others).flatten().flat_map(UrlSpec::all);
    all.chain(manifest.issuer.as_deref()).collect()
}

/// Templates that captured values fill too.
fn late(manifest: &Manifest) -> Vec<&str> {
    let identity = manifest.identity.as_ref().map(|identity| identity.url.as_str());
    let identity = identity.filter(|url| *url != "userinfo" && !url.starts_with('/'));
    let others = manifest.urls.alternatives.iter().filter_map(|other| other.api.as_deref());
    manifest.api.base.as_deref().into_iter().chain(others).chain(identity).collect()
}

fn input(input: &Input) {
    if let Some(pattern) = &input.pattern {
        assert!(pattern.starts_with('^') && pattern.ends_with('$'), "`{pattern}` is not anchored");
    }
    for value in input.one_of.iter().chain(&input.default) {
        assert!(input.check(value).is_ok(), "`{}` does not take its own `{value}`", input.name);
    }
}

fn secure(template: &str) {
    let here = template.strip_prefix("http://").is_some_and(|rest| {
        let hosts = ["localhost", "127.0.0.1", "[::1]"];
        let rest = hosts.into_iter().find_map(|host| rest.strip_prefix(host));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/', '?']))
    });
    let secure = template.starts_with("https://") || template.starts_with('{') || here;
    assert!(secure, "`{template}` is neither https nor on this machine");
    assert!(!template.contains('\\'), "`{template}` has a backslash");
}

/// With one answer wherever it is taken, and else what fits, no URL leads elsewhere.
fn answered(manifest: &Manifest, early: &[&str], answer: &str) {
    let mut answers = BTreeMap::new();
    for input in manifest.inputs.iter().filter(|input| !input.secret) {
        if input.check(answer).is_ok() {
            free(manifest, input, early, answer);
            answers.insert(input.name.clone(), answer.to_owned());
        } else if let Some(allowed) = input.one_of.first() {
            answers.insert(input.name.clone(), allowed.clone());
        }
    }
    let Ok(inputs) = manifest.check_inputs(&answers) else { return };
    for template in early {
        let filled = connector::fill_url(template, inputs.as_map());
        if let Some(url) = filled.as_deref().and_then(urls::callable) {
            urls::stays(template, inputs.as_map(), &url);
        }
    }
}

/// A provider whose host is not free takes no answer that brings another host's dots along.
fn free(manifest: &Manifest, input: &Input, early: &[&str], answer: &str) {
    if manifest.has_free_host() || !input.one_of.is_empty() || !answer.contains(['.', '/']) {
        return;
    }
    let place = format!("{{{}}}", input.name);
    let in_host = early.iter().any(|template| {
        let rest = template.split_once("://").map_or(*template, |(_, rest)| rest);
        rest.split(['/', '?', '#']).next().unwrap_or_default().contains(&place)
    });
    assert!(!in_host, "`{}` takes `{answer}`, and is said not to choose a host", input.name);
}

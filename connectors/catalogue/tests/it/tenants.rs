//! What people answer can't lead anywhere else.

use connector::{
    Input, InputKind, Manifest,
    manifest::{GrantSpec, SessionSpec},
};

use crate::apps::none;

/// Answers that no input of a name, a host or a region may take.
const NEVER: [&str; 14] = [
    "",
    "..",
    ".",
    "evil.com/",
    "a.evil.com/x",
    "a@b",
    "a@evil.com",
    "ana\n",
    "ana\nevil.com",
    "ana?x",
    "ana#x",
    "ana\\evil.com",
    "ana evil.com",
    "ana%2fevil.com",
];

/// Answers that no input of a whole URL may take.
const NEVER_A_URL: [&str; 11] = [
    "",
    "..",
    "evil.com/",
    "a@b",
    "http://evil.com",
    "https://ana@evil.com",
    "https://ana.example\\@evil.com",
    "https://ana.example/?x",
    "https://ana.example/#x",
    "https://ana.example\n",
    "javascript:alert(1)",
];

#[test]
fn no_answer_becomes_another_host_or_path() {
    let mut accepted = Vec::new();
    let mut count = 0;
    for (slug, text) in catalogue::manifests() {
        let manifest = Manifest::parse(text).unwrap_or_else(|error| panic!("{slug}: {error}"));
        // What begins a session or is signed stands in a body, and in no address.
        let in_body = |name: &str| {
            let session = manifest.session.iter().flat_map(SessionSpec::templates);
            let signed = manifest.assertion.iter().flat_map(GrantSpec::templates);
            session.chain(signed).any(|template| template == format!("{{{name}}}"))
        };
        let open = |input: &&Input| !input.secret && !in_body(&input.name);
        for input in manifest.inputs.iter().filter(open) {
            count += 1;
            let never: &[&str] = if input.kind == InputKind::Url { &NEVER_A_URL } else { &NEVER };
            let taken = never.iter().filter(|answer| input.check(answer).is_ok());
            accepted
                .extend(taken.map(|answer| format!("{slug}: `{}` takes {answer:?}", input.name)));
        }
    }
    none(&accepted);
    assert!(count >= 100, "only {count} inputs were tried");
}

#[test]
fn every_pattern_is_anchored_and_takes_no_dots_where_a_label_stands() {
    let mut wrong = Vec::new();
    for (slug, text) in catalogue::manifests() {
        let manifest = Manifest::parse(text).unwrap_or_else(|error| panic!("{slug}: {error}"));
        for input in &manifest.inputs {
            let Some(pattern) = &input.pattern else { continue };
            if !(pattern.starts_with('^') && pattern.ends_with('$')) {
                wrong.push(format!("{slug}: {pattern} is not anchored"));
            }
            let dotted = input.check("evil.com").is_ok();
            let behind = text.contains(&format!("https://{{{}}}/", input.name))
                || text.contains(&format!("https://{{{}}}\"", input.name));
            if dotted && behind {
                wrong.push(format!("{slug}: `{}` names a whole host and is no `host`", input.name));
            }
        }
    }
    none(&wrong);
}

//! What the browser brings back: at which provider, and the query.
//!
//! What is accepted has exactly one code, no error and no other server's name, and all of it is
//! bounded; it is not accepted any more once it is spoiled.

use std::{collections::BTreeMap, sync::OnceLock};

use base::ExposeSecret;
use connector::{Manifest, manifest::Capture};
use oauth::{CallbackError, Endpoints, read_callback};
use url::form_urlencoded;

use crate::providers::choice;

type Query = Vec<(String, String)>;

const ISSUER: &str = "https://id.example";

/// Providers: one as the standard has it, one with other names and values to keep.
fn manifests() -> &'static [Manifest; 2] {
    static MANIFESTS: OnceLock<[Manifest; 2]> = OnceLock::new();
    MANIFESTS.get_or_init(|| {
        let head = "slug = \"x\"\ndisplay_name = \"X\"\ncategory = \"crm\"\n\
                    auth.kind = \"oauth2_code\"\nissuer = \"https://id.example\"\n";
        let own = "callback.code_param = \"auth_code\"\n\
                   callback.capture = { realm = \"realmId\", host = \"code\", same = \"auth_code\" }\n";
        [head.to_owned(), format!("{head}{own}")]
            .map(|text| Manifest::parse(&text).expect("a sound manifest"))
    })
}

pub(crate) fn run(data: &[u8]) {
    let [which, query @ ..] = data else { return };
    let which = choice(*which, 6);
    let manifest = &manifests()[which % 2];
    let endpoints = Endpoints {
        issuer: (which / 2 > 0).then(|| ISSUER.to_owned()),
        iss_in_callback: which / 2 > 1,
        ..Endpoints::default()
    };
    let query: Query = form_urlencoded::parse(query).into_owned().collect();
    match read_callback(manifest, &endpoints, &[], &query) {
        Ok(answer) => {
            bounded(answer.code.expose_secret(), &answer.captured);
            whole(manifest, &endpoints, &query, answer.code.expose_secret());
            spoiled(manifest, &endpoints, &query);
        }
        Err(error) => shown(&error),
    }
}

fn bounded(code: &str, captured: &BTreeMap<String, String>) {
    assert!((1..=8 * 1024).contains(&code.len()), "a code of {} bytes", code.len());
    assert!(!code.chars().any(char::is_control), "a control character in a code");
    for (name, value) in captured {
        assert!((1..=500).contains(&value.len()), "`{name}` has {} bytes", value.len());
        assert!(!value.chars().any(char::is_control), "a control character in `{name}`");
    }
}

/// It was a callback with one code, and from the server that was asked.
fn whole(manifest: &Manifest, endpoints: &Endpoints, query: &Query, code: &str) {
    let values = |name: &str| -> Vec<&str> {
        query.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_str()).collect()
    };
    assert_eq!(values(&manifest.callback.code_param), [code], "another code than the one there is");
    assert!(values("error").iter().all(|error| error.is_empty()), "a code beside an error");
    if endpoints.issuer.is_some() {
        let named = values("iss");
        let missing = named.is_empty() && !endpoints.iss_in_callback;
        assert!(missing || named == [ISSUER], "the answer of another server");
    }
}

/// With one parameter more it is refused.
fn spoiled(manifest: &Manifest, endpoints: &Endpoints, query: &Query) {
    let with = |name: &str, value: &str| {
        let mut query = query.clone();
        query.retain(|(found, _)| name != "error" || found != name);
        query.push((name.to_owned(), value.to_owned()));
        read_callback(manifest, endpoints, &[], &query).err()
    };
    let code = &manifest.callback.code_param;
    assert!(with(code, "other").is_some(), "two codes");
    assert!(with("error", "access_denied").is_some(), "a code beside an error");
    for kept in manifest.callback.capture.values().map(Capture::from) {
        let twice = query.iter().any(|(name, _)| name == kept);
        assert!(!twice || with(kept, "x").is_some(), "a kept value is there twice");
    }
    if endpoints.issuer.is_some() {
        assert!(with("iss", "https://evil.example").is_some(), "a second server's name");
    }
}

/// What is said of it is bounded and plain: it is shown, and anyone can write it.
fn shown(error: &CallbackError) {
    let said = error.to_string();
    assert!(said.len() <= 300, "an error of {} bytes", said.len());
    assert!(!said.chars().any(char::is_control), "a control character in an error");
    if let CallbackError::Denied(code)
    | CallbackError::AdminRequired(code)
    | CallbackError::ProviderError(code) = error
    {
        let plain = code.len() <= 100 && code.bytes().all(|byte| byte.is_ascii_graphic());
        assert!(plain, "a provider's code that is none");
    }
}

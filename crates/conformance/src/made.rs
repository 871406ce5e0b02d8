//! Answers and replies for a provider of which there is a manifest alone: made up from what it says, so that
//! it is held to its own words by the same checks as every connector.

use std::collections::BTreeMap;

use connector::{
    AuthKind, Inputs, Manifest, RefreshClass,
    manifest::{Alternative, ExpiresUnit, Identity},
};
use serde_json::{Value, json};

/// What people may answer: of these the first that an input takes.
const ANSWERS: [&str; 13] = [
    "ana",
    "https://ana.example",
    "ana.example",
    "1234567",
    "us21",
    "iad-01",
    "ana_1",
    "0f8fad5b-d9cb-469f-a165-70867728950e",
    "abcdefghijklmnopqrst",
    "instance1150",
    "TEAM123456",
    "rest",
    "ana@ana.example",
];

/// Every fixture by name, for the answers that lead to the `alternative`, if there is one.
pub(crate) fn fixtures(
    manifest: &Manifest,
    alternative: Option<&Alternative>,
) -> BTreeMap<&'static str, Value> {
    let settings = settings(manifest, alternative);
    let mut all = BTreeMap::from([
        ("settings", json!(settings)),
        (
            "rate_limited",
            json!({"status": 429, "headers": {"retry-after": "30"}, "body": {"message": "slower"},
                "expect": {"retry_after_s": 30}}),
        ),
    ]);
    let oauth =
        matches!(manifest.auth.kind, AuthKind::Oauth2Code | AuthKind::Oauth2ClientCredentials);
    if oauth || manifest.auth.kind.is_exchanged() {
        let kept = manifest.refresh.class == RefreshClass::Static;
        all.insert("token_ok", tokens(manifest, "1", "1"));
        all.insert("token_refreshed", tokens(manifest, "2", if kept { "1" } else { "2" }));
        all.insert("dead_refresh", json!({"status": 400, "body": {"error": "invalid_grant"}}));
    }
    if let Some(identity) = &manifest.identity {
        all.insert("whoami", whoami(identity));
    }
    let inputs = manifest.check_inputs(&settings).expect("each answer was tried");
    if let Some(document) = discovery(manifest, &inputs) {
        all.insert("discovery", document);
    }
    all
}

/// Something for each input that has to be answered.
fn settings(manifest: &Manifest, alternative: Option<&Alternative>) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    for input in manifest.inputs.iter().filter(|input| !input.secret) {
        let wanted = alternative.and_then(|other| other.when.get(&input.name)).cloned();
        let first = input.one_of.first().cloned().or(input.default.clone());
        let plausible = || {
            let answer = ANSWERS.iter().find(|answer| input.check(answer).is_ok());
            (*answer.unwrap_or_else(|| panic!("no answer of {ANSWERS:?} fits `{}`", input.name)))
                .to_owned()
        };
        settings.insert(input.name.clone(), wanted.or(first).unwrap_or_else(plausible));
    }
    settings
}

fn tokens(manifest: &Manifest, access: &str, refresh: &str) -> Value {
    let reply = &manifest.token.reply;
    let (access, refresh) = (format!("at-{access}.made.up"), format!("rt-{refresh}.made.up"));
    let mut body = json!({});
    let mut expect = json!({"access": access});
    let at = |path: &str| match reply.tokens.first().filter(|part| !part.is_empty()) {
        Some(part) => format!("{part}.{path}"),
        None => path.to_owned(),
    };
    put(&mut body, &at(&reply.access[0]), json!(access));
    if let Some(path) = &reply.ok_path {
        put(&mut body, path, json!(true));
    }
    if manifest.auth.kind == AuthKind::Oauth2Code
        && let Some(path) = reply.refresh.first()
    {
        put(&mut body, &at(path), json!(refresh));
        expect["refresh"] = json!(refresh);
    }
    if let Some(path) = reply.expires_in.first() {
        let in_units = match reply.expires_unit {
            ExpiresUnit::Seconds => 3600,
            ExpiresUnit::Milliseconds => 3_600_000,
        };
        put(&mut body, &at(path), json!(in_units));
        expect["expires_in"] = json!(3600);
    }
    let host = manifest.api.host_allow.first().map_or("ana.example", |host| host.trim_matches('.'));
    for capture in manifest.token.capture.values() {
        put(&mut body, capture.from(), json!(format!("https://ana.{host}")));
    }
    json!({"status": 200, "body": body, "expect": expect})
}

fn whoami(identity: &Identity) -> Value {
    // What stands somewhere is told by where it stands, so that a path that is there twice fits itself.
    let at =
        |paths: &[String]| paths.first().map(|path| (path.clone(), format!("what is at {path}")));
    let account = at(&identity.account_path).expect("a sound manifest has one");
    let tenant = at(&identity.tenant_path);
    let label = at(&identity.label_path).unwrap_or_else(|| account.clone());
    let mut body = Value::Null;
    for (path, text) in [&account, &label].into_iter().chain(&tenant) {
        put(&mut body, path, json!(text));
    }
    let id = match tenant {
        Some((_, tenant)) => format!("{tenant}/{}", account.1),
        None => account.1,
    };
    json!({"status": 200, "body": body, "expect": {"id": id, "label": label.1}})
}

fn discovery(manifest: &Manifest, inputs: &Inputs) -> Option<Value> {
    let issuer = connector::fill_url(manifest.issuer.as_deref()?, inputs.as_map())?;
    let body = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "jwks_uri": format!("{issuer}/keys"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "code_challenge_methods_supported": ["S256"],
        "id_token_signing_alg_values_supported": ["RS256"],
    });
    Some(json!({"status": 200, "body": body}))
}

/// Puts a value at a path; a number in it is a place in a list.
fn put(body: &mut Value, path: &str, value: Value) {
    let (first, rest) = path.split_once('.').map_or((path, None), |(a, b)| (a, Some(b)));
    let inner = if let Ok(index) = first.parse::<usize>() {
        if !body.is_array() {
            *body = json!([]);
        }
        let list = body.as_array_mut().expect("it is one now");
        list.resize(list.len().max(index + 1), Value::Null);
        &mut list[index]
    } else {
        if !body.is_object() {
            *body = json!({});
        }
        &mut body[first]
    };
    match rest {
        Some(rest) => put(inner, rest, value),
        None => *inner = value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_put_into_lists_and_tables() {
        let mut body = Value::Null;
        for path in ["a.b", "a.c.1", "d"] {
            put(&mut body, path, json!(path));
        }
        assert_eq!(body, json!({"a": {"b": "a.b", "c": [null, "a.c.1"]}, "d": "d"}));
    }
}

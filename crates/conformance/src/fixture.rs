//! Replies of a provider, kept as files.

use std::{collections::BTreeMap, fs, path::Path};

use bytes::Bytes;
use connector::manifest::ReplyPaths;
use http::{Response, header};
use serde::Deserialize;
use serde_json::Value;

/// All files that a connector's `fixtures/` may have, without `.json`.
pub(crate) const KNOWN: [&str; 8] = [
    "settings",
    "callback",
    "discovery",
    "token_ok",
    "token_refreshed",
    "dead_refresh",
    "rate_limited",
    "whoami",
];

/// One reply.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fixture {
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// JSON; a text is sent as it is.
    pub(crate) body: Value,
    #[serde(default)]
    pub(crate) expect: Expect,
}

/// What the connector must make of a reply. What is left out is not compared.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// The access token.
    pub access: Option<String>,
    /// The refresh token.
    pub refresh: Option<String>,
    /// In how many seconds the access token ends.
    pub expires_in: Option<i64>,
    /// The scopes.
    pub scopes: Option<Vec<String>>,
    /// The account's id.
    pub id: Option<String>,
    /// What people call the account.
    pub label: Option<String>,
    /// How long to wait, in seconds.
    pub retry_after_s: Option<u64>,
}

impl Fixture {
    pub(crate) fn json(status: u16, body: Value) -> Self {
        Self { status, headers: BTreeMap::new(), body, expect: Expect::default() }
    }

    pub(crate) fn html(status: u16) -> Self {
        let headers = BTreeMap::from([("content-type".to_owned(), "text/html".to_owned())]);
        let body = Value::from("<!doctype html><title>Sorry</title>");
        Self { headers, ..Self::json(status, body) }
    }

    /// A token reply without what stands at a path, be it in one of the reply's parts.
    pub(crate) fn without_of_token(&self, reply: &ReplyPaths, paths: &[String]) -> Self {
        let within = |part: &String| -> Vec<String> {
            let inner = |path| if part.is_empty() { path } else { format!("{part}.{path}") };
            paths.iter().cloned().map(inner).collect()
        };
        reply
            .tokens
            .iter()
            .map(within)
            .fold(self.without(paths), |rest, paths| rest.without(&paths))
    }

    /// Without what stands at a path.
    pub(crate) fn without(&self, paths: &[String]) -> Self {
        let mut fixture = self.clone();
        for path in paths {
            remove(&mut fixture.body, path);
        }
        fixture
    }

    /// With another text in the place of one.
    pub(crate) fn with(&self, text: &str, other: &str) -> Self {
        let body = self.body.to_string().replace(text, other);
        let body = serde_json::from_str(&body).expect("neither text has quotes in it");
        Self { body, ..self.clone() }
    }

    pub(crate) fn response(&self) -> Response<Bytes> {
        let body = match &self.body {
            Value::Null => Bytes::new(),
            Value::String(text) => Bytes::from(text.clone()),
            json => Bytes::from(json.to_string()),
        };
        let mut response = Response::builder().status(self.status);
        if !self.headers.keys().any(|name| name.eq_ignore_ascii_case("content-type")) {
            response = response.header(header::CONTENT_TYPE, "application/json");
        }
        for (name, value) in &self.headers {
            response = response.header(name, value);
        }
        response.body(body).expect("a fixture's status and headers can be sent")
    }
}

fn remove(value: &mut Value, path: &str) {
    let (first, rest) =
        path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let inner = match value {
        Value::Object(map) if rest.is_none() => {
            map.remove(first);
            None
        }
        Value::Object(map) => map.get_mut(first),
        Value::Array(list) => first.parse::<usize>().ok().and_then(|index| list.get_mut(index)),
        _ => None,
    };
    if let (Some(inner), Some(rest)) = (inner, rest) {
        remove(inner, rest);
    }
}

/// The file's content, if there is one.
pub(crate) fn read<T: for<'de> Deserialize<'de>>(folder: &Path, name: &str) -> Option<T> {
    let path = folder.join("fixtures").join(format!("{name}.json"));
    let text = fs::read_to_string(&path).ok()?;
    match serde_json::from_str(&text) {
        Ok(content) => Some(content),
        Err(error) => panic!("fixtures/{name}.json: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_stands_at_a_path_is_taken_out() {
        let fixture = Fixture::json(200, json!({"a": [{"b": 1, "c": 2}], "d": 3}));
        let paths = ["a.0.b".to_owned(), "d".to_owned(), "x.y".to_owned()];
        assert_eq!(fixture.without(&paths).body, json!({"a": [{"c": 2}]}));
    }
}

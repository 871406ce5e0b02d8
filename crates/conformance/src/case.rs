//! Cases of actions: `fixtures/actions/contacts.search.json`, `contacts.search.by-email.json`, ….
//!
//! ```json
//! {
//!   "input": { "email": "ana@acme.example" },
//!   "exchanges": [
//!     { "sends": "GET https://api.example/v1/contacts?email=ana%40acme.example", "body": null,
//!       "reply": { "status": 200, "body": { "items": [] } } }
//!   ],
//!   "output": { "items": [], "next_cursor": null }
//! }
//! ```
//!
//! `headers` beside `sends` lists those that the request must have. With `CONFORMANCE_WRITE=1` in the
//! environment `sends`, `body` and `output` are written anew, to be read and committed; run without it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use connector::{Action, Apply, actions, manifest::Needs};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::form_urlencoded;

use crate::{
    Subject,
    fixture::Fixture,
    peer::{Answer, Seen},
};

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exchange {
    /// Method and URL.
    #[serde(default)]
    pub(crate) sends: String,
    /// Headers that the request must have.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    headers: std::collections::BTreeMap<String, String>,
    /// JSON; of a form its fields by name.
    #[serde(default)]
    body: Value,
    reply: Reply,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Reply {
    status: u16,
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    headers: std::collections::BTreeMap<String, String>,
    body: Value,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Content {
    input: Value,
    exchanges: Vec<Exchange>,
    #[serde(default)]
    output: Value,
}

/// Whether what is compared is to be written anew instead.
#[allow(clippy::disallowed_methods, reason = "a developer's switch, of tests alone")]
pub(crate) fn are_written() -> bool {
    std::env::var_os("CONFORMANCE_WRITE").is_some()
}

/// One case.
pub(crate) struct Case {
    /// Its file, for messages.
    pub(crate) file: String,
    path: PathBuf,
    pub(crate) action: &'static Action,
    pub(crate) input: Value,
    pub(crate) exchanges: Vec<Exchange>,
    output: Value,
}

/// All cases of a connector, in order of their names.
pub(crate) fn all(folder: &Path) -> Vec<Case> {
    let Ok(files) = fs::read_dir(folder.join("fixtures/actions")) else { return Vec::new() };
    let paths = files.map(|file| file.expect("it can be listed").path());
    let mut paths: Vec<_> = paths.filter(|path| !is_half_written(path)).collect();
    paths.sort();
    paths.into_iter().map(read).collect()
}

/// The cases of one action.
pub(crate) fn of(folder: &Path, name: &str) -> Vec<Case> {
    all(folder).into_iter().filter(|case| case.action.name == name).collect()
}

fn is_half_written(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "half")
}

fn read(path: PathBuf) -> Case {
    let file = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
    let belongs =
        |action: &&Action| file.strip_prefix(action.name).is_some_and(|rest| rest.starts_with('.'));
    let action = actions().iter().find(belongs).unwrap_or_else(|| {
        panic!("fixtures/actions/{file}: name it as an action, such as `contacts.get.json`")
    });
    let text = fs::read_to_string(&path).expect("it can be read");
    let content: Content = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("fixtures/actions/{file}: {error}"));
    let Content { input, exchanges, output } = content;
    Case { file, path, action, input, exchanges, output }
}

impl Case {
    pub(crate) fn needs<'a>(&self, subject: &'a Subject) -> &'a Needs {
        let connector = subject.connector.as_ref();
        self.action.needs(connector).unwrap_or_else(|| {
            panic!("{}: `{}` is not listed under [actions]", self.file, self.action.name)
        })
    }

    pub(crate) fn sends_anything(&self) -> bool {
        !self.exchanges.is_empty()
    }

    pub(crate) fn replies(&self) -> Vec<Answer> {
        let reply = |exchange: &Exchange| {
            let Reply { status, headers, body } = exchange.reply.clone();
            Answer::from(Fixture { headers, ..Fixture::json(status, body) })
        };
        self.exchanges.iter().map(reply).collect()
    }

    /// Fails unless this was sent and this came of it.
    pub(crate) fn compare(&self, seen: &[Seen], output: &Value, apply: &Apply) {
        let sent: Vec<_> = seen.iter().map(|seen| sent(seen, apply)).collect();
        if are_written() {
            return self.write(sent, output);
        }
        let file = &self.file;
        let expected: Vec<_> = self.exchanges.iter().map(|one| one.sends.clone()).collect();
        let urls: Vec<_> = sent.iter().map(|(url, _)| url.clone()).collect();
        assert_eq!(urls, expected, "{file}: what is sent");
        for (exchange, (seen, (url, body))) in self.exchanges.iter().zip(seen.iter().zip(&sent)) {
            assert_eq!(*body, exchange.body, "{file}: the body of {url}");
            for (name, value) in &exchange.headers {
                assert_eq!(seen.header(name), Some(value.as_str()), "{file}: the header `{name}`");
            }
        }
        assert_eq!(*output, self.output, "{file}: what comes of it");
    }

    fn write(&self, sent: Vec<(String, Value)>, output: &Value) {
        let mut exchanges = self.exchanges.clone();
        assert_eq!(sent.len(), exchanges.len(), "{}: a reply for each request", self.file);
        for (exchange, (sends, body)) in exchanges.iter_mut().zip(sent) {
            (exchange.sends, exchange.body) = (sends, body);
        }
        let content = Content { input: self.input.clone(), exchanges, output: output.clone() };
        let text = serde_json::to_string_pretty(&content).expect("it is JSON") + "\n";
        // In one step: other checks read it at the same time.
        let half = self.path.with_extension("half");
        fs::write(&half, text).expect("it can be written");
        fs::rename(&half, &self.path).expect("it can be written");
    }
}

/// Method and URL, without a key in its query, and the body.
fn sent(seen: &Seen, apply: &Apply) -> (String, Value) {
    let mut url = seen.url.clone();
    let pairs = seen.url.query_pairs().filter(|(name, _)| !apply.query.contains_key(name.as_ref()));
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    url.set_query(Some(query.as_str()).filter(|query| !query.is_empty()));
    let body = match seen.header("content-type") {
        _ if seen.body.is_empty() => Value::Null,
        Some("application/x-www-form-urlencoded") => {
            let pairs = form_urlencoded::parse(&seen.body).into_owned();
            pairs.map(|(name, value)| (name, Value::from(value))).collect()
        }
        _ => serde_json::from_slice(&seen.body).expect("a body is JSON or a form"),
    };
    (format!("{} {url}", seen.method), body)
}

//! The apps under test, and what is expected of each, read from its file without the code under test.

use std::{
    any::Any,
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
};

use conformance::Subject;
use connector::AuthKind;
use toml::{Table, Value};

/// An app's file as it is written.
pub(crate) struct File(Table);

impl File {
    pub(crate) fn of(slug: &str) -> Self {
        let (_, text) = catalogue::manifests().find(|(of, _)| *of == slug).expect("an app");
        Self(text.parse().expect("the build script has read it"))
    }

    /// What stands at `a.b.c`.
    pub(crate) fn at(&self, path: &str) -> Option<&Value> {
        let mut steps = path.split('.');
        let first = self.0.get(steps.next()?)?;
        steps.try_fold(first, |value, step| value.get(step))
    }

    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.at(path).and_then(Value::as_str)
    }

    /// A table of texts; empty where there is none.
    pub(crate) fn texts(&self, path: &str) -> BTreeMap<String, String> {
        let table = self.at(path).and_then(Value::as_table).into_iter().flatten();
        table.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
    }

    /// A list of texts; empty where there is none.
    pub(crate) fn list(&self, path: &str) -> Vec<&str> {
        self.at(path)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    /// Where `urls.…` or `api` leads with these answers, filled in letter by letter.
    pub(crate) fn address(&self, name: &str, answers: &BTreeMap<String, String>) -> Option<String> {
        let others = self.at("urls.alternatives").and_then(Value::as_array);
        let fits = |other: &&Value| {
            let when = other["when"].as_table().expect("an alternative says when");
            when.iter().all(|(name, value)| answers.get(name).map(String::as_str) == value.as_str())
        };
        let other =
            others.into_iter().flatten().find(fits).and_then(|other| other.get(name)?.as_str());
        let usual =
            if name == "api" { self.text("api.base") } else { self.text(&format!("urls.{name}")) };
        let mut address = other.or(usual)?.to_owned();
        for (name, answer) in answers {
            address = address.replace(&format!("{{{name}}}"), answer);
        }
        Some(address)
    }
}

pub(crate) fn is_oauth(kind: AuthKind) -> bool {
    matches!(kind, AuthKind::Oauth2Code | AuthKind::Oauth2ClientCredentials)
}

/// Checks every app of these kinds with each of its addresses; fails with the names of those that are wrong.
pub(crate) fn each(wanted: impl Fn(AuthKind) -> bool, check: &impl AsyncFn(&str, &Subject)) {
    let mut wrong = Vec::new();
    let mut count = 0;
    for connector in catalogue::connectors() {
        let slug = connector.card().slug;
        let checked = catch_unwind(AssertUnwindSafe(|| {
            if !wanted(connector.manifest().auth.kind) {
                return;
            }
            count += 1;
            for subject in Subject::of_manifest(&connector) {
                now(check(slug, &subject));
            }
        }));
        wrong.extend(checked.err().map(|panic| format!("{slug}: {}", told(panic.as_ref()))));
    }
    none(&wrong);
    assert!(count > 0, "no app was checked");
}

/// Runs to the end, on a clock of its own.
pub(crate) fn now<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime starts").block_on(work)
}

/// Fails with everything that is wrong.
pub(crate) fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn told(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

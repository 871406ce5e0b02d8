//! Actions: typed operations that mean the same on every provider of a category.

mod check;
mod table;

use std::{collections::BTreeSet, fmt, pin::Pin};

use schemars::Schema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Api, Connector, Error, ErrorKind, Manifest, Sketch, manifest::Needs};

pub use table::all as actions;

/// The category traits, by their names in manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// [`Crm`](crate::crm::Crm)
    Crm,
    /// [`Calendar`](crate::calendar::Calendar)
    Calendar,
    /// [`Support`](crate::support::Support)
    Support,
    /// [`Commerce`](crate::commerce::Commerce)
    Commerce,
}

/// What an action does to the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It looks.
    Read,
    /// It adds or changes.
    Write,
    /// It takes away or calls off.
    Destructive,
}

type Future<'a> = Pin<Box<dyn std::future::Future<Output = Result<Value, Error>> + Send + 'a>>;
type Run = for<'a> fn(&'a dyn Connector, &'a Api, Value) -> Future<'a>;

/// An action.
pub struct Action {
    /// Its name: `contacts.search`.
    pub name: &'static str,
    /// Its category.
    pub category: Category,
    /// What it does to the account.
    pub effect: Effect,
    /// What it does, for a person: "Find contacts".
    pub title: &'static str,
    input: fn() -> Schema,
    output: fn() -> Schema,
    check: fn(&Value) -> Result<(), Error>,
    run: Run,
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Action").field(&self.name).finish()
    }
}

impl Action {
    /// The action of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        actions().iter().find(|action| action.name == name)
    }

    /// What it takes, as JSON Schema (2020-12).
    pub fn input_schema(&self) -> Schema {
        (self.input)()
    }

    /// What it gives, as JSON Schema (2020-12).
    pub fn output_schema(&self) -> Schema {
        (self.output)()
    }

    /// Which scopes it needs with this connector; none where the connector can't do it.
    pub fn needs<'a>(&self, connector: &'a dyn Connector) -> Option<&'a Needs> {
        let able = match self.category {
            Category::Crm => connector.crm().is_some(),
            Category::Calendar => connector.calendar().is_some(),
            Category::Support => connector.support().is_some(),
            Category::Commerce => connector.commerce().is_some(),
        };
        connector.manifest().actions.get(self.name).filter(|_| able)
    }

    /// Whether the input is one, without sending anything.
    pub fn check(&self, input: &Value) -> Result<(), Error> {
        check::bounds(input)?;
        (self.check)(input)
    }

    /// Does it. Whatever it sends must be opened by `scopes` ([`Api::within`]); nothing is sent where the
    /// connector can't do it, the scopes do not suffice, or the input is none.
    pub async fn run(
        &self,
        connector: &dyn Connector,
        api: Api,
        scopes: &[String],
        input: Value,
    ) -> Result<Value, Error> {
        let api = self.ready(connector, api, scopes, &input)?;
        (self.run)(connector, &api, input).await
    }

    /// What would be sent: the requests that change something, without the credential. Requests that only
    /// look are sent, and the first that changes something ends it.
    pub async fn sketch(
        &self,
        connector: &dyn Connector,
        api: Api,
        scopes: &[String],
        input: Value,
    ) -> Result<Sketch, Error> {
        let api = self.ready(connector, api, scopes, &input)?.sketching();
        let ended = (self.run)(connector, &api, input).await;
        match (api.sketched(), ended) {
            (Some(sketch), _) => Ok(sketch),
            (None, Err(error)) => Err(error),
            (None, Ok(_)) => Err(Error::new(
                ErrorKind::Unsupported,
                format!("`{}` changes nothing here, so there is nothing to show", self.name),
            )),
        }
    }

    fn ready(
        &self,
        connector: &dyn Connector,
        api: Api,
        scopes: &[String],
        input: &Value,
    ) -> Result<Api, Error> {
        let needs = self.needs(connector).ok_or_else(|| unsupported(self.name))?;
        let missing = needs.missing(scopes);
        if !missing.is_empty() {
            let text = format!("`{}` needs the scope {}", self.name, listed(&missing));
            return Err(Error::new(ErrorKind::Denied, text));
        }
        self.check(input)?;
        Ok(api.within(connector.manifest().opened_by(scopes)))
    }
}

fn listed(scopes: &[String]) -> String {
    let quoted: Vec<_> = scopes.iter().map(|scope| format!("`{scope}`")).collect();
    quoted.join(" and ")
}

/// The error of an action that this provider can't do. Nothing was sent.
pub fn unsupported(action: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("this provider can't do `{action}`"))
}

impl Needs {
    /// Those that are missing; none = these scopes suffice. Of several ways the first is told.
    pub fn missing(&self, scopes: &[String]) -> Vec<String> {
        let has = |wanted: &&String| scopes.contains(wanted);
        match self {
            Self::All(all) => all.iter().filter(|wanted| !has(wanted)).cloned().collect(),
            Self::Any { any_of } if any_of.iter().any(|wanted| has(&wanted)) => Vec::new(),
            Self::Any { any_of } => any_of.iter().take(1).cloned().collect(),
        }
    }

    /// Those of these scopes that it names; all of them where it names none.
    pub fn of(&self, scopes: &[String]) -> Vec<String> {
        let names = self.names();
        let is_one = |scope: &&String| names.is_empty() || names.contains(scope.as_str());
        scopes.iter().filter(is_one).cloned().collect()
    }

    /// All scopes that it names.
    pub fn names(&self) -> BTreeSet<&str> {
        let (Self::All(names) | Self::Any { any_of: names }) = self;
        names.iter().map(String::as_str).collect()
    }
}

impl Manifest {
    /// What these scopes open.
    pub fn opened_by(&self, scopes: &[String]) -> crate::Opens {
        if self.scopes.is_empty() {
            // A provider without scopes has the one scope `*`.
            return crate::Opens::everything();
        }
        let granted = self.scopes.iter().filter(|scope| scopes.contains(&scope.name));
        crate::Opens::these(granted.flat_map(|scope| &scope.allows))
    }
}

//! The connector under test, with its folder.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use connector::{AuthKind, Connector, Inputs, Manifest};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    fixture::{self, Fixture},
    keys, made,
};

/// What stands for a secret input that `settings.json` does not answer.
pub const KEY: &str = "k-3y-0f-th3-p3rs0n";

/// A connector and its fixtures.
pub struct Subject {
    /// The connector.
    pub connector: Arc<dyn Connector>,
    /// Its crate's folder; empty where there is a manifest alone.
    pub folder: PathBuf,
    /// The fixtures of a manifest alone, by name.
    made: Option<BTreeMap<&'static str, Value>>,
}

impl Subject {
    /// A connector whose crate is in this folder.
    pub fn new(connector: Arc<dyn Connector>, folder: &str) -> Self {
        Self { connector, folder: Path::new(folder).to_owned(), made: None }
    }

    /// A connector that is a manifest alone, without a folder: its fixtures are made up from what the manifest
    /// says. One subject for its usual addresses, and one for each of its alternatives.
    pub fn of_manifest(connector: &Arc<dyn Connector>) -> Vec<Self> {
        let manifest = connector.manifest();
        let others = manifest.urls.alternatives.iter().map(Some);
        let made = [None].into_iter().chain(others).map(|other| made::fixtures(manifest, other));
        made.map(|made| Self {
            connector: connector.clone(),
            folder: PathBuf::new(),
            made: Some(made),
        })
        .collect()
    }

    pub(crate) fn read<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Option<T> {
        let Some(made) = &self.made else { return fixture::read(&self.folder, name) };
        let value = made.get(name)?.clone();
        Some(serde_json::from_value(value).expect("what is made up has the shape of a fixture"))
    }

    pub(crate) fn manifest(&self) -> &Manifest {
        self.connector.manifest()
    }

    /// Whether it is linked by OAuth.
    pub(crate) fn is_oauth(&self) -> bool {
        matches!(
            self.manifest().auth.kind,
            AuthKind::Oauth2Code | AuthKind::Oauth2ClientCredentials
        )
    }

    /// Whether a person's browser takes part.
    pub(crate) fn has_a_browser(&self) -> bool {
        self.manifest().auth.kind == AuthKind::Oauth2Code
    }

    pub(crate) fn find(&self, name: &str) -> Option<Fixture> {
        self.read(name)
    }

    pub(crate) fn fixture(&self, name: &str) -> Fixture {
        self.find(name).unwrap_or_else(|| panic!("fixtures/{name}.json is missing"))
    }

    /// Whether its grants come with refresh tokens.
    pub(crate) fn refreshes(&self) -> bool {
        self.is_oauth() && {
            let body = self.fixture("token_ok").body;
            let part = connector::token_part(self.manifest(), &body);
            let paths = &self.manifest().token.reply.refresh;
            connector::json::first_text(part, paths).is_some()
        }
    }

    /// The answers in `settings.json`, and something for each secret.
    pub(crate) fn inputs(&self) -> Inputs {
        let mut answers: BTreeMap<String, String> = self.read("settings").unwrap_or_default();
        for input in self.manifest().inputs.iter().filter(|input| input.secret) {
            let signs = self.manifest().assertion.as_ref().filter(|spec| spec.key == input.name);
            let secret = || signs.map_or(KEY.to_owned(), |spec| keys::pem(spec.algorithm));
            answers.entry(input.name.clone()).or_insert_with(secret);
        }
        self.manifest()
            .check_inputs(&answers)
            .unwrap_or_else(|error| panic!("fixtures/settings.json does not fit: {error}"))
    }

    /// The answers that are no secrets, with defaults.
    pub fn answers(&self) -> BTreeMap<String, String> {
        self.inputs().as_map().clone()
    }

    /// The scopes that the checks ask for, without those that bring a refresh token.
    pub fn asked(&self) -> Vec<String> {
        self.scopes()
    }

    pub(crate) fn scopes(&self) -> Vec<String> {
        let manifest = self.manifest();
        if !manifest.authorize.default_scopes.is_empty() {
            return manifest.authorize.default_scopes.clone();
        }
        if manifest.scopes.is_empty() {
            // A manifest alone can't tell which exist: an integration names them.
            let two = ["things.read", "things.write"].map(str::to_owned);
            return if self.made.is_some() { two.into() } else { vec!["*".to_owned()] };
        }
        manifest.scopes.iter().take(2).map(|scope| scope.name.clone()).collect()
    }
}

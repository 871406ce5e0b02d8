//! The connector under test, with its folder.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use connector::{AuthKind, Connector, Inputs, Manifest};

use crate::fixture::{self, Fixture};

/// What stands for a secret input that `settings.json` does not answer.
pub(crate) const KEY: &str = "k-3y-0f-th3-p3rs0n";

/// A connector and its fixtures.
pub struct Subject {
    /// The connector.
    pub connector: Arc<dyn Connector>,
    /// Its crate's folder.
    pub folder: PathBuf,
}

impl Subject {
    /// A connector whose crate is in this folder.
    pub fn new(connector: Arc<dyn Connector>, folder: &str) -> Self {
        Self { connector, folder: Path::new(folder).to_owned() }
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
        fixture::read(&self.folder, name)
    }

    pub(crate) fn fixture(&self, name: &str) -> Fixture {
        self.find(name).unwrap_or_else(|| panic!("fixtures/{name}.json is missing"))
    }

    /// Whether its grants come with refresh tokens.
    pub(crate) fn refreshes(&self) -> bool {
        self.is_oauth() && {
            let body = self.fixture("token_ok").body;
            let paths = &self.manifest().token.reply.refresh;
            connector::json::first_text(&body, paths).is_some()
        }
    }

    /// The answers in `settings.json`, and something for each secret.
    pub(crate) fn inputs(&self) -> Inputs {
        let mut answers: BTreeMap<String, String> =
            fixture::read(&self.folder, "settings").unwrap_or_default();
        for input in self.manifest().inputs.iter().filter(|input| input.secret) {
            answers.entry(input.name.clone()).or_insert_with(|| KEY.to_owned());
        }
        self.manifest()
            .check_inputs(&answers)
            .unwrap_or_else(|error| panic!("fixtures/settings.json does not fit: {error}"))
    }

    /// The scopes that the checks ask for.
    pub(crate) fn scopes(&self) -> Vec<String> {
        let manifest = self.manifest();
        if !manifest.authorize.default_scopes.is_empty() {
            return manifest.authorize.default_scopes.clone();
        }
        if manifest.scopes.is_empty() {
            return vec!["*".to_owned()];
        }
        manifest.scopes.iter().take(2).map(|scope| scope.name.clone()).collect()
    }
}

#![doc = include_str!("../README.md")]

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use connector::{Account, Api, Card, Connector, Declarative, Error, Manifest};

/// What an app may be, and no other word.
pub const CATEGORIES: [&str; 18] = [
    "accounting",
    "ai",
    "analytics",
    "calendar",
    "commerce",
    "communication",
    "crm",
    "developer",
    "education",
    "health",
    "hr",
    "identity",
    "marketing",
    "media",
    "project-management",
    "social",
    "storage",
    "support",
];

/// Every app, by slug; made by `build.rs` of the files in `apps/`.
const APPS: &[App] = include!(concat!(env!("OUT_DIR"), "/apps.rs"));

/// An app as its file says.
#[derive(Clone, Copy)]
struct App {
    card: Card<'static>,
    manifest: &'static str,
}

/// All connectors of the catalogue, by slug, for the server's list. Reads no manifest.
pub fn connectors() -> impl Iterator<Item = Arc<dyn Connector>> {
    APPS.iter().map(|app| Arc::new(Entry::new(*app)) as Arc<dyn Connector>)
}

/// Every manifest as it is written, by slug.
pub fn manifests() -> impl Iterator<Item = (&'static str, &'static str)> {
    APPS.iter().map(|app| (app.card.slug, app.manifest))
}

/// An app's connector. The manifest is read when it is first needed.
struct Entry {
    app: App,
    read: OnceLock<Declarative>,
}

impl Entry {
    fn new(app: App) -> Self {
        Self { app, read: OnceLock::new() }
    }

    fn declarative(&self) -> &Declarative {
        self.read.get_or_init(|| {
            let manifest = Manifest::parse(self.app.manifest)
                .expect("the manifest is compiled in, and the tests read all of them");
            Declarative::new(manifest)
        })
    }
}

#[async_trait]
impl Connector for Entry {
    fn manifest(&self) -> &Manifest {
        self.declarative().manifest()
    }

    fn card(&self) -> Card<'_> {
        self.app.card
    }

    async fn identify(&self, api: &Api) -> Result<Account, Error> {
        self.declarative().identify(api).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_is_listed_without_reading_its_manifest() {
        let card = Card { slug: "x", display_name: "X", category: "crm" };
        let unread = Entry::new(App { card, manifest: "no manifest at all" });
        assert_eq!(unread.card(), card);
        assert!(unread.read.get().is_none());

        let card = Card { slug: "y", ..card };
        let manifest = "slug = \"y\"\ndisplay_name = \"X\"\ncategory = \"crm\"\nauth.kind = \"oauth2_code\"\nissuer = \"https://y.example\"";
        let read = Entry::new(App { card, manifest });
        assert_eq!(read.manifest().slug, "y");
        assert!(read.read.get().is_some(), "it is read once");
    }
}

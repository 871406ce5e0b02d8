//! The way of a link, a step at a time, so that an attacker can step in between.

use serde_json::Value;
use url::Url;

use crate::harness::{
    Browser, Scene, Workspace,
    browser::{End, Page, query},
    http::{Reply, find},
    platform::RETURN_URL,
    scene::APP,
};

/// A connect session and the browser that goes through it.
pub(crate) struct Way {
    pub(crate) session: Value,
    pub(crate) browser: Browser,
}

impl Way {
    /// A new session of this workspace for `person`, opened by `browser`.
    pub(crate) async fn of(
        workspace: &Workspace,
        app: &str,
        person: &str,
        browser: Browser,
    ) -> Self {
        Self { session: workspace.connect_session(app, person).await, browser }
    }

    /// A person who links in her own browser.
    pub(crate) async fn own(scene: &Scene, person: &str) -> Self {
        Self::of(&scene.workspace, APP, person, Browser::of(person)).await
    }

    /// The session's id.
    pub(crate) fn id(&self) -> &str {
        self.session["id"].as_str().unwrap()
    }

    /// The link.
    pub(crate) fn url(&self) -> &str {
        self.session["url"].as_str().unwrap()
    }

    /// Goes as far as the provider's answer, which the browser does not bring to the hub yet.
    pub(crate) async fn answer(&mut self) -> Url {
        let url = self.url().to_owned();
        let end = self.browser.walk(&url, is_callback).await;
        let End::At(answer) = end else { panic!("the provider did not answer: {end:?}") };
        answer
    }

    /// Brings an answer to the hub and goes on to the platform, to which it must lead.
    pub(crate) async fn finish(&mut self, answer: &Url) -> Url {
        let end =
            self.browser.walk(answer.as_str(), |url| url.as_str().starts_with(RETURN_URL)).await;
        let End::At(back) = end else { panic!("the answer was not taken: {end:?}") };
        back
    }
}

/// Whether a browser is about to bring a provider's answer.
pub(crate) fn is_callback(url: &Url) -> bool {
    url.path().starts_with("/oauth/callback/")
}

/// The same address with this parameter of its query set, once.
pub(crate) fn with(url: &Url, name: &str, value: &str) -> Url {
    let mut changed = without(url, name);
    changed.query_pairs_mut().append_pair(name, value);
    changed
}

/// The same address without this parameter.
pub(crate) fn without(url: &Url, name: &str) -> Url {
    let kept = url.query_pairs().filter(|(key, _)| key != name);
    let kept: Vec<_> = kept.map(|(key, value)| (key.into_owned(), value.into_owned())).collect();
    let mut changed = url.clone();
    changed.query_pairs_mut().clear().extend_pairs(kept);
    changed
}

/// The page says no, and neither leads on nor sends the browser anywhere.
pub(crate) fn assert_page_refuses(what: &str, page: &Page) {
    assert_refuses(what, &page.reply);
    assert!(!page.reply.text().contains(RETURN_URL), "{what}: {}", page.reply.text());
}

/// A 4xx.
pub(crate) fn assert_refuses(what: &str, reply: &Reply) {
    assert!((400..500).contains(&reply.status), "{what}: {}: {}", reply.status, reply.text());
}

/// Completes as the platform does and returns the connection's id.
pub(crate) async fn complete(workspace: &Workspace, back: &Url, person: &str) -> String {
    let session = query(back, "session");
    let done = workspace.complete(&session, &query(back, "code"), person).await.ok();
    find(&done, "con_").unwrap_or_else(|| panic!("no connection came of it: {done}"))
}

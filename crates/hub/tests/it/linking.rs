//! How a link goes, step by step: the browser, the provider's page, the platform's word.

use std::{collections::BTreeMap, time::Duration};

use base::SecretString;
use hub::{
    Result,
    connection::{self, Connection},
    end_user::Profile,
    session::{self, Completed, Intent, Made, NewOwner, NewSession, Session, Start},
};
use url::Url;

use super::scene::{Scene, Tenant};

/// A browser that opened a link.
pub(crate) struct Browser {
    pub(crate) cookie: String,
}

impl Scene {
    /// A session for one of the workspace's users to link `acme`.
    pub(crate) async fn session(&self, tenant: &Tenant, user: &str) -> Made {
        session::create(&self.store, &tenant.id, new_session(user)).await.unwrap()
    }

    /// The session as it stands.
    pub(crate) async fn session_now(&self, tenant: &Tenant, id: &str) -> Session {
        session::get(&self.store, &tenant.id, id).await.unwrap()
    }

    pub(crate) async fn open(&self, made: &Made) -> Browser {
        Browser { cookie: session::bind(&self.store, &made.token).await.unwrap().1 }
    }

    /// Clicks "Continue": the provider's page.
    pub(crate) async fn go(&self, browser: &Browser) -> Url {
        let row = session::by_browser(&self.store, &browser.cookie).await.unwrap();
        let started =
            session::start(&self.store, &self.registry, &row, &BTreeMap::new()).await.unwrap();
        match started {
            Start::Provider(url) => url,
            Start::Finished => panic!("no provider page was needed"),
        }
    }

    /// Fills in the form of an app that is linked by a key.
    pub(crate) async fn fill_in(&self, browser: &Browser, answers: &[(&str, &str)]) -> Result<()> {
        let row = session::by_browser(&self.store, &browser.cookie).await.unwrap();
        let answers =
            answers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        session::submit(&self.store, &self.registry, &row, &answers).await
    }

    /// The provider sends the browser back with this account's consent.
    pub(crate) async fn back(&self, browser: &Browser, page: &Url, account: &str) -> Result<()> {
        self.answer(browser, page, &[("code", account)]).await
    }

    /// The provider sends the browser back with this answer.
    pub(crate) async fn answer(
        &self,
        browser: &Browser,
        page: &Url,
        answer: &[(&str, &str)],
    ) -> Result<()> {
        let row = session::by_browser(&self.store, &browser.cookie).await?;
        self.answer_to(&row, page, answer).await
    }

    /// The same, with the session as it was read before.
    pub(crate) async fn answer_to(
        &self,
        row: &Session,
        page: &Url,
        answer: &[(&str, &str)],
    ) -> Result<()> {
        let redirect = query(page, "redirect_uri").unwrap();
        let client = redirect.rsplit('/').next().unwrap().to_owned();
        let mut all = vec![("state".to_owned(), query(page, "state").unwrap())];
        all.extend(answer.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        session::callback(&self.store, &self.registry, row, &client, &all).await
    }

    /// Goes through a session to its end in one browser; returns the completion code.
    pub(crate) async fn finish(&self, tenant: &Tenant, made: &Made, account: &str) -> String {
        let browser = self.open(made).await;
        let page = self.go(&browser).await;
        self.back(&browser, &page, account).await.unwrap();
        self.code(tenant, made).await
    }

    /// The code that the finishing browser is shown.
    pub(crate) async fn code(&self, tenant: &Tenant, made: &Made) -> String {
        session::completion_code(&self.store, &self.session_now(tenant, &made.row.id).await)
    }

    /// The platform's word, with the workspace's key: this user is signed in at that browser.
    pub(crate) async fn complete(
        &self,
        tenant: &Tenant,
        made: &Made,
        code: &str,
        user: &str,
    ) -> Result<Completed> {
        self.complete_with(&tenant.workspace_key, tenant, made, code, user).await
    }

    pub(crate) async fn complete_with(
        &self,
        key: &SecretString,
        tenant: &Tenant,
        made: &Made,
        code: &str,
        user: &str,
    ) -> Result<Completed> {
        let principal = self.principal(key, tenant).await;
        let (workspace, id) = (&tenant.id, &made.row.id);
        session::complete(&self.store, &self.registry, &principal, workspace, id, code, user).await
    }

    /// Links one of a user's accounts.
    pub(crate) async fn link(&self, tenant: &Tenant, user: &str, account: &str) -> Connection {
        self.link_by(tenant, new_session(user), account).await
    }

    /// Links an account for each of so many users.
    pub(crate) async fn link_many(&self, tenant: &Tenant, count: usize) -> Vec<Connection> {
        let mut rows = Vec::new();
        for number in 0..count {
            let (user, account) = (format!("user-{number}"), format!("account{number}"));
            rows.push(self.link(tenant, &user, &account).await);
        }
        rows
    }

    /// Links an account that the whole workspace shares.
    pub(crate) async fn link_shared(&self, tenant: &Tenant, account: &str) -> Connection {
        let new = NewSession { owner: NewOwner::Workspace, ..new_session("admin") };
        self.link_by(tenant, new, account).await
    }

    pub(crate) async fn link_by(
        &self,
        tenant: &Tenant,
        new: NewSession,
        account: &str,
    ) -> Connection {
        // Of two ids of one millisecond either may be the smaller one.
        self.later(Duration::from_millis(1));
        let user = new.end_user.id.clone();
        let made = session::create(&self.store, &tenant.id, new).await.unwrap();
        let code = self.finish(tenant, &made, account).await;
        self.complete(tenant, &made, &code, &user).await.unwrap().connection
    }

    pub(crate) async fn connection(&self, row: &Connection) -> Connection {
        connection::get(&self.store, &row.workspace_id, &row.id).await.unwrap()
    }
}

/// A session for this user and `acme`, as a platform makes it.
pub(crate) fn new_session(user: &str) -> NewSession {
    NewSession {
        end_user: Profile::of_id(user),
        owner: NewOwner::EndUser,
        integrations: vec!["acme".to_owned()],
        scopes: None,
        intent: Intent::Add,
        connection: None,
        return_url: None,
        created_by: "key-of-the-test".to_owned(),
        agent: None,
    }
}

/// A parameter of a URL.
pub(crate) fn query(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

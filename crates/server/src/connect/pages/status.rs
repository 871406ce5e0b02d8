//! `GET /connect/status`: where the link stands.

use askama::Template;

use super::Next;

/// How far the link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// A browser is at it.
    Linking,
    /// The provider said yes; the platform has yet to complete it.
    Pending,
    /// The account is linked.
    Completed,
    /// The last attempt came to nothing.
    Failed,
}

/// Where the link stands, for the browser that is bound to it.
#[derive(Template)]
#[template(path = "connect/status.html")]
pub(crate) struct StatusPage {
    /// The hub's host.
    pub(crate) host: String,
    /// Who asked.
    pub(crate) workspace: String,
    /// The app, once it is picked.
    pub(crate) app: Option<String>,
    /// The host the person returns to.
    pub(crate) site: String,
    /// How far it is.
    pub(crate) stage: Stage,
    /// What the person can do now.
    pub(crate) next: Option<Next>,
    /// When the link ends, in words: `14:32 UTC`.
    pub(crate) until: Option<String>,
}

struct Step {
    title: String,
    class: &'static str,
    icon: &'static str,
    word: &'static str,
}

impl StatusPage {
    fn app_name(&self) -> &str {
        self.app.as_deref().unwrap_or("the app")
    }

    fn heading(&self) -> String {
        match self.stage {
            Stage::Linking => "Your link is open".to_owned(),
            Stage::Pending => "One step left".to_owned(),
            Stage::Completed => format!("{} is linked", self.app.as_deref().unwrap_or("Your app")),
            Stage::Failed => "Nothing was linked yet".to_owned(),
        }
    }

    fn lede(&self) -> String {
        let (app, site, workspace) = (self.app_name(), &self.site, &self.workspace);
        match self.stage {
            Stage::Linking => format!("{workspace} waits for you to allow access at {app}."),
            Stage::Pending => {
                format!("{app} said yes. Go back to {site}: the link becomes active there.")
            }
            Stage::Completed => format!("All done. You can close this page and go on at {site}."),
            Stage::Failed => {
                "The last try came to nothing. You can try again while the link lasts.".to_owned()
            }
        }
    }

    fn state(&self) -> &'static str {
        match self.stage {
            Stage::Linking => "open",
            Stage::Pending => "wait",
            Stage::Completed => "done",
            Stage::Failed => "broken",
        }
    }

    fn steps(&self) -> [Step; 3] {
        let done = ("done", "check", "Done");
        let now = ("now", "wait", "Now");
        let later = ("later", "wait", "Later");
        let failed = ("failed", "cross", "Failed");
        let [allowed, confirmed] = match self.stage {
            Stage::Linking => [now, later],
            Stage::Pending => [done, now],
            Stage::Completed => [done, done],
            Stage::Failed => [failed, later],
        };
        let step = |title, (class, icon, word)| Step { title, class, icon, word };
        [
            step("Link opened in this browser".to_owned(), done),
            step(format!("Allowed by you at {}", self.app_name()), allowed),
            step(format!("Confirmed by {}", self.workspace), confirmed),
        ]
    }
}

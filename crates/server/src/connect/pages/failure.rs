//! Links that came to nothing: what happened, why, what to do.

use askama::Template;

use super::Back;

/// Why nothing was linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The person cancelled on our page.
    Cancelled,
    /// The person said "This is not me".
    NotMe,
    /// The person said no at the provider.
    Denied,
    /// The link ran out, was used, or was opened in another browser.
    LinkGone,
    /// The provider did not work.
    ProviderUnavailable,
    /// An administrator at the provider must allow it first.
    AdminRequired,
    /// Another account was linked than the one to renew.
    WrongAccount,
    /// Another person finished it than the one it was made for.
    WrongEndUser,
}

/// What the page says.
pub(super) struct Words {
    pub(super) heading: String,
    pub(super) happened: String,
    pub(super) why: String,
    pub(super) remedy: String,
}

/// A link that came to nothing.
#[derive(Template)]
#[template(path = "connect/failure.html")]
pub(crate) struct FailurePage {
    host: String,
    workspace: Option<String>,
    app: Option<String>,
    words: Words,
    /// Where the review page is, if the same browser may try again.
    pub(crate) retry: Option<String>,
    /// Where the person came from, if that is known.
    pub(crate) back: Option<Back>,
    /// The session's or the request's id, to be named to whoever helps.
    pub(crate) reference: Option<String>,
}

impl FailurePage {
    /// The page of this failure; name workspace and app as far as they are known.
    pub(crate) fn new(
        host: String,
        failure: Failure,
        workspace: Option<String>,
        app: Option<String>,
    ) -> Self {
        let words = words(
            failure,
            workspace.as_deref().unwrap_or("whoever sent you the link"),
            app.as_deref().unwrap_or("the app"),
        );
        Self { host, workspace, app, words, retry: None, back: None, reference: None }
    }
}

fn words(failure: Failure, workspace: &str, app: &str) -> Words {
    match failure {
        Failure::Cancelled => Words {
            heading: "Nothing was linked".to_owned(),
            happened: "You cancelled. No access was asked for, and nothing was kept.".to_owned(),
            why: "You chose Cancel before anything was sent.".to_owned(),
            remedy: "If that was a slip, start again. If not, you are done: there is nothing to undo.".to_owned(),
        },
        Failure::NotMe => Words {
            heading: "Then this link is not for you".to_owned(),
            happened: "You said that you are someone else. Nothing was linked.".to_owned(),
            why: "A link works for one person, so that nobody links an account on another’s behalf.".to_owned(),
            remedy: format!("Close this page. To link your own account, sign in at {workspace} and ask for a new link there."),
        },
        Failure::Denied => Words {
            heading: format!("You said no at {app}"),
            happened: format!("{app} sent you back without giving access. Nothing was linked."),
            why: format!("Access was declined on {app}’s own page."),
            remedy: "If that was a slip, try again. If not, you are done: there is nothing to undo.".to_owned(),
        },
        Failure::LinkGone => Words {
            heading: "This link no longer works".to_owned(),
            happened: "It ran out, was used already, or was opened in another browser. Nothing was linked here.".to_owned(),
            why: "A link works once, for a short time, in the one browser that continued with it. A link that leaks is then of no use.".to_owned(),
            remedy: format!("If you began in another browser, go on there. If not, ask {workspace} for a new link."),
        },
        Failure::ProviderUnavailable => Words {
            heading: format!("{app} does not answer"),
            happened: format!("{app} could not be reached, or answered with an error. Nothing was linked."),
            why: format!("The trouble is between us and {app}; you did nothing wrong."),
            remedy: "Try again in a few minutes. What you have linked before keeps working.".to_owned(),
        },
        Failure::AdminRequired => Words {
            heading: "An administrator must approve first".to_owned(),
            happened: format!("{app} does not let you give this access by yourself. Nothing was linked."),
            why: format!("Your organisation at {app} allows new apps only after an administrator’s approval."),
            remedy: format!("Ask your {app} administrator to approve the app of {workspace}, then try again."),
        },
        Failure::WrongAccount => Words {
            heading: format!("That was another {app} account"),
            happened: "You signed in with another account than the one to be linked again. What it allowed was thrown away.".to_owned(),
            why: format!("This link renews one account. {app} often picks the one that you are signed in with."),
            remedy: format!("Sign out at {app}, try again, and choose the same account as before."),
        },
        Failure::WrongEndUser => Words {
            heading: "This link was for someone else".to_owned(),
            happened: format!("The link was made for one person and finished by another. What {app} allowed was thrown away; nobody got access."),
            why: "Otherwise whoever forwards a link could have someone else’s account linked to their own.".to_owned(),
            remedy: format!("Sign in at {workspace} as yourself and ask for a new link there."),
        },
    }
}

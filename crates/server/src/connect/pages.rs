//! What the connect page shows: plain values, filled in by the handlers, and their templates.
//!
//! Nothing here needs JavaScript or an inline style. askama escapes every value; URLs come from the hub
//! only. Pages whose URL may hold a secret link away with `rel="noreferrer"`.

mod failure;
mod field;
mod status;
#[cfg(test)]
mod tests;

use askama::Template;

pub(crate) use failure::{Failure, FailurePage};
pub(crate) use field::Field;
pub(crate) use status::{Stage, StatusPage};

/// The stylesheet, served at `/connect/assets/connect.css`.
pub(crate) const STYLESHEET: &str = include_str!("../../assets/connect.css");
/// The icon in the browser's tab, served at `/connect/assets/icon.svg`.
pub(crate) const ICON: &str = include_str!("../../templates/connect/icon.svg");

/// Who is expected at this browser.
pub(crate) struct Person {
    /// The best name there is: name, e-mail address or the platform's id.
    pub(crate) name: String,
    /// The e-mail address, where `name` is not it.
    pub(crate) detail: Option<String>,
}

/// What sort of access a scope gives. Always drawn as icon and word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Looking.
    Read,
    /// Changing.
    Write,
    /// Ruling.
    Admin,
    /// The manifest does not know this scope.
    Other,
}

impl Access {
    fn icon(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
            Self::Other => "other",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Read => "Read",
            Self::Write => "Write",
            Self::Admin => "Admin",
            Self::Other => "Other",
        }
    }
}

/// One scope, for a person.
pub(crate) struct Scope {
    /// A sentence; none where the manifest has none.
    pub(crate) title: Option<String>,
    /// As the provider writes it.
    pub(crate) name: String,
    /// What sort of access.
    pub(crate) access: Access,
}

/// A way out of the page.
pub(crate) struct Back {
    /// The host the person knows: `app.chatty.example`.
    pub(crate) site: String,
    /// Where the link leads.
    pub(crate) url: String,
}

/// A step that the person can take next.
pub(crate) struct Next {
    /// What the button says.
    pub(crate) label: String,
    /// Where it leads.
    pub(crate) url: String,
}

/// `GET /connect/{token}`: who asks, and for whom. Binds nothing.
#[derive(Template)]
#[template(path = "connect/landing.html")]
pub(crate) struct LandingPage {
    /// The hub's host.
    pub(crate) host: String,
    /// Who asks.
    pub(crate) workspace: String,
    /// The app, where there is only one to link.
    pub(crate) app: Option<String>,
    /// Whom the link is for.
    pub(crate) person: Person,
    /// The host the person returns to.
    pub(crate) site: String,
    /// The link's own token, posted to `/connect`.
    pub(crate) token: String,
}

impl LandingPage {
    fn what(&self) -> &str {
        self.app.as_deref().unwrap_or("an app")
    }
}

/// One app to pick.
pub(crate) struct AppCard {
    /// What `integration` is posted as.
    pub(crate) integration: String,
    /// The app's name.
    pub(crate) name: String,
    /// What sort of app, or which of several.
    pub(crate) detail: Option<String>,
}

/// Several apps to choose from; posts `csrf` and `integration` to `/connect/pick`.
#[derive(Template)]
#[template(path = "connect/pick.html")]
pub(crate) struct PickPage {
    /// The hub's host.
    pub(crate) host: String,
    /// Who asks.
    pub(crate) workspace: String,
    /// The apps.
    pub(crate) apps: Vec<AppCard>,
    /// Posted back.
    pub(crate) csrf: String,
}

/// What is asked for, before anything happens.
///
/// Posts `csrf` and the fields to `/connect/start` (`/connect/submit` where `by_key`); "This is not me"
/// and "Cancel" post `csrf` and `reason` (`not_me`, `cancelled`) to `/connect/cancel`.
#[derive(Template)]
#[template(path = "connect/review.html")]
pub(crate) struct ReviewPage {
    /// The hub's host.
    pub(crate) host: String,
    /// Who asks.
    pub(crate) workspace: String,
    /// The agent that asks; none where the platform does.
    pub(crate) agent: Option<String>,
    /// The host the person returns to.
    pub(crate) site: String,
    /// Who is expected at this browser.
    pub(crate) person: Person,
    /// The app's name.
    pub(crate) app: String,
    /// The provider's host that opens next.
    pub(crate) provider_site: Option<String>,
    /// Whether an account that was linked before is linked again.
    pub(crate) reconnect: bool,
    /// Whether the connection becomes the workspace's own.
    pub(crate) shared: bool,
    /// Whether a key or a password is entered here, and no provider page opens.
    pub(crate) by_key: bool,
    /// What is asked for.
    pub(crate) scopes: Vec<Scope>,
    /// What must be filled in.
    pub(crate) fields: Vec<Field>,
    /// What went wrong with the form, as a whole.
    pub(crate) problem: Option<String>,
    /// Posted back.
    pub(crate) csrf: String,
}

/// The provider said yes.
#[derive(Template)]
#[template(path = "connect/result.html")]
pub(crate) struct ResultPage {
    /// The hub's host.
    pub(crate) host: String,
    /// Who asked.
    pub(crate) workspace: String,
    /// The app's name.
    pub(crate) app: String,
    /// What the account is called at the provider.
    pub(crate) account: String,
    /// The host the person returns to.
    pub(crate) site: String,
    /// Whether the platform has completed the session; until then nobody can use the account.
    pub(crate) completed: bool,
    /// How long the code in `back` is good.
    pub(crate) minutes_left: u64,
    /// What was granted.
    pub(crate) granted: Vec<Scope>,
    /// What was asked for and not granted.
    pub(crate) withheld: Vec<Scope>,
    /// The return URL with session and code.
    pub(crate) back: Option<String>,
    /// Goes to `back` by itself after 3 s. Costs people who read slowly: WCAG 2.2.1 wants it off.
    pub(crate) auto_continue: bool,
}

impl ResultPage {
    fn heading(&self) -> String {
        if self.completed { format!("{} is linked", self.app) } else { "One step left".to_owned() }
    }

    fn state(&self) -> &'static str {
        if self.completed { "done" } else { "wait" }
    }
}

/// Nothing here, or our own fault.
#[derive(Template)]
#[template(path = "connect/problem.html")]
pub(crate) struct ProblemPage {
    /// The hub's host.
    pub(crate) host: String,
    /// 404, 500, …
    pub(crate) status: u16,
    /// What happened.
    pub(crate) title: String,
    /// Why, and what to do.
    pub(crate) detail: String,
    /// The request's id, to be named to whoever helps.
    pub(crate) request: Option<String>,
}

/// `GET /`: what this is.
#[derive(Template)]
#[template(path = "connect/index.html")]
pub(crate) struct IndexPage {
    /// The hub's host.
    pub(crate) host: String,
    /// Of the binary.
    pub(crate) version: String,
}

/// The letter on a tile.
fn monogram(name: &str) -> char {
    let first = name.chars().find(|letter| letter.is_alphanumeric()).unwrap_or('•');
    // Some letters have an upper case of several; one must do.
    first.to_uppercase().next().unwrap_or(first)
}

/// The colour of a tile, 0 to 5: the same name always has the same.
fn tint(name: &str) -> u32 {
    // FNV-1a.
    name.bytes()
        .fold(0x811c_9dc5_u32, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193))
        % 6
}

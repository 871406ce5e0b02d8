//! The connector SDK: a provider is mostly data.
//!
//! A [`Manifest`] says where a provider's servers are, what its scopes mean and how its replies look.
//! A [`Connector`] adds Rust only for documented quirks that data cannot say; [`Declarative`] is a
//! connector of a manifest alone.

mod action;
mod allow;
mod api;
pub mod calendar;
mod card;
pub mod commerce;
mod credential;
pub mod crm;
mod declarative;
mod error;
mod input;
pub mod json;
pub mod manifest;
mod matcher;
pub mod model;
pub mod oauth1;
mod rate;
pub mod support;
mod template;
pub mod text;
mod token;
mod webhook;

use async_trait::async_trait;

pub use action::{Action, Category, Effect, actions, unsupported};
pub use allow::Opens;
pub use api::{Account, Answer, Api, Call, Sketch, sketch_identify};
pub use card::Card;
pub use credential::{Apply, Credential, CredentialError};
pub use declarative::{Declarative, identify_by_manifest};
pub use error::{Error, ErrorKind};
pub use http::Method;
pub use input::{InputError, Inputs};
pub use manifest::{AuthKind, ClientAuth, Input, InputKind, Manifest, ManifestError, RefreshClass};
pub use matcher::provider_code;
pub use rate::RateInfo;
pub use template::{fill as fill_url, fill_raw as fill_header, names};
pub use token::{
    ErrorReply, MOST_LIFETIME, TokenReply, TokenSet, is_error as is_error_reply, token_part,
};
pub use webhook::{Delivery, WebhookError, hmac_sha256_hex};

/// A provider.
#[async_trait]
pub trait Connector: Send + Sync + 'static {
    /// What data can say of it.
    fn manifest(&self) -> &Manifest;

    /// What lists say of it: its manifest's words, told without the manifest where that is read late.
    fn card(&self) -> Card<'_> {
        let Manifest { slug, display_name, category, .. } = self.manifest();
        Card { slug, display_name, category }
    }

    /// Whose account is this? Also the health check. `api` carries base URL and credential; the
    /// token is not reachable through it.
    async fn identify(&self, api: &Api) -> Result<Account, Error>;

    /// Reads a token reply; the manifest's paths, else RFC 6749, section 5.1.
    fn parse_token(&self, reply: &TokenReply<'_>) -> Result<TokenSet, Error> {
        token::parse(self.manifest(), reply)
    }

    /// Says what an error reply of the token endpoint means; the manifest's matchers, else RFC 6749,
    /// section 5.2. Only definitive evidence is [`ErrorKind::Reauthorize`].
    fn classify(&self, reply: &ErrorReply<'_>) -> ErrorKind {
        matcher::classify(self.manifest(), reply)
    }

    /// What it can do as a CRM; none is an honest "no", and so for the others.
    fn crm(&self) -> Option<&dyn crm::Crm> {
        None
    }

    /// What it can do as a calendar.
    fn calendar(&self) -> Option<&dyn calendar::Calendar> {
        None
    }

    /// What it can do as a help desk.
    fn support(&self) -> Option<&dyn support::Support> {
        None
    }

    /// What it can do as a shop.
    fn commerce(&self) -> Option<&dyn commerce::Commerce> {
        None
    }
}

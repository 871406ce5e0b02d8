//! The suite that every connector passes, offline: its manifest and hooks against the real engine and a
//! provider in this process that answers from the connector's `fixtures/`.
//!
//! `tests/conformance.rs` of a connector is one line:
//!
//! ```ignore
//! conformance::suite!(acme::connector());
//! ```
//!
//! | fixture | what it is | needed |
//! | --- | --- | --- |
//! | `settings.json` | answers to the manifest's inputs | where an input has to be answered |
//! | `callback.json` | what the captured parameters of the callback are | where a pattern tells what they must be |
//! | `discovery.json` | the discovery document | where the manifest has an `issuer` |
//! | `token_ok.json` | the reply to a code, or to client credentials | by OAuth |
//! | `token_refreshed.json` | the reply to a refresh | where `token_ok` has a refresh token |
//! | `dead_refresh.json` | the reply to a refresh token that is over | where `token_ok` has a refresh token |
//! | `rate_limited.json` | the reply to too many requests | always |
//! | `whoami.json` | the answer about the account | where the manifest has an `identity` |
//! | `actions/<action>….json` | an input, the requests and answers, what comes of it | for each listed action |
//!
//! All but `settings.json`, `callback.json` and the cases of actions are `{"status", "headers"?, "body", "expect"?}`; [`Expect`] lists what may be
//! expected.
#![allow(
    clippy::missing_panics_doc,
    reason = "a check that fails panics: that is how a test fails"
)]

mod case;
pub mod checks;
mod fixture;
mod flow;
mod keys;
mod log;
mod made;
mod page;
mod peer;
mod signed;
mod subject;

pub use fixture::Expect;
pub use subject::{KEY, Subject};

/// Expands to one test per check.
#[macro_export]
macro_rules! suite {
    ($connector:expr) => {
        $crate::suite! { @each $connector;
            the_manifest_is_sound
            the_fixtures_are_complete
            its_page_in_the_docs_is_up_to_date
            the_authorize_url_is_safe
            a_code_is_exchanged_as_declared
            a_refresh_keeps_what_it_must
            errors_mean_what_they_mean
            the_account_is_identified
            scopes_are_told_and_narrowed_truly
            a_grant_is_ended_as_declared
            nothing_secret_leaks
            actions_do_as_their_cases_say
            actions_stay_within_their_scopes
            actions_tell_errors_apart
            what_is_not_listed_is_unsupported
            a_dry_run_changes_nothing
        }
    };
    (@each $connector:expr; $($check:ident)*) => {$(
        #[tokio::test]
        async fn $check() {
            let subject = $crate::Subject::new($connector, env!("CARGO_MANIFEST_DIR"));
            $crate::checks::$check(&subject).await;
        }
    )*};
}

//! The checks, one function each. They panic where the connector is wrong.

mod actions;
mod asserted;
mod authorize;
mod errors;
mod exchange;
mod identify;
mod leaks;
mod manifest;
mod refresh;
mod revoke;
mod scopes;
pub mod seen;
mod session;
pub mod signed;

pub use actions::{
    a_dry_run_changes_nothing, actions_do_as_their_cases_say, actions_stay_within_their_scopes,
    actions_tell_errors_apart, what_is_not_listed_is_unsupported,
};
pub use asserted::an_assertion_is_exchanged_as_declared;
pub use authorize::the_authorize_url_is_safe;
pub use errors::errors_mean_what_they_mean;
pub use exchange::a_code_is_exchanged_as_declared;
pub use identify::the_account_is_identified;
pub use leaks::nothing_secret_leaks;
pub use manifest::{
    its_page_in_the_docs_is_up_to_date, the_fixtures_are_complete, the_manifest_is_sound,
};
pub use refresh::a_refresh_keeps_what_it_must;
pub use revoke::a_grant_is_ended_as_declared;
pub use scopes::scopes_are_told_and_narrowed_truly;
pub use session::a_session_is_begun_as_declared;

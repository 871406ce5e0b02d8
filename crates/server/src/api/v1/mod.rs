//! Version 1 of the API: a file a noun.

mod actions;
mod agents;
mod audit;
mod clients;
mod connect_sessions;
mod connections;
mod end_users;
mod integrations;
mod keys;
mod kill_switch;
mod platform_keys;
mod policies;
mod providers;
mod token;
mod workspaces;

use utoipa_axum::router::OpenApiRouter;

use crate::{problem::Answer, state::AppState};

/// All operations.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(token::router())
        .merge(actions::router())
        .merge(connect_sessions::router())
        .merge(connections::router())
        .merge(end_users::router())
        .merge(providers::router())
        .merge(clients::router())
        .merge(integrations::router())
        .merge(agents::router())
        .merge(policies::router())
        .merge(kill_switch::router())
        .merge(workspaces::router())
        .merge(platform_keys::router())
        .merge(audit::router())
}

/// A create makes something new: what is there is changed with `PUT`.
fn must_be_free<T>(found: hub::Result<T>, what: &str, slug: &str) -> Answer<()> {
    match found {
        Ok(_) => {
            let slug: String = slug.chars().take(64).collect();
            let detail = format!(
                "There is a {what} `{slug}` already. Change it with PUT, or choose another slug."
            );
            Err(hub::Error::conflict("slug_taken", detail).into())
        }
        Err(error) if error.kind == hub::Kind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}

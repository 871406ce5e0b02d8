//! OAuth clients: an id, a secret and a redirect URI at a provider, owned by one workspace or by the
//! platform for its workspaces to share.

mod check;
mod entity;
mod service;

pub use entity::{Model as Client, SEALED};
pub use service::{
    NewClient, Owner, change_secret, delete, get, get_any, lift_suspension, list, put, secrets,
    suspend, usable_by,
};

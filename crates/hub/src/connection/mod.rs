//! Connections: linked accounts with their sealed credentials.

mod entity;
mod link;
mod revoke;
mod sealed;
mod service;

pub use entity::{Health, Model as Connection, State, Status};
pub use link::{Linked, activate, owner_key};
pub use revoke::{REVOKE_GRANT, queue_revocation, revoke_grant};
pub use sealed::{
    Label, Stored, account_digest, label, open_credential, seal_credential, seal_label,
};
pub use service::{Filter, Receipt, disconnect, find, get, list, of_owner, receipt, set_enabled};

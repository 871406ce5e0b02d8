//! Connections: linked accounts with their sealed credentials.

mod candidate;
mod entity;
mod link;
mod restore;
mod revoke;
mod sealed;
mod service;

pub use candidate::{Keep, keep_candidate, promote_candidate};
pub use entity::{Column, Entity, Health, Model as Connection, State, Status};
pub use link::{Activated, Linked, activate, owner_key};
pub use restore::hold_rotating;
pub use revoke::{REVOKE_GRANT, queue_revocation, revoke_grant};
pub(crate) use sealed::owned;
pub use sealed::{
    Belongs, Label, SEALED, Stored, account_digest, label, open_credential, seal_credential,
    seal_label,
};
pub use service::{
    Filter, Receipt, disconnect, end_unasked, find, forget_accounts, get, list, of_owner, receipt,
    set_enabled,
};

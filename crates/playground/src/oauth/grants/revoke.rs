//! The end of tokens (RFC 7009).

use super::Grants;
use crate::{Client, random::sha256_hex};

/// What revoking a token did.
pub(crate) enum Revoked {
    /// The token is unknown, or was dead.
    Nothing,
    /// It is another client's.
    NotYours,
    /// Done; with the grant, if all of it ended.
    Done(Option<String>),
}

impl Grants {
    /// Ends a token (RFC 7009): with a refresh token its whole grant, else the access token alone.
    pub(crate) fn revoke(&mut self, client: &Client, token: &str) -> Revoked {
        let key = sha256_hex(token);
        if let Some(id) = self.refresh.get(&key).map(|held| held.grant.clone()) {
            if self.alive.get(&id).is_some_and(|grant| grant.client != client.id) {
                return Revoked::NotYours;
            }
            return if self.end(&id) { Revoked::Done(Some(id)) } else { Revoked::Nothing };
        }
        match self.access.get_mut(&key) {
            None => Revoked::Nothing,
            Some(access) if access.client != client.id => Revoked::NotYours,
            Some(access) if access.revoked => Revoked::Nothing,
            Some(access) => {
                access.revoked = true;
                Revoked::Done(None)
            }
        }
    }
}

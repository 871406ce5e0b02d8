//! Refresh tokens: used, replaced, counted (RFC 6749, section 6).

use std::time::Duration;

use super::{Error, Grants, Refusal, Terms, Tokens};
use crate::{
    Client, RefreshClass, account::Account, clock::Moment, random::sha256_hex, scope::Scopes,
};

/// How long a replay-safe client's replaced refresh token is honoured.
const GRACE: Duration = Duration::from_secs(30);

const WIDER: Error = Error::scope("More scopes were asked than the person granted.");

/// A refresh token that works, as introspection shows it.
pub(crate) struct LiveRefresh {
    pub(crate) client: String,
    pub(crate) account: &'static Account,
    pub(crate) scopes: Scopes,
    pub(crate) issued_at: Moment,
}

impl Grants {
    /// Tokens for a refresh token, for all of its scopes or for those `asked`.
    pub(crate) fn refresh(
        &mut self,
        client: &Client,
        presented: &str,
        asked: Option<Scopes>,
        terms: Terms,
    ) -> Result<Tokens, Refusal> {
        let key = sha256_hex(presented);
        let unknown = Error::grant("There is no such refresh token.");
        let held = self.refresh.get(&key).ok_or(unknown)?;
        let (id, replaced) = (held.grant.clone(), held.replaced.clone());
        let grant = self.alive.get(&id).filter(|grant| grant.client == client.id);
        let grant = grant.ok_or(unknown)?;
        let (account, scopes, epoch) = (grant.account, asked.unwrap_or(grant.scopes), grant.epoch);
        let refusal =
            |error, reused, revoked| Refusal { error, grant: Some(id.clone()), reused, revoked };
        if grant.revoked {
            return Err(refusal(Error::grant("The grant was revoked."), false, false));
        }
        let wider = !scopes.within(grant.scopes);
        if let Some((at, by)) = replaced {
            if client.class == RefreshClass::Strict {
                let error =
                    Error::grant("This refresh token was used before: the grant is revoked.");
                let revoked = self.end(&id);
                return Err(refusal(error, true, revoked));
            }
            if terms.now > at.plus(GRACE) {
                let error = Error::grant("This refresh token was replaced more than 30 s ago.");
                return Err(refusal(error, true, false));
            }
            if wider {
                return Err(refusal(WIDER, true, false));
            }
            let tokens = self.tokens(client, account, scopes, Some((id, epoch)), Some(by), terms);
            return Ok(Tokens { reused: true, ..tokens });
        }
        if wider {
            return Err(refusal(WIDER, false, false));
        }
        let (refresh, epoch) = self.rotate(client.class, &key, presented, &id, epoch, terms);
        Ok(self.tokens(client, account, scopes, Some((id, epoch)), refresh, terms))
    }

    /// The refresh token to answer with, as the class wants it, and the grant's epoch after it.
    fn rotate(
        &mut self,
        class: RefreshClass,
        key: &str,
        presented: &str,
        grant: &str,
        epoch: u64,
        terms: Terms,
    ) -> (Option<String>, u64) {
        if terms.omit_refresh {
            return (None, epoch);
        }
        if class == RefreshClass::Static {
            return (Some(presented.to_owned()), epoch);
        }
        let next = self.new_refresh(grant, terms.now);
        if let Some(old) = self.refresh.get_mut(key) {
            old.replaced = Some((terms.now, next.clone()));
        }
        let Some(grant) = self.alive.get_mut(grant) else { return (Some(next), epoch) };
        if class == RefreshClass::Strict {
            grant.epoch += 1;
        }
        (Some(next), grant.epoch)
    }

    /// The refresh token, if it works now.
    pub(crate) fn live_refresh(&self, token: &str) -> Option<LiveRefresh> {
        let held = self.refresh.get(&sha256_hex(token)).filter(|held| held.replaced.is_none())?;
        let grant = self.alive.get(&held.grant).filter(|grant| !grant.revoked)?;
        Some(LiveRefresh {
            client: grant.client.clone(),
            account: grant.account,
            scopes: grant.scopes,
            issued_at: held.issued_at,
        })
    }

    /// Counts a refresh request in; the grant that its token belongs to, and how many there are.
    pub(crate) fn enter(&mut self, refresh_token: &str) -> Option<(String, u32)> {
        let id = self.refresh.get(&sha256_hex(refresh_token))?.grant.clone();
        let grant = self.alive.get_mut(&id)?;
        grant.in_flight += 1;
        grant.max_in_flight = grant.max_in_flight.max(grant.in_flight);
        Some((id, grant.in_flight))
    }

    /// Counts it out.
    pub(crate) fn leave(&mut self, grant: &str) {
        if let Some(grant) = self.alive.get_mut(grant) {
            grant.in_flight = grant.in_flight.saturating_sub(1);
        }
    }

    /// The most refresh requests of this grant that were in flight at once.
    pub(crate) fn max_in_flight(&self, grant: &str) -> u32 {
        self.alive.get(grant).map_or(0, |grant| grant.max_in_flight)
    }

    /// Counts the most in flight anew.
    pub(crate) fn forget_in_flight(&mut self) {
        for grant in self.alive.values_mut() {
            grant.max_in_flight = grant.in_flight;
        }
    }
}

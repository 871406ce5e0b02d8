//! Codes, grants and tokens: what was given, to whom, and until when. Tokens are kept by digest.

mod refresh;
mod revoke;

use std::time::Duration;

pub(crate) use revoke::Revoked;

use super::error::Error;
use crate::{
    Client,
    account::{self, Account},
    bounded::Bounded,
    clock::Moment,
    random::{s256, same, sha256_hex, token},
    scope::Scopes,
};

/// The most of each kind that is remembered.
const MOST: usize = 100_000;
/// What a person agreed to.
pub(crate) struct Consent {
    pub(crate) client: String,
    pub(crate) redirect_uri: String,
    pub(crate) scopes: Scopes,
    pub(crate) account: &'static Account,
    pub(crate) challenge: String,
}

struct Code {
    consent: Consent,
    until: Moment,
    state: CodeState,
}

enum CodeState {
    Fresh,
    /// It came with a wrong verifier or redirect URI, or too late.
    Spoilt,
    /// It gave this grant.
    Spent(String),
}

/// One consent, alive.
struct Grant {
    client: String,
    account: &'static Account,
    scopes: Scopes,
    revoked: bool,
    /// Access tokens of an earlier epoch are dead.
    epoch: u64,
    in_flight: u32,
    max_in_flight: u32,
}

/// An access token.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) client: String,
    pub(crate) account: &'static Account,
    pub(crate) scopes: Scopes,
    pub(crate) issued_at: Moment,
    pub(crate) until: Moment,
    /// Its grant, with the epoch; none for a client's own.
    grant: Option<(String, u64)>,
    revoked: bool,
}

struct Refresh {
    grant: String,
    issued_at: Moment,
    /// When it was replaced, and by what. The text is needed to give the same again.
    replaced: Option<(Moment, String)>,
}

/// What the token endpoint hands out.
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) ttl: Duration,
    pub(crate) refresh: Option<String>,
    pub(crate) scopes: Scopes,
    pub(crate) grant: Option<String>,
    /// Whether a replaced refresh token was honoured.
    pub(crate) reused: bool,
}

/// No tokens; and what became known or was done on the way.
pub(crate) struct Refusal {
    pub(crate) error: Error,
    pub(crate) grant: Option<String>,
    /// A replaced refresh token came again.
    pub(crate) reused: bool,
    /// The grant was ended for it.
    pub(crate) revoked: bool,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { error, grant: None, reused: false, revoked: false }
    }
}

/// How tokens are handed out this time.
#[derive(Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) now: Moment,
    pub(crate) access_ttl: Duration,
    /// No new refresh token, whatever the class.
    pub(crate) omit_refresh: bool,
}

/// A code as it is presented.
pub(crate) struct Exchange<'a> {
    pub(crate) code: &'a str,
    pub(crate) redirect_uri: &'a str,
    pub(crate) verifier: &'a str,
}

/// Everything that was given.
pub(crate) struct Grants {
    codes: Bounded<Code>,
    alive: Bounded<Grant>,
    access: Bounded<Access>,
    refresh: Bounded<Refresh>,
}

impl Grants {
    pub(crate) fn new() -> Self {
        Self {
            codes: Bounded::new(MOST),
            alive: Bounded::new(MOST),
            access: Bounded::new(MOST),
            refresh: Bounded::new(MOST),
        }
    }

    /// A new code.
    pub(crate) fn code(&mut self, consent: Consent, until: Moment) -> String {
        let code = token("acme_code_");
        self.codes.insert(sha256_hex(&code), Code { consent, until, state: CodeState::Fresh });
        code
    }

    /// Tokens for a code, once. A second time ends what the first gave (RFC 6749, section 4.1.2);
    /// a wrong verifier or redirect URI spoils the code.
    pub(crate) fn exchange(
        &mut self,
        client: &Client,
        given: &Exchange<'_>,
        terms: Terms,
    ) -> Result<Tokens, Refusal> {
        let code = self.codes.get_mut(&sha256_hex(given.code));
        let code = code
            .filter(|code| code.consent.client == client.id)
            .ok_or(Error::grant("There is no such code."))?;
        match &code.state {
            CodeState::Fresh => {}
            CodeState::Spoilt => return Err(Error::grant("The code was refused before.").into()),
            CodeState::Spent(grant) => {
                let grant = grant.clone();
                return Err(Refusal {
                    error: Error::grant("The code was used before. What it gave is revoked."),
                    revoked: self.end(&grant),
                    grant: Some(grant),
                    reused: false,
                });
            }
        }
        let consent = &code.consent;
        let wrong = if code.until <= terms.now {
            Some("The code has ended.")
        } else if consent.redirect_uri != given.redirect_uri {
            Some("redirect_uri is not the one of the authorization request.")
        } else if !is_verifier(given.verifier) || !same(&s256(given.verifier), &consent.challenge) {
            Some("code_verifier does not fit the code_challenge.")
        } else {
            None
        };
        if let Some(wrong) = wrong {
            code.state = CodeState::Spoilt;
            return Err(Error::grant(wrong).into());
        }
        let id = token("grt_");
        code.state = CodeState::Spent(id.clone());
        let grant = Grant {
            client: client.id.clone(),
            account: consent.account,
            scopes: consent.scopes,
            revoked: false,
            epoch: 0,
            in_flight: 0,
            max_in_flight: 0,
        };
        let (account, scopes) = (grant.account, grant.scopes);
        self.alive.insert(id.clone(), grant);
        let refresh = (!terms.omit_refresh).then(|| self.new_refresh(&id, terms.now));
        Ok(self.tokens(client, account, scopes, Some((id, 0)), refresh, terms))
    }

    /// A token of the client's own, for the team's account.
    pub(crate) fn for_client(&mut self, client: &Client, scopes: Scopes, terms: Terms) -> Tokens {
        self.tokens(client, account::team(), scopes, None, None, terms)
    }

    fn tokens(
        &mut self,
        client: &Client,
        account: &'static Account,
        scopes: Scopes,
        grant: Option<(String, u64)>,
        refresh: Option<String>,
        terms: Terms,
    ) -> Tokens {
        let access = token("acme_at_");
        let id = grant.as_ref().map(|(id, _)| id.clone());
        self.access.insert(
            sha256_hex(&access),
            Access {
                client: client.id.clone(),
                account,
                scopes,
                issued_at: terms.now,
                until: terms.now.plus(terms.access_ttl),
                grant,
                revoked: false,
            },
        );
        Tokens { access, ttl: terms.access_ttl, refresh, scopes, grant: id, reused: false }
    }

    fn new_refresh(&mut self, grant: &str, now: Moment) -> String {
        let refresh = token("acme_rt_");
        let held = Refresh { grant: grant.to_owned(), issued_at: now, replaced: None };
        self.refresh.insert(sha256_hex(&refresh), held);
        refresh
    }

    /// The access token, if it works now.
    pub(crate) fn access(&self, token: &str, now: Moment) -> Option<&Access> {
        let access = self.access.get(&sha256_hex(token))?;
        let granted = access.grant.as_ref().is_none_or(|(id, epoch)| {
            self.alive.get(id).is_some_and(|grant| !grant.revoked && grant.epoch == *epoch)
        });
        (granted && !access.revoked && access.until > now).then_some(access)
    }

    /// Ends a grant; whether it was alive.
    fn end(&mut self, id: &str) -> bool {
        self.alive.get_mut(id).is_some_and(|grant| !std::mem::replace(&mut grant.revoked, true))
    }
}

/// RFC 7636, section 4.1.
fn is_verifier(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (43..=128).contains(&text.len()) && text.bytes().all(allowed)
}

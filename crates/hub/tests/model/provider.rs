//! The provider: what it does with a refresh token that it has seen before.

use crate::state::{Token, Tokens};

/// The classes that a manifest declares; replay-safe providers come in two kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// The token stays.
    Static,
    /// The former token is answered with the same successor once more; an older one revokes all.
    ReplaySafe,
    /// A former token gets a token of its own while its grace lasts, and is refused after it.
    ReplaySafeNewTokens,
    /// A former token revokes all.
    Strict,
}

/// What the provider knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Provider {
    /// The newest token.
    current: Token,
    /// Former tokens in their grace.
    honoured: Tokens,
    pub(crate) revoked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Reply {
    /// A good reply with this refresh token.
    Token(Token),
    /// `invalid_grant`.
    Refused,
}

impl Provider {
    /// Would this token be answered with another?
    pub(crate) fn honours(&self, token: Token) -> bool {
        !self.revoked && (token == self.current || self.honoured.contains(token))
    }

    pub(crate) fn answer(&mut self, class: Class, token: Token) -> Reply {
        if !self.honours(token) {
            self.revoked |= class != Class::ReplaySafeNewTokens;
            return Reply::Refused;
        }
        match class {
            Class::Strict => self.current += 1,
            Class::ReplaySafe if token == self.current => {
                self.honoured = Tokens::default();
                self.honoured.insert(token);
                self.current += 1;
            }
            Class::Static | Class::ReplaySafe => {}
            Class::ReplaySafeNewTokens => {
                self.honoured.insert(self.current);
                self.current += 1;
            }
        }
        Reply::Token(self.current)
    }

    pub(crate) fn has_honoured(&self) -> bool {
        !self.honoured.is_empty()
    }

    /// Former tokens die of age.
    pub(crate) fn end_grace(&mut self) {
        self.honoured = Tokens::default();
    }
}

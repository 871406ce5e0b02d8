//! What a token may do.

use std::fmt;

/// One scope, in Acme's words.
#[derive(Debug)]
pub(crate) struct Scope {
    pub(crate) name: &'static str,
    /// A sentence for a person.
    pub(crate) words: &'static str,
    /// Whether it changes anything.
    pub(crate) writes: bool,
}

/// Every scope that Acme has.
pub(crate) static SCOPES: [Scope; 6] = [
    Scope { name: "crm.contacts.read", words: "See your contacts", writes: false },
    Scope { name: "crm.contacts.write", words: "Add and edit contacts", writes: true },
    Scope { name: "calendar.events.read", words: "See your calendar", writes: false },
    Scope { name: "calendar.events.write", words: "Add calendar events", writes: true },
    Scope { name: "support.tickets.read", words: "Read support tickets", writes: false },
    Scope { name: "support.tickets.write", words: "Reply to support tickets", writes: true },
];

/// A set of scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scopes(u8);

impl Scopes {
    /// Every scope.
    pub(crate) const ALL: Self = Self(0b11_1111);

    /// Reads names separated by spaces; an unknown one is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        text.split(' ').filter(|name| !name.is_empty()).try_fold(Self::default(), |set, name| {
            let at = SCOPES.iter().position(|scope| scope.name == name)?;
            Some(Self(set.0 | 1 << at))
        })
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether each of these is in `wider`.
    pub(crate) fn within(self, wider: Self) -> bool {
        self.0 & !wider.0 == 0
    }

    /// These scopes, in Acme's order.
    pub(crate) fn iter(self) -> impl Iterator<Item = &'static Scope> {
        SCOPES.iter().enumerate().filter(move |(at, _)| self.0 & (1 << at) != 0).map(|(_, s)| s)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(|scope| scope.name).collect();
        f.write_str(&names.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_and_written_in_any_order() {
        let some = Scopes::parse("support.tickets.read  crm.contacts.read").unwrap();
        assert_eq!(some.to_string(), "crm.contacts.read support.tickets.read");
        assert!(some.within(Scopes::ALL) && !Scopes::ALL.within(some));
        assert_eq!(Scopes::ALL.iter().count(), SCOPES.len());
    }

    #[test]
    fn an_unknown_scope_is_refused() {
        assert_eq!(Scopes::parse("crm.contacts.read admin"), None);
    }
}

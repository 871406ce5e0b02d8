//! The people who have an account at Acme.

/// A demo account. There are no passwords: on the consent page one is picked.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) id: &'static str,
    pub(crate) email: &'static str,
    pub(crate) name: &'static str,
    /// What the consent page says under the name.
    pub(crate) about: &'static str,
    pub(crate) initials: &'static str,
    /// Their records, as JSON: read by `demo`.
    pub(crate) seed: &'static str,
}

/// The demo accounts; the last is the one of the whole team.
pub(crate) static ACCOUNTS: [Account; 3] = [
    Account {
        id: "acct_ana",
        email: "ana@acme.example",
        name: "Ana Moreno",
        about: "Sales",
        initials: "AM",
        seed: include_str!("../seed/ana.json"),
    },
    Account {
        id: "acct_ben",
        email: "ben@acme.example",
        name: "Ben Okafor",
        about: "Customer success",
        initials: "BO",
        seed: include_str!("../seed/ben.json"),
    },
    Account {
        id: "acct_team",
        email: "team@acme.example",
        name: "Acme Team Inbox",
        about: "Shared inbox",
        initials: "TI",
        seed: include_str!("../seed/team.json"),
    },
];

/// The account of this e-mail address or id.
pub(crate) fn find(name: &str) -> Option<&'static Account> {
    ACCOUNTS.iter().find(|account| account.email == name || account.id == name)
}

/// Whom a client acts as that comes without a person (`client_credentials`).
pub(crate) fn team() -> &'static Account {
    &ACCOUNTS[2]
}

//! The records of the demo accounts.

use std::{collections::HashMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    account::{ACCOUNTS, Account},
    clock::Moment,
};

/// The most of each kind that an account keeps; the oldest go.
const MOST: usize = 1000;

const MINUTE: Duration = Duration::from_mins(1);
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Someone known.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Contact {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) phone: Option<String>,
    pub(crate) company: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) created_at: Moment,
    pub(crate) updated_at: Moment,
}

/// Something in the calendar.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) starts_at: Moment,
    pub(crate) ends_at: Moment,
    pub(crate) location: Option<String>,
    pub(crate) attendees: Vec<String>,
}

/// Someone's question.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Ticket {
    pub(crate) id: String,
    pub(crate) subject: String,
    /// `open`, `pending` or `solved`.
    pub(crate) status: String,
    /// `low`, `normal`, `high` or `urgent`.
    pub(crate) priority: String,
    pub(crate) requester: Requester,
    pub(crate) description: String,
    pub(crate) created_at: Moment,
    pub(crate) updated_at: Moment,
}

/// Who asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Requester {
    pub(crate) name: String,
    pub(crate) email: String,
}

/// One answer to a ticket.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Reply {
    pub(crate) id: String,
    pub(crate) author: String,
    pub(crate) body: String,
    pub(crate) created_at: Moment,
}

/// What one account has.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    pub(crate) contacts: Vec<Contact>,
    pub(crate) events: Vec<Event>,
    pub(crate) tickets: Vec<Ticket>,
    /// By ticket, oldest first.
    pub(crate) replies: Vec<(String, Reply)>,
}

/// What all accounts have.
#[derive(Debug)]
pub(crate) struct Records {
    desks: HashMap<&'static str, Desk>,
    last_id: u64,
}

impl Records {
    /// As it is when Acme starts: each id is the same every time, times lie around `now`.
    pub(crate) fn seeded(now: Moment) -> Self {
        let mut records = Self { desks: HashMap::new(), last_id: 1000 };
        for account in &ACCOUNTS {
            let seed: Seed = serde_json::from_str(account.seed).expect("the seeds are ours");
            let desk = records.plant(seed, now);
            records.desks.insert(account.id, desk);
        }
        records
    }

    /// A new id.
    pub(crate) fn next_id(&mut self, kind: &str) -> String {
        self.last_id += 1;
        format!("{kind}_{}", self.last_id)
    }

    pub(crate) fn of(&self, account: &Account) -> &Desk {
        &self.desks[account.id]
    }

    pub(crate) fn of_mut(&mut self, account: &Account) -> &mut Desk {
        self.desks.entry(account.id).or_default()
    }

    pub(crate) fn add_contact(&mut self, account: &Account, contact: Contact) {
        add(&mut self.of_mut(account).contacts, contact);
    }

    pub(crate) fn add_event(&mut self, account: &Account, event: Event) {
        add(&mut self.of_mut(account).events, event);
    }

    /// Whether there is such a ticket. A solved one is open again.
    pub(crate) fn add_reply(&mut self, account: &Account, ticket: &str, reply: Reply) -> bool {
        let desk = self.of_mut(account);
        let Some(found) = desk.tickets.iter_mut().find(|found| found.id == ticket) else {
            return false;
        };
        found.updated_at = reply.created_at;
        if found.status == "solved" {
            "open".clone_into(&mut found.status);
        }
        add(&mut desk.replies, (ticket.to_owned(), reply));
        true
    }

    fn plant(&mut self, seed: Seed, now: Moment) -> Desk {
        let ago = |hours: i64| Moment(now.0 - hours * 60 * 60 * 1000);
        let midnight = now.0 - now.0.rem_euclid(DAY_MS);
        let mut desk = Desk::default();
        for contact in seed.contacts {
            desk.contacts.push(Contact {
                id: self.next_id("cnt"),
                name: contact.name,
                email: contact.email,
                phone: contact.phone,
                company: contact.company,
                title: contact.title,
                created_at: ago(24 * 90),
                updated_at: ago(24 * 7),
            });
        }
        for event in seed.events {
            let minute_of_day = event.hour * 60 + event.minute;
            let starts_at = Moment(midnight + event.day * DAY_MS + minute_of_day * 60_000);
            desk.events.push(Event {
                id: self.next_id("evt"),
                title: event.title,
                starts_at,
                ends_at: starts_at.plus(MINUTE * event.minutes),
                location: event.location,
                attendees: event.attendees,
            });
        }
        for ticket in seed.tickets {
            let id = self.next_id("tkt");
            let mut updated_at = ago(ticket.hours_ago);
            for reply in ticket.replies {
                updated_at = ago(reply.hours_ago);
                let reply = Reply {
                    id: self.next_id("rpl"),
                    author: reply.author,
                    body: reply.body,
                    created_at: updated_at,
                };
                desk.replies.push((id.clone(), reply));
            }
            desk.tickets.push(Ticket {
                id,
                subject: ticket.subject,
                status: ticket.status,
                priority: ticket.priority,
                requester: ticket.requester,
                description: ticket.description,
                created_at: ago(ticket.hours_ago),
                updated_at,
            });
        }
        desk
    }
}

fn add<T>(all: &mut Vec<T>, new: T) {
    if all.len() >= MOST {
        all.remove(0);
    }
    all.push(new);
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seed {
    contacts: Vec<SeedContact>,
    events: Vec<SeedEvent>,
    tickets: Vec<SeedTicket>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeedContact {
    name: String,
    email: String,
    phone: Option<String>,
    company: Option<String>,
    title: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeedEvent {
    title: String,
    /// From today.
    day: i64,
    /// UTC.
    hour: i64,
    minute: i64,
    /// How long.
    minutes: u32,
    location: Option<String>,
    attendees: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeedTicket {
    subject: String,
    status: String,
    priority: String,
    requester: Requester,
    description: String,
    hours_ago: i64,
    replies: Vec<SeedReply>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeedReply {
    author: String,
    body: String,
    hours_ago: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_account_starts_with_a_dozen_of_everything_and_no_id_twice() {
        let records = Records::seeded(Moment(1_795_000_000_000));
        let mut ids = Vec::new();
        for account in &ACCOUNTS {
            let desk = records.of(account);
            assert_eq!(desk.contacts.len(), 12, "{}", account.id);
            assert_eq!(desk.events.len(), 12, "{}", account.id);
            assert_eq!(desk.tickets.len(), 12, "{}", account.id);
            ids.extend(desk.contacts.iter().map(|contact| contact.id.clone()));
            ids.extend(desk.events.iter().map(|event| event.id.clone()));
            ids.extend(desk.tickets.iter().map(|ticket| ticket.id.clone()));
        }
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }
}

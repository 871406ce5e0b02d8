//! Tickets, and the messages in them.

use async_trait::async_trait;
use connector::{
    Api, Error, ErrorKind, Method, json,
    model::{Cursor, Id, Page},
    support::{
        ChangeTicket, GetTicket, ListMessages, Message, MessageKind, NewMessage, NewTicket, Person,
        Priority, Role, SearchTickets, Support, Ticket, TicketStatus,
    },
    text,
};
use serde_json::{Value, json};

use crate::Gorgias;

/// The channel of what only the help desk sees.
const NOTE: &str = "internal-note";

/// Among how many messages, the newest ones, the customer's last is looked for.
const LOOKED_AT: u32 = 100;

#[async_trait]
impl Support for Gorgias {
    async fn search_tickets(&self, api: &Api, ask: SearchTickets) -> Result<Page<Ticket>, Error> {
        if ask.query.is_some() {
            let what =
                "Gorgias's list does not search for words; use `requester_email` or `status`";
            return Err(Error::input("query", what));
        }
        let customer = match &ask.requester_email {
            Some(email) => match customer(api, email).await? {
                Some(id) => Some(id),
                // Nobody has that address, so nothing was written from it.
                None => return Ok(Page::last(Vec::new())),
            },
            None => None,
        };
        let found = api
            .call(Method::GET, "/tickets")
            .query_if("customer_id", customer)
            .query("order_by", "updated_datetime:desc")
            .query("trashed", false)
            .query("limit", ask.limit.get())
            .query_if("cursor", ask.cursor.as_ref().map(Cursor::as_str))
            .fetch()
            .await?;
        let mut items = json::each(&found, "data", |one| ticket(api, one))?;
        // The list can't be asked for a status.
        items.retain(|ticket| ask.status.is_none_or(|status| ticket.status == status));
        Ok(Page::new(items, json::filled(&found, "meta.next_cursor")))
    }

    async fn get_ticket(&self, api: &Api, ask: GetTicket) -> Result<Ticket, Error> {
        let call = api.call(Method::GET, "/tickets/{id}").part("id", ask.id);
        ticket(api, &call.fetch().await?)
    }

    async fn create_ticket(&self, api: &Api, new: NewTicket) -> Result<Ticket, Error> {
        let person = json::without_nulls(json!({
            "email": new.requester_email,
            "name": new.requester_name,
        }));
        let body = json!({
            "subject": new.subject,
            "priority": new.priority.map(urgency),
            "tags": tags(&new.tags),
            "customer": person,
            // What comes by the API is not answered by the helpdesk's own rules.
            "channel": "api",
            "via": "api",
            "from_agent": false,
            "messages": [{
                "channel": "api",
                "via": "api",
                "from_agent": false,
                "sender": person,
                "subject": new.subject,
                "body_text": new.text,
                "body_html": text::to_html(&new.text),
            }],
        });
        let call = api.call(Method::POST, "/tickets").json(json::without_nulls(body));
        ticket(api, &call.fetch().await?)
    }

    async fn update_ticket(&self, api: &Api, change: ChangeTicket) -> Result<Ticket, Error> {
        let status = match change.status {
            Some(TicketStatus::Pending) => {
                let what = "Gorgias snoozes until a time; write `open` or `closed`";
                return Err(Error::input("status", what));
            }
            Some(TicketStatus::Open) => Some("open"),
            Some(TicketStatus::Closed) => Some("closed"),
            None => None,
        };
        let assignee =
            change.assignee_id.as_ref().map(|id| number("assignee_id", id)).transpose()?;
        let body = json!({
            "subject": change.subject,
            "status": status,
            "priority": change.priority.map(urgency),
            "assignee_user": assignee.map(|id| json!({ "id": id })),
            "tags": change.tags.as_deref().map(tags),
        });
        let call = api.call(Method::PUT, "/tickets/{id}").part("id", change.id);
        ticket(api, &call.json(json::without_nulls(body)).fetch().await?)
    }

    async fn list_messages(&self, api: &Api, ask: ListMessages) -> Result<Page<Message>, Error> {
        let cursor = ask.cursor.as_ref().map(Cursor::as_str);
        let found = messages(api, &ask.id, "created_datetime:asc", ask.limit.get(), cursor).await?;
        let items = json::each(&found, "data", |one| message(&ask.id, one))?;
        Ok(Page::new(items, json::filled(&found, "meta.next_cursor")))
    }

    async fn reply(&self, api: &Api, new: NewMessage) -> Result<Message, Error> {
        let found = messages(api, &new.id, "created_datetime:desc", LOOKED_AT, None).await?;
        let mut all = json::list_at(&found, "data").iter();
        let last = all.find(|one| is(one, "from_agent") == Some(false) && !is_note(one));
        let route = last.and_then(|last| route_back(api, last)).ok_or_else(|| {
            let text = "the ticket has no message of a customer that leads back to them; answer in Gorgias, or set `address` in the integration's settings";
            Error::new(ErrorKind::Conflict, text)
        })?;
        write(api, new, route).await
    }

    async fn note(&self, api: &Api, new: NewMessage) -> Result<Message, Error> {
        write(api, new, json!({ "channel": NOTE, "public": false })).await
    }
}

async fn customer(api: &Api, email: &str) -> Result<Option<Id>, Error> {
    let call = api.call(Method::GET, "/customers").query("email", email).query("limit", 1);
    Ok(json::maybe_id(&call.fetch().await?, "data.0.id"))
}

async fn messages(
    api: &Api,
    ticket: &Id,
    order: &str,
    limit: u32,
    cursor: Option<&str>,
) -> Result<Value, Error> {
    api.call(Method::GET, "/messages")
        .query("ticket_id", number("id", ticket)?)
        .query("order_by", order)
        .query("limit", limit)
        .query_if("cursor", cursor)
        .fetch()
        .await
}

/// Adds a message of the person who linked; `more` says where it goes.
async fn write(api: &Api, new: NewMessage, more: Value) -> Result<Message, Error> {
    let me = api.get("/users/0").await?;
    let me = json::at(&me, "id").filter(|id| id.is_number()).cloned().ok_or_else(|| {
        Error::new(ErrorKind::Unavailable, "Gorgias does not say who linked; nothing was sent")
    })?;
    let mut body = json!({
        "via": "api",
        "from_agent": true,
        "sender": { "id": me },
        "body_text": new.text,
        "body_html": text::to_html(&new.text),
    });
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    let call = api.call(Method::POST, "/tickets/{id}/messages").part("id", &new.id);
    message(&new.id, &call.json(body).fetch().await?)
}

/// The way on which a customer's message came, backwards; by e-mail from the address in the settings where it
/// does not say one.
fn route_back(api: &Api, last: &Value) -> Option<Value> {
    let receiver = json::maybe_id(last, "sender.id").map(|_| json!({ "id": last["sender"]["id"] }));
    let stated = || {
        let (ours, theirs) = (
            json::filled(last, "source.to.0.address")?,
            json::filled(last, "source.from.address")?,
        );
        Some((json::filled(last, "channel")?, json::filled(last, "source.type"), ours, theirs))
    };
    let by_email = || {
        let email = "email".to_owned();
        let theirs = json::filled(last, "sender.email")?;
        Some((email.clone(), Some(email), api.value("address")?.to_owned(), theirs))
    };
    let (channel, kind, ours, theirs) = stated().or_else(by_email)?;
    Some(json::without_nulls(json!({
        "channel": channel,
        "receiver": receiver,
        "source": { "type": kind, "from": { "address": ours }, "to": [{ "address": theirs }] },
    })))
}

fn is(found: &Value, path: &str) -> Option<bool> {
    found.get(path).and_then(Value::as_bool)
}

fn is_note(message: &Value) -> bool {
    is(message, "public") == Some(false)
        || json::filled(message, "channel").as_deref() == Some(NOTE)
}

fn tags(names: &[String]) -> Value {
    names.iter().map(|name| json!({ "name": name })).collect()
}

fn urgency(priority: Priority) -> &'static str {
    match priority {
        Priority::Low => "low",
        Priority::Normal => "normal",
        Priority::High => "high",
        Priority::Urgent => "critical",
    }
}

fn number(field: &str, id: &Id) -> Result<u64, Error> {
    id.as_str().parse().map_err(|_| Error::input(field, "it is a number at Gorgias"))
}

fn ticket(api: &Api, found: &Value) -> Result<Ticket, Error> {
    let id = json::id_at(found, "id")?;
    let page = api.value("subdomain");
    let tags = json::list_at(found, "tags").iter();
    Ok(Ticket {
        subject: json::filled(found, "subject"),
        status: status(api, found),
        priority: match json::filled(found, "priority").as_deref() {
            Some("low") => Some(Priority::Low),
            Some("normal") => Some(Priority::Normal),
            Some("high") => Some(Priority::High),
            Some("critical") => Some(Priority::Urgent),
            _ => None,
        },
        requester: json::at(found, "customer").and_then(person),
        assignee: json::at(found, "assignee_user").and_then(person),
        tags: tags.filter_map(|tag| json::filled(tag, "name")).collect(),
        url: page.map(|name| format!("https://{name}.gorgias.com/app/ticket/{id}")),
        created_at: json::time_at(found, "created_datetime"),
        updated_at: json::time_at(found, "updated_datetime"),
        raw: found.clone(),
        id,
    })
}

/// A ticket that sleeps is closed until it wakes.
fn status(api: &Api, found: &Value) -> TicketStatus {
    let wakes = json::time_at(found, "snooze_datetime");
    let sleeps = wakes.is_some_and(|wakes| api.now().is_ok_and(|now| wakes > now));
    match json::filled(found, "status").as_deref() {
        Some("closed") if sleeps => TicketStatus::Pending,
        Some("closed") => TicketStatus::Closed,
        _ => TicketStatus::Open,
    }
}

fn person(found: &Value) -> Option<Person> {
    Some(Person {
        id: Some(json::maybe_id(found, "id")?),
        name: json::filled(found, "name"),
        email: json::filled(found, "email"),
    })
}

fn message(ticket: &Id, found: &Value) -> Result<Message, Error> {
    Ok(Message {
        id: json::id_at(found, "id")?,
        ticket_id: ticket.clone(),
        kind: if is_note(found) { MessageKind::Note } else { MessageKind::Reply },
        author: json::at(found, "sender").and_then(person),
        role: match is(found, "from_agent") {
            Some(false) => Some(Role::Customer),
            // Rules of the helpdesk write too.
            Some(true) if json::filled(found, "rule_id").is_some() => Some(Role::System),
            Some(true) => Some(Role::Agent),
            None => None,
        },
        text: json::filled(found, "body_text").or_else(|| json::filled(found, "body_html")),
        created_at: json::time_at(found, "created_datetime"),
        raw: found.clone(),
    })
}

//! Conversations, which are Intercom's tickets here.

use async_trait::async_trait;
use connector::{
    Api, Error, ErrorKind, Method, json,
    model::{Cursor, Id, Page},
    support::{
        ChangeTicket, GetTicket, ListMessages, Message, MessageKind, NewMessage, NewTicket, Person,
        Priority, Role, SearchTickets, Support, Ticket, TicketStatus,
    },
};
use serde_json::{Value, json};

use crate::Intercom;

const ONE: &str = "/conversations/{id}";

#[async_trait]
impl Support for Intercom {
    async fn search_tickets(&self, api: &Api, ask: SearchTickets) -> Result<Page<Ticket>, Error> {
        let person = match &ask.requester_email {
            Some(email) => match contact(api, email).await? {
                Some(id) => Some(id),
                // Nobody has that address, so nothing was written from it.
                None => return Ok(Page::last(Vec::new())),
            },
            None => None,
        };
        let filter = |field: &str, operator: &str, value: Value| json!({ "field": field, "operator": operator, "value": value });
        let mut filters: Vec<_> = [
            ask.query.map(|words| filter("source.body", "~", words.into())),
            ask.status.map(|status| filter("state", "=", word(status).into())),
            person.map(|id| filter("contact_ids", "=", id.to_string().into())),
        ]
        .into_iter()
        .flatten()
        .collect();
        if filters.is_empty() {
            // The search wants a filter: this one fits all.
            filters.push(filter("updated_at", ">", 0.into()));
        }
        let cursor = ask.cursor.as_ref().map(Cursor::as_str);
        let body = json!({
            "query": { "operator": "AND", "value": filters },
            "pagination": json::without_nulls(json!({
                "per_page": ask.limit.get(),
                "starting_after": cursor,
            })),
        });
        let call = api.call(Method::POST, "/conversations/search").json(body).looks();
        let found = call.fetch().await?;
        let next = json::filled(&found, "pages.next.starting_after");
        Ok(Page::new(json::each(&found, "conversations", ticket)?, next))
    }

    async fn get_ticket(&self, api: &Api, ask: GetTicket) -> Result<Ticket, Error> {
        ticket(&conversation(api, &ask.id).await?)
    }

    async fn create_ticket(&self, api: &Api, new: NewTicket) -> Result<Ticket, Error> {
        if new.priority.is_some() {
            return Err(Error::input("priority", "Intercom sets it in its own workflows"));
        }
        if !new.tags.is_empty() {
            return Err(Error::input("tags", "Intercom tags by a tag's id; leave them out"));
        }
        let person = match contact(api, &new.requester_email).await? {
            Some(id) => id,
            None => add_contact(api, &new).await?,
        };
        let body = json!({
            "from": { "type": "user", "id": person },
            "subject": new.subject,
            "body": new.text,
        });
        let made = api.call(Method::POST, "/conversations").json(body).fetch().await?;
        ticket(&conversation(api, &json::id_at(&made, "conversation_id")?).await?)
    }

    async fn update_ticket(&self, api: &Api, change: ChangeTicket) -> Result<Ticket, Error> {
        if change.priority.is_some() {
            return Err(Error::input("priority", "Intercom sets it in its own workflows"));
        }
        if change.tags.is_some() {
            return Err(Error::input("tags", "Intercom tags by a tag's id; leave them out"));
        }
        if change.status == Some(TicketStatus::Pending) {
            let what = "Intercom snoozes until a time; write `open` or `closed`";
            return Err(Error::input("status", what));
        }
        if let Some(title) = change.subject {
            let call = api.call(Method::PUT, ONE).part("id", &change.id);
            call.json(json!({ "title": title })).fetch().await?;
        }
        if change.assignee_id.is_some() || change.status.is_some() {
            let admin = admin(api).await?;
            if let Some(assignee) = change.assignee_id {
                let body = json!({
                    "message_type": "assignment",
                    "type": "admin",
                    "admin_id": admin,
                    "assignee_id": assignee,
                });
                part(api, &change.id, body).await?;
            }
            match change.status {
                Some(TicketStatus::Closed) => {
                    let body =
                        json!({ "message_type": "close", "type": "admin", "admin_id": admin });
                    part(api, &change.id, body).await?;
                }
                Some(_) => {
                    part(api, &change.id, json!({ "message_type": "open", "admin_id": admin }))
                        .await?;
                }
                None => {}
            }
        }
        ticket(&conversation(api, &change.id).await?)
    }

    // Intercom gives a conversation's parts with it, so a page is cut out of them here.
    async fn list_messages(&self, api: &Api, ask: ListMessages) -> Result<Page<Message>, Error> {
        let from = Cursor::count(ask.cursor.as_ref(), 0)?;
        let found = conversation(api, &ask.id).await?;
        let first = found.get("source").map(|source| first(&ask.id, &found, source));
        let parts = json::list_at(&found, "conversation_parts.conversation_parts").iter();
        // The others tell what was done, and say nothing.
        let written = parts.filter(|part| json::filled(part, "body").is_some());
        let all = first
            .into_iter()
            .chain(written.map(|part| message(&ask.id, part)))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Page::cut(all, from, ask.limit))
    }

    async fn reply(&self, api: &Api, new: NewMessage) -> Result<Message, Error> {
        write(api, new, "comment").await
    }

    async fn note(&self, api: &Api, new: NewMessage) -> Result<Message, Error> {
        write(api, new, "note").await
    }
}

async fn conversation(api: &Api, id: &Id) -> Result<Value, Error> {
    api.call(Method::GET, ONE).part("id", id).query("display_as", "plaintext").fetch().await
}

/// Whoever linked: what is written is written by them.
async fn admin(api: &Api) -> Result<Id, Error> {
    json::id_at(&api.get("/me").await?, "id")
}

async fn contact(api: &Api, email: &str) -> Result<Option<Id>, Error> {
    let body = json!({
        "query": { "field": "email", "operator": "=", "value": email },
        "pagination": { "per_page": 1 },
    });
    let found = api.call(Method::POST, "/contacts/search").json(body).looks().fetch().await?;
    Ok(json::maybe_id(&found, "data.0.id"))
}

async fn add_contact(api: &Api, new: &NewTicket) -> Result<Id, Error> {
    let body = json!({ "role": "user", "email": new.requester_email, "name": new.requester_name });
    let call = api.call(Method::POST, "/contacts").json(json::without_nulls(body));
    json::id_at(&call.fetch().await?, "id")
}

async fn part(api: &Api, id: &Id, body: Value) -> Result<Value, Error> {
    api.call(Method::POST, "/conversations/{id}/parts").part("id", id).json(body).fetch().await
}

async fn write(api: &Api, new: NewMessage, kind: &str) -> Result<Message, Error> {
    let body = json!({
        "message_type": kind,
        "type": "admin",
        "admin_id": admin(api).await?,
        "body": connector::text::to_html(&new.text),
    });
    let call = api.call(Method::POST, "/conversations/{id}/reply").part("id", &new.id);
    let found = call.json(body).fetch().await?;
    let parts = json::list_at(&found, "conversation_parts.conversation_parts");
    let last = parts.last().ok_or_else(|| {
        Error::new(ErrorKind::Unavailable, "Intercom does not say that it added the message")
    })?;
    message(&new.id, last)
}

fn word(status: TicketStatus) -> &'static str {
    match status {
        TicketStatus::Open => "open",
        TicketStatus::Pending => "snoozed",
        TicketStatus::Closed => "closed",
    }
}

fn ticket(found: &Value) -> Result<Ticket, Error> {
    let subject = ["title", "source.subject"].iter().find_map(|path| json::filled(found, path));
    let of = |path: &str| {
        let id = json::maybe_id(found, path).filter(|id| id.as_str() != "0");
        id.map(|id| Person { id: Some(id), ..Person::default() })
    };
    Ok(Ticket {
        id: json::id_at(found, "id")?,
        subject,
        status: match json::text_at(found, "state").as_deref() {
            Some("closed") => TicketStatus::Closed,
            Some("snoozed") => TicketStatus::Pending,
            _ => TicketStatus::Open,
        },
        priority: match json::text_at(found, "priority").as_deref() {
            Some("priority") => Some(Priority::High),
            Some("not_priority") => Some(Priority::Normal),
            _ => None,
        },
        requester: requester(found).or_else(|| of("contacts.contacts.0.id")),
        assignee: of("admin_assignee_id"),
        tags: json::list_at(found, "tags.tags")
            .iter()
            .filter_map(|tag| json::filled(tag, "name"))
            .collect(),
        url: None,
        created_at: json::secs_at(found, "created_at"),
        updated_at: json::secs_at(found, "updated_at"),
        raw: found.clone(),
    })
}

/// Whoever began it, if that was a customer.
fn requester(found: &Value) -> Option<Person> {
    let author = json::at(found, "source.author")?;
    (role(author) == Some(Role::Customer)).then(|| person(author))
}

fn person(author: &Value) -> Person {
    Person {
        id: json::maybe_id(author, "id"),
        name: json::filled(author, "name"),
        email: json::filled(author, "email"),
    }
}

fn role(author: &Value) -> Option<Role> {
    match json::text_at(author, "type")?.as_str() {
        "user" | "lead" | "contact" => Some(Role::Customer),
        "admin" | "team" => Some(Role::Agent),
        "bot" => Some(Role::System),
        _ => None,
    }
}

/// The message that began it stands apart from the others.
fn first(ticket: &Id, found: &Value, source: &Value) -> Result<Message, Error> {
    let message = message(ticket, source)?;
    Ok(Message { created_at: json::secs_at(found, "created_at"), ..message })
}

fn message(ticket: &Id, found: &Value) -> Result<Message, Error> {
    let author = found.get("author");
    let is_note = json::text_at(found, "part_type").as_deref() == Some("note");
    Ok(Message {
        id: json::id_at(found, "id")?,
        ticket_id: ticket.clone(),
        kind: if is_note { MessageKind::Note } else { MessageKind::Reply },
        author: author.map(person),
        role: author.and_then(role),
        text: json::filled(found, "body"),
        created_at: json::secs_at(found, "created_at"),
        raw: found.clone(),
    })
}

//! Tickets, and the conversations in them.

use async_trait::async_trait;
use connector::{
    Answer, Api, Error, Method, json,
    model::{Cursor, Id, Page},
    support::{
        ChangeTicket, GetTicket, ListMessages, Message, MessageKind, NewMessage, NewTicket, Person,
        Priority, Role, SearchTickets, Support, Ticket, TicketStatus,
    },
    text,
};
use serde_json::{Value, json};

use crate::Freshdesk;

/// How many tickets are on a page of the search, which can't be changed, and how many pages it shows.
const FOUND_PAGE: u64 = 30;
const FOUND_PAGES: u64 = 10;

/// Without a beginning Freshdesk lists the last thirty days alone.
const ALWAYS: &str = "2000-01-01T00:00:00Z";

#[async_trait]
impl Support for Freshdesk {
    async fn search_tickets(&self, api: &Api, ask: SearchTickets) -> Result<Page<Ticket>, Error> {
        if ask.query.is_some() {
            let what =
                "Freshdesk's API does not search for words; use `requester_email` or `status`";
            return Err(Error::input("query", what));
        }
        match ask.status {
            Some(status) if ask.requester_email.is_none() => found(api, &ask, status).await,
            _ => listed(api, &ask).await,
        }
    }

    async fn get_ticket(&self, api: &Api, ask: GetTicket) -> Result<Ticket, Error> {
        ticket(api, &one(api, &ask.id).await?)
    }

    async fn create_ticket(&self, api: &Api, new: NewTicket) -> Result<Ticket, Error> {
        let body = json!({
            "subject": new.subject,
            "description": text::to_html(&new.text),
            "email": new.requester_email,
            "name": new.requester_name,
            // Both are wanted; these are what Freshdesk's own form begins with.
            "status": number_of(TicketStatus::Open),
            "priority": urgency(new.priority.unwrap_or(Priority::Low)),
            "tags": new.tags,
        });
        let call = api.call(Method::POST, "/tickets").json(json::without_nulls(body));
        ticket(api, &call.fetch().await?)
    }

    async fn update_ticket(&self, api: &Api, change: ChangeTicket) -> Result<Ticket, Error> {
        let body = json!({
            "subject": change.subject,
            "status": change.status.map(number_of),
            "priority": change.priority.map(urgency),
            "responder_id": change.assignee_id.as_ref().map(number).transpose()?,
            "tags": change.tags,
        });
        let call = api.call(Method::PUT, "/tickets/{id}").part("id", change.id);
        ticket(api, &call.json(json::without_nulls(body)).fetch().await?)
    }

    // What was written first stands in the ticket and not among its conversations: it goes before them.
    async fn list_messages(&self, api: &Api, ask: ListMessages) -> Result<Page<Message>, Error> {
        let begins = ask.cursor.is_none();
        let page = Cursor::count(ask.cursor.as_ref(), 1)?;
        let mut items = Vec::new();
        if begins {
            items.push(first(&ask.id, &one(api, &ask.id).await?)?);
        }
        // One less than asked for leaves room for it.
        let most = ask.limit.get() - 1;
        if begins && most == 0 {
            return Ok(Page::new(items, Some(page.to_string())));
        }
        let call = api.call(Method::GET, "/tickets/{id}/conversations").part("id", &ask.id);
        let answer = call.query("page", page).query("per_page", most.max(1)).answer().await?;
        for conversation in list(&answer) {
            items.push(message(&ask.id, conversation, MessageKind::Reply)?);
        }
        Ok(Page::counted(items, page, 1, has_next(&answer)))
    }

    async fn reply(&self, api: &Api, new: NewMessage) -> Result<Message, Error> {
        let call = api.call(Method::POST, "/tickets/{id}/reply").part("id", &new.id);
        let made = call.json(json!({ "body": text::to_html(&new.text) })).fetch().await?;
        message(&new.id, &made, MessageKind::Reply)
    }

    async fn note(&self, api: &Api, new: NewMessage) -> Result<Message, Error> {
        let call = api.call(Method::POST, "/tickets/{id}/notes").part("id", &new.id);
        let body = json!({ "body": text::to_html(&new.text), "private": true });
        message(&new.id, &call.json(body).fetch().await?, MessageKind::Note)
    }
}

async fn one(api: &Api, id: &Id) -> Result<Value, Error> {
    let call = api.call(Method::GET, "/tickets/{id}").part("id", id);
    call.query("include", "requester").fetch().await
}

/// From the list, which knows of people; where a status is asked for too, it is looked at here.
async fn listed(api: &Api, ask: &SearchTickets) -> Result<Page<Ticket>, Error> {
    let page = Cursor::count(ask.cursor.as_ref(), 1)?;
    let answer = api
        .call(Method::GET, "/tickets")
        .query_if("email", ask.requester_email.as_deref())
        .query("updated_since", ALWAYS)
        .query("order_by", "updated_at")
        .query("order_type", "desc")
        .query("include", "requester")
        .query("page", page)
        .query("per_page", ask.limit.get())
        .answer()
        .await?;
    let items = list(&answer).iter().map(|one| ticket(api, one));
    let mut items = items.collect::<Result<Vec<_>, _>>()?;
    items.retain(|ticket| ask.status.is_none_or(|status| ticket.status == status));
    Ok(Page::counted(items, page, 1, has_next(&answer)))
}

/// From the search, whose pages have a size of their own: the cursor counts tickets, and a page ends where
/// the search's does.
async fn found(
    api: &Api,
    ask: &SearchTickets,
    status: TicketStatus,
) -> Result<Page<Ticket>, Error> {
    let from = Cursor::count(ask.cursor.as_ref(), 0)?;
    if from >= FOUND_PAGE * FOUND_PAGES {
        return Err(Error::input("cursor", "Freshdesk's search ends after 300 tickets"));
    }
    let filter = match status {
        TicketStatus::Open => "\"status:2\"",
        TicketStatus::Pending => "\"status:3\"",
        TicketStatus::Closed => "\"status:4 OR status:5\"",
    };
    let call = api.call(Method::GET, "/search/tickets").query("query", filter);
    let found = call.query("page", from / FOUND_PAGE + 1).fetch().await?;
    let on_page = usize::try_from(from % FOUND_PAGE).unwrap_or_default();
    let rest = json::list_at(&found, "results").iter().skip(on_page);
    let items = rest.take(ask.limit.get() as usize).map(|one| ticket(api, one));
    let items = items.collect::<Result<Vec<_>, _>>()?;
    let step = u64::try_from(items.len()).unwrap_or_default();
    let all = found.get("total").and_then(Value::as_u64).unwrap_or_default();
    let is_more = step > 0 && from + step < all.min(FOUND_PAGE * FOUND_PAGES);
    Ok(Page::counted(items, from, step, is_more))
}

fn list(answer: &Answer) -> &[Value] {
    answer.body.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Whether the answer links to a next page (RFC 8288).
fn has_next(answer: &Answer) -> bool {
    let links = answer.headers.get_all("link").iter().filter_map(|link| link.to_str().ok());
    links.flat_map(|links| links.split(',')).any(|link| link.contains("rel=\"next\""))
}

fn number_of(status: TicketStatus) -> u8 {
    match status {
        TicketStatus::Open => 2,
        TicketStatus::Pending => 3,
        TicketStatus::Closed => 5,
    }
}

fn urgency(priority: Priority) -> u8 {
    match priority {
        Priority::Low => 1,
        Priority::Normal => 2,
        Priority::High => 3,
        Priority::Urgent => 4,
    }
}

fn number(id: &Id) -> Result<u64, Error> {
    id.as_str().parse().map_err(|_| Error::input("assignee_id", "give the number of an agent"))
}

fn ticket(api: &Api, found: &Value) -> Result<Ticket, Error> {
    let id = json::id_at(found, "id")?;
    let page = api.value("subdomain");
    Ok(Ticket {
        subject: json::filled(found, "subject"),
        // Resolved is 4, closed 5; 6 and 7 wait for the customer or somebody else, where an account has them.
        status: match json::text_at(found, "status").as_deref() {
            Some("3" | "6" | "7") => TicketStatus::Pending,
            Some("4" | "5") => TicketStatus::Closed,
            _ => TicketStatus::Open,
        },
        priority: match json::text_at(found, "priority").as_deref() {
            Some("1") => Some(Priority::Low),
            Some("2") => Some(Priority::Normal),
            Some("3") => Some(Priority::High),
            Some("4") => Some(Priority::Urgent),
            _ => None,
        },
        requester: requester(found),
        assignee: numbered(found, "responder_id"),
        tags: json::list_at(found, "tags").iter().filter_map(json::text_of).collect(),
        url: page.map(|name| format!("https://{name}.freshdesk.com/a/tickets/{id}")),
        created_at: json::time_at(found, "created_at"),
        updated_at: json::time_at(found, "updated_at"),
        raw: found.clone(),
        id,
    })
}

/// Whoever asks, where the answer tells more than the number.
fn requester(found: &Value) -> Option<Person> {
    let person = numbered(found, "requester_id")?;
    let name = json::filled(found, "requester.name");
    Some(Person { name, email: json::filled(found, "requester.email"), ..person })
}

fn numbered(found: &Value, path: &str) -> Option<Person> {
    Some(Person { id: Some(json::maybe_id(found, path)?), ..Person::default() })
}

/// What was written first. Its id is the ticket's: it has no other.
fn first(ticket: &Id, found: &Value) -> Result<Message, Error> {
    Ok(Message {
        id: json::id_at(found, "id")?,
        ticket_id: ticket.clone(),
        kind: MessageKind::Reply,
        author: requester(found),
        role: Some(Role::Customer),
        text: json::filled(found, "description_text")
            .or_else(|| json::filled(found, "description")),
        created_at: json::time_at(found, "created_at"),
        raw: found.clone(),
    })
}

/// A conversation; of what `kind` where it does not say so itself.
fn message(ticket: &Id, found: &Value, kind: MessageKind) -> Result<Message, Error> {
    let says = |path: &str| found.get(path).and_then(Value::as_bool);
    Ok(Message {
        id: json::id_at(found, "id")?,
        ticket_id: ticket.clone(),
        kind: match says("private") {
            Some(true) => MessageKind::Note,
            Some(false) => MessageKind::Reply,
            None => kind,
        },
        author: numbered(found, "user_id"),
        role: Some(if says("incoming") == Some(true) { Role::Customer } else { Role::Agent }),
        text: json::filled(found, "body_text").or_else(|| json::filled(found, "body")),
        created_at: json::time_at(found, "created_at"),
        raw: found.clone(),
    })
}

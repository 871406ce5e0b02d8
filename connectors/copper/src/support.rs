//! Tickets: found, read and answered.

use async_trait::async_trait;
use connector::{
    Api, Error, Method, json,
    model::{Cursor, Id, Page},
    support::{
        ChangeTicket, GetTicket, ListMessages, Message, MessageKind, NewMessage, NewTicket, Person,
        Priority, Role, SearchTickets, Support, Ticket, TicketStatus,
    },
    unsupported,
};
use serde_json::{Value, json};

use crate::Copper;

#[async_trait]
impl Support for Copper {
    async fn search_tickets(&self, api: &Api, ask: SearchTickets) -> Result<Page<Ticket>, Error> {
        let words: Vec<_> =
            [ask.query, ask.requester_email.clone()].into_iter().flatten().collect();
        let found = api
            .call(Method::GET, "/v1/tickets")
            .query_if("query", Some(words.join(" ")).filter(|words| !words.is_empty()))
            .query_if("status", ask.status.map(word))
            .query_if("cursor", ask.cursor.as_ref().map(Cursor::as_str))
            .query("limit", ask.limit.get())
            .fetch()
            .await?;
        let mut items = json::each(&found, "items", ticket)?;
        if let Some(email) = &ask.requester_email {
            let of = |ticket: &Ticket| ticket.requester.as_ref()?.email.clone();
            items.retain(|ticket| of(ticket).as_ref() == Some(email));
        }
        Ok(Page::new(items, json::text_at(&found, "next_cursor")))
    }

    async fn get_ticket(&self, api: &Api, ask: GetTicket) -> Result<Ticket, Error> {
        ticket(&thread(api, &ask.id).await?)
    }

    async fn create_ticket(&self, _: &Api, _: NewTicket) -> Result<Ticket, Error> {
        Err(unsupported("tickets.create"))
    }

    async fn update_ticket(&self, _: &Api, _: ChangeTicket) -> Result<Ticket, Error> {
        Err(unsupported("tickets.update"))
    }

    // Acme gives all replies with the ticket, so a page is cut out of them here.
    async fn list_messages(&self, api: &Api, ask: ListMessages) -> Result<Page<Message>, Error> {
        let from = Cursor::count(ask.cursor.as_ref(), 0)?;
        let thread = thread(api, &ask.id).await?;
        let all = json::each(&thread, "replies", |reply| message(&ask.id, reply))?;
        Ok(Page::cut(all, from, ask.limit))
    }

    async fn reply(&self, api: &Api, new: NewMessage) -> Result<Message, Error> {
        let call = api.call(Method::POST, "/v1/tickets/{id}/replies").part("id", &new.id);
        message(&new.id, &call.json(json!({ "body": new.text })).fetch().await?)
    }

    async fn note(&self, _: &Api, _: NewMessage) -> Result<Message, Error> {
        Err(unsupported("tickets.note"))
    }
}

async fn thread(api: &Api, id: &Id) -> Result<Value, Error> {
    api.call(Method::GET, "/v1/tickets/{id}").part("id", id).fetch().await
}

/// Acme's word.
fn word(status: TicketStatus) -> &'static str {
    match status {
        TicketStatus::Open => "open",
        TicketStatus::Pending => "pending",
        TicketStatus::Closed => "solved",
    }
}

fn ticket(found: &Value) -> Result<Ticket, Error> {
    Ok(Ticket {
        id: json::id_at(found, "id")?,
        subject: json::filled(found, "subject"),
        status: match json::text_at(found, "status").as_deref() {
            Some("solved") => TicketStatus::Closed,
            Some("pending") => TicketStatus::Pending,
            _ => TicketStatus::Open,
        },
        priority: match json::text_at(found, "priority").as_deref() {
            Some("low") => Some(Priority::Low),
            Some("normal") => Some(Priority::Normal),
            Some("high") => Some(Priority::High),
            Some("urgent") => Some(Priority::Urgent),
            _ => None,
        },
        requester: Some(Person {
            id: None,
            name: json::filled(found, "requester.name"),
            email: json::filled(found, "requester.email"),
        }),
        assignee: None,
        tags: Vec::new(),
        url: None,
        created_at: json::time_at(found, "created_at"),
        updated_at: json::time_at(found, "updated_at"),
        raw: found.clone(),
    })
}

fn message(ticket: &Id, found: &Value) -> Result<Message, Error> {
    Ok(Message {
        id: json::id_at(found, "id")?,
        ticket_id: ticket.clone(),
        kind: MessageKind::Reply,
        author: Some(Person { name: json::filled(found, "author"), ..Person::default() }),
        role: Some(Role::Agent),
        text: json::filled(found, "body"),
        created_at: json::time_at(found, "created_at"),
        raw: found.clone(),
    })
}

//! Tickets and their comments.

use async_trait::async_trait;
use connector::{
    Api, Error, ErrorKind, Method, json,
    model::{Cursor, Id, Page},
    support::{
        ChangeTicket, GetTicket, ListMessages, Message, MessageKind, NewMessage, NewTicket, Person,
        Priority, SearchTickets, Support, Ticket, TicketStatus,
    },
};
use serde_json::{Value, json};

use crate::Zendesk;

#[async_trait]
impl Support for Zendesk {
    async fn search_tickets(&self, api: &Api, ask: SearchTickets) -> Result<Page<Ticket>, Error> {
        let page = Cursor::count(ask.cursor.as_ref(), 1)?;
        let words = ask.query.as_deref().unwrap_or_default().split_whitespace().map(quoted);
        let email =
            ask.requester_email.as_deref().map(|email| format!("requester:{}", quoted(email)));
        let filter: Vec<_> = ["type:ticket".to_owned()]
            .into_iter()
            .chain(ask.status.map(standing).map(str::to_owned))
            .chain(email)
            .chain(words)
            .collect();
        let found = api
            .call(Method::GET, "/search")
            .query("query", filter.join(" "))
            .query("include", "tickets(users)")
            .query("sort_by", "updated_at")
            .query("sort_order", "desc")
            .query("page", page)
            .query("per_page", ask.limit.get())
            .fetch()
            .await?;
        let items = json::each(&found, "results", |one| ticket(api, one, &found))?;
        let is_more = found.get("next_page").is_some_and(|next| !next.is_null());
        Ok(Page::counted(items, page, 1, is_more))
    }

    async fn get_ticket(&self, api: &Api, ask: GetTicket) -> Result<Ticket, Error> {
        let call = api.call(Method::GET, "/tickets/{id}").part("id", ask.id);
        let found = call.query("include", "users").fetch().await?;
        ticket(api, &found["ticket"], &found)
    }

    async fn create_ticket(&self, api: &Api, new: NewTicket) -> Result<Ticket, Error> {
        // Whoever is not known yet is added, and then has to have a name.
        let name = new.requester_name.as_ref().unwrap_or(&new.requester_email);
        let body = json!({
            "subject": new.subject,
            "comment": { "body": new.text },
            "requester": { "email": new.requester_email, "name": name },
            "priority": new.priority.map(urgency),
            "tags": new.tags,
        });
        let body = json!({ "ticket": json::without_nulls(body) });
        let found = api.call(Method::POST, "/tickets").json(body).fetch().await?;
        ticket(api, &found["ticket"], &found)
    }

    async fn update_ticket(&self, api: &Api, change: ChangeTicket) -> Result<Ticket, Error> {
        let body = json!({
            "subject": change.subject,
            "status": change.status.map(word),
            "priority": change.priority.map(urgency),
            "assignee_id": change.assignee_id.as_ref().map(number).transpose()?,
            "tags": change.tags,
        });
        let found = put(api, &change.id, json::without_nulls(body)).await?;
        ticket(api, &found["ticket"], &found)
    }

    async fn list_messages(&self, api: &Api, ask: ListMessages) -> Result<Page<Message>, Error> {
        let found = api
            .call(Method::GET, "/tickets/{id}/comments")
            .part("id", &ask.id)
            .query("include", "users")
            .query("page[size]", ask.limit.get())
            .query_if("page[after]", ask.cursor.as_ref().map(Cursor::as_str))
            .fetch()
            .await?;
        let items = json::each(&found, "comments", |one| message(&ask.id, one, &found))?;
        let is_more = json::at(&found, "meta.has_more").and_then(Value::as_bool) == Some(true);
        Ok(Page::new(items, json::filled(&found, "meta.after_cursor").filter(|_| is_more)))
    }

    async fn reply(&self, api: &Api, new: NewMessage) -> Result<Message, Error> {
        comment(api, &new, true).await
    }

    async fn note(&self, api: &Api, new: NewMessage) -> Result<Message, Error> {
        comment(api, &new, false).await
    }
}

async fn put(api: &Api, id: &Id, ticket: Value) -> Result<Value, Error> {
    let call = api.call(Method::PUT, "/tickets/{id}").part("id", id);
    call.json(json!({ "ticket": ticket })).fetch().await
}

/// A comment comes with a change of its ticket; the change's record says what became of it.
async fn comment(api: &Api, new: &NewMessage, public: bool) -> Result<Message, Error> {
    let found =
        put(api, &new.id, json!({ "comment": { "body": new.text, "public": public } })).await?;
    let mut events = json::list_at(&found, "audit.events").iter();
    let made = events.find(|event| json::text_at(event, "type").as_deref() == Some("Comment"));
    let made = made.ok_or_else(|| {
        let text = "Zendesk changed the ticket and does not say that it added the comment";
        Error::new(ErrorKind::Unavailable, text)
    })?;
    let message = message(&new.id, made, &found)?;
    Ok(Message { created_at: json::time_at(&found, "audit.created_at"), ..message })
}

/// A value of the search's language: in quotes, which it has no way to write within them.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace(['"', '\\'], " "))
}

fn standing(status: TicketStatus) -> &'static str {
    match status {
        TicketStatus::Open => "status:new status:open",
        TicketStatus::Pending => "status:pending status:hold",
        TicketStatus::Closed => "status:solved status:closed",
    }
}

fn word(status: TicketStatus) -> &'static str {
    match status {
        TicketStatus::Open => "open",
        TicketStatus::Pending => "pending",
        TicketStatus::Closed => "solved",
    }
}

fn urgency(priority: Priority) -> &'static str {
    match priority {
        Priority::Low => "low",
        Priority::Normal => "normal",
        Priority::High => "high",
        Priority::Urgent => "urgent",
    }
}

fn number(id: &Id) -> Result<u64, Error> {
    id.as_str().parse().map_err(|_| Error::input("assignee_id", "give the number of an agent"))
}

/// Someone among those that came along, or the number alone.
fn person(found: &Value, id: &str) -> Option<Person> {
    let id = Id::new(id)?;
    let mut users = json::list_at(found, "users").iter();
    let user = users.find(|user| json::maybe_id(user, "id").as_ref() == Some(&id));
    Some(Person {
        name: user.and_then(|user| json::filled(user, "name")),
        email: user.and_then(|user| json::filled(user, "email")),
        id: Some(id),
    })
}

fn ticket(api: &Api, one: &Value, found: &Value) -> Result<Ticket, Error> {
    let id = json::id_at(one, "id")?;
    let who = |path| person(found, &json::text_at(one, path)?);
    let page =
        api.value("subdomain").map(|name| format!("https://{name}.zendesk.com/agent/tickets/{id}"));
    Ok(Ticket {
        subject: json::filled(one, "subject"),
        status: match json::text_at(one, "status").as_deref() {
            Some("pending" | "hold") => TicketStatus::Pending,
            Some("solved" | "closed") => TicketStatus::Closed,
            _ => TicketStatus::Open,
        },
        priority: match json::text_at(one, "priority").as_deref() {
            Some("low") => Some(Priority::Low),
            Some("normal") => Some(Priority::Normal),
            Some("high") => Some(Priority::High),
            Some("urgent") => Some(Priority::Urgent),
            _ => None,
        },
        requester: who("requester_id"),
        assignee: who("assignee_id"),
        tags: json::list_at(one, "tags").iter().filter_map(json::text_of).collect(),
        url: page,
        created_at: json::time_at(one, "created_at"),
        updated_at: json::time_at(one, "updated_at"),
        raw: one.clone(),
        id,
    })
}

fn message(ticket: &Id, one: &Value, found: &Value) -> Result<Message, Error> {
    let is_public = one.get("public").and_then(Value::as_bool) == Some(true);
    Ok(Message {
        id: json::id_at(one, "id")?,
        ticket_id: ticket.clone(),
        kind: if is_public { MessageKind::Reply } else { MessageKind::Note },
        author: json::text_at(one, "author_id").and_then(|id| person(found, &id)),
        role: role(one, found),
        text: json::filled(one, "plain_body").or_else(|| json::filled(one, "body")),
        created_at: json::time_at(one, "created_at"),
        raw: one.clone(),
    })
}

fn role(one: &Value, found: &Value) -> Option<connector::support::Role> {
    use connector::support::Role;
    let author = json::text_at(one, "author_id")?;
    if author == "-1" {
        return Some(Role::System);
    }
    let mut users = json::list_at(found, "users").iter();
    let user = users.find(|user| json::text_at(user, "id").as_ref() == Some(&author))?;
    match json::text_at(user, "role")?.as_str() {
        "end-user" => Some(Role::Customer),
        "agent" | "admin" => Some(Role::Agent),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_searched_for_can_not_become_another_filter() {
        assert_eq!(quoted("a\" status:closed \\"), "\"a  status:closed  \"");
    }
}

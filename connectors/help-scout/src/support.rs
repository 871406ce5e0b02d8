//! Conversations, which are Help Scout's tickets here, and the threads in them, which are their messages.

use async_trait::async_trait;
use connector::{
    Answer, Api, Error, ErrorKind, Method, json,
    model::{Cursor, Id, Limit, Page},
    support::{
        ChangeTicket, GetTicket, ListMessages, Message, MessageKind, NewMessage, NewTicket, Person,
        Role, SearchTickets, Support, Ticket, TicketStatus,
    },
    text,
};
use serde_json::{Value, json};

use crate::HelpScout;

const ONE: &str = "/conversations/{id}";

/// The most inboxes that an error names.
const MOST_NAMED: usize = 20;

#[async_trait]
impl Support for HelpScout {
    async fn search_tickets(&self, api: &Api, ask: SearchTickets) -> Result<Page<Ticket>, Error> {
        let filter = filter(&ask)?;
        let place = Place::read(ask.cursor.as_ref())?;
        let found = api
            .call(Method::GET, "/conversations")
            // Without one it lists those that are active.
            .query("status", ask.status.map_or("all", word))
            .query("sortField", "modifiedAt")
            .query("sortOrder", "desc")
            .query_if("query", filter)
            .query("page", place.page)
            .fetch()
            .await?;
        let (some, next) = place.cut(&found, "_embedded.conversations", ask.limit);
        Ok(Page::new(some.iter().map(ticket).collect::<Result<_, _>>()?, next))
    }

    async fn get_ticket(&self, api: &Api, ask: GetTicket) -> Result<Ticket, Error> {
        ticket(&conversation(api, &ask.id).await?)
    }

    async fn create_ticket(&self, api: &Api, new: NewTicket) -> Result<Ticket, Error> {
        if new.priority.is_some() {
            return Err(Error::input("priority", "Help Scout has none; use `tags`"));
        }
        let name = new.requester_name.as_deref().unwrap_or_default();
        let (first, last) = name.split_once(' ').unwrap_or((name, ""));
        let given = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        let customer = json::without_nulls(json!({
            "email": new.requester_email,
            "firstName": given(first),
            "lastName": given(last.trim()),
        }));
        let body = json!({
            "subject": new.subject,
            "type": "email",
            "mailboxId": mailbox(api).await?,
            "status": word(TicketStatus::Open),
            "customer": customer,
            "threads": [{
                "type": "customer",
                "customer": { "email": new.requester_email },
                "text": text::to_html(&new.text),
            }],
            "tags": new.tags,
        });
        let answer = api.call(Method::POST, "/conversations").json(body).answer().await?;
        ticket(&conversation(api, &made(&answer)?).await?)
    }

    // Help Scout changes one field at a time, and tags apart from them.
    async fn update_ticket(&self, api: &Api, change: ChangeTicket) -> Result<Ticket, Error> {
        if change.priority.is_some() {
            return Err(Error::input("priority", "Help Scout has none; use `tags`"));
        }
        let assignee = change.assignee_id.as_ref().map(number).transpose()?;
        let fields = [
            change.subject.map(|subject| ("/subject", json!(subject))),
            assignee.map(|assignee| ("/assignTo", json!(assignee))),
            change.status.map(|status| ("/status", json!(word(status)))),
        ];
        for (path, value) in fields.into_iter().flatten() {
            let call = api.call(Method::PATCH, ONE).part("id", &change.id);
            let body = json!({ "op": "replace", "path": path, "value": value });
            call.json(body).fetch().await?;
        }
        if let Some(tags) = change.tags {
            let call = api.call(Method::PUT, "/conversations/{id}/tags").part("id", &change.id);
            call.json(json!({ "tags": tags })).fetch().await?;
        }
        ticket(&conversation(api, &change.id).await?)
    }

    async fn list_messages(&self, api: &Api, ask: ListMessages) -> Result<Page<Message>, Error> {
        let place = Place::read(ask.cursor.as_ref())?;
        let call = api.call(Method::GET, "/conversations/{id}/threads").part("id", &ask.id);
        let found = call.query("page", place.page).fetch().await?;
        let (some, next) = place.cut(&found, "_embedded.threads", ask.limit);
        let items = some.iter().filter(|thread| is_message(thread));
        Ok(Page::new(items.map(|thread| message(&ask.id, thread)).collect::<Result<_, _>>()?, next))
    }

    async fn reply(&self, api: &Api, new: NewMessage) -> Result<Message, Error> {
        let found = conversation(api, &new.id).await?;
        // A number, as Help Scout wrote it.
        let customer = json::at(&found, "primaryCustomer.id").filter(|id| id.is_number());
        let customer = customer.ok_or_else(|| {
            let text = "the conversation has no customer who could be answered";
            Error::new(ErrorKind::Conflict, text)
        })?;
        let body = json!({ "customer": { "id": customer }, "text": text::to_html(&new.text), "status": found.get("status") });
        write(api, new, "/conversations/{id}/reply", body, MessageKind::Reply).await
    }

    async fn note(&self, api: &Api, new: NewMessage) -> Result<Message, Error> {
        let found = conversation(api, &new.id).await?;
        let body = json!({ "text": text::to_html(&new.text), "status": found.get("status") });
        write(api, new, "/conversations/{id}/notes", body, MessageKind::Note).await
    }
}

async fn conversation(api: &Api, id: &Id) -> Result<Value, Error> {
    api.call(Method::GET, ONE).part("id", id).fetch().await
}

/// The body says the status that the conversation has: else Help Scout opens it again.
async fn write(
    api: &Api,
    new: NewMessage,
    path: &str,
    body: Value,
    kind: MessageKind,
) -> Result<Message, Error> {
    let call = api.call(Method::POST, path).part("id", &new.id);
    let answer = call.json(json::without_nulls(body)).answer().await?;
    Ok(Message {
        id: made(&answer)?,
        ticket_id: new.id,
        kind,
        author: None,
        role: Some(Role::Agent),
        text: Some(new.text),
        created_at: None,
        // The answer has no body.
        raw: Value::Null,
    })
}

/// The id of what was made, which stands in a header alone.
fn made(answer: &Answer) -> Result<Id, Error> {
    let id = answer.headers.get("resource-id").and_then(|id| id.to_str().ok()).and_then(Id::new);
    id.ok_or_else(|| {
        let text = "Help Scout took it and does not say its id; look before you try again";
        Error::new(ErrorKind::Unavailable, text)
    })
}

/// Where new conversations go: where the integration's settings say, or into the only inbox.
async fn mailbox(api: &Api) -> Result<Value, Error> {
    if let Some(set) = api.value("mailbox").and_then(|set| set.parse::<u64>().ok()) {
        return Ok(json!(set));
    }
    let found = api.call(Method::GET, "/mailboxes").fetch().await?;
    let all = json::list_at(&found, "_embedded.mailboxes");
    match all {
        [only] => Ok(json!(number_at(only)?)),
        [] => Err(Error::new(ErrorKind::Denied, "the person who linked sees no inbox")),
        several => {
            let ids = several.iter().take(MOST_NAMED).filter_map(|one| json::filled(one, "id"));
            let ids = ids.collect::<Vec<_>>().join(", ");
            let text = format!(
                "there are several inboxes; set `mailbox` in the integration's settings to the number of one: {ids}"
            );
            Err(Error::new(ErrorKind::Invalid, text))
        }
    }
}

fn number_at(found: &Value) -> Result<u64, Error> {
    let id = found.get("id").and_then(Value::as_u64);
    id.ok_or_else(|| Error::new(ErrorKind::Unavailable, "the inbox has no number"))
}

/// A place in a list whose pages have a size of Help Scout's own: a page, and how many of it were given.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    page: u64,
    given: usize,
}

impl Place {
    fn read(cursor: Option<&Cursor>) -> Result<Self, Error> {
        let Some(cursor) = cursor else { return Ok(Self { page: 1, given: 0 }) };
        let parts = cursor.as_str().split_once('.');
        let place = parts.and_then(|(page, given)| {
            Some(Self { page: page.parse().ok()?, given: given.parse().ok()? })
        });
        place.ok_or_else(|| Error::input("cursor", "give the `next_cursor` of the page before"))
    }

    /// So many from here, and where the next ones begin.
    fn cut<'a>(&self, found: &'a Value, path: &str, limit: Limit) -> (&'a [Value], Option<String>) {
        let all = json::list_at(found, path);
        let from = self.given.min(all.len());
        let end = (from + limit.get() as usize).min(all.len());
        let pages = json::at(found, "page.totalPages").and_then(Value::as_u64).unwrap_or_default();
        let next = if end < all.len() {
            Some(format!("{}.{end}", self.page))
        } else {
            (self.page < pages).then(|| format!("{}.0", self.page + 1))
        };
        (&all[from..end], next)
    }
}

/// What is asked for, in the language of Help Scout's search.
fn filter(ask: &SearchTickets) -> Result<Option<String>, Error> {
    let mut parts = Vec::new();
    if let Some(query) = &ask.query {
        let words = plain(query);
        parts.extend(
            words.split_whitespace().map(|word| format!("(subject:\"{word}\" OR body:\"{word}\")")),
        );
        if parts.is_empty() {
            return Err(Error::input("query", "give at least one word"));
        }
    }
    if let Some(email) = &ask.requester_email {
        let email = plain(email);
        let email = email.trim();
        if email.is_empty() || email.contains(char::is_whitespace) {
            return Err(Error::input("requester_email", "give one e-mail address"));
        }
        parts.push(format!("email:\"{email}\""));
    }
    Ok((!parts.is_empty()).then(|| format!("({})", parts.join(" AND "))))
}

/// Without what would end a text in quotes, or escape its end.
fn plain(text: &str) -> String {
    text.replace(|c: char| c.is_control() || matches!(c, '"' | '\\'), " ")
}

fn word(status: TicketStatus) -> &'static str {
    match status {
        TicketStatus::Open => "active",
        TicketStatus::Pending => "pending",
        TicketStatus::Closed => "closed",
    }
}

fn number(id: &Id) -> Result<u64, Error> {
    id.as_str().parse().map_err(|_| Error::input("assignee_id", "give the number of a user"))
}

fn ticket(found: &Value) -> Result<Ticket, Error> {
    let tags = json::list_at(found, "tags").iter();
    Ok(Ticket {
        id: json::id_at(found, "id")?,
        subject: json::filled(found, "subject"),
        status: match json::filled(found, "status").as_deref() {
            Some("pending") => TicketStatus::Pending,
            Some("closed" | "spam") => TicketStatus::Closed,
            _ => TicketStatus::Open,
        },
        priority: None,
        requester: json::at(found, "primaryCustomer").and_then(person),
        assignee: json::at(found, "assignee").and_then(person),
        tags: tags.filter_map(|tag| json::filled(tag, "tag")).collect(),
        url: json::filled(found, "_links.web.href").filter(|link| link.starts_with("https://")),
        created_at: json::time_at(found, "createdAt"),
        updated_at: json::time_at(found, "userUpdatedAt"),
        raw: found.clone(),
    })
}

fn person(found: &Value) -> Option<Person> {
    let names = ["first", "last"].iter().filter_map(|path| json::filled(found, path));
    let name = names.collect::<Vec<_>>().join(" ");
    Some(Person {
        id: Some(json::maybe_id(found, "id")?),
        name: Some(name).filter(|name| !name.is_empty()),
        email: json::filled(found, "email"),
    })
}

/// What was written and went out; not what was only done, nor drafts and what a colleague has to look at first.
fn is_message(thread: &Value) -> bool {
    let state = json::filled(thread, "state");
    json::filled(thread, "type").as_deref() != Some("lineitem")
        && !matches!(state.as_deref(), Some("draft" | "review" | "underreview"))
}

fn message(ticket: &Id, found: &Value) -> Result<Message, Error> {
    Ok(Message {
        id: json::id_at(found, "id")?,
        ticket_id: ticket.clone(),
        kind: match json::filled(found, "type").as_deref() {
            Some("note" | "forwardparent") => MessageKind::Note,
            _ => MessageKind::Reply,
        },
        author: json::at(found, "createdBy").and_then(person),
        role: match json::filled(found, "createdBy.type").as_deref() {
            Some("customer") => Some(Role::Customer),
            Some("user") => Some(Role::Agent),
            Some("system_user") => Some(Role::System),
            _ => None,
        },
        text: json::filled(found, "body"),
        created_at: json::time_at(found, "createdAt"),
        raw: found.clone(),
    })
}

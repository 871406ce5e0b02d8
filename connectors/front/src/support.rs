//! Conversations, which are Front's tickets here.

use async_trait::async_trait;
use connector::{
    Api, Error, ErrorKind, Method, json,
    model::{Cursor, DateTime, Id, Page},
    support::{
        ChangeTicket, GetTicket, ListMessages, Message, MessageKind, NewMessage, NewTicket, Person,
        Role, SearchTickets, Support, Ticket, TicketStatus,
    },
    text, unsupported,
};
use serde_json::{Value, json};
use url::Url;

use crate::Front;

const ONE: &str = "/conversations/{id}";

/// How a cursor begins that counts notes: messages come first, and Front lists notes apart from them.
const NOTES: &str = "notes:";

/// How many pages of tags are looked through for a name, of a hundred tags each.
const TAG_PAGES: usize = 10;

#[async_trait]
impl Support for Front {
    async fn search_tickets(&self, api: &Api, ask: SearchTickets) -> Result<Page<Ticket>, Error> {
        let filter = filter(&ask)?;
        let call = if filter.is_empty() {
            api.call(Method::GET, "/conversations")
        } else {
            api.call(Method::GET, "/conversations/search/{query}").part("query", filter)
        };
        let cursor = ask.cursor.as_ref().map(Cursor::as_str);
        let found =
            call.query("limit", ask.limit.get()).query_if("page_token", cursor).fetch().await?;
        let mut items = json::each(&found, "_results", ticket)?;
        // What Front finds as archived may wait still.
        items.retain(|ticket| ask.status.is_none_or(|status| ticket.status == status));
        Ok(Page::new(items, next(&found)))
    }

    async fn get_ticket(&self, api: &Api, ask: GetTicket) -> Result<Ticket, Error> {
        ticket(&conversation(api, &ask.id).await?)
    }

    async fn create_ticket(&self, _api: &Api, _new: NewTicket) -> Result<Ticket, Error> {
        Err(unsupported("tickets.create"))
    }

    async fn update_ticket(&self, api: &Api, change: ChangeTicket) -> Result<Ticket, Error> {
        if change.subject.is_some() {
            return Err(Error::input("subject", "Front keeps that of the first message"));
        }
        if change.priority.is_some() {
            return Err(Error::input("priority", "Front has none; tag the conversation instead"));
        }
        let status = match change.status {
            Some(TicketStatus::Pending) => {
                let what = "Front waits in its own statuses only; write `open` or `closed`";
                return Err(Error::input("status", what));
            }
            Some(TicketStatus::Open) => Some("open"),
            Some(TicketStatus::Closed) => Some("archived"),
            None => None,
        };
        let tags = match change.tags {
            Some(names) => Some(tag_ids(api, &names).await?),
            None => None,
        };
        let body = json!({ "assignee_id": change.assignee_id, "status": status, "tag_ids": tags });
        let call = api.call(Method::PATCH, ONE).part("id", &change.id);
        call.json(json::without_nulls(body)).fetch().await?;
        ticket(&conversation(api, &change.id).await?)
    }

    async fn list_messages(&self, api: &Api, ask: ListMessages) -> Result<Page<Message>, Error> {
        let cursor = ask.cursor.as_ref().map(Cursor::as_str);
        let most = ask.limit.get() as usize;
        if let Some(from) = cursor.and_then(|cursor| cursor.strip_prefix(NOTES)) {
            let wrong = |_| Error::input("cursor", "give the `next_cursor` of the page before");
            return notes(api, &ask.id, Vec::new(), from.parse().map_err(wrong)?, most).await;
        }
        let found = api
            .call(Method::GET, "/conversations/{id}/messages")
            .part("id", &ask.id)
            .query("sort_by", "created_at")
            .query("sort_order", "asc")
            .query("limit", most)
            .query_if("page_token", cursor)
            .fetch()
            .await?;
        // A draft is not written yet.
        let sent = json::list_at(&found, "_results").iter();
        let sent = sent.filter(|one| json::filled(one, "draft_mode").is_none());
        let items = sent.map(|one| message(&ask.id, one)).collect::<Result<Vec<_>, _>>()?;
        match next(&found) {
            Some(next) => Ok(Page::new(items, Some(next))),
            None => notes(api, &ask.id, items, 0, most).await,
        }
    }

    // Front takes it and sends it later: it has no id of its own yet, but this one leads to it.
    async fn reply(&self, api: &Api, new: NewMessage) -> Result<Message, Error> {
        let body = json!({
            "body": text::to_html(&new.text),
            // Else Front closes the conversation.
            "options": { "archive": false },
        });
        let call = api.call(Method::POST, "/conversations/{id}/messages").part("id", &new.id);
        let made = call.json(body).fetch().await?;
        let id =
            json::filled(&made, "message_uid").and_then(|uid| Id::new(format!("alt:uid:{uid}")));
        let id = id.ok_or_else(|| {
            Error::new(ErrorKind::Unavailable, "Front does not say that it took the message")
        })?;
        Ok(Message {
            id,
            ticket_id: new.id,
            kind: MessageKind::Reply,
            author: None,
            role: Some(Role::Agent),
            text: Some(new.text),
            created_at: None,
            raw: made,
        })
    }

    async fn note(&self, api: &Api, new: NewMessage) -> Result<Message, Error> {
        let call = api.call(Method::POST, "/conversations/{id}/comments").part("id", &new.id);
        comment(&new.id, &call.json(json!({ "body": new.text })).fetch().await?)
    }
}

async fn conversation(api: &Api, id: &Id) -> Result<Value, Error> {
    api.call(Method::GET, ONE).part("id", id).fetch().await
}

/// The messages of a page, and after them as many notes as there is room for.
async fn notes(
    api: &Api,
    ticket: &Id,
    mut items: Vec<Message>,
    from: usize,
    most: usize,
) -> Result<Page<Message>, Error> {
    let call = api.call(Method::GET, "/conversations/{id}/comments").part("id", ticket);
    let mut all = json::each(&call.fetch().await?, "_results", |one| comment(ticket, one))?;
    all.sort_by_key(|note| note.created_at);
    let (all_of_them, room) = (all.len(), most - items.len().min(most));
    items.extend(all.into_iter().skip(from).take(room));
    let end = from.saturating_add(room);
    Ok(Page::new(items, (end < all_of_them).then(|| format!("{NOTES}{end}"))))
}

/// The ids of the tags with these names. Front sets tags by id.
async fn tag_ids(api: &Api, names: &[String]) -> Result<Vec<Id>, Error> {
    let mut known = Vec::new();
    let mut cursor = None;
    for _ in 0..TAG_PAGES {
        if names.iter().all(|name| known.iter().any(|(known, _)| known == name)) {
            break;
        }
        let call = api.call(Method::GET, "/tags").query("limit", 100);
        let found = call.query_if("page_token", cursor.as_ref()).fetch().await?;
        for tag in json::list_at(&found, "_results") {
            if let Some(name) = json::filled(tag, "name") {
                known.push((name, json::id_at(tag, "id")?));
            }
        }
        cursor = next(&found);
        if cursor.is_none() {
            break;
        }
    }
    let id = |name: &String| {
        let tag = known.iter().find(|(known, _)| known == name);
        tag.map(|(_, id)| id.clone()).ok_or_else(|| {
            Error::input("tags", &format!("Front has no tag `{name}`; add it there first"))
        })
    };
    names.iter().map(id).collect()
}

/// What is asked for, in the language of Front's search; empty where everything is.
fn filter(ask: &SearchTickets) -> Result<String, Error> {
    let mut filters = Vec::new();
    if let Some(query) = &ask.query {
        filters.extend(words(query));
        if filters.is_empty() {
            return Err(Error::input("query", "give at least one word"));
        }
    }
    if let Some(email) = &ask.requester_email {
        if !is_one_word(email) {
            return Err(Error::input("requester_email", "give one e-mail address"));
        }
        filters.push(format!("from:{email}"));
    }
    filters.extend(ask.status.map(|status| standing(status).to_owned()));
    Ok(filters.join(" "))
}

/// Each word in quotes, which it can't leave: unquoted it may be a filter. What is searched for is a step of
/// the path, so that no slash may be in it.
fn words(text: &str) -> Vec<String> {
    let parts = text.split(|c: char| c.is_whitespace() || c.is_control() || is_special(c));
    parts.filter(|part| !part.is_empty()).map(|part| format!("\"{part}\"")).collect()
}

fn is_special(c: char) -> bool {
    matches!(c, '"' | '\\' | '/')
}

fn is_one_word(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control() || is_special(c))
}

fn standing(status: TicketStatus) -> &'static str {
    match status {
        TicketStatus::Open => "is:open",
        TicketStatus::Pending => "is:waiting",
        TicketStatus::Closed => "is:archived",
    }
}

/// The next page is linked to at another host than ours; only where it begins is taken from that.
fn next(found: &Value) -> Option<String> {
    let link = Url::parse(&json::filled(found, "_pagination.next")?).ok()?;
    let mut parameters = link.query_pairs();
    parameters.find(|(name, _)| name == "page_token").map(|(_, token)| token.into_owned())
}

/// Seconds since 1970, perhaps with a fraction, which is left out.
fn moment(found: &Value, path: &str) -> Option<DateTime> {
    DateTime::from_secs(json::text_at(found, path)?.split('.').next()?.parse().ok()?)
}

fn ticket(found: &Value) -> Result<Ticket, Error> {
    let id = json::id_at(found, "id")?;
    let tags = json::list_at(found, "tags").iter();
    Ok(Ticket {
        subject: json::filled(found, "subject"),
        status: status(found),
        priority: None,
        requester: json::at(found, "recipient").and_then(recipient),
        assignee: json::at(found, "assignee").and_then(teammate),
        tags: tags.filter_map(|tag| json::filled(tag, "name")).collect(),
        url: Some(format!("https://app.frontapp.com/open/{id}")),
        created_at: moment(found, "created_at"),
        updated_at: moment(found, "updated_at"),
        raw: found.clone(),
        id,
    })
}

/// With ticketing the category says it, else whether it is put away.
fn status(found: &Value) -> TicketStatus {
    match json::filled(found, "status_category").as_deref() {
        Some("open") => TicketStatus::Open,
        Some("waiting") => TicketStatus::Pending,
        Some("resolved") => TicketStatus::Closed,
        _ => match json::filled(found, "status").as_deref() {
            Some("archived" | "deleted") => TicketStatus::Closed,
            _ => TicketStatus::Open,
        },
    }
}

/// Someone outside of the company. What Front calls a handle is an address only where it looks like one; else it
/// may be a telephone number, and stands in for a name.
fn recipient(found: &Value) -> Option<Person> {
    let handle = json::filled(found, "handle")?;
    let contact = json::filled(found, "_links.related.contact");
    let is_email = handle.contains('@');
    Some(Person {
        id: contact.as_deref().and_then(|link| Id::new(link.rsplit('/').next()?)),
        name: json::filled(found, "name").or_else(|| (!is_email).then(|| handle.clone())),
        email: is_email.then_some(handle),
    })
}

fn teammate(found: &Value) -> Option<Person> {
    let names = ["first_name", "last_name"].iter().filter_map(|path| json::filled(found, path));
    let name = names.collect::<Vec<_>>().join(" ");
    Some(Person {
        id: Some(json::maybe_id(found, "id")?),
        name: Some(name).filter(|name| !name.is_empty()),
        email: json::filled(found, "email"),
    })
}

/// What a teammate is: rules, macros and apps are listed as teammates too.
fn role(author: &Value) -> Role {
    match json::filled(author, "type").as_deref() {
        None | Some("user" | "visitor") => Role::Agent,
        Some(_) => Role::System,
    }
}

fn message(ticket: &Id, found: &Value) -> Result<Message, Error> {
    let is_inbound = found.get("is_inbound").and_then(Value::as_bool) == Some(true);
    let mut people = json::list_at(found, "recipients").iter();
    let sender = people.find(|one| json::filled(one, "role").as_deref() == Some("from"));
    let author = found.get("author").filter(|author| author.is_object());
    Ok(Message {
        id: json::id_at(found, "id")?,
        ticket_id: ticket.clone(),
        kind: MessageKind::Reply,
        author: author.and_then(teammate).or_else(|| sender.and_then(recipient)),
        role: Some(if is_inbound { Role::Customer } else { author.map_or(Role::Agent, role) }),
        text: json::filled(found, "text").or_else(|| json::filled(found, "body")),
        created_at: moment(found, "created_at"),
        raw: found.clone(),
    })
}

fn comment(ticket: &Id, found: &Value) -> Result<Message, Error> {
    let author = found.get("author").filter(|author| author.is_object());
    Ok(Message {
        id: json::id_at(found, "id")?,
        ticket_id: ticket.clone(),
        kind: MessageKind::Note,
        author: author.and_then(teammate),
        role: author.map(role),
        text: json::filled(found, "body"),
        created_at: moment(found, "posted_at"),
        raw: found.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(fields: Value) -> Result<String, Error> {
        filter(&serde_json::from_value(fields).expect("a search"))
    }

    #[test]
    fn a_word_that_is_searched_for_can_not_become_a_filter_or_another_path() {
        let found = asked(json!({ "query": "blue\" is:trashed ../tags\\ bowl" })).unwrap();
        assert_eq!(found, "\"blue\" \"is:trashed\" \"..\" \"tags\" \"bowl\"");
        assert!(asked(json!({ "query": " \" / " })).is_err());
        for email in ["a@b.example is:trashed", "a@b.example/..", "\"a\"@b.example", ""] {
            assert!(asked(json!({ "requester_email": email })).is_err(), "{email}");
        }
    }

    #[test]
    fn a_page_begins_where_the_link_says_and_nowhere_else() {
        let link = "https://ana-ceramics.api.frontapp.com/tags?limit=100&page_token=a%2Bb";
        assert_eq!(next(&json!({ "_pagination": { "next": link } })).as_deref(), Some("a+b"));
        assert_eq!(next(&json!({ "_pagination": { "next": null } })), None);
        assert_eq!(next(&json!({ "_pagination": { "next": "https://a.example/tags" } })), None);
    }

    #[test]
    fn a_conversation_waits_where_ticketing_says_so() {
        let told = |fields: Value| status(&fields);
        let waiting = json!({ "status": "archived", "status_category": "waiting" });
        assert_eq!(told(waiting), TicketStatus::Pending);
        assert_eq!(told(json!({ "status": "archived" })), TicketStatus::Closed);
        assert_eq!(told(json!({ "status": "deleted" })), TicketStatus::Closed);
        assert_eq!(told(json!({ "status": "unassigned" })), TicketStatus::Open);
    }
}

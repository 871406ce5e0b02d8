//! The support desk.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};

use super::{
    caller::Caller,
    error::Error,
    input::{Asked, Sent, text},
    list::{Listed, Page, Part, any_holds},
};
use crate::{
    demo::{Reply, Ticket},
    state::Shared,
};

const READ: &str = "support.tickets.read";
const WRITE: &str = "support.tickets.write";
const LONGEST_REPLY: usize = 10_000;

impl Listed for Ticket {
    fn id(&self) -> &str {
        &self.id
    }

    fn holds(&self, word: &str) -> bool {
        any_holds(
            &[&self.subject, &self.description, &self.requester.name, &self.requester.email],
            word,
        )
    }
}

/// Which tickets.
#[derive(Deserialize)]
pub(super) struct Which {
    status: Option<String>,
}

/// `GET /tickets?query=&status=&limit=&cursor=`.
pub(super) async fn list(
    State(acme): State<Shared>,
    caller: Caller,
    Asked(part): Asked<Part>,
    Asked(which): Asked<Which>,
) -> Result<Json<Page<Ticket>>, Error> {
    caller.needs(READ)?;
    let memory = acme.lock();
    let tickets = memory.records.of(caller.account).tickets.iter();
    let tickets: Vec<_> = tickets
        .filter(|ticket| which.status.as_ref().is_none_or(|status| ticket.status == *status))
        .cloned()
        .collect();
    part.of(&tickets).map(Json)
}

/// A ticket with its replies.
#[derive(Serialize)]
pub(super) struct Thread {
    #[serde(flatten)]
    ticket: Ticket,
    replies: Vec<Reply>,
}

/// `GET /tickets/{id}`.
pub(super) async fn one(
    State(acme): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Thread>, Error> {
    caller.needs(READ)?;
    let memory = acme.lock();
    let records = memory.records.of(caller.account);
    let ticket = records.tickets.iter().find(|ticket| ticket.id == id).ok_or(Error::NOT_FOUND)?;
    let replies = records.replies.iter().filter(|(of, _)| *of == id);
    let replies = replies.map(|(_, reply)| reply.clone()).collect();
    Ok(Json(Thread { ticket: ticket.clone(), replies }))
}

/// A reply to be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    body: String,
}

/// `POST /tickets/{id}/replies`.
pub(super) async fn reply(
    State(acme): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    Sent(new): Sent<New>,
) -> Result<(StatusCode, Json<Reply>), Error> {
    caller.needs(WRITE)?;
    let now = acme.now();
    let mut memory = acme.lock();
    let reply = Reply {
        id: memory.records.next_id("rpl"),
        author: caller.account.name.to_owned(),
        body: text("body", &new.body, LONGEST_REPLY)?,
        created_at: now,
    };
    if memory.records.add_reply(caller.account, &id, reply.clone()) {
        Ok((StatusCode::CREATED, Json(reply)))
    } else {
        Err(Error::NOT_FOUND)
    }
}

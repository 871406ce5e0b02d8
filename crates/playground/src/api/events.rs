//! The calendar.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;

use super::{
    caller::Caller,
    error::Error,
    input::{Asked, Sent, email, maybe, text},
    list::{Listed, Page, Part, any_holds},
};
use crate::{clock::Moment, demo::Event, state::Shared};

const READ: &str = "calendar.events.read";
const WRITE: &str = "calendar.events.write";
const MOST_ATTENDEES: usize = 50;

impl Listed for Event {
    fn id(&self) -> &str {
        &self.id
    }

    fn holds(&self, word: &str) -> bool {
        any_holds(&[&self.title, self.location.as_deref().unwrap_or_default()], word)
            || self.attendees.iter().any(|attendee| attendee.to_lowercase().contains(word))
    }
}

/// Between which times.
#[derive(Deserialize)]
pub(super) struct Span {
    from: Option<Moment>,
    to: Option<Moment>,
}

/// `GET /events?query=&from=&to=&limit=&cursor=`, in order of time.
pub(super) async fn list(
    State(acme): State<Shared>,
    caller: Caller,
    Asked(part): Asked<Part>,
    Asked(span): Asked<Span>,
) -> Result<Json<Page<Event>>, Error> {
    caller.needs(READ)?;
    let memory = acme.lock();
    let events = memory.records.of(caller.account).events.iter();
    let mut events: Vec<_> = events
        .filter(|event| span.from.is_none_or(|from| event.ends_at > from))
        .filter(|event| span.to.is_none_or(|to| event.starts_at < to))
        .cloned()
        .collect();
    events.sort_by_key(|event| event.starts_at);
    part.of(&events).map(Json)
}

/// An event to be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    title: String,
    starts_at: Moment,
    ends_at: Moment,
    location: Option<String>,
    #[serde(default)]
    attendees: Vec<String>,
}

/// `POST /events`.
pub(super) async fn create(
    State(acme): State<Shared>,
    caller: Caller,
    Sent(new): Sent<New>,
) -> Result<(StatusCode, Json<Event>), Error> {
    caller.needs(WRITE)?;
    if new.ends_at <= new.starts_at {
        return Err(Error::input("ends_at must be after starts_at"));
    }
    if new.attendees.len() > MOST_ATTENDEES {
        return Err(Error::input("attendees must be at most 50"));
    }
    let attendees = new.attendees.iter().map(|attendee| email("attendees", attendee));
    let attendees = attendees.collect::<Result<_, _>>()?;
    let mut memory = acme.lock();
    let event = Event {
        id: memory.records.next_id("evt"),
        title: text("title", &new.title, 200)?,
        starts_at: new.starts_at,
        ends_at: new.ends_at,
        location: maybe("location", new.location.as_deref(), 200)?,
        attendees,
    };
    memory.records.add_event(caller.account, event.clone());
    Ok((StatusCode::CREATED, Json(event)))
}

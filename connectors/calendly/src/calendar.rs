//! Meetings that were booked. Calendly books by its own pages alone.

use async_trait::async_trait;
use connector::{
    Api, Error, ErrorKind, Method,
    calendar::{
        AskFreeBusy, Attendee, Busy, Calendar, CalendarInfo, CancelEvent, Cancelled, ChangeEvent,
        Event, EventStatus, EventTime, FreeBusy, GetEvent, ListCalendars, ListEvents, NewEvent,
        Response,
    },
    json,
    model::{Cursor, Id, Page},
    unsupported,
};
use serde_json::{Value, json};

use crate::Calendly;

#[async_trait]
impl Calendar for Calendly {
    async fn list_calendars(&self, _: &Api, _: ListCalendars) -> Result<Page<CalendarInfo>, Error> {
        Err(unsupported("calendars.list"))
    }

    async fn list_events(&self, api: &Api, ask: ListEvents) -> Result<Page<Event>, Error> {
        only_the_primary(ask.calendar_id.as_ref())?;
        let found = api
            .call(Method::GET, "/scheduled_events")
            .query("user", me(api).await?)
            .query("min_start_time", ask.from.utc())
            .query("max_start_time", ask.to.utc())
            .query("sort", "start_time:asc")
            .query("count", ask.limit.get())
            .query_if("page_token", ask.cursor.as_ref().map(Cursor::as_str))
            .fetch()
            .await?;
        let items = json::each(&found, "collection", |one| event(one, &[]))?;
        Ok(Page::new(items, json::filled(&found, "pagination.next_page_token")))
    }

    async fn get_event(&self, api: &Api, ask: GetEvent) -> Result<Event, Error> {
        only_the_primary(ask.calendar_id.as_ref())?;
        let path = "/scheduled_events/{id}";
        let found = api.call(Method::GET, path).part("id", &ask.id).fetch().await?;
        let call = api.call(Method::GET, "/scheduled_events/{id}/invitees").part("id", &ask.id);
        let invited = call.query("count", 100).fetch().await?;
        event(&found["resource"], json::list_at(&invited, "collection"))
    }

    async fn create_event(&self, _: &Api, _: NewEvent) -> Result<Event, Error> {
        Err(unsupported("events.create"))
    }

    async fn update_event(&self, _: &Api, _: ChangeEvent) -> Result<Event, Error> {
        Err(unsupported("events.update"))
    }

    async fn cancel_event(&self, api: &Api, ask: CancelEvent) -> Result<Cancelled, Error> {
        only_the_primary(ask.calendar_id.as_ref())?;
        if !ask.notify {
            let what = "Calendly writes to those who were invited; set it to true";
            return Err(Error::input("notify", what));
        }
        let call =
            api.call(Method::POST, "/scheduled_events/{id}/cancellation").part("id", &ask.id);
        call.json(json!({ "reason": ask.reason.unwrap_or_default() })).fetch().await?;
        Ok(Cancelled::of(ask.id))
    }

    async fn free_busy(&self, api: &Api, ask: AskFreeBusy) -> Result<FreeBusy, Error> {
        if !ask.calendar_ids.is_empty() {
            let what = "Calendly tells of all calendars at once; leave it out";
            return Err(Error::input("calendar_ids", what));
        }
        if ask.to.secs() - ask.from.secs() > 7 * 86_400 {
            return Err(Error::input("to", "Calendly tells of seven days at most"));
        }
        let found = api
            .call(Method::GET, "/user_busy_times")
            .query("user", me(api).await?)
            .query("start_time", ask.from.utc())
            .query("end_time", ask.to.utc())
            .fetch()
            .await?;
        let span = |one: &Value| {
            let time = |path| json::time_at(one, path);
            Some(Busy { calendar_id: None, from: time("start_time")?, to: time("end_time")? })
        };
        let busy = json::list_at(&found, "collection").iter().filter_map(span).collect();
        Ok(FreeBusy { busy, raw: found })
    }
}

/// Calendly's lists are of somebody: of whoever linked.
async fn me(api: &Api) -> Result<String, Error> {
    let found = api.get("/users/me").await?;
    json::filled(&found, "resource.uri").ok_or_else(|| {
        Error::new(ErrorKind::Unavailable, "Calendly does not say whose account this is")
    })
}

fn only_the_primary(calendar: Option<&Id>) -> Result<(), Error> {
    match calendar {
        None => Ok(()),
        Some(_) => {
            Err(Error::input("calendar_id", "Calendly has no calendars of its own; leave it out"))
        }
    }
}

/// The end of its address.
fn id(found: &Value) -> Result<Id, Error> {
    let uri = json::id_at(found, "uri")?;
    let last = uri.as_str().rsplit('/').next().unwrap_or_default();
    Id::new(last).ok_or_else(|| Error::new(ErrorKind::Unavailable, "an event has no id"))
}

fn event(found: &Value, invited: &[Value]) -> Result<Event, Error> {
    let time = |path| json::time_at(found, path).map(|at| EventTime::at(at, None));
    let guests = json::list_at(found, "event_guests").iter().map(|guest| Attendee {
        email: json::filled(guest, "email"),
        name: None,
        response: None,
    });
    Ok(Event {
        id: id(found)?,
        calendar_id: None,
        title: json::filled(found, "name"),
        description: json::filled(found, "meeting_notes_plain"),
        location: json::filled(found, "location.location"),
        start: time("start_time"),
        end: time("end_time"),
        status: match json::text_at(found, "status").as_deref() {
            Some("canceled") => EventStatus::Cancelled,
            _ => EventStatus::Confirmed,
        },
        attendees: invited.iter().map(invitee).chain(guests).collect(),
        organizer: json::filled(found, "event_memberships.0.user_email"),
        conference_url: json::filled(found, "location.join_url"),
        url: None,
        created_at: json::time_at(found, "created_at"),
        updated_at: json::time_at(found, "updated_at"),
        raw: found.clone(),
    })
}

fn invitee(found: &Value) -> Attendee {
    let has_cancelled = json::text_at(found, "status").as_deref() == Some("canceled");
    Attendee {
        email: json::filled(found, "email"),
        name: json::filled(found, "name"),
        // Who books has said yes.
        response: Some(if has_cancelled { Response::Declined } else { Response::Accepted }),
    }
}

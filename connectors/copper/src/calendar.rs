//! Events: listed and created. Acme has one calendar.

use async_trait::async_trait;
use connector::{
    Api, Error, Method,
    calendar::{
        AskFreeBusy, Attendee, Calendar, CalendarInfo, CancelEvent, Cancelled, ChangeEvent, Event,
        EventStatus, EventTime, FreeBusy, GetEvent, ListCalendars, ListEvents, NewEvent,
    },
    json,
    model::{Cursor, Id, Page},
    unsupported,
};
use serde_json::{Value, json};

use crate::Copper;

#[async_trait]
impl Calendar for Copper {
    async fn list_calendars(&self, _: &Api, _: ListCalendars) -> Result<Page<CalendarInfo>, Error> {
        Err(unsupported("calendars.list"))
    }

    async fn list_events(&self, api: &Api, ask: ListEvents) -> Result<Page<Event>, Error> {
        only_the_primary(ask.calendar_id.as_ref())?;
        let found = api
            .call(Method::GET, "/v1/events")
            .query("from", ask.from.utc())
            .query("to", ask.to.utc())
            .query_if("cursor", ask.cursor.as_ref().map(Cursor::as_str))
            .query("limit", ask.limit.get())
            .fetch()
            .await?;
        Ok(Page::new(json::each(&found, "items", event)?, json::text_at(&found, "next_cursor")))
    }

    async fn get_event(&self, _: &Api, _: GetEvent) -> Result<Event, Error> {
        Err(unsupported("events.get"))
    }

    async fn create_event(&self, api: &Api, new: NewEvent) -> Result<Event, Error> {
        only_the_primary(new.calendar_id.as_ref())?;
        if new.description.is_some() {
            return Err(Error::input("description", "Acme's events have none"));
        }
        let moment = |field, time: &EventTime| {
            time.at.ok_or_else(|| Error::input(field, "Acme's events have times: give `at`"))
        };
        let body = json!({
            "title": new.title,
            "starts_at": moment("start", &new.start)?.utc(),
            "ends_at": moment("end", &new.end)?.utc(),
            "location": new.location,
            "attendees": new.attendees,
        });
        let call = api.call(Method::POST, "/v1/events").json(json::without_nulls(body));
        event(&call.fetch().await?)
    }

    async fn update_event(&self, _: &Api, _: ChangeEvent) -> Result<Event, Error> {
        Err(unsupported("events.update"))
    }

    async fn cancel_event(&self, _: &Api, _: CancelEvent) -> Result<Cancelled, Error> {
        Err(unsupported("events.cancel"))
    }

    async fn free_busy(&self, _: &Api, _: AskFreeBusy) -> Result<FreeBusy, Error> {
        Err(unsupported("free_busy.query"))
    }
}

fn only_the_primary(calendar: Option<&Id>) -> Result<(), Error> {
    match calendar {
        None => Ok(()),
        Some(_) => Err(Error::input("calendar_id", "Acme has one calendar; leave this out")),
    }
}

fn event(found: &Value) -> Result<Event, Error> {
    let time = |path| json::time_at(found, path).map(|at| EventTime::at(at, None));
    let guests = json::list_at(found, "attendees").iter().filter_map(Value::as_str);
    let guest =
        |email: &str| Attendee { email: Some(email.to_owned()), name: None, response: None };
    Ok(Event {
        id: json::id_at(found, "id")?,
        calendar_id: None,
        title: json::filled(found, "title"),
        description: None,
        location: json::filled(found, "location"),
        start: time("starts_at"),
        end: time("ends_at"),
        status: EventStatus::Confirmed,
        attendees: guests.map(guest).collect(),
        organizer: None,
        conference_url: None,
        url: None,
        created_at: None,
        updated_at: None,
        raw: found.clone(),
    })
}

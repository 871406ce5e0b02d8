//! Bookings, and when the linked calendars are busy.

use async_trait::async_trait;
use connector::{
    Api, Error, ErrorKind, Method,
    calendar::{
        AskFreeBusy, Attendee, Busy, Calendar, CalendarInfo, CancelEvent, Cancelled, ChangeEvent,
        Event, EventStatus, EventTime, FreeBusy, GetEvent, ListCalendars, ListEvents, NewEvent,
        Response,
    },
    json,
    model::{Cursor, DateTime, Id, Page},
    unsupported,
};
use serde_json::{Value, json};

use crate::CalCom;

/// The longest booking, in seconds: a day.
const LONGEST: i64 = 86_400;

#[async_trait]
impl Calendar for CalCom {
    async fn list_calendars(
        &self,
        api: &Api,
        ask: ListCalendars,
    ) -> Result<Page<CalendarInfo>, Error> {
        let from = Cursor::count(ask.cursor.as_ref(), 0)?;
        let found = api.get("/calendars").await?;
        let own = json::filled(&found, "data.destinationCalendar.externalId");
        let page = Page::cut(calendars(&found), from, ask.limit);
        let items = page.items.into_iter().map(|one| calendar(one, own.as_deref()));
        Ok(Page::new(items.collect::<Result<_, _>>()?, page.next_cursor))
    }

    // Cal.com lists those that lie within two times. Ours overlap them, so a day more is asked for on each
    // side, and what lies outside is left out here.
    async fn list_events(&self, api: &Api, ask: ListEvents) -> Result<Page<Event>, Error> {
        in_no_calendar(ask.calendar_id.as_ref())?;
        let skip = Cursor::count(ask.cursor.as_ref(), 0)?;
        let found = api
            .call(Method::GET, "/bookings")
            .query("afterStart", shifted(ask.from, -LONGEST, "from")?)
            .query("beforeEnd", shifted(ask.to, LONGEST, "to")?)
            .query("sortStart", "asc")
            .query("take", ask.limit.get())
            .query("skip", skip)
            .fetch()
            .await?;
        let mut items = json::each(&found, "data", event)?;
        items.retain(|event| overlaps(event, ask.from, ask.to));
        let has_next = json::at(&found, "pagination.hasNextPage").and_then(Value::as_bool);
        Ok(Page::counted(items, skip, u64::from(ask.limit.get()), has_next == Some(true)))
    }

    async fn get_event(&self, api: &Api, ask: GetEvent) -> Result<Event, Error> {
        in_no_calendar(ask.calendar_id.as_ref())?;
        booking(&api.call(Method::GET, "/bookings/{id}").part("id", ask.id).fetch().await?)
    }

    // A booking is of an event type, which fixes its title and length, and by somebody with a name.
    async fn create_event(&self, _: &Api, _: NewEvent) -> Result<Event, Error> {
        Err(unsupported("events.create"))
    }

    async fn update_event(&self, api: &Api, change: ChangeEvent) -> Result<Event, Error> {
        in_no_calendar(change.calendar_id.as_ref())?;
        let others = [
            ("title", change.title.is_some()),
            ("description", change.description.is_some()),
            ("location", change.location.is_some()),
            ("attendees", change.attendees.is_some()),
        ];
        if let Some((field, _)) = others.iter().find(|(_, given)| *given) {
            let what = "of a booking at Cal.com the beginning alone can change; leave this out";
            return Err(Error::input(field, what));
        }
        if change.end.is_some() {
            return Err(Error::input(
                "end",
                "the event type says how long it takes; leave this out",
            ));
        }
        let start = change.start.and_then(|start| start.at).ok_or_else(|| {
            Error::input("start", "give `at`: the beginning is what can change of a booking")
        })?;
        only_telling(change.notify)?;
        let call = api.call(Method::POST, "/bookings/{id}/reschedule").part("id", change.id);
        booking(&call.json(json!({ "start": start.utc() })).fetch().await?)
    }

    async fn cancel_event(&self, api: &Api, ask: CancelEvent) -> Result<Cancelled, Error> {
        in_no_calendar(ask.calendar_id.as_ref())?;
        only_telling(ask.notify)?;
        let body = json!({ "cancellationReason": ask.reason });
        let call = api.call(Method::POST, "/bookings/{id}/cancel").part("id", &ask.id);
        call.json(json::without_nulls(body)).fetch().await?;
        Ok(Cancelled::of(ask.id))
    }

    async fn free_busy(&self, api: &Api, ask: AskFreeBusy) -> Result<FreeBusy, Error> {
        let linked = api.get("/calendars").await?;
        let chosen = chosen(&linked, &ask.calendar_ids)?;
        // Days, and whether the last counts is not said: one more on each side.
        let mut call = api
            .call(Method::GET, "/calendars/busy-times")
            .query("timeZone", "UTC")
            .query("dateFrom", ask.from.utc().date().previous())
            .query("dateTo", ask.to.utc().date().next());
        for (index, one) in chosen.iter().enumerate() {
            let name = |field: &str| format!("calendarsToLoad[{index}][{field}]");
            call = call
                .query(&name("credentialId"), json::id_at(one, "credentialId")?)
                .query(&name("externalId"), json::id_at(one, "externalId")?);
        }
        let found = call.fetch().await?;
        let span = |one: &Value| {
            let (from, to) = (json::time_at(one, "start")?, json::time_at(one, "end")?);
            let overlaps = from < ask.to && to > ask.from;
            overlaps.then_some(Busy { calendar_id: None, from, to })
        };
        let busy = json::list_at(&found, "data").iter().filter_map(span).collect();
        Ok(FreeBusy { busy, raw: found })
    }
}

fn in_no_calendar(calendar: Option<&Id>) -> Result<(), Error> {
    match calendar {
        None => Ok(()),
        Some(_) => {
            Err(Error::input("calendar_id", "Cal.com's bookings are in no calendar; leave it out"))
        }
    }
}

fn only_telling(notify: bool) -> Result<(), Error> {
    if notify {
        return Ok(());
    }
    Err(Error::input("notify", "Cal.com writes to those who booked; set it to true"))
}

fn shifted(at: DateTime, seconds: i64, field: &str) -> Result<DateTime, Error> {
    let moved = DateTime::from_secs(at.secs().saturating_add(seconds));
    moved.ok_or_else(|| Error::input(field, "this is no time that a booking can have"))
}

fn overlaps(event: &Event, from: DateTime, to: DateTime) -> bool {
    let moment = |time: &Option<EventTime>| time.as_ref().and_then(EventTime::moment);
    moment(&event.start).is_none_or(|start| start < to)
        && moment(&event.end).is_none_or(|end| end > from)
}

/// All calendars of all linked accounts.
fn calendars(found: &Value) -> Vec<&Value> {
    let linked = json::list_at(found, "data.connectedCalendars").iter();
    linked.flat_map(|linked| json::list_at(linked, "calendars")).collect()
}

fn calendar(found: &Value, own: Option<&str>) -> Result<CalendarInfo, Error> {
    let id = json::id_at(found, "externalId")?;
    let read_only = found.get("readOnly").and_then(Value::as_bool);
    Ok(CalendarInfo {
        name: json::filled(found, "name"),
        time_zone: None,
        primary: own == Some(id.as_str()),
        writable: read_only.map(|read_only| !read_only),
        raw: found.clone(),
        id,
    })
}

/// Those that are asked for; none = those that Cal.com looks at itself before it offers a time.
fn chosen<'a>(linked: &'a Value, ids: &[Id]) -> Result<Vec<&'a Value>, Error> {
    let all = calendars(linked);
    let id = |one: &Value| json::maybe_id(one, "externalId");
    if ids.is_empty() {
        let is_looked_at = |one: &&Value| one.get("isSelected") == Some(&Value::Bool(true));
        let looked_at: Vec<_> = all.into_iter().filter(is_looked_at).collect();
        return if looked_at.is_empty() {
            let what = "Cal.com looks at no calendar by itself; name one of `calendars.list`";
            Err(Error::input("calendar_ids", what))
        } else {
            Ok(looked_at)
        };
    }
    if !ids.iter().all(|wanted| all.iter().any(|one| id(one).as_ref() == Some(wanted))) {
        let what = "one of these is not linked in Cal.com; `calendars.list` tells those that are";
        return Err(Error::input("calendar_ids", what));
    }
    Ok(all.into_iter().filter(|one| id(one).is_some_and(|id| ids.contains(&id))).collect())
}

/// The booking of an answer; a series is several.
fn booking(found: &Value) -> Result<Event, Error> {
    match &found["data"] {
        Value::Array(_) => {
            let text = "this is the id of a series; give that of one of its bookings";
            Err(Error::new(ErrorKind::Invalid, text))
        }
        one => event(one),
    }
}

fn event(found: &Value) -> Result<Event, Error> {
    let id = json::id_at(found, "uid")?;
    let time = |path| json::time_at(found, path).map(|at| EventTime::at(at, None));
    let place = json::filled(found, "location");
    let (online, place) = place.map_or((None, None), |place| {
        if place.starts_with("https://") { (Some(place), None) } else { (None, Some(place)) }
    });
    Ok(Event {
        calendar_id: None,
        title: json::filled(found, "title"),
        description: json::filled(found, "description"),
        location: place,
        start: time("start"),
        end: time("end"),
        status: match json::text_at(found, "status").as_deref() {
            Some("cancelled" | "rejected") => EventStatus::Cancelled,
            Some("pending") => EventStatus::Tentative,
            _ => EventStatus::Confirmed,
        },
        attendees: attendees(found),
        organizer: json::filled(found, "hosts.0.email"),
        conference_url: online.or_else(|| json::filled(found, "meetingUrl")),
        url: Some(format!("https://app.cal.com/booking/{id}")),
        created_at: json::time_at(found, "createdAt"),
        updated_at: json::time_at(found, "updatedAt"),
        raw: found.clone(),
        id,
    })
}

/// Who booked, and whom they bring: these are told by their addresses, and may be among the others too.
fn attendees(found: &Value) -> Vec<Attendee> {
    let booked = json::list_at(found, "attendees").iter().map(|one| Attendee {
        email: json::filled(one, "email"),
        name: json::filled(one, "name"),
        // Who books has said yes.
        response: Some(Response::Accepted),
    });
    let mut all: Vec<_> = booked.collect();
    for guest in json::list_at(found, "guests").iter().filter_map(Value::as_str) {
        if all.iter().all(|one| one.email.as_deref() != Some(guest)) {
            all.push(Attendee { email: Some(guest.to_owned()), name: None, response: None });
        }
    }
    all
}

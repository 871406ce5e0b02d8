//! Calendars and events, over Graph.

use async_trait::async_trait;
use connector::{
    Api, Call, Error, Method,
    calendar::{
        AskFreeBusy, Attendee, Busy, Calendar, CalendarInfo, CancelEvent, Cancelled, ChangeEvent,
        Event, EventStatus, EventTime, FreeBusy, GetEvent, ListCalendars, ListEvents, NewEvent,
        Response,
    },
    json,
    model::{Cursor, DateTime, Id, Page},
};
use serde_json::{Value, json};

use crate::MicrosoftCalendar;

/// Graph then writes all times in UTC, and descriptions as text.
const PREFER: &str = "outlook.timezone=\"UTC\", outlook.body-content-type=\"text\"";

/// How many times that are taken are looked at in one calendar.
const MOST_BUSY: u32 = 500;

#[async_trait]
impl Calendar for MicrosoftCalendar {
    async fn list_calendars(
        &self,
        api: &Api,
        ask: ListCalendars,
    ) -> Result<Page<CalendarInfo>, Error> {
        let from = Cursor::count(ask.cursor.as_ref(), 0)?;
        let step = ask.limit.get();
        let call = api.call(Method::GET, "/me/calendars").query("$top", step).query("$skip", from);
        let found = call.fetch().await?;
        let items = json::each(&found, "value", info)?;
        Ok(Page::counted(items, from, step.into(), has_more(&found)))
    }

    async fn list_events(&self, api: &Api, ask: ListEvents) -> Result<Page<Event>, Error> {
        let from = Cursor::count(ask.cursor.as_ref(), 0)?;
        let step = ask.limit.get();
        let call = view(api, ask.calendar_id.as_ref(), ask.from, ask.to)
            .query("$orderby", "start/dateTime")
            .query("$top", step)
            .query("$skip", from);
        let found = call.fetch().await?;
        let items = json::each(&found, "value", |one| event(ask.calendar_id.as_ref(), one))?;
        Ok(Page::counted(items, from, step.into(), has_more(&found)))
    }

    async fn get_event(&self, api: &Api, ask: GetEvent) -> Result<Event, Error> {
        let calendar = ask.calendar_id.as_ref();
        let call = at_event(api, Method::GET, calendar, &ask.id, "");
        event(calendar, &call.header("prefer", PREFER).fetch().await?)
    }

    async fn create_event(&self, api: &Api, new: NewEvent) -> Result<Event, Error> {
        if new.start.at.is_some() != new.end.at.is_some() {
            return Err(Error::input("end", "give it as `start`: both `at`, or both `date`"));
        }
        told(!new.attendees.is_empty(), new.notify)?;
        let body = json!({
            "subject": new.title,
            "body": new.description.as_deref().map(text),
            "location": new.location.as_deref().map(place),
            "start": time(&new.start),
            "end": time(&new.end),
            "isAllDay": new.start.date.is_some(),
            "attendees": guests(&new.attendees),
        });
        let calendar = new.calendar_id.as_ref();
        let call = match calendar {
            Some(id) => {
                api.call(Method::POST, "/me/calendars/{calendar}/events").part("calendar", id)
            }
            None => api.call(Method::POST, "/me/events"),
        };
        let call = call.header("prefer", PREFER).json(json::without_nulls(body));
        event(calendar, &call.fetch().await?)
    }

    async fn update_event(&self, api: &Api, change: ChangeEvent) -> Result<Event, Error> {
        told(change.attendees.as_ref().is_some_and(|all| !all.is_empty()), change.notify)?;
        let body = json!({
            "subject": change.title,
            "body": change.description.as_deref().map(text),
            "location": change.location.as_deref().map(place),
            "start": change.start.as_ref().map(time),
            "end": change.end.as_ref().map(time),
            "isAllDay": change.start.as_ref().map(|start| start.date.is_some()),
            "attendees": change.attendees.as_deref().map(guests),
        });
        let calendar = change.calendar_id.as_ref();
        let call = at_event(api, Method::PATCH, calendar, &change.id, "");
        let call = call.header("prefer", PREFER).json(json::without_nulls(body));
        event(calendar, &call.fetch().await?)
    }

    async fn cancel_event(&self, api: &Api, ask: CancelEvent) -> Result<Cancelled, Error> {
        let calendar = ask.calendar_id.as_ref();
        if ask.notify {
            // Only the organizer can.
            let call = at_event(api, Method::POST, calendar, &ask.id, "/cancel");
            let body = json!({ "Comment": ask.reason.unwrap_or_default() });
            call.json(body).fetch().await?;
            return Ok(Cancelled::of(ask.id));
        }
        if ask.reason.is_some() {
            return Err(Error::input("reason", "nobody is told of it without `notify`"));
        }
        at_event(api, Method::DELETE, calendar, &ask.id, "").fetch().await?;
        Ok(Cancelled::of(ask.id))
    }

    async fn free_busy(&self, api: &Api, ask: AskFreeBusy) -> Result<FreeBusy, Error> {
        let primary = [None];
        let named: Vec<_> = ask.calendar_ids.iter().map(Some).collect();
        let calendars = if named.is_empty() { &primary[..] } else { &named };
        let (mut busy, mut raw) = (Vec::new(), Vec::new());
        for calendar in calendars {
            let call = view(api, *calendar, ask.from, ask.to)
                .query("$select", "start,end,showAs,isCancelled")
                .query("$top", MOST_BUSY);
            let found = call.fetch().await?;
            if has_more(&found) {
                return Err(Error::input(
                    "to",
                    "too much takes place in this time; ask for a shorter one",
                ));
            }
            let taken = json::list_at(&found, "value").iter().filter(|one| is_taken(one));
            busy.extend(taken.filter_map(|one| span(*calendar, one)));
            raw.push(found);
        }
        Ok(FreeBusy { busy, raw: raw.into() })
    }
}

/// All that takes place between two times, what repeats one by one.
fn view<'a>(api: &'a Api, calendar: Option<&Id>, from: DateTime, to: DateTime) -> Call<'a> {
    let call = match calendar {
        Some(id) => {
            api.call(Method::GET, "/me/calendars/{calendar}/calendarView").part("calendar", id)
        }
        None => api.call(Method::GET, "/me/calendarView"),
    };
    call.query("startDateTime", from.utc()).query("endDateTime", to.utc()).header("prefer", PREFER)
}

fn at_event<'a>(
    api: &'a Api,
    method: Method,
    calendar: Option<&Id>,
    event: &Id,
    then: &str,
) -> Call<'a> {
    let call = match calendar {
        Some(id) => {
            let path = format!("/me/calendars/{{calendar}}/events/{{event}}{then}");
            api.call(method, path).part("calendar", id)
        }
        None => api.call(method, format!("/me/events/{{event}}{then}")),
    };
    call.part("event", event)
}

fn has_more(found: &Value) -> bool {
    found.get("@odata.nextLink").is_some_and(|next| !next.is_null())
}

/// Microsoft writes to whoever is invited, whatever is asked for.
fn told(anybody: bool, notify: bool) -> Result<(), Error> {
    if anybody && !notify {
        return Err(Error::input(
            "notify",
            "Microsoft writes to all who are invited; set it to true",
        ));
    }
    Ok(())
}

fn text(text: &str) -> Value {
    json!({ "contentType": "text", "content": text })
}

fn place(name: &str) -> Value {
    json!({ "displayName": name })
}

fn guests(emails: &[String]) -> Vec<Value> {
    let guest =
        |email: &String| json!({ "emailAddress": { "address": email }, "type": "required" });
    emails.iter().map(guest).collect()
}

/// In UTC: a moment is the same in every zone. A day is its midnight.
fn time(time: &EventTime) -> Value {
    json!({ "dateTime": time.moment().map(|at| at.utc().local()), "timeZone": "UTC" })
}

fn info(found: &Value) -> Result<CalendarInfo, Error> {
    Ok(CalendarInfo {
        id: json::id_at(found, "id")?,
        name: json::filled(found, "name"),
        time_zone: None,
        primary: found.get("isDefaultCalendar").and_then(Value::as_bool) == Some(true),
        writable: found.get("canEdit").and_then(Value::as_bool),
        raw: found.clone(),
    })
}

fn event(calendar: Option<&Id>, found: &Value) -> Result<Event, Error> {
    let is = |name: &str| found.get(name).and_then(Value::as_bool) == Some(true);
    let days = is("isAllDay");
    let status = match json::text_at(found, "showAs").as_deref() {
        _ if is("isCancelled") => EventStatus::Cancelled,
        Some("tentative") => EventStatus::Tentative,
        _ => EventStatus::Confirmed,
    };
    Ok(Event {
        id: json::id_at(found, "id")?,
        calendar_id: calendar.cloned(),
        title: json::filled(found, "subject"),
        description: json::filled(found, "body.content")
            .or_else(|| json::filled(found, "bodyPreview")),
        location: json::filled(found, "location.displayName"),
        start: when(found, "start", days),
        end: when(found, "end", days),
        status,
        attendees: json::list_at(found, "attendees").iter().map(guest).collect(),
        organizer: json::filled(found, "organizer.emailAddress.address"),
        conference_url: json::filled(found, "onlineMeeting.joinUrl"),
        url: json::filled(found, "webLink"),
        created_at: json::time_at(found, "createdDateTime"),
        updated_at: json::time_at(found, "lastModifiedDateTime"),
        raw: found.clone(),
    })
}

/// In UTC, as was preferred; the zone that the event was planned in stands apart.
fn when(found: &Value, name: &str, days: bool) -> Option<EventTime> {
    let path = format!("{name}.dateTime");
    if days {
        return json::date_at(found, &path).map(EventTime::day);
    }
    let zone = json::filled(
        found,
        if name == "start" { "originalStartTimeZone" } else { "originalEndTimeZone" },
    );
    moment(found, &path).map(|at| EventTime::at(at, zone))
}

/// Graph writes seven digits of a second, and no offset.
fn moment(found: &Value, path: &str) -> Option<DateTime> {
    json::time_at(found, path)
        .or_else(|| DateTime::parse(json::text_at(found, path)?.split('.').next()?))
}

fn guest(found: &Value) -> Attendee {
    Attendee {
        email: json::filled(found, "emailAddress.address"),
        name: json::filled(found, "emailAddress.name"),
        response: match json::text_at(found, "status.response").as_deref() {
            Some("none" | "notResponded") => Some(Response::NeedsAction),
            Some("accepted" | "organizer") => Some(Response::Accepted),
            Some("tentativelyAccepted") => Some(Response::Tentative),
            Some("declined") => Some(Response::Declined),
            _ => None,
        },
    }
}

fn is_taken(found: &Value) -> bool {
    let is_cancelled = found.get("isCancelled").and_then(Value::as_bool) == Some(true);
    let shown = json::text_at(found, "showAs");
    !is_cancelled && !matches!(shown.as_deref(), Some("free" | "workingElsewhere"))
}

fn span(calendar: Option<&Id>, found: &Value) -> Option<Busy> {
    let (from, to) = (moment(found, "start.dateTime")?, moment(found, "end.dateTime")?);
    Some(Busy { calendar_id: calendar.cloned(), from, to })
}

//! Calendars and events, over version 3 of the API.

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
};
use serde_json::{Value, json};

use crate::GoogleCalendar;

const EVENTS: &str = "/calendars/{calendar}/events";
const EVENT: &str = "/calendars/{calendar}/events/{event}";

#[async_trait]
impl Calendar for GoogleCalendar {
    async fn list_calendars(
        &self,
        api: &Api,
        ask: ListCalendars,
    ) -> Result<Page<CalendarInfo>, Error> {
        let found = api
            .call(Method::GET, "/users/me/calendarList")
            .query("maxResults", ask.limit.get())
            .query_if("pageToken", ask.cursor.as_ref().map(Cursor::as_str))
            .fetch()
            .await?;
        Ok(Page::new(json::each(&found, "items", info)?, json::text_at(&found, "nextPageToken")))
    }

    async fn list_events(&self, api: &Api, ask: ListEvents) -> Result<Page<Event>, Error> {
        let calendar = calendar(ask.calendar_id.as_ref());
        let found = api
            .call(Method::GET, EVENTS)
            .part("calendar", calendar)
            .query("timeMin", ask.from)
            .query("timeMax", ask.to)
            // Those that repeat one by one, which is also what can be sorted.
            .query("singleEvents", true)
            .query("orderBy", "startTime")
            .query("maxResults", ask.limit.get())
            .query_if("pageToken", ask.cursor.as_ref().map(Cursor::as_str))
            .fetch()
            .await?;
        let items = json::each(&found, "items", |found| event(calendar, found))?;
        Ok(Page::new(items, json::text_at(&found, "nextPageToken")))
    }

    async fn get_event(&self, api: &Api, ask: GetEvent) -> Result<Event, Error> {
        let calendar = calendar(ask.calendar_id.as_ref());
        let call = api.call(Method::GET, EVENT).part("calendar", calendar).part("event", ask.id);
        event(calendar, &call.fetch().await?)
    }

    async fn create_event(&self, api: &Api, new: NewEvent) -> Result<Event, Error> {
        if new.start.at.is_some() != new.end.at.is_some() {
            return Err(Error::input("end", "give it as `start`: both `at`, or both `date`"));
        }
        let calendar = calendar(new.calendar_id.as_ref());
        let body = json!({
            "summary": new.title,
            "description": new.description,
            "location": new.location,
            "start": time(&new.start),
            "end": time(&new.end),
            "attendees": guests(&new.attendees),
        });
        let call = api
            .call(Method::POST, EVENTS)
            .part("calendar", calendar)
            .query("sendUpdates", told(new.notify))
            .json(json::without_nulls(body));
        event(calendar, &call.fetch().await?)
    }

    async fn update_event(&self, api: &Api, change: ChangeEvent) -> Result<Event, Error> {
        let calendar = calendar(change.calendar_id.as_ref());
        let body = json!({
            "summary": change.title,
            "description": change.description,
            "location": change.location,
            "start": change.start.as_ref().map(time),
            "end": change.end.as_ref().map(time),
            "attendees": change.attendees.as_deref().map(guests),
        });
        let call = api
            .call(Method::PATCH, EVENT)
            .part("calendar", calendar)
            .part("event", change.id)
            .query("sendUpdates", told(change.notify))
            .json(json::without_nulls(body));
        event(calendar, &call.fetch().await?)
    }

    async fn cancel_event(&self, api: &Api, ask: CancelEvent) -> Result<Cancelled, Error> {
        if ask.reason.is_some() {
            return Err(Error::input("reason", "Google has no place for it; leave it out"));
        }
        api.call(Method::DELETE, EVENT)
            .part("calendar", calendar(ask.calendar_id.as_ref()))
            .part("event", &ask.id)
            .query("sendUpdates", told(ask.notify))
            .fetch()
            .await?;
        Ok(Cancelled::of(ask.id))
    }

    async fn free_busy(&self, api: &Api, ask: AskFreeBusy) -> Result<FreeBusy, Error> {
        let mut ids: Vec<_> = ask.calendar_ids.iter().map(Id::as_str).collect();
        if ids.is_empty() {
            ids.push("primary");
        }
        let items: Vec<_> = ids.iter().map(|id| json!({ "id": id })).collect();
        let body = json!({ "timeMin": ask.from, "timeMax": ask.to, "items": items });
        let found = api.call(Method::POST, "/freeBusy").json(body).looks().fetch().await?;
        let mut busy = Vec::new();
        for (id, one) in found.get("calendars").and_then(Value::as_object).into_iter().flatten() {
            if let Some(reason) = json::filled(one, "errors.0.reason") {
                let text = format!("Google can't tell when the calendar `{id}` is busy");
                let kind = match reason.as_str() {
                    "notFound" => ErrorKind::NotFound,
                    _ => ErrorKind::Unavailable,
                };
                return Err(Error::new(kind, text).with_code(Some(reason)));
            }
            busy.extend(json::list_at(one, "busy").iter().filter_map(|span| {
                let (from, to) = (json::time_at(span, "start")?, json::time_at(span, "end")?);
                Some(Busy { calendar_id: Id::new(id), from, to })
            }));
        }
        Ok(FreeBusy { busy, raw: found })
    }
}

fn calendar(id: Option<&Id>) -> &str {
    id.map_or("primary", Id::as_str)
}

/// Whom Google writes to.
fn told(notify: bool) -> &'static str {
    if notify { "all" } else { "none" }
}

fn time(time: &EventTime) -> Value {
    json!({ "dateTime": time.at, "date": time.date, "timeZone": time.time_zone })
}

fn guests(emails: &[String]) -> Vec<Value> {
    emails.iter().map(|email| json!({ "email": email })).collect()
}

fn info(found: &Value) -> Result<CalendarInfo, Error> {
    Ok(CalendarInfo {
        id: json::id_at(found, "id")?,
        name: json::filled(found, "summaryOverride").or_else(|| json::filled(found, "summary")),
        time_zone: json::filled(found, "timeZone"),
        primary: found.get("primary").and_then(Value::as_bool) == Some(true),
        writable: json::filled(found, "accessRole")
            .map(|role| matches!(role.as_str(), "owner" | "writer")),
        raw: found.clone(),
    })
}

fn event(calendar: &str, found: &Value) -> Result<Event, Error> {
    Ok(Event {
        id: json::id_at(found, "id")?,
        calendar_id: Id::new(calendar),
        title: json::filled(found, "summary"),
        description: json::filled(found, "description"),
        location: json::filled(found, "location"),
        start: found.get("start").and_then(when),
        end: found.get("end").and_then(when),
        status: match json::text_at(found, "status").as_deref() {
            Some("cancelled") => EventStatus::Cancelled,
            Some("tentative") => EventStatus::Tentative,
            _ => EventStatus::Confirmed,
        },
        attendees: json::list_at(found, "attendees").iter().map(guest).collect(),
        organizer: json::filled(found, "organizer.email"),
        conference_url: json::filled(found, "hangoutLink").or_else(|| video(found)),
        url: json::filled(found, "htmlLink"),
        created_at: json::time_at(found, "created"),
        updated_at: json::time_at(found, "updated"),
        raw: found.clone(),
    })
}

fn when(found: &Value) -> Option<EventTime> {
    if let Some(date) = json::date_at(found, "date") {
        return Some(EventTime::day(date));
    }
    let zone = json::filled(found, "timeZone");
    json::time_at(found, "dateTime").map(|at| EventTime::at(at, zone))
}

fn guest(found: &Value) -> Attendee {
    Attendee {
        email: json::filled(found, "email"),
        name: json::filled(found, "displayName"),
        response: match json::text_at(found, "responseStatus").as_deref() {
            Some("needsAction") => Some(Response::NeedsAction),
            Some("accepted") => Some(Response::Accepted),
            Some("tentative") => Some(Response::Tentative),
            Some("declined") => Some(Response::Declined),
            _ => None,
        },
    }
}

fn video(found: &Value) -> Option<String> {
    let mut ways = json::list_at(found, "conferenceData.entryPoints").iter();
    let video =
        ways.find(|way| json::text_at(way, "entryPointType").as_deref() == Some("video"))?;
    json::filled(video, "uri")
}

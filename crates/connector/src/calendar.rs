//! Calendars: events, and when people are busy.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Api, Error,
    model::{Cursor, Date, DateTime, Id, Limit, Page},
};

/// What a calendar can do. Each action that the manifest lists works; the others answer
/// [`unsupported`](crate::unsupported).
#[async_trait]
pub trait Calendar: Send + Sync {
    /// `calendars.list`
    async fn list_calendars(
        &self,
        api: &Api,
        ask: ListCalendars,
    ) -> Result<Page<CalendarInfo>, Error>;
    /// `events.list`
    async fn list_events(&self, api: &Api, ask: ListEvents) -> Result<Page<Event>, Error>;
    /// `events.get`
    async fn get_event(&self, api: &Api, ask: GetEvent) -> Result<Event, Error>;
    /// `events.create`
    async fn create_event(&self, api: &Api, new: NewEvent) -> Result<Event, Error>;
    /// `events.update`
    async fn update_event(&self, api: &Api, change: ChangeEvent) -> Result<Event, Error>;
    /// `events.cancel`
    async fn cancel_event(&self, api: &Api, ask: CancelEvent) -> Result<Cancelled, Error>;
    /// `free_busy.query`
    async fn free_busy(&self, api: &Api, ask: AskFreeBusy) -> Result<FreeBusy, Error>;
}

/// A calendar.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CalendarInfo {
    /// The provider's id.
    pub id: Id,
    /// Its name.
    pub name: Option<String>,
    /// Its time zone, as the IANA database names it.
    pub time_zone: Option<String>,
    /// Whether it is the one that counts where no calendar is named.
    pub primary: bool,
    /// Whether events can be put into it, where that can be told.
    pub writable: Option<bool>,
    /// The provider's own record.
    pub raw: Value,
}

/// All calendars, a page at a time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListCalendars {
    /// Where the page begins.
    pub cursor: Option<Cursor>,
    /// The most items on the page.
    #[serde(default)]
    pub limit: Limit,
}

/// When an event begins or ends: either `at`, or `date` where it takes whole days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EventTime {
    /// A moment.
    pub at: Option<DateTime>,
    /// A day. As an end it is the day after the last.
    pub date: Option<Date>,
    /// The time zone in which the event is planned, as the IANA database names it.
    pub time_zone: Option<String>,
}

impl EventTime {
    /// A moment, and the time zone it is planned in.
    pub fn at(at: DateTime, time_zone: Option<String>) -> Self {
        Self { at: Some(at), date: None, time_zone }
    }

    /// A day.
    pub fn day(date: Date) -> Self {
        Self { at: None, date: Some(date), time_zone: None }
    }

    /// The moment; of a day its beginning in UTC.
    pub fn moment(&self) -> Option<DateTime> {
        self.at.or_else(|| self.date.map(Date::midnight_utc))
    }
}

impl<'de> Deserialize<'de> for EventTime {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Wire {
            at: Option<DateTime>,
            date: Option<Date>,
            time_zone: Option<String>,
        }
        let Wire { at, date, time_zone } = Wire::deserialize(deserializer)?;
        if at.is_some() == date.is_some() {
            return Err(serde::de::Error::custom("give either `at` or `date`"));
        }
        Ok(Self { at, date, time_zone })
    }
}

/// Whether an event takes place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventStatus {
    /// It does.
    Confirmed,
    /// It may.
    Tentative,
    /// It does not.
    Cancelled,
}

/// What a guest answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// Nothing yet.
    NeedsAction,
    /// Yes.
    Accepted,
    /// Perhaps.
    Tentative,
    /// No.
    Declined,
}

/// A guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Attendee {
    /// The e-mail address.
    pub email: Option<String>,
    /// The name.
    pub name: Option<String>,
    /// The answer, where that can be told.
    pub response: Option<Response>,
}

/// An event.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Event {
    /// The provider's id.
    pub id: Id,
    /// The calendar it is in, where that can be told.
    pub calendar_id: Option<Id>,
    /// What it is called.
    pub title: Option<String>,
    /// What it is about; may be HTML, as the provider keeps it.
    pub description: Option<String>,
    /// Where it takes place.
    pub location: Option<String>,
    /// When it begins.
    pub start: Option<EventTime>,
    /// When it ends.
    pub end: Option<EventTime>,
    /// Whether it takes place.
    pub status: EventStatus,
    /// Who is invited.
    pub attendees: Vec<Attendee>,
    /// The e-mail address of whoever invites.
    pub organizer: Option<String>,
    /// Where people meet online.
    pub conference_url: Option<String>,
    /// Its page in the provider's app.
    pub url: Option<String>,
    /// When it was made.
    pub created_at: Option<DateTime>,
    /// When it last changed.
    pub updated_at: Option<DateTime>,
    /// The provider's own record.
    pub raw: Value,
}

/// Which events. Those that repeat are listed one by one.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListEvents {
    /// In which calendar; left out = the primary one.
    pub calendar_id: Option<Id>,
    /// Those that end after this moment.
    pub from: DateTime,
    /// Those that begin before this moment.
    pub to: DateTime,
    /// Where the page begins.
    pub cursor: Option<Cursor>,
    /// The most items on the page.
    #[serde(default)]
    pub limit: Limit,
}

/// One event.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetEvent {
    /// In which calendar; left out = the primary one.
    pub calendar_id: Option<Id>,
    /// The event's id.
    pub id: Id,
}

/// An event to be.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEvent {
    /// In which calendar; left out = the primary one.
    pub calendar_id: Option<Id>,
    /// What it is called.
    pub title: String,
    /// What it is about: plain text.
    pub description: Option<String>,
    /// Where it takes place.
    pub location: Option<String>,
    /// When it begins.
    pub start: EventTime,
    /// When it ends: a moment or a day, as `start` is.
    pub end: EventTime,
    /// The e-mail addresses of those who are invited.
    #[serde(default)]
    pub attendees: Vec<String>,
    /// Whether the provider writes to those who are invited.
    #[serde(default)]
    pub notify: bool,
}

/// What changes of an event; what is left out stays.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeEvent {
    /// In which calendar; left out = the primary one.
    pub calendar_id: Option<Id>,
    /// Which event.
    pub id: Id,
    /// What it is called.
    pub title: Option<String>,
    /// What it is about: plain text.
    pub description: Option<String>,
    /// Where it takes place.
    pub location: Option<String>,
    /// When it begins.
    pub start: Option<EventTime>,
    /// When it ends.
    pub end: Option<EventTime>,
    /// The e-mail addresses of all who are invited; whoever is not listed no longer is.
    pub attendees: Option<Vec<String>>,
    /// Whether the provider writes to those who are invited.
    #[serde(default)]
    pub notify: bool,
}

/// Which event does not take place.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelEvent {
    /// In which calendar; left out = the primary one.
    pub calendar_id: Option<Id>,
    /// Which event.
    pub id: Id,
    /// Why, for those who were invited; not every provider takes it.
    pub reason: Option<String>,
    /// Whether the provider writes to those who were invited.
    #[serde(default)]
    pub notify: bool,
}

/// It does not take place any more.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Cancelled {
    /// The event's id.
    pub id: Id,
    /// Always `cancelled`.
    pub status: EventStatus,
}

impl Cancelled {
    /// The event with this id.
    pub fn of(id: Id) -> Self {
        Self { id, status: EventStatus::Cancelled }
    }
}

/// When are these calendars busy?
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AskFreeBusy {
    /// Which calendars; none = the primary one.
    #[serde(default)]
    #[schemars(length(max = 50))]
    pub calendar_ids: Vec<Id>,
    /// From this moment.
    pub from: DateTime,
    /// To this moment.
    pub to: DateTime,
}

/// A time that is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Busy {
    /// In which calendar, where that can be told.
    pub calendar_id: Option<Id>,
    /// From this moment.
    pub from: DateTime,
    /// To this moment.
    pub to: DateTime,
}

/// When calendars are busy.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FreeBusy {
    /// The times that are taken; all others are free.
    pub busy: Vec<Busy>,
    /// The provider's own answer.
    pub raw: Value,
}

//! Times with their offset, and days.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::{
    Date as Day, OffsetDateTime, PrimitiveDateTime, UtcOffset,
    format_description::well_known::{Iso8601, Rfc2822, Rfc3339},
    macros::format_description,
};

/// A moment with its offset (RFC 3339).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[schemars(transparent, extend("format" = "date-time"))]
pub struct DateTime(#[schemars(with = "String")] OffsetDateTime);

impl DateTime {
    /// A moment as a provider writes it: RFC 3339, ISO 8601 (`+0000`), RFC 2822 (`Tue, 25 Nov 2025 …`), or
    /// without an offset, which then means UTC, with a `T` or a space.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let spaced = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
        OffsetDateTime::parse(text, &Rfc3339)
            .or_else(|_| OffsetDateTime::parse(text, &Iso8601::DEFAULT))
            .or_else(|_| OffsetDateTime::parse(text, &Rfc2822))
            .or_else(|_| {
                PrimitiveDateTime::parse(text, &Iso8601::DEFAULT).map(PrimitiveDateTime::assume_utc)
            })
            .or_else(|_| PrimitiveDateTime::parse(text, &spaced).map(PrimitiveDateTime::assume_utc))
            .ok()
            .map(Self)
    }

    /// A moment in seconds since 1970.
    pub fn from_secs(secs: i64) -> Option<Self> {
        OffsetDateTime::from_unix_timestamp(secs).ok().map(Self)
    }

    /// A moment in milliseconds since 1970.
    pub fn from_millis(millis: i64) -> Option<Self> {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).ok().map(Self)
    }

    /// Seconds since 1970.
    pub fn secs(self) -> i64 {
        self.0.unix_timestamp()
    }

    /// Milliseconds since 1970.
    pub fn millis(self) -> i64 {
        i64::try_from(self.0.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
    }

    /// The same moment in UTC, for providers that want a `Z`.
    #[must_use]
    pub fn utc(self) -> Self {
        Self(self.0.to_offset(UtcOffset::UTC))
    }

    /// The day in its own offset.
    pub fn date(self) -> Date {
        Date(self.0.date())
    }

    /// The date and time of day without an offset, `2026-11-25T09:30:00`: for providers that take the
    /// time zone beside it.
    pub fn local(self) -> String {
        let local = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
        self.0.format(&local).unwrap_or_default()
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.format(&Rfc3339).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for DateTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DateTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        OffsetDateTime::parse(&text, &Rfc3339).map(Self).map_err(|_| {
            de::Error::custom(
                "write a time with its offset, such as `2026-11-25T09:30:00+01:00` (RFC 3339)",
            )
        })
    }
}

/// A day, `2026-11-25`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[schemars(transparent, extend("format" = "date"))]
pub struct Date(#[schemars(with = "String")] Day);

impl Date {
    /// A day as a provider writes it: `2026-11-25`, or a time on that day.
    pub fn parse(text: &str) -> Option<Self> {
        Day::parse(text.get(..10)?, &format_description!("[year]-[month]-[day]")).ok().map(Self)
    }

    /// The day after.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.next_day().unwrap_or(self.0))
    }

    /// The day before.
    #[must_use]
    pub fn previous(self) -> Self {
        Self(self.0.previous_day().unwrap_or(self.0))
    }

    /// Its beginning in UTC.
    pub fn midnight_utc(self) -> DateTime {
        DateTime(self.0.midnight().assume_utc())
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = self.0.format(&format_description!("[year]-[month]-[day]"));
        f.write_str(&day.map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        (text.len() == 10)
            .then(|| Self::parse(&text))
            .flatten()
            .ok_or_else(|| de::Error::custom("write a day, such as `2026-11-25`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_providers_write_is_one_moment() {
        let expected = DateTime::from_secs(1_764_063_000).unwrap();
        for text in [
            "2025-11-25T09:30:00Z",
            "2025-11-25T10:30:00+01:00",
            "2025-11-25T10:30:00.000+0100",
            "2025-11-25T09:30:00",
            "2025-11-25 09:30:00",
            "Tue, 25 Nov 2025 10:30:00 +0100",
        ] {
            assert_eq!(DateTime::parse(text), Some(expected), "{text}");
        }
        assert_eq!(DateTime::from_millis(1_764_063_000_000), Some(expected));
        assert_eq!(expected.to_string(), "2025-11-25T09:30:00Z");
    }

    #[test]
    fn an_offset_is_kept() {
        let at = DateTime::parse("2025-11-25T10:30:00+01:00").unwrap();
        assert_eq!(at.to_string(), "2025-11-25T10:30:00+01:00");
        assert_eq!(
            (at.utc().to_string().as_str(), at.local().as_str()),
            ("2025-11-25T09:30:00Z", "2025-11-25T10:30:00")
        );
    }

    #[test]
    fn whoever_asks_writes_the_offset() {
        assert!(serde_json::from_str::<DateTime>("\"2025-11-25T09:30:00\"").is_err());
        assert!(serde_json::from_str::<Date>("\"2025-11-25T09:30:00Z\"").is_err());
        assert!(serde_json::from_str::<Date>("\"2025-02-30\"").is_err());
    }
}

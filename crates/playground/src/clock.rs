//! Time: the only file that reads the clock.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// The system's clock, or one that stands still; tests may put both forward. Clones share one time.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    forward: Arc<AtomicI64>,
    /// Where it stands; none = it goes with the system's.
    stands_at: Option<i64>,
}

impl Clock {
    /// A clock that stands at the present moment until it is put forward.
    pub fn standing() -> Self {
        Self { stands_at: Some(system()), ..Self::default() }
    }

    /// Puts this clock forward.
    pub fn advance(&self, by: Duration) {
        self.forward.fetch_add(millis(by), Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> Moment {
        let at = self.stands_at.unwrap_or_else(system);
        Moment(at.saturating_add(self.forward.load(Ordering::SeqCst)))
    }
}

#[allow(clippy::disallowed_methods, reason = "this is the one place that reads it")]
fn system() -> i64 {
    millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A moment in milliseconds since 1970, written in JSON as RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) i64);

impl Moment {
    /// This much later.
    pub(crate) fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(millis(by)))
    }

    /// Whole seconds since 1970.
    pub(crate) fn secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    fn parse(text: &str) -> Option<Self> {
        let at = OffsetDateTime::parse(text, &Rfc3339).ok()?.to_offset(UtcOffset::UTC);
        Some(Self(i64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok()?))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .and_then(|at| at.format(&Rfc3339).ok());
        f.write_str(at.as_deref().unwrap_or("never"))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| de::Error::custom("expected a time such as 2026-11-24T12:00:00Z"))
    }
}

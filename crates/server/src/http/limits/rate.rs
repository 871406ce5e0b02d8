//! A rate, as the configuration writes it: `50/s`, `50/s,burst=100`, `20/min`, `off`.

use std::{num::NonZeroU32, time::Duration};

use governor::Quota;

/// More of anything than one process answers.
const MOST: u32 = 1_000_000;

/// So many in a time, and so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// One more after each of these.
    pub(super) every: Duration,
    /// At once, after a time of rest.
    pub(super) burst: NonZeroU32,
}

impl Rate {
    /// Reads the configuration's text; none = no limit. The error says how to write it.
    pub(crate) fn read(text: &str) -> Result<Option<Self>, String> {
        let wrong = || {
            format!(
                "`{text}` is no rate: write 50/s, 20/min or 100/h, with ,burst=100 for how many may come at once, or off"
            )
        };
        let text = text.trim();
        if matches!(text, "off" | "0") {
            return Ok(None);
        }
        let (pace, burst) = match text.split_once(',') {
            None => (text, None),
            Some((pace, rest)) => {
                let burst = rest.trim().strip_prefix("burst=").and_then(number);
                (pace, Some(burst.ok_or_else(wrong)?))
            }
        };
        let (count, unit) = pace.split_once('/').ok_or_else(wrong)?;
        let count = number(count).ok_or_else(wrong)?;
        let unit = match unit.trim() {
            "s" => Duration::from_secs(1),
            "min" => Duration::from_mins(1),
            "h" => Duration::from_hours(1),
            _ => return Err(wrong()),
        };
        Ok(Some(Self { every: unit / count.get(), burst: burst.unwrap_or(count) }))
    }

    /// As governor takes it.
    pub(super) fn quota(self) -> Quota {
        Quota::with_period(self.every)
            .expect("a unit of a second or more, divided by a million at most, is not zero")
            .allow_burst(self.burst)
    }

    /// How long an empty bucket takes to be full again.
    pub(super) fn window(self) -> Duration {
        self.every * self.burst.get()
    }
}

fn number(text: &str) -> Option<NonZeroU32> {
    text.trim().parse().ok().filter(|number: &NonZeroU32| number.get() <= MOST)
}

/// Whole seconds, never less than it takes, at least one.
pub(super) fn seconds(time: Duration) -> u64 {
    (time.as_secs() + u64::from(time.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(Duration, u32)> {
        Rate::read(text).unwrap().map(|rate| (rate.every, rate.burst.get()))
    }

    #[test]
    fn a_rate_is_a_count_in_a_unit_and_a_burst() {
        assert_eq!(read("50/s,burst=100"), Some((Duration::from_millis(20), 100)));
        assert_eq!(read(" 20/min "), Some((Duration::from_secs(3), 20)), "the burst is the count");
        assert_eq!(read("1/h, burst=2"), Some((Duration::from_hours(1), 2)));
        assert_eq!((read("off"), read("0")), (None, None));
        assert_eq!(read("1000000/s,burst=1000000").unwrap().0, Duration::from_micros(1));
    }

    #[test]
    fn what_is_no_rate_is_refused_with_how_to_write_one() {
        for text in [
            "",
            "50",
            "/s",
            "-1/s",
            "0/s",
            "1/day",
            "1/s,burst",
            "1/s,burst=0",
            "1/s,2",
            "1000001/s",
            "1.5/s",
        ] {
            let error = Rate::read(text).expect_err(text);
            assert!(error.contains("50/s"), "{error}");
        }
    }

    #[test]
    fn seconds_are_rounded_up() {
        assert_eq!(seconds(Duration::ZERO), 1);
        assert_eq!(seconds(Duration::from_secs(2)), 2);
        assert_eq!(seconds(Duration::from_millis(2001)), 3);
    }
}

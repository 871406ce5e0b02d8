//! How fast refreshes go to a provider with one client: a token bucket and a circuit breaker for each.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use base::Rng;
use governor::{
    DefaultDirectRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};

use super::schedule::backoff;

/// Refreshes a second with one client where the manifest does not say.
const USUAL_RATE: NonZeroU32 = NonZeroU32::new(50).expect("fifty is not zero");
/// Failures in a row after which the breaker opens.
const FAILURES: u32 = 5;

/// Nine in ten of the declared rate, one after the other: what is sent evenly arrives in bunches, and the
/// provider counts what arrives. A full bucket would let twice the rate through in its first second.
fn quota(rate: NonZeroU32) -> Quota {
    let rate = rate.get().min(100_000);
    let between = Duration::from_secs(1) * 10 / (9 * rate);
    Quota::with_period(between).expect("at 100,000 a second 11 microseconds are between")
}

/// The pace of this process.
#[derive(Clone, Default)]
pub(super) struct Pace(Arc<Mutex<HashMap<String, Arc<Lane>>>>);

/// One client at its provider.
struct Lane {
    bucket: DefaultDirectRateLimiter,
    breaker: Mutex<Breaker>,
}

#[derive(Default)]
struct Breaker {
    failures: u32,
    /// Nothing is sent before; then one goes first, and its outcome decides.
    open_until: Option<Instant>,
}

/// Whether a refresh may go now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// Now.
    Go,
    /// After this long the bucket has room.
    Wait(Duration),
    /// The provider does not work; for how long nothing is sent.
    Open(Duration),
}

impl Pace {
    fn lane(&self, client: &str, rate: Option<NonZeroU32>) -> Arc<Lane> {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let quota = quota(rate.unwrap_or(USUAL_RATE));
            Arc::new(Lane { bucket: RateLimiter::direct(quota), breaker: Mutex::default() })
        };
        lanes.entry(client.to_owned()).or_insert_with(make).clone()
    }

    /// Asks to send one refresh. `longest` bounds how long an open breaker holds back.
    pub(super) fn admit(
        &self,
        client: &str,
        rate: Option<NonZeroU32>,
        longest: Duration,
    ) -> Admission {
        let lane = self.lane(client, rate);
        {
            let mut breaker = lane.breaker.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(until) = breaker.open_until {
                let left = until.saturating_duration_since(Instant::now());
                if !left.is_zero() {
                    return Admission::Open(left.min(longest));
                }
                // This one goes first; the others wait for what becomes of it.
                breaker.open_until = Some(Instant::now() + Duration::from_secs(1).min(longest));
            }
        }
        match lane.bucket.check() {
            Ok(()) => Admission::Go,
            Err(full) => Admission::Wait(full.wait_time_from(DefaultClock::default().now())),
        }
    }

    /// The provider answered, whatever it said.
    pub(super) fn answered(&self, client: &str) {
        let lane = self.lane(client, None);
        *lane.breaker.lock().unwrap_or_else(PoisonError::into_inner) = Breaker::default();
    }

    /// The provider did not answer, or said that it can't.
    pub(super) fn failed(&self, client: &str, rng: &dyn Rng, within: (Duration, Duration)) {
        let lane = self.lane(client, None);
        let mut breaker = lane.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        breaker.failures = breaker.failures.saturating_add(1);
        if breaker.failures >= FAILURES {
            let wait = backoff(i64::from(breaker.failures - FAILURES), rng, within);
            breaker.open_until = Some(Instant::now() + wait);
        }
    }
}

#[cfg(test)]
mod tests {
    use base::SeededRng;

    use super::*;

    const WITHIN: (Duration, Duration) = (Duration::from_mins(1), Duration::from_mins(5));

    #[test]
    fn a_bucket_spaces_what_is_sent_by_a_little_more_than_the_declared_rate_asks() {
        let pace = Pace::default();
        let rate = NonZeroU32::new(2);
        assert_eq!(pace.admit("cli_a", rate, WITHIN.1), Admission::Go);
        let (least, most) = (Duration::from_millis(100), Duration::from_millis(556));
        let next = pace.admit("cli_a", rate, WITHIN.1);
        assert!(
            matches!(next, Admission::Wait(wait) if (least..=most).contains(&wait)),
            "{next:?}"
        );
        assert_eq!(pace.admit("cli_b", rate, WITHIN.1), Admission::Go, "another client's");
        let absurd = NonZeroU32::new(u32::MAX);
        assert_eq!(pace.admit("cli_c", absurd, WITHIN.1), Admission::Go);
    }

    #[test]
    fn a_breaker_opens_after_failures_in_a_row_and_an_answer_closes_it() {
        let pace = Pace::default();
        let rng = SeededRng::new(1);
        for _ in 1..FAILURES {
            pace.failed("cli_a", &rng, WITHIN);
        }
        assert_eq!(pace.admit("cli_a", None, WITHIN.1), Admission::Go);
        pace.failed("cli_a", &rng, WITHIN);
        assert!(matches!(pace.admit("cli_a", None, WITHIN.1), Admission::Open(_)));
        pace.answered("cli_a");
        assert!(!matches!(pace.admit("cli_a", None, WITHIN.1), Admission::Open(_)));
    }

    #[test]
    fn a_breaker_opens_for_the_shortest_time_first() {
        for seed in 0..20 {
            let (pace, rng) = (Pace::default(), SeededRng::new(seed));
            for _ in 0..FAILURES {
                pace.failed("cli_a", &rng, WITHIN);
            }
            let next = pace.admit("cli_a", None, WITHIN.1);
            assert!(matches!(next, Admission::Open(wait) if wait <= WITHIN.0), "{next:?}");
        }
    }

    #[test]
    fn one_goes_first_when_a_breakers_time_is_over() {
        let (pace, rng) = (Pace::default(), SeededRng::new(1));
        let within = (Duration::from_millis(20), Duration::from_mins(5));
        for _ in 0..FAILURES {
            pace.failed("cli_a", &rng, within);
        }
        std::thread::sleep(within.0);
        assert_eq!(pace.admit("cli_a", None, within.1), Admission::Go);
        assert!(matches!(pace.admit("cli_a", None, within.1), Admission::Open(_)));
    }
}

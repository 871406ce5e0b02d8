//! When to refresh.

use std::time::Duration;

use base::{Rng, Timestamp};
use connector::RefreshClass;

const FIVE_MINUTES: Duration = Duration::from_mins(5);
/// How much earlier a strict token is refreshed: there is one try more in it.
const STRICT_EARLIER: Duration = Duration::from_secs(30);

/// What decides when a credential is due.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// When the access token ends.
    pub(super) access_ends: Option<Timestamp>,
    /// When the refresh token dies of age.
    pub(super) refresh_ends: Option<Timestamp>,
    /// After how long unused the refresh token dies.
    pub(super) idle: Option<Duration>,
    /// How its refresh tokens behave.
    pub(super) class: RefreshClass,
    /// How long before the access token's end, at least.
    pub(super) margin: Option<Duration>,
    /// How old the credential must be.
    pub(super) rest: Duration,
}

/// When the sweep refreshes a credential that was received `now`: before its access token ends, and
/// before its refresh token dies of age or disuse. None where nothing ends.
pub(super) fn due_at(now: Timestamp, times: &Times, rng: &dyn Rng) -> Option<Timestamp> {
    let access = times.access_ends.map(|end| before(now, end, times, rng));
    // Half of its life: a year of failures would not lose it, and a day's token is used in time.
    let half = |life: Duration| now.plus(jitter(life / 2, rng));
    let age = times.refresh_ends.map(|end| half(now.until(end)));
    let idle = times.idle.map(half);
    let first = [access, age, idle].into_iter().flatten().min()?;
    Some(first.max(now.plus(times.rest)))
}

/// A fifth of its life before the end, at least five minutes, but never before half its life is over;
/// or as long as the provider wants; strict ones half a minute earlier, within the same cap; spread by a tenth
/// either way.
fn before(now: Timestamp, end: Timestamp, times: &Times, rng: &dyn Rng) -> Timestamp {
    let life = now.until(end);
    let is_strict = times.class == RefreshClass::Strict;
    let earlier = if is_strict { STRICT_EARLIER } else { Duration::ZERO };
    let usual = FIVE_MINUTES.max(life / 5).max(times.margin.unwrap_or_default());
    let ahead = (usual + earlier).min(life / 2);
    end.minus(jitter(ahead, rng))
}

/// Between 0.9 and 1.1 times `of`.
pub(super) fn jitter(of: Duration, rng: &dyn Rng) -> Duration {
    let mut byte = [0_u8; 1];
    rng.fill(&mut byte);
    of.mul_f64(0.9 + 0.2 * f64::from(byte[0]) / 255.0)
}

/// How long to wait after this many failures in a row: full jitter, doubling, within these bounds.
pub(super) fn backoff(failures: i64, rng: &dyn Rng, within: (Duration, Duration)) -> Duration {
    let doublings = u32::try_from(failures.clamp(0, 20)).unwrap_or(20);
    let ceiling = within.0.saturating_mul(1 << doublings).min(within.1);
    let mut bytes = [0_u8; 4];
    rng.fill(&mut bytes);
    let spread = ceiling.mul_f64(f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX));
    within.0.max(spread)
}

#[cfg(test)]
mod tests {
    use base::SeededRng;
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);
    const WITHIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(5));

    fn times(class: RefreshClass) -> Times {
        let rest = Duration::ZERO;
        Times { access_ends: None, refresh_ends: None, idle: None, class, margin: None, rest }
    }

    proptest! {
        #[test]
        fn a_token_is_refreshed_in_the_second_half_of_its_life(
            life in 2_u64..10_000_000, seed in any::<u64>(), strict in any::<bool>(),
        ) {
            let end = NOW.plus(Duration::from_secs(life));
            let class = if strict { RefreshClass::Strict } else { RefreshClass::Static };
            let times = Times { access_ends: Some(end), ..times(class) };
            let due = due_at(NOW, &times, &SeededRng::new(seed)).expect("it ends");
            prop_assert!(due < end);
            // Half of its life, less the jitter's tenth.
            prop_assert!(due >= NOW.plus(Duration::from_secs(life).mul_f64(0.44)), "{} {}", NOW, due);
        }

        #[test]
        fn a_refresh_token_is_used_before_it_dies_of_age_or_disuse(
            age in 2_u64..10_000_000, idle in 2_u64..10_000_000, seed in any::<u64>(),
        ) {
            let times = Times {
                refresh_ends: Some(NOW.plus(Duration::from_secs(age))),
                idle: Some(Duration::from_secs(idle)),
                ..times(RefreshClass::Strict)
            };
            let due = due_at(NOW, &times, &SeededRng::new(seed)).expect("it ends");
            prop_assert!(due < NOW.plus(Duration::from_secs(age.min(idle))));
        }

        #[test]
        fn waiting_after_failures_stays_within_its_bounds(
            failures in any::<i64>(), seed in any::<u64>(),
        ) {
            let wait = backoff(failures, &SeededRng::new(seed), WITHIN);
            prop_assert!((WITHIN.0..=WITHIN.1).contains(&wait));
        }
    }

    #[test]
    fn a_provider_may_want_it_earlier_and_may_want_a_token_to_be_so_old() {
        let hours = |hours| Duration::from_hours(hours);
        let due = |margin, rest| {
            let times = Times {
                access_ends: Some(NOW.plus(hours(100))),
                margin,
                rest,
                ..times(RefreshClass::Static)
            };
            NOW.until(due_at(NOW, &times, &SeededRng::new(1)).expect("it ends")).as_secs() / 3600
        };
        assert!((77..=83).contains(&due(None, Duration::ZERO)), "a fifth before the end");
        assert!((55..=65).contains(&due(Some(hours(40)), Duration::ZERO)));
        assert!(
            (45..=55).contains(&due(Some(hours(90)), Duration::ZERO)),
            "half of its life stays"
        );
        assert!((77..=83).contains(&due(None, hours(24))), "it is that old by then");
        assert_eq!(due(None, hours(90)), 90);
    }

    #[test]
    fn a_strict_token_is_refreshed_half_a_minute_earlier() {
        let due = |class| {
            let end = NOW.plus(Duration::from_hours(2));
            let times = Times { access_ends: Some(end), ..times(class) };
            due_at(NOW, &times, &SeededRng::new(3)).expect("it ends")
        };
        let earlier = due(RefreshClass::Strict).until(due(RefreshClass::Static));
        assert!((27..=33).contains(&earlier.as_secs()), "{earlier:?}");
    }

    #[test]
    fn waiting_doubles_with_each_failure() {
        let longest = |failures| {
            (0..200).map(|seed| backoff(failures, &SeededRng::new(seed), WITHIN)).max().unwrap()
        };
        assert_eq!(longest(0), WITHIN.0);
        for (failures, least, most) in [(1, 1500, 2000), (3, 7000, 8000), (6, 60_000, 64_000)] {
            let wait = longest(failures).as_millis();
            assert!((least..=most).contains(&wait), "{failures}: {wait}");
        }
    }

    #[test]
    fn what_never_ends_is_never_due() {
        assert_eq!(due_at(NOW, &times(RefreshClass::Strict), &SeededRng::new(1)), None);
    }
}

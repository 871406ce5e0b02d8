//! When to refresh.

use std::time::Duration;

use base::{Rng, Timestamp};

const FIVE_MINUTES: Duration = Duration::from_mins(5);

/// When the sweep refreshes a token that was received `now` and ends at `expires_at`.
///
/// A fifth of its life before the end, at least five minutes, but never before half its life is over;
/// spread by a tenth either way.
pub(super) fn due_at(now: Timestamp, expires_at: Timestamp, rng: &dyn Rng) -> Timestamp {
    let life = now.until(expires_at);
    let ahead = FIVE_MINUTES.max(life / 5).min(life / 2);
    expires_at.minus(jitter(ahead, rng))
}

/// Between 0.9 and 1.1 times `of`.
fn jitter(of: Duration, rng: &dyn Rng) -> Duration {
    let mut byte = [0_u8; 1];
    rng.fill(&mut byte);
    of * (900 + u32::from(byte[0]) * 200 / 255) / 1000
}

/// How long to wait after this many failures in a row: full jitter from 1 s to 5 min.
pub(super) fn backoff(failures: i64, rng: &dyn Rng) -> Duration {
    let doublings = u32::try_from(failures.clamp(0, 9)).unwrap_or(9);
    let ceiling = Duration::from_secs(1 << doublings).min(FIVE_MINUTES);
    let mut bytes = [0_u8; 4];
    rng.fill(&mut bytes);
    let spread = ceiling.mul_f64(f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX));
    Duration::from_secs(1).max(spread)
}

#[cfg(test)]
mod tests {
    use base::SeededRng;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_token_is_refreshed_in_the_second_half_of_its_life(
            life in 2_u64..10_000_000, seed in any::<u64>(),
        ) {
            let now = Timestamp::from_secs(1_795_000_000);
            let end = now.plus(Duration::from_secs(life));
            let due = due_at(now, end, &SeededRng::new(seed));
            prop_assert!(due < end);
            // Half of its life, less the jitter's tenth.
            prop_assert!(due >= now.plus(Duration::from_secs(life).mul_f64(0.44)), "{} {}", now, due);
        }

        #[test]
        fn waiting_after_failures_stays_within_a_second_and_five_minutes(
            failures in any::<i64>(), seed in any::<u64>(),
        ) {
            let wait = backoff(failures, &SeededRng::new(seed));
            prop_assert!((Duration::from_secs(1)..=FIVE_MINUTES).contains(&wait));
        }
    }
}

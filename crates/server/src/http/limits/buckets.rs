//! Token buckets, one for each key: governor counts, moka forgets.
//!
//! A bucket that rested for its whole window is full, so forgetting it then changes nothing. Beyond
//! [`MOST`] the one that rested longest is forgotten: memory is bounded, and nobody is refused for others.

use std::{
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use governor::{
    NotUntil, RateLimiter,
    clock::{Clock, DefaultClock, Reference},
    middleware::StateInformationMiddleware,
    state::{InMemoryState, NotKeyed},
};
use moka::{future::Cache, policy::EvictionPolicy};

use super::rate::Rate;

/// Buckets that one process remembers, of each sort.
const MOST: u64 = 100_000;

struct Bucket<C: Clock> {
    limiter: RateLimiter<NotKeyed, InMemoryState, C, StateInformationMiddleware>,
    /// Until when it is known to be empty, where that is asked for.
    empty_until: Mutex<Option<C::Instant>>,
}

/// What came of one try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// If it was refused: when to try again.
    pub(super) refused: Option<Duration>,
    /// How many more may come now.
    pub(super) remaining: u32,
    /// When the bucket is full again, if nothing comes.
    pub(super) full_in: Duration,
}

/// Buckets of one sort.
pub(super) struct Buckets<K, C: Clock = DefaultClock> {
    rate: Rate,
    clock: C,
    all: Cache<K, Arc<Bucket<C>>>,
}

impl<K, C> Buckets<K, C>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    C: Clock + Clone + Send + Sync + 'static,
{
    pub(super) fn new(rate: Rate, clock: C) -> Self {
        let rest = rate.window().max(Duration::from_secs(1));
        let all = Cache::builder()
            .max_capacity(MOST)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(rest)
            .build();
        Self { rate, clock, all }
    }

    /// The rate of each.
    pub(super) fn rate(&self) -> Rate {
        self.rate
    }

    async fn bucket(&self, key: &K) -> Arc<Bucket<C>> {
        if let Some(bucket) = self.all.get(key).await {
            return bucket;
        }
        let make = async {
            let limiter = RateLimiter::direct_with_clock(self.rate.quota(), self.clock.clone())
                .with_middleware::<StateInformationMiddleware>();
            Arc::new(Bucket { limiter, empty_until: Mutex::new(None) })
        };
        self.all.get_with(key.clone(), make).await
    }

    fn wait(&self, full: &NotUntil<C::Instant>) -> Duration {
        full.wait_time_from(self.clock.now())
    }

    /// Takes one, if there is one.
    pub(super) async fn take(&self, key: &K) -> Taken {
        let (every, burst) = (self.rate.every, self.rate.burst.get());
        match self.bucket(key).await.limiter.check() {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                let full_in = every * burst.saturating_sub(remaining);
                Taken { refused: None, remaining, full_in }
            }
            Err(full) => {
                let wait = self.wait(&full);
                Taken { refused: Some(wait), remaining: 0, full_in: wait + every * (burst - 1) }
            }
        }
    }

    /// Counts what can't be refused any more, for [`spent`](Self::spent).
    pub(super) async fn count(&self, key: &K) {
        let bucket = self.bucket(key).await;
        // A second look, which takes nothing from an empty bucket, tells how long it stays empty.
        let full = match bucket.limiter.check() {
            Ok(state) if state.remaining_burst_capacity() > 0 => return,
            Ok(_) => bucket.limiter.check().err(),
            Err(full) => Some(full),
        };
        if let Some(full) = full {
            let until = self.clock.now() + self.wait(&full).into();
            *bucket.empty_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
        }
    }

    /// Whether what was counted has used this bucket up, and for how long. Remembers nothing new.
    pub(super) async fn spent(&self, key: &K) -> Option<Duration> {
        let bucket = self.all.get(key).await?;
        let until = (*bucket.empty_until.lock().unwrap_or_else(PoisonError::into_inner))?;
        let left: Duration = until.duration_since(self.clock.now()).into();
        Some(left).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use governor::clock::FakeRelativeClock;
    use proptest::prelude::*;

    use super::*;

    fn buckets(rate: &str) -> (Buckets<u32, FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (Buckets::new(Rate::read(rate).unwrap().unwrap(), clock.clone()), clock)
    }

    #[test]
    fn a_burst_passes_and_then_one_after_each_pause() {
        let (buckets, clock) = buckets("2/s,burst=3");
        let half = Duration::from_millis(500);
        for left in [2, 1, 0] {
            let taken = block_on(buckets.take(&1));
            assert_eq!((taken.refused, taken.remaining), (None, left));
            assert_eq!(taken.full_in, half * (3 - left));
        }
        let refused = block_on(buckets.take(&1));
        assert_eq!(refused, Taken { refused: Some(half), remaining: 0, full_in: half * 3 });
        clock.advance(half);
        assert_eq!(block_on(buckets.take(&1)).refused, None);
        assert_eq!(block_on(buckets.take(&1)).refused, Some(half));
    }

    #[test]
    fn what_is_counted_spends_the_bucket_for_as_long_as_it_is_empty() {
        let (buckets, clock) = buckets("20/min,burst=2");
        assert_eq!(block_on(buckets.spent(&1)), None);
        block_on(buckets.count(&1));
        assert_eq!(block_on(buckets.spent(&1)), None, "one of two");
        block_on(buckets.count(&1));
        assert_eq!(block_on(buckets.spent(&1)), Some(Duration::from_secs(3)));
        assert_eq!(block_on(buckets.spent(&2)), None, "another's");
        clock.advance(Duration::from_secs(2));
        assert_eq!(block_on(buckets.spent(&1)), Some(Duration::from_secs(1)));
        clock.advance(Duration::from_secs(1));
        assert_eq!(block_on(buckets.spent(&1)), None);
    }

    #[test]
    fn looking_for_a_bucket_makes_none() {
        let (buckets, _) = buckets("1/s");
        for key in 0..1000 {
            block_on(buckets.spent(&key));
        }
        block_on(buckets.all.run_pending_tasks());
        assert_eq!(buckets.all.entry_count(), 0);
    }

    #[test]
    fn more_keys_than_are_remembered_take_no_more_memory() {
        let (buckets, _) = buckets("1/h");
        for key in 0..u32::try_from(MOST).unwrap() + 1000 {
            block_on(buckets.take(&key));
        }
        block_on(buckets.all.run_pending_tasks());
        assert!(buckets.all.entry_count() <= MOST, "{}", buckets.all.entry_count());
    }

    /// Pauses in milliseconds, each followed by one try.
    fn tries() -> impl Strategy<Value = Vec<u64>> {
        prop::collection::vec(prop_oneof![5 => Just(0), 2 => 1..50_u64, 1 => 50..3000_u64], 1..300)
    }

    proptest! {
        #[test]
        fn never_more_than_the_burst_and_the_rate_times_the_time_pass(
            count in 1..200_u32, burst in 1..100_u32, pauses in tries(),
        ) {
            let (buckets, clock) = buckets(&format!("{count}/s,burst={burst}"));
            let (mut passed, mut elapsed) = (0_u128, Duration::ZERO);
            for pause in pauses {
                let pause = Duration::from_millis(pause);
                clock.advance(pause);
                elapsed += pause;
                let taken = block_on(buckets.take(&1));
                passed += u128::from(taken.refused.is_none());
                let every = Duration::from_secs(1) / count;
                let most = u128::from(burst) + elapsed.as_nanos() / every.as_nanos();
                prop_assert!(passed <= most, "{passed} passed, {most} may");
            }
        }

        #[test]
        fn who_keeps_to_the_rate_is_never_refused(count in 1..200_u32, burst in 1..100_u32) {
            let (buckets, clock) = buckets(&format!("{count}/s,burst={burst}"));
            for _ in 0..burst {
                prop_assert_eq!(block_on(buckets.take(&1)).refused, None);
            }
            for _ in 0..100 {
                clock.advance(Duration::from_secs(1) / count);
                prop_assert_eq!(block_on(buckets.take(&1)).refused, None);
            }
        }

        #[test]
        fn who_waits_as_long_as_was_told_passes(count in 1..200_u32, burst in 1..100_u32) {
            let (buckets, clock) = buckets(&format!("{count}/s,burst={burst}"));
            while block_on(buckets.take(&1)).refused.is_none() {}
            let wait = block_on(buckets.take(&1)).refused.unwrap();
            clock.advance(wait);
            prop_assert_eq!(block_on(buckets.take(&1)).refused, None);
        }

        #[test]
        fn one_keys_flood_takes_nothing_from_another(flood in 1..500_u32, burst in 1..50_u32) {
            let (flooded, _) = buckets(&format!("1/s,burst={burst}"));
            let (quiet, _) = buckets(&format!("1/s,burst={burst}"));
            for _ in 0..flood {
                block_on(flooded.take(&1));
            }
            for _ in 0..=burst {
                prop_assert_eq!(block_on(flooded.take(&2)), block_on(quiet.take(&2)));
            }
        }
    }
}

//! How long things may take, in one place.

use std::time::Duration;

use outbound::Limits;

/// The protocol's times. One factor scales them all, for fault tests; a running hub uses 1.
#[derive(Clone, Copy, Debug)]
pub struct Timings {
    /// How long a lease holder may take.
    pub lease: Duration,
    /// How long after a claim nobody else sends.
    pub quiet: Duration,
    /// For connecting and for the answer, together less than the lease.
    pub send: Limits,
    /// How long before its lease's end a holder must have begun to write.
    pub margin: Duration,
    /// How long a caller waits for a refresh.
    pub patience: Duration,
    /// How long before an access token's end a strict token whose sender is silent is tried a last time.
    pub last_try: Duration,
    /// The shortest and the longest wait after a failure.
    pub backoff: (Duration, Duration),
}

impl Default for Timings {
    fn default() -> Self {
        Self::scaled(1.0)
    }
}

impl Timings {
    /// All times times `factor`.
    pub fn scaled(factor: f64) -> Self {
        let time = |seconds: f64| Duration::from_secs_f64(seconds * factor);
        Self {
            lease: time(15.0),
            quiet: time(20.0),
            send: Limits { connect: time(3.0), total: time(10.0), max_body: 64 * 1024 },
            margin: time(10.5),
            patience: time(12.0),
            last_try: time(30.0),
            backoff: (time(1.0), time(300.0)),
        }
    }
}

/// Time since boot, sleep included (`CLOCK_BOOTTIME`): what a lease is measured with. The wall clock may
/// jump, and the monotonic one stands still while the machine sleeps.
pub(super) fn boot_time() -> Duration {
    #[cfg(target_os = "linux")]
    let clock = rustix::time::ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let clock = rustix::time::ClockId::Monotonic;
    let now = rustix::time::clock_gettime(clock);
    let nanos = u32::try_from(now.tv_nsec).unwrap_or(0);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_factor_scales_all_times() {
        let (whole, tenth) = (Timings::default(), Timings::scaled(0.1));
        let all = |of: &Timings| {
            let Limits { connect, total, .. } = of.send;
            let (short, long) = of.backoff;
            [of.lease, of.quiet, connect, total, of.margin, of.patience, of.last_try, short, long]
        };
        assert_eq!(all(&whole), all(&tenth).map(|time| time * 10));
        assert_eq!((whole.lease.as_secs(), whole.quiet.as_secs()), (15, 20));
        assert_eq!([whole.send.max_body, tenth.send.max_body], [65_536; 2]);
    }

    #[test]
    fn an_answer_is_waited_for_no_longer_than_the_lease_and_the_lease_ends_before_the_quiet_time() {
        for factor in [1.0, 0.05] {
            let timings = Timings::scaled(factor);
            // A holder begins to write at the latest `margin` before its lease's end.
            assert!(timings.send.total < timings.margin, "at {factor}");
            assert!(timings.margin + timings.send.connect < timings.lease, "at {factor}");
            assert!(timings.lease < timings.quiet, "at {factor}");
        }
    }
}

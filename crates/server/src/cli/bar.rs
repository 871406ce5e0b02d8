//! How far long work is: a bar on a terminal, else a line for every tenth.

use std::{
    io::IsTerminal,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use hub::keys::Progress;
use indicatif::{ProgressBar, ProgressStyle};

use super::table::{count, span};

/// Shows progress on stderr.
pub(super) struct Bar {
    drawn: Option<ProgressBar>,
    since: Instant,
    told: AtomicU64,
}

impl Bar {
    /// Begins to show the progress of `what`.
    pub(super) fn new(what: &'static str) -> Self {
        let drawn = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template(
                "{msg} {bar:32} {human_pos} of {human_len}  {percent} %  {eta} left",
            )
            .expect("the template is well-formed");
            ProgressBar::new(0).with_style(style.progress_chars("━━─")).with_message(what)
        });
        Self { drawn, since: Instant::now(), told: AtomicU64::new(0) }
    }

    /// It has come this far. Always true: nobody stops it here.
    pub(super) fn show(&self, progress: Progress) -> bool {
        if let Some(bar) = &self.drawn {
            bar.set_length(progress.total);
            bar.set_position(progress.done);
        } else if let Some(tenth) = tenth(progress)
            && self.told.fetch_max(tenth, Ordering::Relaxed) < tenth
        {
            line(progress, tenth, self.since.elapsed());
        }
        true
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.drawn {
            bar.finish_and_clear();
        }
    }
}

/// Whole tenths that are through.
fn tenth(progress: Progress) -> Option<u64> {
    (progress.done * 10).checked_div(progress.total)
}

#[allow(clippy::print_stderr, reason = "a person reads it")]
fn line(progress: Progress, tenth: u64, elapsed: Duration) {
    let Progress { done, total } = progress;
    let left = span(left(progress, elapsed));
    eprintln!("{:>3} %: {} of {}, about {left} left", tenth * 10, count(done), count(total));
}

/// How long the rest takes at the pace so far.
fn left(Progress { done, total }: Progress, elapsed: Duration) -> Duration {
    let rest = u128::from(total.saturating_sub(done));
    let millis = (elapsed.as_millis() * rest).checked_div(done.into()).unwrap_or(0);
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_estimated_from_the_pace_so_far() {
        let at = |done, total| Progress { done, total };
        let ten = Duration::from_secs(10);
        assert_eq!(left(at(25, 100), ten), Duration::from_secs(30));
        assert_eq!(left(at(0, 100), ten), Duration::ZERO);
        assert_eq!(left(at(120, 100), ten), Duration::ZERO);
        assert_eq!(tenth(at(0, 0)), None);
        assert_eq!(tenth(at(29, 100)), Some(2));
    }
}

//! How far long work is, how fast it goes, and whether it goes on.

use std::time::Duration;

use crate::{Error, Result};

/// The code of work that its watcher stopped.
pub const STOPPED: &str = "stopped";

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Keys and values that are through.
    pub done: u64,
    /// Keys and values that there were when it began; values that came since may make it more.
    pub total: u64,
}

/// How much room it leaves to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Rests as long as it held the database: somebody waits for it.
    Steady,
    /// Some hundred values a second: nobody waits for it.
    Gentle,
}

impl Pace {
    fn rest(self, held: Duration) -> Duration {
        match self {
            Self::Steady => held.min(Duration::from_secs(1)),
            Self::Gentle => held.max(Duration::from_millis(200)),
        }
    }
}

/// A piece of long work under way.
pub struct Course<'a> {
    pace: Pace,
    watch: &'a (dyn Fn(Progress) -> bool + Send + Sync),
    progress: Progress,
}

impl<'a> Course<'a> {
    /// `watch` hears of each step, and says whether to go on.
    pub fn new(pace: Pace, watch: &'a (dyn Fn(Progress) -> bool + Send + Sync)) -> Self {
        Self { pace, watch, progress: Progress { done: 0, total: 0 } }
    }

    /// There is this much more to do.
    pub(super) fn expect(&mut self, more: u64) -> Result<()> {
        self.progress.total += more;
        self.tell()
    }

    /// This much is through.
    pub(super) fn step(&mut self, done: u64) -> Result<()> {
        self.progress.done += done;
        self.progress.total = self.progress.total.max(self.progress.done);
        self.tell()
    }

    fn tell(&self) -> Result<()> {
        if (self.watch)(self.progress) {
            return Ok(());
        }
        Err(Error::conflict(STOPPED, "Stopped before its end. Start it again to go on."))
    }

    /// Lets others have the database, which was held for this long.
    pub(super) async fn rest(&self, held: Duration) {
        tokio::time::sleep(self.pace.rest(held)).await;
    }
}

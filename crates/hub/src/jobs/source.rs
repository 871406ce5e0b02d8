//! Where background work comes from: claims, never of more than can run at once.

use std::{convert::Infallible, sync::Arc, time::Duration};

use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::{Job, Worker};
use crate::{Result, store::outbox};

/// How many refreshes a process has under way at most.
pub(super) const REFRESHES: usize = 64;
/// How many rows of the outbox it works on at most.
pub(super) const OUTBOX: usize = 16;
/// The pieces of work that only time causes: one of each at once.
pub(super) const TIMERS: usize = 4;
/// How long it sleeps where nothing is due.
const NAP: Duration = Duration::from_millis(250);
/// How long it sleeps where the database does not answer.
const TROUBLE: Duration = Duration::from_secs(2);
/// How often sessions are looked at whose time may be over.
const EXPIRY: Duration = Duration::from_secs(5);
/// How often is looked for what rotations of keys have left to do.
const KEYS: Duration = Duration::from_secs(15);
/// How often chains are signed that have grown.
const SIGNING: Duration = Duration::from_mins(1);
/// How often is looked at what takes days.
const HOUSEKEEPING: Duration = Duration::from_mins(5);
/// Milliseconds after which a piece of the outbox is due again if its process died.
const OUTBOX_LEASE: i64 = 60_000;

/// A job and its place among those that may run at once; the place is free when it is dropped.
pub(super) struct Placed {
    pub(super) job: Job,
    pub(super) place: Option<OwnedSemaphorePermit>,
}

/// All background work of this process, until `stop`.
///
/// Claims run in tasks of their own: the runner looks at its stream when it pleases, and a claim that it
/// left half-way would hold a database connection all that time.
pub(super) fn all(
    worker: &Worker,
    stop: &CancellationToken,
) -> BoxStream<'static, Result<Placed, Infallible>> {
    let (jobs, queue) = mpsc::channel(REFRESHES + OUTBOX + TIMERS);
    let source = Source { worker: worker.clone(), stop: stop.clone(), jobs };
    tokio::spawn(source.clone().claims(REFRESHES, claim_refreshes));
    tokio::spawn(source.clone().claims(OUTBOX, claim_outbox));
    tokio::spawn(source.clone().every(EXPIRY, || Job::ExpireSessions));
    tokio::spawn(source.clone().every(KEYS, || Job::FollowKeys));
    tokio::spawn(source.clone().every(SIGNING, || Job::SignChains));
    tokio::spawn(source.every(HOUSEKEEPING, || Job::Housekeeping));
    let next = |mut queue: mpsc::Receiver<Placed>| async {
        queue.recv().await.map(|job| (Ok(job), queue))
    };
    stream::unfold(queue, next).boxed()
}

async fn claim_refreshes(worker: Worker, most: u64) -> Result<Vec<Job>> {
    let leases = worker.refresher.claim_due(most).await?;
    Ok(leases.into_iter().map(|lease| Job::Refresh(Box::new(lease))).collect())
}

async fn claim_outbox(worker: Worker, most: u64) -> Result<Vec<Job>> {
    let owner = worker.refresher.owner();
    let rows = outbox::claim(&worker.store, owner, OUTBOX_LEASE, most).await?;
    Ok(rows.into_iter().map(|row| Job::Outbox(Box::new(row))).collect())
}

/// What fills the queue.
#[derive(Clone)]
struct Source {
    worker: Worker,
    stop: CancellationToken,
    jobs: mpsc::Sender<Placed>,
}

impl Source {
    /// Claims as much as there are free places: a claim's lease runs, so it must not wait in a queue.
    async fn claims<F, Fut>(self, places: usize, claim: F)
    where
        F: Fn(Worker, u64) -> Fut,
        Fut: Future<Output = Result<Vec<Job>>>,
    {
        let free = Arc::new(Semaphore::new(places));
        while let Some(mut held) = self.take_places(&free).await {
            let wait = match claim(self.worker.clone(), held.len() as u64).await {
                Ok(jobs) if jobs.is_empty() => NAP,
                Ok(jobs) => {
                    for job in jobs {
                        let one = Placed { job, place: held.pop() };
                        // The runner is gone: what was claimed is found again by its lease's end.
                        if self.jobs.send(one).await.is_err() {
                            return;
                        }
                    }
                    continue;
                }
                Err(error) => {
                    tracing::error!(%error, "due work could not be claimed");
                    TROUBLE
                }
            };
            drop(held);
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// All free places, at least one; none once it is time to stop.
    async fn take_places(&self, free: &Arc<Semaphore>) -> Option<Vec<OwnedSemaphorePermit>> {
        let first = tokio::select! {
            () = self.stop.cancelled() => return None,
            place = free.clone().acquire_owned() => place.ok()?,
        };
        let mut held = vec![first];
        while let Ok(place) = free.clone().try_acquire_owned() {
            held.push(place);
        }
        Some(held)
    }

    /// The same piece of work, again and again.
    async fn every(self, period: Duration, job: fn() -> Job) {
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(period) => {}
            }
            let one = Placed { job: job(), place: None };
            if self.jobs.send(one).await.is_err() {
                return;
            }
        }
    }
}

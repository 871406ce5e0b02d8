//! Where background work comes from: claims, as a stream that never claims more than can run at once.

use std::{convert::Infallible, sync::Arc, time::Duration};

use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::{Job, Worker};
use crate::{Result, store::outbox};

/// How many refreshes a process has under way at most.
pub(super) const REFRESHES: usize = 64;
/// How many rows of the outbox it works on at most.
pub(super) const OUTBOX: usize = 16;
/// How long it sleeps where nothing is due.
const NAP: Duration = Duration::from_millis(250);
/// How long it sleeps where the database does not answer.
const TROUBLE: Duration = Duration::from_secs(2);
const HOUSEKEEPING: Duration = Duration::from_secs(5);
/// Milliseconds after which a piece of the outbox is due again if its process died.
const OUTBOX_LEASE: i64 = 60_000;

/// A job and its place among those that may run at once; the place is free when it is dropped.
pub(super) struct Placed {
    pub(super) job: Job,
    _place: Option<OwnedSemaphorePermit>,
}

/// All background work of this process, until `stop`.
pub(super) fn all(
    worker: &Worker,
    stop: &CancellationToken,
) -> BoxStream<'static, Result<Placed, Infallible>> {
    let refreshes = claims(worker.clone(), stop.clone(), REFRESHES, claim_refreshes);
    let outbox = claims(worker.clone(), stop.clone(), OUTBOX, claim_outbox);
    let house = stream::unfold(stop.clone(), |stop| async move {
        tokio::select! {
            () = stop.cancelled() => None,
            () = tokio::time::sleep(HOUSEKEEPING) => Some((Placed { job: Job::Housekeeping, _place: None }, stop)),
        }
    })
    .boxed();
    stream::select_all([refreshes, outbox, house]).map(Ok).boxed()
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

/// Claims as much as there are free places: a claim's lease runs, so it must not wait in a queue.
fn claims<F, Fut>(
    worker: Worker,
    stop: CancellationToken,
    most: usize,
    claim: F,
) -> BoxStream<'static, Placed>
where
    F: Fn(Worker, u64) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Result<Vec<Job>>> + Send,
{
    let free = Arc::new(Semaphore::new(most));
    stream::unfold((worker, stop, free), move |(worker, stop, free)| async move {
        loop {
            let first = tokio::select! {
                () = stop.cancelled() => return None,
                place = free.clone().acquire_owned() => place.ok()?,
            };
            let mut held = vec![first];
            while let Ok(place) = free.clone().try_acquire_owned() {
                held.push(place);
            }
            let wait = match claim(worker.clone(), held.len() as u64).await {
                Ok(jobs) if jobs.is_empty() => NAP,
                Ok(jobs) => {
                    let placed: Vec<_> =
                        jobs.into_iter().map(|job| Placed { job, _place: held.pop() }).collect();
                    return Some((stream::iter(placed), (worker, stop, free)));
                }
                Err(error) => {
                    tracing::error!(%error, "due work could not be claimed");
                    TROUBLE
                }
            };
            drop(held);
            tokio::select! {
                () = stop.cancelled() => return None,
                () = tokio::time::sleep(wait) => {}
            }
        }
    })
    .flatten()
    .boxed()
}

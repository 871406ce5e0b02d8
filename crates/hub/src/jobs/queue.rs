//! The runner: the only file that names apalis.
//!
//! Its backend is our stream of claimed rows. A job that is lost with its process is found again by its
//! row, so the runner needs no storage and never retries.

use std::{convert::Infallible, sync::Arc};

use apalis::prelude::*;
use futures::future::FutureExt;
use tokio_util::sync::CancellationToken;

use super::{
    Worker as Jobs,
    source::{self, OUTBOX, REFRESHES, TIMERS},
};

/// Runs jobs until `stop`; returns when those under way are through.
pub(super) async fn run(jobs: Jobs, stop: impl Future<Output = ()> + Send + 'static) {
    let token = CancellationToken::new();
    let stream = source::all(&jobs, &token);
    let jobs = Arc::new(jobs);
    let worker = WorkerBuilder::new("valetkey")
        .backend(stream)
        .concurrency(REFRESHES + OUTBOX + TIMERS)
        .build(move |placed: source::Placed| {
            let jobs = jobs.clone();
            async move {
                // A panic must not end the runner; the row's lease ends and it is found again.
                // Whole: its place is free when the job is through, not before.
                let source::Placed { job, place } = placed;
                if std::panic::AssertUnwindSafe(jobs.work(job)).catch_unwind().await.is_err() {
                    tracing::error!("a background job panicked");
                }
                drop(place);
                Ok::<(), Infallible>(())
            }
        });
    let stopped = async move {
        stop.await;
        token.cancel();
        Ok::<(), std::io::Error>(())
    };
    if let Err(error) = worker.run_until(stopped).await {
        tracing::error!(%error, "the background runner ended");
    }
}

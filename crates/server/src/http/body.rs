//! Bodies of requests: bounded in size and in time, on every route.

use std::{
    error::Error as StdError,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    body::{Body, BodyDataStream, HttpBody},
    extract::Request,
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

use crate::problem::Problem;

/// The largest body.
pub(super) const MOST: usize = 1024 * 1024;
/// How far a larger one, or one that nobody wants, is read and thrown away.
const MOST_THROWN_AWAY: usize = 32 * 1024 * 1024;
/// How long a body may take to arrive.
const LONGEST: Duration = Duration::from_secs(30);

/// Why a body is not read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    TooLarge,
    TooSlow,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "the body is too large",
            Self::TooSlow => "the body is too slow",
        })
    }
}

impl StdError for Fault {}

impl Fault {
    /// The fault within an error of whoever read the body.
    pub(super) fn within(error: &(dyn StdError + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(fault) = error.downcast_ref() {
                return Some(*fault);
            }
            next = error.source();
        }
        None
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::TooLarge => Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                "The body is larger than 1 MiB, so nothing was done. Send a smaller one.",
            ),
            Fault::TooSlow => Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "body_too_slow",
                "The body did not arrive within 30 seconds, so nothing was done. Send it again.",
            ),
        }
    }
}

/// Bounds the body of every request, whether its handler reads it or not.
pub(super) async fn bound(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let bounded = Bounded::new(body, &parts.headers);
    if declared(&parts.headers).is_some_and(|length| length > MOST as u64) {
        return Problem::from(Fault::TooLarge).into_response();
    }
    next.run(Request::from_parts(parts, Body::from_stream(bounded))).await
}

fn declared(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A body that ends with a fault where it goes on for too much or too long.
///
/// Dropped before its end, it is read on for a while and thrown away: a client that is still sending does
/// not look for its answer.
struct Bounded {
    body: Option<BodyDataStream>,
    seen: usize,
    until: Pin<Box<Sleep>>,
    /// Whether the client sends nothing before it is asked to.
    waits: bool,
}

impl Bounded {
    fn new(body: Body, headers: &HeaderMap) -> Self {
        let until = Box::pin(sleep_until(Instant::now() + LONGEST));
        let waits = headers.contains_key(header::EXPECT);
        Self { body: Some(body.into_data_stream()), seen: 0, until, waits }
    }
}

impl Stream for Bounded {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        if this.until.as_mut().poll(cx).is_ready() {
            // What does not come is not waited for.
            this.body = None;
            return Poll::Ready(Some(Err(axum::Error::new(Fault::TooSlow))));
        }
        let chunk = ready!(body.poll_next_unpin(cx));
        this.waits = false;
        match chunk {
            Some(Ok(chunk)) => {
                this.seen = this.seen.saturating_add(chunk.len());
                if this.seen > MOST {
                    return Poll::Ready(Some(Err(axum::Error::new(Fault::TooLarge))));
                }
                Poll::Ready(Some(Ok(chunk)))
            }
            ended => {
                this.body = None;
                Poll::Ready(ended)
            }
        }
    }
}

impl Drop for Bounded {
    fn drop(&mut self) {
        let Some(body) = self.body.take().filter(|_| !self.waits) else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(throw_away(body, self.seen, self.until.deadline()));
        }
    }
}

async fn throw_away(mut body: BodyDataStream, mut seen: usize, until: Instant) {
    while seen <= MOST_THROWN_AWAY {
        let Ok(Some(Ok(chunk))) = timeout_at(until, body.next()).await else { return };
        seen += chunk.len();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    /// A body of so many KiB, and how many of them were read.
    fn body(kib: usize) -> (Body, Arc<AtomicUsize>) {
        let read = Arc::new(AtomicUsize::new(0));
        let count = read.clone();
        let chunks = futures::stream::iter(0..kib).map(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            Ok::<_, std::io::Error>(Bytes::from_static(&[b'a'; 1024]))
        });
        (Body::from_stream(chunks), read)
    }

    async fn collect(mut bounded: Bounded) -> Result<usize, Option<Fault>> {
        let mut length = 0;
        while let Some(chunk) = bounded.next().await {
            length += chunk.map_err(|error| Fault::within(&error))?.len();
        }
        Ok(length)
    }

    #[tokio::test]
    async fn a_body_of_the_largest_size_passes_and_one_byte_more_does_not() {
        let none = HeaderMap::new();
        assert_eq!(collect(Bounded::new(body(1024).0, &none)).await, Ok(MOST));
        let more = body(1024).0.into_data_stream().chain(body(1).0.into_data_stream());
        let more = Bounded::new(Body::from_stream(more), &none);
        assert_eq!(collect(more).await, Err(Some(Fault::TooLarge)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_arrive_in_time_is_given_up() {
        let bounded = Bounded::new(
            Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>()),
            &HeaderMap::new(),
        );
        assert_eq!(collect(bounded).await, Err(Some(Fault::TooSlow)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_is_given_up_too() {
        let trickle = futures::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b"a")), ()))
        });
        let bounded = Bounded::new(Body::from_stream(trickle), &HeaderMap::new());
        assert_eq!(collect(bounded).await, Err(Some(Fault::TooSlow)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_reads_is_thrown_away_but_not_without_end() {
        let (small, read) = body(2048);
        drop(Bounded::new(small, &HeaderMap::new()));
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(read.load(Ordering::Relaxed), 2048);

        let (huge, read) = body(1024 * 1024);
        drop(Bounded::new(huge, &HeaderMap::new()));
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(read.load(Ordering::Relaxed), MOST_THROWN_AWAY / 1024 + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_to_be_asked_is_not_asked_for_what_is_thrown_away() {
        let (unasked, read) = body(10);
        let headers = HeaderMap::from_iter([(header::EXPECT, "100-continue".parse().unwrap())]);
        drop(Bounded::new(unasked, &headers));
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(read.load(Ordering::Relaxed), 0);
    }
}

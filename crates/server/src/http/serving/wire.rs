//! A connection's bytes, with a bound on how long each step may take.

use std::{
    io::{self, ErrorKind},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

/// How long a request's head may take, from its first byte to its last.
const HEAD: Duration = Duration::from_secs(10);
/// How long a connection may rest between requests: longer than load balancers keep theirs (60 s as a
/// rule), so that they end it and not we, while they send the next request.
const IDLE: Duration = Duration::from_secs(75);
/// How long a client may take none of what is written.
const STUCK: Duration = Duration::from_secs(30);

/// Whether a request of this connection is being answered: odd while it is.
#[derive(Clone, Default)]
pub(super) struct Phase(Arc<AtomicU64>);

impl Phase {
    /// From now until it is dropped.
    pub(super) fn answering(&self) -> Answering {
        self.0.fetch_add(1, Ordering::AcqRel);
        Answering(self.0.clone())
    }
}

/// A request is being answered.
pub(super) struct Answering(Arc<AtomicU64>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

/// Wakes at a time that may move.
#[derive(Default)]
struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Whether that time has come. If not, the task is woken then at the latest.
    fn rings(&mut self, due: Instant, cx: &mut Context<'_>) -> bool {
        if Instant::now() >= due {
            return true;
        }
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(due)));
        // One that is set too early stays: it is set anew when it rings, which is seldom.
        if sleep.deadline() > due {
            sleep.as_mut().reset(due);
        }
        while sleep.as_mut().poll(cx).is_ready() {
            if Instant::now() >= due {
                return true;
            }
            sleep.as_mut().reset(due);
        }
        false
    }
}

/// A stream whose reads and writes fail when they take too long.
pub(super) struct Wire<S> {
    stream: S,
    phase: Phase,
    seen: u64,
    /// Until when the next request's head must be there, and whether it has begun.
    head: Option<(Instant, bool)>,
    reading: Alarm,
    /// Until when something of what is written must be taken.
    stuck: Option<Instant>,
    writing: Alarm,
}

impl<S> Wire<S> {
    pub(super) fn new(stream: S, phase: Phase) -> Self {
        Self {
            stream,
            phase,
            seen: 0,
            head: None,
            reading: Alarm::default(),
            stuck: None,
            writing: Alarm::default(),
        }
    }

    /// Whether a request is being answered: then its body has bounds of its own.
    fn is_answering(&mut self) -> bool {
        let phase = self.phase.0.load(Ordering::Acquire);
        if phase != self.seen {
            self.seen = phase;
            self.head = None;
        }
        phase % 2 == 1
    }

    /// Bounds one write, or what else waits for the client.
    fn bounded<T>(
        &mut self,
        polled: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.stuck = None;
            return polled;
        }
        let due = *self.stuck.get_or_insert_with(|| Instant::now() + STUCK);
        if self.writing.rings(due, cx) {
            return late("the client does not take its answer");
        }
        Poll::Pending
    }
}

fn late<T>(what: &'static str) -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::Error::new(ErrorKind::TimedOut, what)))
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(cx, buffer);
        if this.is_answering() {
            return polled;
        }
        if polled.is_pending() {
            let (due, _) = *this.head.get_or_insert_with(|| (Instant::now() + IDLE, false));
            return if this.reading.rings(due, cx) {
                late("no request came in time")
            } else {
                Poll::Pending
            };
        }
        if buffer.filled().len() > before {
            match this.head {
                Some((due, true)) if Instant::now() >= due => return late("the head is too slow"),
                Some((_, true)) => {}
                _ => this.head = Some((Instant::now() + HEAD, true)),
            }
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.bounded(polled, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.bounded(polled, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        self.bounded(polled, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.bounded(polled, cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
        time::sleep,
    };

    use super::*;

    fn wire() -> (Wire<DuplexStream>, DuplexStream, Phase) {
        let (ours, theirs) = duplex(16);
        let phase = Phase::default();
        (Wire::new(ours, phase.clone()), theirs, phase)
    }

    async fn read(wire: &mut Wire<DuplexStream>) -> Result<u8, ErrorKind> {
        wire.read_u8().await.map_err(|error| error.kind())
    }

    /// How many seconds pass meanwhile.
    async fn seconds<T>(of: impl Future<Output = T>) -> (T, u64) {
        let start = Instant::now();
        let value = of.await;
        (value, start.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_sends_nothing_is_closed() {
        let (mut wire, _peer, _) = wire();
        assert_eq!(seconds(read(&mut wire)).await, (Err(ErrorKind::TimedOut), 75));
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_trickles_is_cut_after_ten_seconds() {
        let (mut wire, mut peer, _) = wire();
        let trickle = tokio::spawn(async move {
            while peer.write_u8(b'a').await.is_ok() {
                sleep(Duration::from_secs(1)).await;
            }
        });
        let until_cut = async { while read(&mut wire).await.is_ok() {} };
        assert_eq!(seconds(until_cut).await.1, 10);
        drop(wire);
        trickle.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_stops_is_cut_after_ten_seconds() {
        let (mut wire, mut peer, _) = wire();
        peer.write_u8(b'G').await.unwrap();
        assert_eq!(read(&mut wire).await, Ok(b'G'));
        assert_eq!(seconds(read(&mut wire)).await, (Err(ErrorKind::TimedOut), 10));
    }

    #[tokio::test(start_paused = true)]
    async fn while_a_request_is_answered_a_connection_may_be_still_and_then_the_next_is_awaited_anew()
     {
        let (mut wire, mut peer, phase) = wire();
        peer.write_u8(b'G').await.unwrap();
        assert_eq!(read(&mut wire).await, Ok(b'G'));
        let answering = phase.answering();
        tokio::select! {
            read = read(&mut wire) => panic!("{read:?}"),
            () = sleep(Duration::from_hours(1)) => {}
        }
        drop(answering);
        let next = async {
            sleep(Duration::from_secs(70)).await;
            peer.write_u8(b'P').await.unwrap();
            read(&mut wire).await
        };
        assert_eq!(seconds(next).await, (Ok(b'P'), 70));
        assert_eq!(seconds(read(&mut wire)).await, (Err(ErrorKind::TimedOut), 10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_of_its_answer_is_cut() {
        let (mut wire, mut peer, phase) = wire();
        let _answering = phase.answering();
        let (written, waited) = seconds(wire.write_all(&[0; 64])).await;
        assert_eq!((written.unwrap_err().kind(), waited), (ErrorKind::TimedOut, 30));
        // One that takes some of it goes on.
        let mut some = [0; 16];
        peer.read_exact(&mut some).await.unwrap();
        assert_eq!(wire.write(&[0; 16]).await.unwrap(), 16);
    }
}

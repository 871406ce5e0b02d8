//! Connections: how many, how large a head, how slow, and their end.

mod answer;
mod wire;

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Router, body::Body};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use self::{answer::Answer, wire::Phase, wire::Wire};
use super::limits::Peer;

/// The largest head of a request: its first line and all its headers.
const MOST_HEAD: usize = 32 * 1024;
/// What is kept of a connection that was not looked at yet.
const MOST_BUFFER: usize = 64 * 1024;
/// The most headers.
const MOST_HEADERS: usize = 100;
/// Files that are open beside connections: the database's, the journal, requests to providers.
const OTHER_FILES: u64 = 512;

/// Makes room for so many connections: as many files may be open as the system lets us. Returns how many
/// connections there can be.
pub(crate) fn make_room(connections: usize) -> usize {
    let wanted = connections as u64 + OTHER_FILES;
    let now = getrlimit(Resource::Nofile);
    let soft = now.current.unwrap_or(u64::MAX);
    let raised = wanted.min(now.maximum.unwrap_or(u64::MAX));
    let more = Rlimit { current: Some(raised), maximum: now.maximum };
    let may =
        if soft >= wanted || setrlimit(Resource::Nofile, more).is_err() { soft } else { raised };
    let room = usize::try_from(may.saturating_sub(OTHER_FILES).max(may / 2)).unwrap_or(usize::MAX);
    if room < connections {
        tracing::warn!(
            files = may,
            connections = room,
            "the limit of open files leaves room for fewer connections than VALETKEY_MAX_CONNECTIONS"
        );
    }
    room.clamp(1, connections)
}

/// Answers on this listener until told to stop, then finishes what is under way.
pub(crate) async fn serve(
    listener: TcpListener,
    app: Router,
    connections: usize,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(connections));
    let http = builder();
    let mut told = None;
    loop {
        let place = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            place = free(&places, &mut told) => place,
        };
        let (stream, peer) = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = accept(&listener) => accepted,
        };
        tokio::spawn(connection(http.clone(), stream, peer, app.clone(), stop.clone(), place));
    }
    drop(listener);
    // Every place is free again when the last connection has ended.
    let all = u32::try_from(connections).unwrap_or(u32::MAX);
    let _ = places.acquire_many(all).await;
}

fn builder() -> http1::Builder {
    let mut http = http1::Builder::new();
    http.max_headers(MOST_HEADERS).max_header_size(MOST_HEAD).max_buf_size(MOST_BUFFER);
    // The wire looks after time: it tells an idle connection from a slow head.
    http.header_read_timeout(None);
    http
}

/// A place for one more connection. New ones wait in the system's queue while all are taken, and at most
/// once a minute the log says so.
async fn free(places: &Arc<Semaphore>, told: &mut Option<Instant>) -> OwnedSemaphorePermit {
    if let Ok(place) = places.clone().try_acquire_owned() {
        return place;
    }
    if told.is_none_or(|told| told.elapsed() > Duration::from_mins(1)) {
        *told = Some(Instant::now());
        tracing::warn!("all connections are taken (VALETKEY_MAX_CONNECTIONS): new ones wait");
    }
    match places.clone().acquire_owned().await {
        Ok(place) => place,
        Err(_) => unreachable!("it is never closed"),
    }
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted now");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn connection(
    http: http1::Builder,
    stream: TcpStream,
    peer: SocketAddr,
    app: Router,
    stop: CancellationToken,
    place: OwnedSemaphorePermit,
) {
    // Answers are written whole: nothing is gained by waiting for more of them.
    let _ = stream.set_nodelay(true);
    let phase = Phase::default();
    let wire = TokioIo::new(Wire::new(stream, phase.clone()));
    let service = service_fn(move |request: http::Request<Incoming>| {
        let (app, answering) = (app.clone(), phase.answering());
        async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Peer(peer));
            let response = app.oneshot(request).await?;
            Ok::<_, Infallible>(response.map(|body| Answer::new(body, answering)))
        }
    });
    let mut serving = pin!(http.serve_connection(wire, service));
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
    drop(place);
}

//! Peers that send too much, too slowly, or something else; on both ways out.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response};
use outbound::{Error, Limits, Outbound};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;

use crate::support::{config, get, raw, saying};

const SHORT: Limits = Limits {
    connect: Duration::from_millis(500),
    total: Duration::from_millis(500),
    max_body: 1000,
};

/// What the server's answer becomes, by a connection that is kept and by one for this request.
async fn both(server: SocketAddr, limits: Limits) -> [Result<Response<Bytes>, Error>; 2] {
    let out = Outbound::network(&config(&["127.0.0.1"])).unwrap();
    let url: Url = format!("http://{server}/").parse().unwrap();
    let connection = out.connect(&get(url.as_str()), limits).await.unwrap();
    [out.send(get(url.as_str()), limits).await, connection.send(get(url.as_str())).await]
}

async fn codes(server: SocketAddr, limits: Limits) -> [&'static str; 2] {
    both(server, limits).await.map(|answer| answer.err().map_or("answered", |error| error.code()))
}

/// A server that begins so, and then sends one piece after the other for ever.
async fn dripping(beginning: &'static str, piece: &'static str) -> SocketAddr {
    raw(move |mut stream| async move {
        let _ = stream.write_all(beginning.as_bytes()).await;
        while stream.write_all(piece.as_bytes()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_status_line_that_never_ends_takes_no_longer_than_allowed() {
    assert_eq!(codes(dripping("HTTP/1.1 200 O", "K").await, SHORT).await, ["timeout"; 2]);
}

#[tokio::test]
async fn headers_that_never_end_take_no_longer_than_allowed() {
    let server = dripping("HTTP/1.1 200 OK\r\nx: ", "y").await;
    assert_eq!(codes(server, SHORT).await, ["timeout"; 2]);
}

#[tokio::test]
async fn a_body_that_never_ends_takes_no_longer_than_allowed() {
    let server = dripping("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n", "z").await;
    let limits = Limits { total: Duration::from_millis(300), ..SHORT };
    assert_eq!(codes(server, limits).await, ["timeout"; 2]);
}

#[tokio::test]
async fn interim_answers_for_ever_take_no_longer_than_allowed() {
    let server = dripping("", "HTTP/1.1 100 Continue\r\n\r\n").await;
    assert_eq!(codes(server, SHORT).await, ["timeout"; 2]);
}

#[tokio::test]
async fn a_peer_that_says_nothing_takes_no_longer_than_allowed() {
    let server = raw(|mut stream| async move {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    assert_eq!(codes(server, SHORT).await, ["timeout"; 2]);
}

#[tokio::test]
async fn a_connection_that_is_not_made_in_time_is_none() {
    // Takes the connection and never begins with TLS.
    let server = raw(|mut stream| async move {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let out = Outbound::network(&config(&["127.0.0.1"])).unwrap();
    let url: Url = format!("https://{server}/").parse().unwrap();
    let limits = Limits { connect: Duration::from_millis(200), ..Limits::default() };
    let error = out.connect(&get(url.as_str()), limits).await.err().unwrap();
    assert_eq!(error.code(), "connect");
    // A kept connection has its own time to be made; the request's is over first.
    let error = out.send(get(url.as_str()), SHORT).await.unwrap_err();
    assert_eq!(error.code(), "timeout");
}

#[tokio::test]
async fn a_body_larger_than_allowed_is_refused_whether_it_says_its_length_or_not() {
    let body = "b".repeat(1001);
    for answer in [
        format!("HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n{body}"),
        format!("HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n{body}"),
        format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{body}"),
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3e9\r\n{body}\r\n0\r\n\r\n"),
    ] {
        assert_eq!(codes(saying(answer).await, SHORT).await, ["too_large"; 2]);
    }
    let whole = format!("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{}", &body[1..]);
    assert_eq!(codes(saying(whole).await, SHORT).await, ["answered"; 2]);
}

#[tokio::test]
async fn an_endless_body_is_cut_at_what_is_allowed() {
    let server = raw(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        while stream.write_all(b"64\r\n").await.is_ok()
            && stream.write_all(&[b'c'; 100]).await.is_ok()
            && stream.write_all(b"\r\n").await.is_ok()
        {}
    })
    .await;
    let limits = Limits { max_body: 100_000, ..Limits::default() };
    assert_eq!(codes(server, limits).await, ["too_large"; 2]);
}

#[tokio::test]
async fn a_head_larger_than_allowed_is_refused_and_a_usual_one_is_not() {
    for size in [70, 100, 200, 1000] {
        let large = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "h".repeat(size * 1024));
        for code in codes(saying(large).await, Limits::default()).await {
            assert!(matches!(code, "broken" | "too_large"), "{size} KiB: {code}");
        }
    }
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(101));
    assert_eq!(codes(saying(many).await, Limits::default()).await, ["broken"; 2]);
    let usual =
        format!("HTTP/1.1 200 OK\r\n{}x: {}\r\n\r\n", "a: b\r\n".repeat(60), "h".repeat(8000));
    assert_eq!(codes(saying(usual).await, Limits::default()).await, ["answered"; 2]);
}

#[tokio::test]
async fn what_is_no_http_is_no_answer() {
    for answer in ["SSH-2.0-OpenSSH_9.9\r\n", "220 mail.example ESMTP\r\n", "\0\0\0\0", ""] {
        assert_eq!(codes(saying(answer).await, SHORT).await, ["broken"; 2], "{answer:?}");
    }
}

/// 10 kB that would be 10 MB: DEFLATE's stored form is enough to see that nothing reads it.
#[tokio::test]
async fn a_compressed_body_stays_compressed() {
    let packed =
        [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b, 4, 0, 0x43, 0xbe, 0xb7, 0xe8, 1, 0, 0, 0];
    for encoding in ["gzip", "deflate", "br", "zstd", "gzip, gzip, gzip"] {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\ncontent-length: {}\r\n\r\n",
            packed.len()
        );
        let mut answer = head.into_bytes();
        answer.extend_from_slice(&packed);
        for answer in both(saying(answer).await, SHORT).await {
            let answer = answer.unwrap();
            assert_eq!(&answer.body()[..], &packed);
            assert_eq!(answer.headers()["content-encoding"], encoding);
        }
    }
}

/// What a server receives, as text.
async fn received(request: impl Fn(&str) -> Request<Bytes>) -> [String; 2] {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let tell = tell.clone();
            tokio::spawn(async move {
                let mut read = vec![0; 8192];
                let count = stream.read(&mut read).await.unwrap_or(0);
                let _ = tell.send(String::from_utf8_lossy(&read[..count]).to_lowercase());
                let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
                let _ = stream.write_all(answer).await;
            });
        }
    });
    let out = Outbound::network(&config(&["127.0.0.1"])).unwrap();
    out.send(request(url.as_str()), Limits::default()).await.unwrap();
    let first = told.recv().await.unwrap();
    let connection = out.connect(&get(url.as_str()), Limits::default()).await.unwrap();
    connection.send(request(url.as_str())).await.unwrap();
    [first, told.recv().await.unwrap()]
}

#[tokio::test]
async fn no_header_of_a_request_changes_its_framing_or_its_host() {
    let smuggling = |url: &str| {
        let request = Request::post(url)
            .header("host", "evil.example")
            .header("content-length", "3")
            .header("transfer-encoding", "chunked")
            .header("connection", "upgrade, x-own")
            .header("upgrade", "h2c")
            .header("te", "trailers")
            .header("expect", "100-continue")
            .header("proxy-authorization", "Basic eDp5")
            .header("x-own", "stays");
        request.body(Bytes::from_static(b"0\r\n\r\nGET /second HTTP/1.1\r\n\r\n")).unwrap()
    };
    for text in received(smuggling).await {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("\r\nhost: 127.0.0.1:"), "{head}");
        assert_eq!(head.matches("\r\nhost:").count(), 1, "{head}");
        assert_eq!(head.matches("content-length: 29").count(), 1, "{head}");
        assert!(
            head.contains("x-own: stays") && head.contains("user-agent: valetkey-test"),
            "{head}"
        );
        for gone in ["evil", "chunked", "upgrade", "trailers", "expect", "proxy-"] {
            assert!(!head.contains(gone), "{gone}: {head}");
        }
        assert_eq!(body.len(), 29);
    }
}

#[tokio::test]
async fn a_tunnel_is_not_made() {
    let server = saying("HTTP/1.1 200 OK\r\n\r\n").await;
    let out = Outbound::network(&config(&["127.0.0.1"])).unwrap();
    let url = format!("http://{server}/");
    for place in [url.as_str(), &server.to_string()] {
        let tunnel =
            Request::builder().method(Method::CONNECT).uri(place).body(Bytes::new()).unwrap();
        let error = out.send(tunnel, Limits::default()).await.unwrap_err();
        assert!(matches!(error.code(), "refused" | "invalid_url"), "{error}");
    }
    let connection = out.connect(&get(&url), Limits::default()).await.unwrap();
    let tunnel = Request::builder().method(Method::CONNECT).uri(&url).body(Bytes::new()).unwrap();
    assert_eq!(connection.send(tunnel).await.unwrap_err().code(), "refused");
}

/// A kept connection that the peer has ended meanwhile is not a failure.
#[tokio::test]
async fn a_connection_is_kept_and_one_that_ended_is_replaced() {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                // Two requests a connection.
                for _ in 0..2 {
                    let mut read = [0; 4096];
                    if matches!(stream.read(&mut read).await, Ok(0) | Err(_)) {
                        return;
                    }
                    let _ =
                        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
                }
            });
        }
    });
    let out = Outbound::network(&config(&["127.0.0.1"])).unwrap();
    for _ in 0..6 {
        assert_eq!(&out.send(get(&url), Limits::default()).await.unwrap().body()[..], b"ok");
        // The end of a connection takes a moment to arrive.
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    assert_eq!(count.load(Ordering::Relaxed), 3);
}

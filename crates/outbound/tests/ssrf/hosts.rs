//! A request keeps to the hosts that it was made for.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use http::{Request, Response};
use outbound::{Error, Hosts, Limits, Outbound};
use url::Url;

use crate::support::{PUBLIC, Watched, get, saying};

fn hosts() -> Hosts {
    Hosts::default()
        .and(&Url::parse("https://api.crm.example/v1").unwrap())
        .and_under("files.example")
}

/// What a provider may answer with where an address is expected.
const ELSEWHERE: &[&str] = &[
    "https://evil.example/",
    "https://crm.example/",
    "https://sub.api.crm.example/",
    "https://api.crm.example.evil.example/",
    "https://evilfiles.example/",
    "https://files.example.evil.example/",
    "https://api.crm.example./",
    "https://api.crm.example%2eevil.example/",
    "https://93.184.215.14/",
    "https://[2606:4700::1111]/",
];

const ITS_OWN: &[&str] = &[
    "https://api.crm.example/v1/next?page=2",
    "https://API.crm.example/",
    "https://%61pi.crm.example/",
    "https://files.example/a",
    "https://eu.files.example/a",
    "https://a.b.files.example/a",
];

fn bound(url: &str) -> Request<Bytes> {
    let mut request = get(url);
    hosts().bind(&mut request);
    request
}

#[tokio::test]
async fn a_link_of_a_reply_leads_to_no_other_host() {
    let net = Watched::new(|_, _| vec![PUBLIC]);
    let out = net.outbound(&[]);
    for url in ELSEWHERE {
        let error = out.send(bound(url), Limits::default()).await.unwrap_err();
        assert!(matches!(error, Error::Refused { .. }), "{url}: {error}");
        let asked = net.take();
        assert!(asked.names.is_empty() && asked.opened.is_empty(), "{url}");
    }
    for url in ITS_OWN {
        let error = out.send(bound(url), Limits::default()).await.unwrap_err();
        assert_eq!((error.code(), net.take().opened.len()), ("connect", 1), "{url}");
    }
}

#[tokio::test]
async fn the_same_holds_in_this_process_and_without_hosts_nothing_is_held_back() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let out = Outbound::in_process(move |_: Request<Bytes>| {
        counted.fetch_add(1, Ordering::Relaxed);
        async { Response::new(Bytes::new()) }
    });
    for url in ELSEWHERE {
        assert_eq!(out.send(bound(url), Limits::default()).await.unwrap_err().code(), "refused");
    }
    assert_eq!(calls.load(Ordering::Relaxed), 0);
    for url in ITS_OWN {
        out.send(bound(url), Limits::default()).await.unwrap();
    }
    for url in ELSEWHERE {
        out.send(get(url), Limits::default()).await.unwrap();
    }
    assert_eq!(calls.load(Ordering::Relaxed), ITS_OWN.len() + ELSEWHERE.len());
}

#[tokio::test]
async fn a_connection_for_one_request_carries_none_that_keeps_to_others() {
    let server = saying("HTTP/1.1 204 No Content\r\n\r\n").await;
    let out = Outbound::network(&crate::support::config(&["127.0.0.1"])).unwrap();
    let url: Url = format!("http://{server}/").parse().unwrap();
    let connection = out.connect(&get(url.as_str()), Limits::default()).await.unwrap();
    let error = connection.send(bound(url.as_str())).await.unwrap_err();
    assert_eq!(error.code(), "refused");
    assert!(!error.may_have_been_received());

    let connection = out.connect(&get(url.as_str()), Limits::default()).await.unwrap();
    let mut own = get(url.as_str());
    Hosts::default().and(&url).bind(&mut own);
    assert_eq!(connection.send(own).await.unwrap().status(), 204);
}

#[tokio::test]
async fn a_connection_carries_no_request_for_another_port_or_scheme() {
    let server = saying("HTTP/1.1 204 No Content\r\n\r\n").await;
    let out = Outbound::network(&crate::support::config(&["127.0.0.1"])).unwrap();
    let url: Url = format!("http://{server}/").parse().unwrap();
    for other in ["http://127.0.0.1:1/".to_owned(), format!("https://{server}/")] {
        let connection = out.connect(&get(url.as_str()), Limits::default()).await.unwrap();
        assert_eq!(connection.send(get(&other)).await.unwrap_err().code(), "invalid_url");
    }
}

#[test]
fn a_name_of_one_label_stands_for_itself_alone() {
    let url = |text: &str| Url::parse(text).unwrap();
    let hosts =
        Hosts::default().and_under("com").and_under("").and_under(".").and_under("localhost");
    assert!(hosts.contain(&url("http://localhost:1/")));
    for other in ["https://evil.com/", "https://evil.com./", "https://x.localhost/"] {
        assert!(!hosts.contain(&url(other)), "{other}");
    }
    assert!(!Hosts::default().contain(&url("https://example.com/")));
}

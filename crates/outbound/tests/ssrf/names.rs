//! Names that lead inside, at once or the second time.

use std::net::IpAddr;

use outbound::Limits;

use crate::support::{PUBLIC, Watched, get, saying};

const INSIDE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn at(name: &str) -> http::Request<bytes::Bytes> {
    get(&format!("https://{name}/"))
}

#[tokio::test]
async fn the_address_that_was_looked_at_is_the_one_that_is_opened() {
    // Public when it is looked at, inside for whoever asks again.
    let net = Watched::new(|_, before| vec![if before == 0 { PUBLIC } else { INSIDE }]);
    let out = net.outbound(&[]);
    let error = out.send(get("https://rebind.example/"), Limits::default()).await.unwrap_err();
    assert_eq!(error.code(), "connect");
    let asked = net.take();
    assert_eq!(asked.names, ["rebind.example"]);
    assert_eq!(asked.opened, [(PUBLIC, 443).into()]);
}

#[tokio::test]
async fn the_next_connection_looks_again_and_is_refused() {
    let net = Watched::new(|name, _| vec![if name == "good.example" { PUBLIC } else { INSIDE }]);
    let out = net.outbound(&[]);
    let first = out.connect(&at("good.example"), Limits::default()).await.err().unwrap();
    assert_eq!((first.code(), net.take().opened.len()), ("connect", 1));
    let second = out.connect(&at("bad.example"), Limits::default()).await.err().unwrap();
    assert_eq!((second.code(), net.take().opened.len()), ("refused", 0));
}

#[tokio::test]
async fn a_name_with_one_address_inside_is_refused_whole_wherever_it_stands() {
    for inside in 0..3 {
        let net = Watched::new(move |_, _| {
            let mut addresses = vec![PUBLIC; 3];
            addresses[inside] = INSIDE;
            addresses
        });
        let error = net.outbound(&[]).send(get("https://both.example/"), Limits::default()).await;
        assert_eq!(error.unwrap_err().code(), "refused");
        assert!(net.take().opened.is_empty());
    }
}

#[tokio::test]
async fn an_inner_name_is_not_even_looked_up() {
    let net = Watched::new(|_, _| vec![PUBLIC]);
    for name in ["localhost", "metadata.google.internal", "printer.local", "intranet"] {
        let error = net.outbound(&[]).connect(&at(name), Limits::default()).await.err().unwrap();
        assert_eq!(error.code(), "refused", "{name}");
        assert!(net.take().names.is_empty(), "{name}");
    }
}

#[tokio::test]
async fn a_name_without_an_address_is_no_connection() {
    let net = Watched::new(|_, _| Vec::new());
    let error = net.outbound(&[]).connect(&at("none.example"), Limits::default()).await;
    assert_eq!(error.err().unwrap().code(), "connect");
}

#[tokio::test]
async fn a_name_of_a_thousand_addresses_is_not_tried_a_thousand_times() {
    let net = Watched::new(|_, _| vec![PUBLIC; 1000]);
    let _ = net.outbound(&[]).connect(&at("many.example"), Limits::default()).await;
    assert!((1..=8).contains(&net.take().opened.len()));
}

/// A server inside that nobody may reach, on the real network.
#[tokio::test]
async fn no_spelling_of_this_machine_reaches_a_server_on_it() {
    let trap = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = trap.local_addr().unwrap().port();
    let out = outbound::Outbound::network(&crate::support::config(&["127.0.0.1:9"])).unwrap();
    for host in
        ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "0", "localhost", "[::ffff:127.0.0.1]"]
    {
        for scheme in ["https", "http"] {
            let place: url::Url = format!("{scheme}://{host}:{port}/").parse().unwrap();
            for error in [
                out.send(get(place.as_str()), Limits::default()).await.err(),
                out.connect(&get(place.as_str()), Limits::default()).await.err(),
            ] {
                assert_eq!(error.unwrap().code(), "refused", "{place}");
            }
        }
    }
    // Nobody stands in the queue of the listener: whoever comes now is the first.
    let ours = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let (_, first) = trap.accept().await.unwrap();
    assert_eq!(first, ours.local_addr().unwrap());
}

/// The control: where it is exempt, a server on this machine is reached.
#[tokio::test]
async fn an_exempt_server_on_this_machine_is_reached() {
    let server = saying("HTTP/1.1 204 No Content\r\n\r\n").await;
    let allow = format!("127.0.0.1:{}", server.port());
    let out = outbound::Outbound::network(&crate::support::config(&[&allow])).unwrap();
    let answer = out.send(get(&format!("http://{server}/")), Limits::default()).await.unwrap();
    assert_eq!(answer.status(), 204);
}

//! Every line of corpus.tsv, through the client, on both of its ways out.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use bytes::Bytes;
use http::Request;
use outbound::{Error, Limits, Outbound};
use url::{Host, Url};

use crate::support::{PUBLIC, Watched};

const CORPUS: &str = include_str!("corpus.tsv");

/// What the client of the corpus exempts.
const EXEMPT: &[&str] = &["localhost:8090", "127.0.0.1:8090", "10.9.8.0/24"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Refused,
    Invalid,
    Allowed,
}

struct Corpus {
    lines: Vec<(Verdict, String)>,
    names: BTreeMap<String, Vec<IpAddr>>,
}

fn corpus() -> Corpus {
    let mut found = Corpus { lines: Vec::new(), names: BTreeMap::new() };
    for line in CORPUS.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")) {
        let [verdict, url, why] = line.split('\t').collect::<Vec<_>>()[..] else {
            // `#` alone goes on with a comment.
            assert_eq!(line, "#", "not three columns: {line}");
            continue;
        };
        assert!(!why.is_empty(), "{line}");
        let verdict = match verdict {
            "refused" => Verdict::Refused,
            "invalid" => Verdict::Invalid,
            "allowed" => Verdict::Allowed,
            "dns" => {
                let addresses = why.split(',').map(|address| address.parse().unwrap()).collect();
                found.names.insert(url.to_owned(), addresses);
                continue;
            }
            other => panic!("`{other}` is no verdict: {line}"),
        };
        found.lines.push((verdict, unescape(url)));
    }
    found
}

/// `<TAB>` and its like, and `<a*64>`.
fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        let (name, tail) = after.split_once('>').unwrap();
        out.push_str(before);
        match name {
            "TAB" => out.push('\t'),
            "LF" => out.push('\n'),
            "CR" => out.push('\r'),
            "NUL" => out.push('\0'),
            "SP" => out.push(' '),
            _ => {
                let (letter, count) = name.split_once('*').unwrap();
                out.push_str(&letter.repeat(count.parse().unwrap()));
            }
        }
        rest = tail;
    }
    out + rest
}

/// What one way out made of a URL; none where the text does not become a request at all.
struct Try {
    error: Option<Error>,
    opened: Vec<std::net::SocketAddr>,
    url: Url,
}

/// Sends to this text as it is, to it as the URL library reads it, and connects to the latter.
async fn tries(text: &str, net: &Watched, out: &Outbound) -> Vec<Try> {
    let read = Url::parse(text).ok();
    let mut found = Vec::new();
    let as_it_is = Request::get(text).body(Bytes::new()).ok();
    let as_read = read.as_ref().and_then(|url| Request::get(url.as_str()).body(Bytes::new()).ok());
    for request in as_it_is.into_iter().chain(as_read.clone()) {
        let url = Url::parse(&request.uri().to_string());
        let error = out.send(request, Limits::default()).await.err();
        let opened = net.take().opened;
        match url {
            Ok(url) => found.push(Try { error, opened, url }),
            Err(_) => assert_eq!(error.map(|error| error.code()), Some("invalid_url"), "{text:?}"),
        }
    }
    if let Some((url, request)) = read.zip(as_read) {
        let error = out.connect(&request, Limits::default()).await.err();
        found.push(Try { error, opened: net.take().opened, url });
    }
    found
}

/// Why this line is not as its verdict says.
fn complaint(
    verdict: Verdict,
    tries: &[Try],
    names: &BTreeMap<String, Vec<IpAddr>>,
) -> Option<String> {
    let codes: Vec<_> =
        tries.iter().map(|one| one.error.as_ref().map_or("answered", Error::code)).collect();
    let all_shut = tries.iter().all(|one| one.opened.is_empty());
    let sound = match verdict {
        Verdict::Refused => {
            all_shut
                && codes.contains(&"refused")
                && codes.iter().all(|code| matches!(*code, "refused" | "invalid_url"))
        }
        Verdict::Invalid => all_shut && codes.iter().all(|code| *code == "invalid_url"),
        // The network of this test then refuses the connection itself.
        Verdict::Allowed => {
            !tries.is_empty()
                && codes.iter().all(|code| *code == "connect")
                && tries.iter().all(|one| is_where_it_says(one, names))
        }
    };
    (!sound).then(|| {
        let opened: Vec<_> = tries.iter().flat_map(|one| &one.opened).collect();
        format!("{codes:?}, opened {opened:?}")
    })
}

/// Whether what was opened is what the URL, and DNS, say.
fn is_where_it_says(one: &Try, names: &BTreeMap<String, Vec<IpAddr>>) -> bool {
    let expected = match one.url.host() {
        Some(Host::Ipv4(v4)) => vec![v4.into()],
        Some(Host::Ipv6(v6)) => vec![v6.into()],
        Some(Host::Domain(name)) => names.get(name).cloned().unwrap_or_else(|| vec![PUBLIC]),
        None => return false,
    };
    let port = one.url.port_or_known_default();
    let opened: Vec<IpAddr> = one.opened.iter().map(std::net::SocketAddr::ip).collect();
    opened == expected && one.opened.iter().all(|address| Some(address.port()) == port)
}

#[tokio::test]
#[allow(clippy::print_stdout, reason = "the line is read by `make security`")]
async fn every_url_of_the_corpus_is_let_out_or_kept_in_as_it_says() {
    let Corpus { lines, names } = corpus();
    let net = Watched::of(names.clone());
    let out = net.outbound(EXEMPT);
    let mut wrong = Vec::new();
    for (verdict, text) in &lines {
        let tries = tries(text, &net, &out).await;
        if tries.iter().filter_map(|one| one.error.as_ref()).any(Error::may_have_been_received) {
            wrong.push(format!("{text:?} may have been received"));
        }
        if let Some(why) = complaint(*verdict, &tries, &names) {
            let text: String = text.chars().take(100).collect();
            wrong.push(format!("{text:?} is to be {verdict:?}: {why}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), lines.len(), wrong.join("\n"));
    let allowed = lines.iter().filter(|(verdict, _)| *verdict == Verdict::Allowed).count();
    println!("SSRF corpus: {} refused, {allowed} allowed", lines.len() - allowed);
}

#[test]
fn the_corpus_is_large_and_says_nothing_twice() {
    let lines = corpus().lines;
    let count = |wanted| lines.iter().filter(|(verdict, _)| *verdict == wanted).count();
    let (refused, invalid) = (count(Verdict::Refused), count(Verdict::Invalid));
    assert!(refused >= 300 && refused + invalid >= 500, "{refused} refused, {invalid} invalid");
    assert!(count(Verdict::Allowed) >= 40, "too few controls");
    let distinct: BTreeSet<_> = lines.iter().map(|(_, text)| text).collect();
    assert_eq!(distinct.len(), lines.len());
}

/// The check can fail: with the guard's eye shut for everything, what is inside gets out.
#[tokio::test]
async fn a_client_without_a_guard_fails_the_corpus() {
    let Corpus { lines, names } = corpus();
    let net = Watched::of(names.clone());
    let out = net.outbound(&["0.0.0.0/0", "::/0", "localhost"]);
    let mut found = 0;
    for (verdict, text) in &lines {
        let tries = tries(text, &net, &out).await;
        found += usize::from(complaint(*verdict, &tries, &names).is_some());
    }
    assert!(found > 300, "only {found} lines need a guard");
}

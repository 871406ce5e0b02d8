//! Watching a connection from outside: what the hub answers, and what Acme saw.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Acme, Event, Link, Scene};

/// How a connection was at last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It was refreshed once more, and Acme takes its token.
    Well,
    /// A person is asked to link it again.
    Lost,
    /// Neither, for as long as was waited; the last answer.
    Stuck(String),
}

/// Whom to ask, for what, and how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking {
    /// Which replica.
    pub(crate) replica: usize,
    /// How long a token must last, in seconds.
    pub(crate) wish: u64,
    /// Only a refresh after this counts; milliseconds since 1970.
    pub(crate) since: i64,
    /// For how long to ask.
    pub(crate) limit: Duration,
}

/// Asks until a refresh has brought a token that works, or the hub says that a person must link again.
/// Only a further refresh shows that the refresh token at hand is the right one.
pub(crate) async fn until_well(scene: &Scene, acme: &Acme, link: &Link, asking: &Asking) -> End {
    let began = Instant::now();
    let mut last = None;
    while began.elapsed() < asking.limit {
        if let Some(answer) = scene.ask(asking.replica, link, asking.wish).await {
            match answer["status"].as_str() {
                Some("connect_required") => return End::Lost,
                Some("issued") => {
                    let token = answer["access_token"].as_str().unwrap();
                    if is_refreshed(acme, link, asking.since).await && acme.takes(token).await {
                        return End::Well;
                    }
                }
                _ => {}
            }
            last = Some(answer);
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    End::Stuck(format!("{}", last.unwrap_or(Value::Null)))
}

/// Grants in the order in which they were given: that of the links.
pub(crate) fn grants(events: &[Event]) -> Vec<String> {
    let issued = events.iter().filter(|event| event.kind == "issued");
    issued.filter_map(|event| event.grant.clone()).collect()
}

/// What Acme saw of a link's grant, of these kinds.
pub(crate) async fn seen(acme: &Acme, link: &Link, kinds: &[&str]) -> Vec<Event> {
    let events = acme.log().await;
    let Some(grant) = grants(&events).into_iter().nth(link.number) else { return Vec::new() };
    let mine = |event: &Event| event.grant.as_ref() == Some(&grant);
    events.into_iter().filter(|one| mine(one) && kinds.contains(&one.kind.as_str())).collect()
}

/// When Acme received refresh requests of a link's grant, in milliseconds since 1970.
pub(crate) async fn sends(acme: &Acme, link: &Link) -> Vec<i64> {
    // A refused reuse is written as both.
    let mut at: Vec<i64> = Vec::new();
    for event in seen(acme, link, &["refreshed", "reused", "refused"]).await {
        if event.kind == "refused" && at.last().is_some_and(|last| event.at_ms - last < 50) {
            continue;
        }
        at.push(event.at_ms);
    }
    at
}

/// Waits until Acme has received so many refresh requests of a link's grant.
pub(crate) async fn until_sent(acme: &Acme, link: &Link, count: usize) {
    for _ in 0..3000 {
        if sends(acme, link).await.len() >= count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("Acme did not receive {count} refresh requests within half a minute");
}

async fn is_refreshed(acme: &Acme, link: &Link, since: i64) -> bool {
    let good = seen(acme, link, &["refreshed", "reused"]).await;
    good.iter().any(|event| event.at_ms > since)
}

/// Now, in the same measure as Acme's log.
#[allow(clippy::disallowed_methods, reason = "compared with the times in Acme's log")]
pub(crate) fn now_ms() -> i64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

//! What the provider can answer instead of tokens.

use std::time::Duration;

use connector::{ErrorKind, TokenSet};

use crate::{
    Subject,
    flow::{Flow, troubles},
    peer::Answer,
};

/// Only a dead grant is dead; too much is told with how long to wait; everything else may pass.
pub async fn errors_mean_what_they_mean(subject: &Subject) {
    if !subject.is_oauth() {
        return;
    }
    // A provider that never answers is waited for in no time.
    tokio::time::pause();
    let flow = Flow::start(subject).await;
    let former = flow.linked().await;

    if subject.refreshes() {
        let dead = Answer::from(subject.fixture("dead_refresh"));
        assert_eq!(kind(&flow, &former, dead).await, ErrorKind::Reauthorize, "dead_refresh.json");
    }
    let limited = subject.fixture("rate_limited");
    let wait = limited.expect.retry_after_s.map(Duration::from_secs);
    let found = kind(&flow, &former, Answer::from(limited)).await;
    assert_eq!(found, ErrorKind::RateLimited(wait), "rate_limited.json");
    for (name, trouble) in troubles() {
        assert_eq!(kind(&flow, &former, trouble).await, ErrorKind::Unavailable, "{name}");
    }
}

/// What a refresh meets; where there is none, what linking meets.
async fn kind(flow: &Flow<'_>, former: &TokenSet, answer: Answer) -> ErrorKind {
    let result = if flow.subject.refreshes() {
        flow.refresh(former, answer).await
    } else {
        flow.link(answer).await
    };
    match result {
        Ok(_) => panic!("an error passed for tokens"),
        Err(error) => error.kind(),
    }
}

//! What scopes open, and asking for fewer.

use connector::{ErrorKind, manifest::Access};

use crate::{Subject, flow::Flow, peer::Answer};

/// A scope that reads opens nothing that changes; fewer scopes are asked for only where the provider
/// gives fewer, and exactly those.
pub async fn scopes_are_told_and_narrowed_truly(subject: &Subject) {
    let manifest = subject.manifest();
    for scope in &manifest.scopes {
        assert!(
            manifest.api.base.is_none() || !scope.allows.is_empty(),
            "`{}` opens nothing: the proxy can't enforce it",
            scope.name
        );
        for pattern in scope.allows.iter().filter(|_| scope.access == Access::Read) {
            let method = pattern.split(' ').next().unwrap_or_default();
            assert!(
                matches!(method, "GET" | "HEAD" | "OPTIONS" | "POST"),
                "`{}` only reads, and `{pattern}` changes something",
                scope.name
            );
        }
    }
    if subject.refreshes() {
        narrowing(subject).await;
    }
}

async fn narrowing(subject: &Subject) {
    let flow = Flow::start(subject).await;
    let former = flow.linked().await;
    let one = subject.scopes().into_iter().take(1).collect::<Vec<_>>();
    let before = flow.peer.seen().len();
    flow.peer.oauth(Answer::from(subject.fixture("token_refreshed")));
    let connector = subject.connector.as_ref();
    let (outbound, endpoints, client) = (&flow.outbound, &flow.endpoints, &flow.client);
    let narrowed =
        oauth::narrow(outbound, crate::flow::NOW, connector, endpoints, client, &former, &one)
            .await;
    if !subject.manifest().can_narrow() {
        let error = narrowed.expect_err("the manifest says that it gives no narrower tokens");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(flow.peer.seen().len(), before, "nothing is sent that can't work");
        return;
    }
    let narrowed = narrowed.expect("token_refreshed.json");
    assert!(narrowed.refresh.is_none(), "what is handed out holds no refresh token");
    let fields = flow.peer.last().fields();
    assert_eq!(
        fields.get("scope").map(String::as_str),
        Some(one[0].as_str()),
        "RFC 6749, section 6"
    );
}

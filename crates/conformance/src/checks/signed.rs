//! OAuth 1.0a, against a strict provider: what it saw, for tests that compare it with a table of their own.

use connector::{Account, Api, ErrorKind, Method};
use url::Url;

use crate::{
    Subject,
    signed::{self, Linked},
};

pub use crate::signed::Signed;

/// A link, and requests to the API with what it brought.
pub struct Used {
    /// Where the browser was sent.
    pub begun: Url,
    /// All requests in their order: for temporary credentials, for the token, a `GET` of `/x` with a query, a
    /// form posted to `/x`.
    pub requests: Vec<Signed>,
}

fn api(subject: &Subject, linked: &Linked) -> Api {
    let (manifest, outbound) = (subject.manifest(), linked.outbound.clone());
    let api = Api::new(outbound, manifest, &subject.inputs(), &linked.credential)
        .unwrap_or_else(|error| panic!("the API can't be called: {error}"));
    if manifest.signs_requests() { api.signing(signed::signing(8)) } else { api }
}

/// Links and asks the API; every request is verified by the provider.
pub async fn used(subject: &Subject) -> Used {
    let linked = signed::linked(subject).await;
    let api = api(subject, &linked);
    let answer = api.get("/x?a=b%20c&d=%2B").await;
    answer.unwrap_or_else(|error| panic!("a good request is refused: {error}"));
    let form = vec![("e".to_owned(), "f g&h=ü".to_owned())];
    let answer = api.call(Method::POST, "/x").form(form).fetch().await;
    answer.unwrap_or_else(|error| panic!("a good form is refused: {error}"));
    Used { begun: linked.begun.clone(), requests: linked.accepted() }
}

/// The account that the manifest's `identity` leads to.
pub async fn account(subject: &Subject) -> Account {
    let linked = signed::linked(subject).await;
    let account = subject.connector.identify(&api(subject, &linked)).await;
    linked.accepted();
    account.unwrap_or_else(|error| panic!("nobody is identified: {error}"))
}

/// A client with another secret gets nothing, and is told that it is the client.
pub async fn another_secret_is_refused(subject: &Subject) {
    let error = signed::link(subject, "another secret").await.err().expect("it is refused");
    assert_eq!(error.kind(), ErrorKind::ClientConfig, "{error}");
}

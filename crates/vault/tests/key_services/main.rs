//! Keys that others hold. The services are stand-ins that `make test` names in `KMS_STANDIN`; without
//! that these tests say that they were skipped.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod kms;
mod standin;
mod transit;

use base::{OsRng, SeededRng};
use vault::{DataKey, KeySource, Place};

/// A setting that is changed.
type Change<T> = fn(&mut T);

const HERE: Place<'static> = Place { workspace: "ws_a", row: "row", field: "field", generation: 1 };

/// Whether two keys are the same key.
fn same(one: &DataKey, other: &DataKey) -> bool {
    let sealed = one.seal(&OsRng, &HERE, b"refresh token").unwrap();
    one.id() == other.id()
        && other.open(&HERE, &sealed).is_ok_and(|plain| *plain == b"refresh token")
}

/// A data key comes back whole, and neither for another workspace nor under another id.
async fn check_binding(source: &dyn KeySource) {
    let rng = SeededRng::new(1);
    let (key, other) = (DataKey::generate(&rng), DataKey::generate(&rng));
    let wrapped = source.wrap(&rng, "ws_a", &key).await.unwrap();
    assert!(source.knows(&wrapped));
    assert!(source.is_current(&wrapped));
    assert!(same(&key, &source.unwrap("ws_a", key.id(), &wrapped).await.unwrap()));
    for (workspace, id) in [("ws_b", key.id()), ("ws_a", other.id())] {
        let error = source.unwrap(workspace, id, &wrapped).await.err().expect("refused");
        assert_eq!(error.code(), "does_not_open", "{workspace} {id}");
        assert!(!error.is_transient());
    }
}

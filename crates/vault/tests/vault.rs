//! What the vault promises.

use std::os::unix::fs::PermissionsExt;

use base::{OsRng, SecretString, SeededRng};
use proptest::prelude::*;
use vault::{Created, DataKey, KeySource, LocalKeys, Place, Sealed, open_or_create_key_file};

fn place<'a>(workspace: &'a str, row: &'a str, field: &'a str, generation: u64) -> Place<'a> {
    Place { workspace, row, field, generation }
}

proptest! {
    #[test]
    fn what_is_sealed_opens_at_its_place(plain in proptest::collection::vec(any::<u8>(), 0..500), seed in any::<u64>()) {
        let rng = SeededRng::new(seed);
        let key = DataKey::generate(&rng);
        let here = place("ws", "row", "field", 3);
        let sealed = key.seal(&rng, &here, &plain).expect("seal");
        prop_assert_eq!(&*key.open(&here, &sealed).expect("open"), &plain);
    }

    #[test]
    fn a_moved_value_does_not_open(
        a in ("[a-c]{0,3}", "[a-c]{0,3}", "[a-c]{0,3}", 0_u64..3),
        b in ("[a-c]{0,3}", "[a-c]{0,3}", "[a-c]{0,3}", 0_u64..3),
    ) {
        let rng = SeededRng::new(1);
        let key = DataKey::generate(&rng);
        let from = place(&a.0, &a.1, &a.2, a.3);
        let to = place(&b.0, &b.1, &b.2, b.3);
        let sealed = key.seal(&rng, &from, b"refresh token").expect("seal");
        prop_assert_eq!(key.open(&to, &sealed).is_ok(), a == b);
    }

    #[test]
    fn a_changed_bit_is_noticed(at in any::<prop::sample::Index>(), bit in 0..8) {
        let rng = SeededRng::new(2);
        let key = DataKey::generate(&rng);
        let here = place("ws", "row", "field", 1);
        let mut bytes = key.seal(&rng, &here, b"refresh token").expect("seal").into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        let opened = Sealed::from_bytes(bytes).and_then(|sealed| key.open(&here, &sealed));
        prop_assert!(opened.is_err());
    }

    #[test]
    fn reading_any_bytes_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(sealed) = Sealed::from_bytes(bytes) {
            let key = DataKey::generate(&SeededRng::new(3));
            prop_assert!(key.open(&place("ws", "row", "field", 1), &sealed).is_err());
        }
    }
}

#[test]
fn another_key_does_not_open() {
    let rng = SeededRng::new(4);
    let (one, other) = (DataKey::generate(&rng), DataKey::generate(&rng));
    let here = place("ws", "row", "field", 1);
    let sealed = one.seal(&rng, &here, b"secret").expect("seal");
    assert!(other.open(&here, &sealed).is_err());
}

#[test]
fn digests_of_two_domains_differ() {
    let key = DataKey::generate(&SeededRng::new(5));
    assert_eq!(key.digest("api-key", b"x"), key.digest("api-key", b"x"));
    assert_ne!(key.digest("api-key", b"x"), key.digest("account", b"x"));
}

#[tokio::test]
async fn a_data_key_unwraps_for_its_workspace_only() {
    let rng = SeededRng::new(6);
    let keys = LocalKeys::from_text(&LocalKeys::generate_text(&rng), "test").expect("keys");
    let key = DataKey::generate(&rng);
    let wrapped = keys.wrap(&rng, "ws_a", &key).await.expect("wrap");
    assert!(keys.unwrap("ws_b", key.id(), &wrapped).await.is_err());
    let again = keys.unwrap("ws_a", key.id(), &wrapped).await.expect("unwrap");
    let here = place("ws_a", "row", "field", 1);
    let sealed = key.seal(&rng, &here, b"secret").expect("seal");
    assert_eq!(&*again.open(&here, &sealed).expect("open"), b"secret");
}

#[tokio::test]
async fn a_former_wrapping_key_still_unwraps_after_a_new_one_is_put_first() {
    use base::ExposeSecret;
    let rng = SeededRng::new(7);
    let (old, new) = (LocalKeys::generate_text(&rng), LocalKeys::generate_text(&rng));
    let key = DataKey::generate(&rng);
    let before = LocalKeys::from_text(&old, "test").expect("keys");
    let wrapped = before.wrap(&rng, "ws", &key).await.expect("wrap");
    let both = format!("# new\n{}\n\n# old\n{}\n", new.expose_secret(), old.expose_secret());
    let after = LocalKeys::from_text(&SecretString::from(both), "test").expect("keys");
    assert_ne!(before.primary(), after.primary());
    assert!(after.unwrap("ws", key.id(), &wrapped).await.is_ok());
    assert!(before.is_current(&wrapped) && after.knows(&wrapped) && !after.is_current(&wrapped));
    let alone = LocalKeys::from_text(&new, "test").expect("keys");
    assert!(!alone.knows(&wrapped));
    let error = alone.unwrap("ws", key.id(), &wrapped).await.err().expect("refused");
    assert_eq!(error.code(), "unknown_wrapping_key");
}

#[test]
fn the_key_file_is_made_once_and_for_its_owner_only() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("key");
    let (_, created) = open_or_create_key_file(&path, &OsRng).expect("made");
    assert_eq!(created, Created::Now);
    let mode = path.metadata().expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = std::fs::read(&path).expect("read");
    let (_, created) = open_or_create_key_file(&path, &OsRng).expect("opened");
    assert_eq!(created, Created::Before);
    assert_eq!(std::fs::read(&path).expect("read"), before);
    assert_eq!(std::fs::read_dir(folder.path()).expect("list").count(), 1);
}

#[test]
fn a_key_file_that_others_can_read_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("key");
    open_or_create_key_file(&path, &OsRng).expect("made");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("chmod");
    let error = open_or_create_key_file(&path, &OsRng).err().expect("refused");
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

#[test]
fn a_link_in_place_of_the_key_file_is_refused() {
    let folder = tempfile::tempdir().expect("folder");
    let (real, link) = (folder.path().join("real"), folder.path().join("link"));
    open_or_create_key_file(&real, &OsRng).expect("made");
    std::os::unix::fs::symlink(&real, &link).expect("link");
    assert!(open_or_create_key_file(&link, &OsRng).is_err());
}

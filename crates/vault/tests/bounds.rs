//! The limits of the formats, to the byte, and what the vault says of itself.

use std::sync::Arc;

use async_trait::async_trait;
use base::{ExposeSecret, OsRng, Rng, SecretString, SeededRng};
use vault::{
    DataKey, Error, KeyRef, KeySource, KeySources, LocalKeys, Place, Sealed, Wrapped,
    open_or_create_key_file,
};

const HERE: Place<'static> = Place { workspace: "ws", row: "row", field: "field", generation: 1 };
const MIB: usize = 1024 * 1024;
/// Version, key id, nonce and tag.
const AROUND: usize = 1 + 16 + 12 + 16;

fn local(seed: u64, name: &str) -> LocalKeys {
    LocalKeys::from_text(&LocalKeys::generate_text(&SeededRng::new(seed)), name).expect("keys")
}

#[test]
fn a_value_of_a_mebibyte_is_sealed_and_read_and_a_byte_more_is_not() {
    let rng = SeededRng::new(1);
    let key = DataKey::generate(&rng);
    let most = vec![7; MIB];
    let sealed = key.seal(&rng, &HERE, &most).expect("it fits");
    let mut bytes = sealed.into_bytes();
    assert_eq!(bytes.len(), AROUND + MIB);
    let read = Sealed::from_bytes(bytes.clone()).expect("it fits");
    assert_eq!(*key.open(&HERE, &read).expect("open"), most);
    bytes.push(0);
    assert!(matches!(Sealed::from_bytes(bytes), Err(Error::Malformed("they are too long"))));
    let more = vec![7; MIB + 1];
    assert!(matches!(key.seal(&rng, &HERE, &more), Err(Error::TooLarge)));
}

#[test]
fn nothing_is_sealed_and_read_and_a_byte_less_is_not() {
    let rng = SeededRng::new(2);
    let key = DataKey::generate(&rng);
    let sealed = key.seal(&rng, &HERE, b"").expect("seal");
    assert_eq!(sealed.as_bytes().len(), AROUND);
    assert_eq!(sealed.as_bytes(), sealed.clone().into_bytes());
    let read = Sealed::from_bytes(sealed.as_bytes().to_vec()).expect("read");
    assert!(key.open(&HERE, &read).expect("open").is_empty());
    for length in 1..AROUND {
        let cut = Sealed::from_bytes(sealed.as_bytes()[..length].to_vec());
        assert!(matches!(cut, Err(Error::Malformed("they are too short"))), "{length} bytes");
    }
}

#[test]
fn a_wrapped_key_has_a_byte_to_16_kib() {
    for (length, fits) in [(0, false), (1, true), (16 * 1024, true), (16 * 1024 + 1, false)] {
        assert_eq!(Wrapped::from_bytes(vec![1; length]).is_ok(), fits, "{length} bytes");
    }
}

#[test]
fn debug_shows_a_keys_id_and_a_values_length() {
    let id = KeyRef::from_bytes([0xab; 16]);
    assert_eq!(format!("{id:?}"), "ab".repeat(16));
    let rng = SeededRng::new(3);
    let sealed = DataKey::generate(&rng).seal(&rng, &HERE, b"").expect("seal");
    assert_eq!(format!("{sealed:?}"), "Sealed(45 bytes)");
}

#[test]
fn a_text_without_a_key_is_called_empty() {
    let error = LocalKeys::from_text(&SecretString::from("# none\n\n"), "VALETKEY_KEY").err();
    let error = error.expect("refused").to_string();
    assert!(error.contains("VALETKEY_KEY") && error.contains("it is empty"), "{error}");
}

#[test]
fn a_key_file_with_a_page_of_comments_is_read() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("key");
    open_or_create_key_file(&path, &OsRng).expect("made");
    let key = std::fs::read_to_string(&path).expect("read");
    std::fs::write(&path, format!("{}{key}", "# kept in the safe\n".repeat(500))).expect("write");
    open_or_create_key_file(&path, &OsRng).expect("read whole");
}

#[test]
fn a_key_file_in_a_folder_that_is_not_there_is_not_made() {
    let folder = tempfile::tempdir().expect("folder");
    let error = open_or_create_key_file(&folder.path().join("none/key"), &OsRng).err();
    let error = error.expect("refused").to_string();
    assert!(error.contains("it can't be made"), "{error}");
}

#[tokio::test]
async fn what_another_kind_of_source_wrapped_is_told_by_its_kind() {
    let keys = local(4, "test");
    let id = KeyRef::from_bytes([1; 16]);
    for (first, kind) in [(2, "a transit engine"), (3, "AWS KMS"), (9, "unknown")] {
        let wrapped = Wrapped::from_bytes(vec![first; 80]).expect("bytes");
        assert!(!keys.knows(&wrapped));
        let error = keys.unwrap("ws", id, &wrapped).await.err().expect("refused").to_string();
        assert!(error.contains(kind), "{error}");
    }
}

/// A service that is down.
struct Down;

fn down<T>() -> Result<T, Error> {
    Err(Error::KeyServiceUnavailable {
        service: "a service".to_owned(),
        why: "it rests".to_owned(),
    })
}

#[async_trait]
impl KeySource for Down {
    fn name(&self) -> &'static str {
        "a service"
    }

    fn primary(&self) -> String {
        "none".to_owned()
    }

    fn knows(&self, _: &Wrapped) -> bool {
        false
    }

    fn is_current(&self, _: &Wrapped) -> bool {
        false
    }

    async fn ready(&self) -> Result<(), Error> {
        down()
    }

    async fn keep_alive(&self) -> Result<(), Error> {
        down()
    }

    async fn wrap(&self, _: &dyn Rng, _: &str, _: &DataKey) -> Result<Wrapped, Error> {
        down()
    }

    async fn unwrap(&self, _: &str, _: KeyRef, _: &Wrapped) -> Result<DataKey, Error> {
        down()
    }
}

#[tokio::test]
async fn of_several_sources_the_first_wraps_all_are_asked_and_all_are_named() {
    let (first, second, stranger) = (local(5, "one"), local(6, "two"), local(7, "three"));
    let primary = first.primary();
    let rng = SeededRng::new(8);
    let key = DataKey::generate(&rng);
    let of_second = second.wrap(&rng, "ws", &key).await.expect("wrap");
    let of_stranger = stranger.wrap(&rng, "ws", &key).await.expect("wrap");
    assert_eq!((first.name(), second.name()), ("one", "two"));

    let both = KeySources::new(vec![Arc::new(first), Arc::new(second)]).expect("sources");
    assert_eq!((both.name(), both.primary()), ("one, then two", primary));
    assert!(both.knows(&of_second) && !both.is_current(&of_second));
    assert!(!both.knows(&of_stranger));
    both.ready().await.expect("both are there");
    both.keep_alive().await.expect("nothing is due");
    both.unwrap("ws", key.id(), &of_second).await.expect("the second unwraps");
    let error = both.unwrap("ws", key.id(), &of_stranger).await.err().expect("refused");
    assert_eq!(error.code(), "unknown_wrapping_key");
}

#[tokio::test]
async fn of_several_sources_one_that_is_down_is_told_of() {
    let both = KeySources::new(vec![Arc::new(local(9, "one")), Arc::new(Down)]).expect("sources");
    for asked in [both.ready().await, both.keep_alive().await] {
        let Err(error) = asked else { panic!("it is down") };
        assert_eq!(error.code(), "key_service_unavailable");
    }
}

#[test]
fn a_generated_key_is_43_characters_after_its_prefix() {
    let text = LocalKeys::generate_text(&SeededRng::new(10));
    let (prefix, key) = text.expose_secret().split_at(5);
    assert_eq!((prefix, key.len()), ("vkk1_", 43));
}

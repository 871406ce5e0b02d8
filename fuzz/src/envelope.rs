//! Sealed values: four bytes that say how one is spoiled, and either a whole one or what to seal.
//!
//! Nobody's bytes open. What was sealed opens at its place as it was, and nowhere else, and not at all
//! once a bit of it is another.

use std::sync::OnceLock;

use base::SeededRng;
use vault::{DataKey, Error, KeyRef, Place, Sealed};

const PLACE: Place<'_> =
    Place { workspace: "ws_1", row: "con_12", field: "credential", generation: 7 };
/// Version, key id, nonce and tag.
const LEAST: usize = 1 + 16 + 12 + 16;

/// The places beside it: the parts are the same letters, cut elsewhere.
const ELSEWHERE: [Place<'_>; 7] = [
    Place { workspace: "ws_2", ..PLACE },
    Place { row: "con_13", ..PLACE },
    Place { field: "client_secret", ..PLACE },
    Place { generation: 8, ..PLACE },
    Place { workspace: "ws_1con", row: "_12", ..PLACE },
    Place { row: "con_12c", field: "redential", ..PLACE },
    Place { workspace: "", row: "ws_1con_12", ..PLACE },
];

struct Keys {
    own: DataKey,
    other: DataKey,
}

fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| {
        let rng = SeededRng::new(1);
        Keys { own: DataKey::generate(&rng), other: DataKey::generate(&rng) }
    })
}

pub(crate) fn run(data: &[u8]) {
    foreign(data);
    let [high, low, xor, nonce, plain @ ..] = data else { return };
    let seed = u64::from(*nonce);
    let sealed =
        keys().own.seal(&SeededRng::new(seed), &PLACE, plain).expect("it is not too large");
    assert_eq!(sealed.as_bytes().len(), LEAST + plain.len(), "a sealed value has another length");
    assert!(opens(&sealed).is_some_and(|opened| opened == plain), "it does not open as it was");
    elsewhere(&sealed);
    let at = usize::from(u16::from_be_bytes([*high, *low]));
    changed(&sealed, at, *xor);
    a_key(plain, seed);
}

fn opens(sealed: &Sealed) -> Option<Vec<u8>> {
    keys().own.open(&PLACE, sealed).ok().map(|opened| opened.to_vec())
}

/// Bytes that nobody sealed: read as they are, or not at all; never opened.
fn foreign(data: &[u8]) {
    let Ok(sealed) = Sealed::from_bytes(data.to_vec()) else { return };
    assert!(data.len() >= LEAST && data[0] == 1, "no sealed value is so short, or of this version");
    assert_eq!(sealed.as_bytes(), data, "reading changed a sealed value");
    assert_eq!(sealed.key_id().as_bytes(), &data[1..17], "another key's id");
    assert!(opens(&sealed).is_none(), "bytes that nobody sealed have opened");
    // As if they named our key.
    let named = [&data[..1], keys().own.id().as_bytes(), &data[17..]].concat();
    let named = Sealed::from_bytes(named).expect("it differs in the key's id alone");
    let refused = keys().own.open(&PLACE, &named);
    assert!(matches!(refused, Err(Error::DoesNotOpen)), "bytes that nobody sealed have opened");
}

fn elsewhere(sealed: &Sealed) {
    for place in &ELSEWHERE {
        assert!(keys().own.open(place, sealed).is_err(), "it opens at {place:?}");
    }
    assert!(keys().other.open(&PLACE, sealed).is_err(), "another key opens it");
}

/// One byte another; shorter; longer.
fn changed(sealed: &Sealed, at: usize, xor: u8) {
    let whole = sealed.as_bytes();
    let at = at % whole.len();
    let mut flipped = whole.to_vec();
    flipped[at] ^= if xor == 0 { 1 } else { xor };
    let longer = [whole, &[xor]].concat();
    for (how, bytes) in [("changed", flipped), ("cut", whole[..at].to_vec()), ("longer", longer)] {
        let opened = Sealed::from_bytes(bytes).ok().and_then(|sealed| opens(&sealed));
        assert!(opened.is_none(), "it opens although it was {how} at {at}");
    }
}

/// A key that was sealed is that key, and what is no key does not become one.
fn a_key(plain: &[u8], seed: u64) {
    let (own, other, rng) = (&keys().own, &keys().other, SeededRng::new(seed));
    let sealed = own.seal_key(&rng, &PLACE, other).expect("a key is not too large");
    let opened = own.open_key(&PLACE, other.id(), &sealed).expect("it was sealed here");
    assert_eq!(opened.digest("d", plain), other.digest("d", plain), "it is another key");
    assert_ne!(opened.digest("d", plain), opened.digest("e", plain), "domains are not kept apart");
    let sealed = own.seal(&rng, &PLACE, plain).expect("it is not too large");
    let opened = own.open_key(&PLACE, KeyRef::from_bytes([0; 16]), &sealed);
    assert_eq!(opened.is_ok(), plain.len() == 32, "a key is 32 bytes");
}

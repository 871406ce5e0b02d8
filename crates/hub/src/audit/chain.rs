//! The hash that chains one entry to the one before it.

use sha2::{Digest, Sha256};

/// What the first entry of a chain follows.
pub const ZERO: [u8; 32] = [0; 32];

/// Keeps these hashes apart from every other use of SHA-256, and from a later format.
const DOMAIN: &[u8] = b"valetkey audit chain v1\0";

/// SHA-256 over the domain, the hash before, the place (big-endian, from 1) and the entry's bytes.
pub fn hash(before: &[u8; 32], seq: i64, body: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(DOMAIN);
    hasher.update(before);
    hasher.update(seq.to_be_bytes());
    hasher.update(body);
    hasher.finalize().into()
}

/// Whether entries that follow `before`, the first at place `seq`, are as they were written.
///
/// Returns the last hash, or the place of the first entry that does not fit.
pub fn verify<'a>(
    before: [u8; 32],
    seq: i64,
    entries: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
) -> Result<[u8; 32], i64> {
    let mut last = before;
    for (place, (body, kept)) in (seq..).zip(entries) {
        last = hash(&last, place, body);
        if kept != last {
            return Err(place);
        }
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chain(bodies: &[Vec<u8>]) -> Vec<[u8; 32]> {
        let mut last = ZERO;
        (1..)
            .zip(bodies)
            .map(|(seq, body)| {
                last = hash(&last, seq, body);
                last
            })
            .collect()
    }

    proptest! {
        #[test]
        fn a_changed_removed_or_swapped_entry_is_found(
            bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..20), 2..20),
            at in any::<proptest::sample::Index>(),
            how in 0..3,
        ) {
            let hashes = chain(&bodies);
            let mut entries: Vec<_> = bodies.into_iter().zip(hashes).collect();
            let whole = verify(ZERO, 1, entries.iter().map(|(b, h)| (b.as_slice(), h.as_slice())));
            prop_assert!(whole.is_ok());
            let at = at.index(entries.len() - 1);
            match how {
                0 => entries[at].0[0] ^= 1,
                1 => { entries.remove(at); }
                _ => entries.swap(at, at + 1),
            }
            let cut = verify(ZERO, 1, entries.iter().map(|(b, h)| (b.as_slice(), h.as_slice())));
            prop_assert!(cut.is_err());
        }
    }
}

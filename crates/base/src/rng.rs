//! Randomness as a source that is passed in.

use std::sync::atomic::{AtomicU64, Ordering};

use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

/// Where random bytes come from.
pub trait Rng: Send + Sync + 'static {
    /// Fills `bytes`; the real source never returns without having done so.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRng;

impl Rng for OsRng {
    #[allow(clippy::disallowed_methods, reason = "this is the one place that asks it")]
    fn fill(&self, bytes: &mut [u8]) {
        // Without randomness nothing here is safe to do, and there is nothing to fall back to.
        getrandom::fill(bytes).expect("the operating system gives random bytes");
    }
}

/// A repeatable sequence: for tests, never for secrets.
#[derive(Debug)]
pub struct SeededRng(AtomicU64);

impl SeededRng {
    /// The sequence that belongs to `seed`.
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Rng for SeededRng {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            // SplitMix64.
            let mut z = self
                .0
                .fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst)
                .wrapping_add(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^= z >> 31;
            chunk.copy_from_slice(&z.to_le_bytes()[..chunk.len()]);
        }
    }
}

/// 256 random bits as 43 URL-safe characters: a state, a nonce, a PKCE verifier, a key's secret part.
pub fn random_token(rng: &dyn Rng) -> String {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    rng.fill(bytes.as_mut_slice());
    BASE64URL_NOPAD.encode(bytes.as_slice())
}

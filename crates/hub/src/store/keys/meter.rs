//! Counts what a data key seals, before it seals: in the row in blocks, so that the count is never less
//! than what was sealed and costs next to nothing.
//!
//! Sealing may happen within a transaction that holds SQLite's one writing connection, so a block is
//! taken by a task of its own, and early. What is sealed while that is under way is bounded.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use sea_orm::{ConnectionTrait, DatabaseConnection};
use vault::KeyRef;

use super::rows::statement;
use crate::{Error, Result};

/// How many uses are taken at once; also the most that one process seals uncounted.
const BLOCK: i64 = 1 << 16;
/// With fewer left, the next block is taken.
const LOW: i64 = BLOCK / 4;
/// At so many uses a key seals no more: what 256 processes may have sealed uncounted stays below 2^32,
/// for which AES-GCM with random nonces is sound (NIST SP 800-38D, section 8.3).
pub(super) const EXHAUSTED: i64 = (1 << 32) - (1 << 24);

/// What a process has left of the uses it took.
#[derive(Default)]
pub(super) struct Meter {
    left: AtomicI64,
    taking: AtomicBool,
}

impl Meter {
    /// Counts one use.
    pub(super) fn count(self: &Arc<Self>, write: &DatabaseConnection, id: KeyRef) -> Result<()> {
        let left = self.left.fetch_sub(1, Ordering::Relaxed) - 1;
        if left < LOW && !self.taking.swap(true, Ordering::AcqRel) {
            tokio::spawn(take(self.clone(), write.clone(), id));
        }
        if left >= -BLOCK {
            return Ok(());
        }
        self.left.fetch_add(1, Ordering::Relaxed);
        Err(Error::unavailable(
            "key_uses_uncounted",
            "The hub can't write down how often this workspace's data key was used, so it seals no more with it. It tries again by itself; check the database.",
            std::time::Duration::from_secs(1),
        ))
    }
}

async fn take(meter: Arc<Meter>, write: DatabaseConnection, id: KeyRef) {
    let sql = "UPDATE data_key SET uses = uses + $1 WHERE id = $2";
    let values = [BLOCK.into(), id.to_string().into()];
    match write.execute_raw(statement(&write, sql, values)).await {
        Ok(_) => {
            meter.left.fetch_add(BLOCK, Ordering::Relaxed);
        }
        Err(error) => tracing::warn!(%error, "the uses of a data key could not be counted"),
    }
    meter.taking.store(false, Ordering::Release);
}

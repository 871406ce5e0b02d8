//! The token that the transit engine is asked with, and its lease.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use base::{Clock, SecretString, Timestamp};
use http::HeaderValue;
use tokio::{io::AsyncReadExt, sync::Mutex};
use zeroize::Zeroizing;

use crate::{Error, service::secret_header};

/// The most bytes of a token's file.
const FILE: u64 = 16 * 1024;
/// When a renewal failed, it is tried again after this.
const AGAIN: Duration = Duration::from_secs(30);

/// A token, or where it is.
#[derive(Clone, Debug)]
pub enum TransitToken {
    /// The token itself. The hub renews it while it lives.
    Text(SecretString),
    /// A file that holds the token, read at each use. Who writes it renews it, such as an agent
    /// beside the hub.
    File(PathBuf),
}

/// The token and when it is to be renewed.
pub(super) struct Held {
    token: TransitToken,
    clock: Arc<dyn Clock>,
    /// When more than half of its time is over; none where it can't be renewed, or needs not.
    due: Mutex<Option<Timestamp>>,
}

impl Held {
    pub(super) fn new(token: TransitToken, clock: Arc<dyn Clock>) -> Self {
        Self { token, clock, due: Mutex::new(None) }
    }

    /// Whether renewing it is the hub's business.
    pub(super) fn is_ours(&self) -> bool {
        matches!(self.token, TransitToken::Text(_))
    }

    /// The header to send.
    pub(super) async fn header(&self) -> Result<HeaderValue, Error> {
        match &self.token {
            TransitToken::Text(text) => secret_header("VALETKEY_TRANSIT_TOKEN", text),
            TransitToken::File(path) => {
                secret_header("VALETKEY_TRANSIT_TOKEN_FILE", &read(path).await?)
            }
        }
    }

    /// Notes how long it lives from now on; zero says forever.
    pub(super) async fn learn(&self, renewable: bool, lives: Duration) {
        let next = (renewable && !lives.is_zero()).then(|| self.clock.now().plus(lives / 2));
        *self.due.lock().await = next;
    }

    /// Runs `renew` if it is time, one at a time; those who come meanwhile go on with the token that
    /// is. `renew` answers how long the token lives and whether it can be renewed again.
    pub(super) async fn when_due<F>(&self, renew: F) -> Result<(), Error>
    where
        F: AsyncFnOnce() -> Result<(bool, Duration), Error>,
    {
        let Ok(mut due) = self.due.try_lock() else { return Ok(()) };
        if due.is_none_or(|due| self.clock.now() < due) {
            return Ok(());
        }
        let renewed = renew().await;
        let now = self.clock.now();
        *due = match &renewed {
            Ok((true, lives)) if !lives.is_zero() => Some(now.plus(*lives / 2)),
            Ok(_) => None,
            Err(_) => Some(now.plus(AGAIN)),
        };
        renewed.map(|_| ())
    }
}

async fn read(path: &Path) -> Result<SecretString, Error> {
    let bad = |error: std::io::Error| Error::Setting {
        setting: "VALETKEY_TRANSIT_TOKEN_FILE",
        why: format!("{} can't be read: {error}", path.display()),
    };
    let file = tokio::fs::File::open(path).await.map_err(bad)?;
    let mut text = Zeroizing::new(String::new());
    file.take(FILE).read_to_string(&mut text).await.map_err(bad)?;
    Ok(SecretString::from(text.trim().to_owned()))
}

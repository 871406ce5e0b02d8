//! After a crash: what the journals hold goes into the rows, then the rows that were left in flight are
//! acknowledged.

use std::{collections::BTreeMap, path::Path};

use connector::Credential;
use http::{Response, header};
use sea_orm::ConnectionTrait;

use super::{
    Refresher,
    journal::{Journal, Kept},
    receive::Received,
};
use crate::{
    Error, Kind, Result,
    connection::{self, Stored, open_credential},
    integration::{self, App},
};

/// What earlier processes had left behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Replies that were in a journal and in no row.
    pub replies: usize,
    /// Refreshes in flight, which may be tried again now.
    pub acknowledged: u64,
}

impl Refresher {
    /// Goes through what earlier processes of this data directory left behind. To be done before this
    /// process claims anything; the directory's lock says that they are gone.
    pub async fn recover(&self) -> Result<Recovered> {
        let mut replies = 0;
        for path in self.journal.left_behind().map_err(Error::internal)? {
            replies += self.replay(&path).await?;
        }
        self.clear_journal().await;
        Ok(Recovered { replies, acknowledged: self.acknowledge().await? })
    }

    /// Removes journals that are older than they are kept.
    pub async fn clear_journal(&self) {
        let (journal, now) = (self.journal.clone(), self.store.now());
        let cleared = tokio::task::spawn_blocking(move || journal.clear_old(now)).await;
        if let Ok(Err(error)) = cleared {
            tracing::warn!(%error, "old journals could not be removed");
        }
    }

    async fn replay(&self, path: &Path) -> Result<usize> {
        let all = Journal::read(path).map_err(Error::internal)?;
        for kept in &all {
            match self.replay_one(kept).await {
                Ok(()) => {}
                Err(error) if is_lost(&error) => {
                    tracing::warn!(connection = %kept.key.connection, %error, "a journaled reply has no place any more");
                }
                // The database or the key service is away: the file stays for the next start.
                Err(error) => return Err(error),
            }
        }
        Journal::put_away(path).map_err(Error::internal)?;
        Ok(all.len())
    }

    async fn replay_one(&self, kept: &Kept) -> Result<()> {
        let key = &kept.key;
        let row = connection::get(&self.store, &key.workspace, &key.connection).await?;
        if row.owner_key != key.whose {
            tracing::error!(connection = %key.connection, "a journaled reply is for another owner than its row has: it is not saved");
            return Ok(());
        }
        let body = kept.open(&self.store).await?;
        let found = integration::get(&self.store, &key.workspace, &row.integration_id).await?;
        let app = App::load(&self.store, &self.registry, found).await?;
        let Some(http) = as_http(&body) else { return Ok(()) };
        // The version it was asked with may be gone; what the reply leaves out is then the newer one's.
        let former = open_credential(&self.store, &row).await.ok();
        let blank = connector::TokenSet::bearer(String::new());
        let (inputs, former) = match &former {
            Some(Stored { inputs, credential: Credential::OAuth(tokens) }) => {
                (inputs.clone(), tokens)
            }
            _ => (BTreeMap::new(), &blank),
        };
        let read = oauth::refresh::read(app.connector.as_ref(), self.store.now(), former, &http);
        let tokens = match read {
            Ok(tokens) => tokens,
            // An error reply, or none that can be read. The file is kept for its 24 hours.
            Err(error) => {
                tracing::warn!(connection = %key.connection, %error, "a journaled reply holds no token that can be read");
                return Ok(());
            }
        };
        let stored = Stored { inputs, credential: Credential::OAuth(tokens) };
        self.receive(Received { key, stored: &stored, app: &app, row: &row }).await.map(drop)
    }

    /// "No answer" for what this data directory's earlier processes had in flight: they are dead, and
    /// what they journaled is saved.
    async fn acknowledge(&self) -> Result<u64> {
        let statement = self.store.statement(
            "UPDATE connection SET state = 'uncertain', due_at = quiet_until, hold_until = 0, \
             deadline = NULL, lease_owner = NULL, updated_at = $1 \
             WHERE state = 'in_flight' AND lease_owner LIKE $2 AND lease_owner <> $3",
            [
                self.store.now().millis().into(),
                format!("{}.%", self.instance()).into(),
                self.owner().into(),
            ],
        );
        Ok(self.store.write().execute_raw(statement).await?.rows_affected())
    }
}

/// No later start could use it either: its connection, integration, provider or key is gone, or its line was
/// changed.
fn is_lost(error: &Error) -> bool {
    let sealed = std::error::Error::source(error).and_then(|source| source.downcast_ref());
    matches!(error.kind, Kind::NotFound | Kind::Invalid | Kind::Conflict)
        || matches!(sealed, Some(vault::Error::DoesNotOpen | vault::Error::Malformed(_)))
}

/// As [`super::send`] journaled it: content type, line feed, body.
fn as_http(bytes: &[u8]) -> Option<Response<bytes::Bytes>> {
    let split = bytes.iter().position(|byte| *byte == b'\n')?;
    let kind = std::str::from_utf8(&bytes[..split]).ok()?;
    Response::builder()
        .header(header::CONTENT_TYPE, kind)
        .body(bytes::Bytes::copy_from_slice(&bytes[split + 1..]))
        .ok()
}

//! What this process has of keys in memory, and for how long it believes it.

use std::{sync::Arc, time::Duration};

use base::{Clock, Timestamp};
use moka::future::Cache;
use sea_orm::{ConnectionTrait, DatabaseConnection, QueryResult};
use vault::{DataKey, KeyRef, KeySource, Place};

use super::{
    meter::{EXHAUSTED, Meter},
    rows::{self, Role, State},
};
use crate::{Error, Result, store::SealedColumn};

/// For so long a process works with what it knows of a workspace's keys before it looks again: what
/// another process destroyed or retired is out of use here after this.
pub const KNOWN_FOR: Duration = Duration::from_secs(5);

/// Which keys a workspace has.
struct Ring {
    read_at: Timestamp,
    primary: Sealing,
    personal: Option<Sealing>,
    opening: Vec<KeyRef>,
}

/// A key that seals, and how often it had by then.
#[derive(Clone, Copy)]
struct Sealing {
    id: KeyRef,
    uses: i64,
}

/// An unwrapped data key.
struct Held {
    workspace: String,
    key: Arc<DataKey>,
    meter: Arc<Meter>,
}

/// An end user's key.
#[derive(Clone)]
struct Person {
    workspace: String,
    key: Arc<DataKey>,
    read_at: Timestamp,
}

/// Keys in memory: unwrapped once, forgotten after an hour without use.
pub(super) struct Keyring {
    pub(super) source: Arc<dyn KeySource>,
    pub(super) read: DatabaseConnection,
    pub(super) write: DatabaseConnection,
    clock: Arc<dyn Clock>,
    rings: Cache<String, Arc<Ring>>,
    keys: Cache<KeyRef, Arc<Held>>,
    people: Cache<String, Person>,
}

/// The place of an end user's key.
pub(super) fn person_place<'a>(workspace: &'a str, end_user: &'a str) -> Place<'a> {
    Place { workspace, row: end_user, field: "key", generation: 1 }
}

impl Keyring {
    pub(super) fn new(
        source: Arc<dyn KeySource>,
        read: DatabaseConnection,
        write: DatabaseConnection,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let hour = Duration::from_hours(1);
        Self {
            source,
            read,
            write,
            clock,
            rings: Cache::builder().max_capacity(20_000).time_to_idle(hour).build(),
            keys: Cache::builder().max_capacity(50_000).time_to_idle(hour).build(),
            people: Cache::builder().max_capacity(100_000).time_to_idle(hour).build(),
        }
    }

    /// Milliseconds since the Unix epoch.
    pub(super) fn now(&self) -> i64 {
        self.clock.now().millis()
    }

    /// The key that seals a workspace's values, counted as used once.
    pub(super) async fn sealing(&self, workspace: &str) -> Result<Arc<DataKey>> {
        let ring = self.ring(workspace).await?;
        self.counted(workspace, ring.primary).await
    }

    /// The key that seals a workspace's personal fields, counted as used once. A workspace of before
    /// there was one has it from its next rotation on.
    pub(super) async fn sealing_personal(&self, workspace: &str) -> Result<Arc<DataKey>> {
        let ring = self.ring(workspace).await?;
        self.counted(workspace, ring.personal.unwrap_or(ring.primary)).await
    }

    /// The workspace's key of this id.
    pub(super) async fn opening(&self, workspace: &str, id: KeyRef) -> Result<Arc<DataKey>> {
        let mut ring = self.ring(workspace).await?;
        if !ring.opening.contains(&id) {
            // Made by another process a moment ago.
            ring = self.read_ring(workspace).await?;
        }
        if !ring.opening.contains(&id) {
            return Err(vault::Error::DoesNotOpen.into());
        }
        Ok(self.held(workspace, id).await?.key.clone())
    }

    async fn counted(&self, workspace: &str, sealing: Sealing) -> Result<Arc<DataKey>> {
        if sealing.uses >= EXHAUSTED {
            return Err(Error::unavailable(
                "key_exhausted",
                "This workspace's data key has sealed as many values as one key may, so nothing more is sealed with it. The hub replaces it by itself within minutes; `valetkey keys rotate` does so at once.",
                Duration::from_mins(1),
            ));
        }
        let held = self.held(workspace, sealing.id).await?;
        held.meter.count(&self.write, sealing.id)?;
        Ok(held.key.clone())
    }

    /// Many may want the same key at once, and the key service is asked once.
    async fn held(&self, workspace: &str, id: KeyRef) -> Result<Arc<Held>> {
        let load = async {
            let key = rows::load(&self.read, self.source.as_ref(), workspace, id).await?;
            Ok(Arc::new(Held {
                workspace: workspace.to_owned(),
                key: Arc::new(key),
                meter: Arc::default(),
            }))
        };
        self.keys.try_get_with(id, load).await.map_err(|error: Arc<Error>| Error::shared(error))
    }

    async fn ring(&self, workspace: &str) -> Result<Arc<Ring>> {
        match self.rings.get(workspace).await {
            Some(ring) if self.is_fresh(ring.read_at) => Ok(ring),
            _ => self.read_ring(workspace).await,
        }
    }

    fn is_fresh(&self, read_at: Timestamp) -> bool {
        let now = self.clock.now();
        read_at <= now && now < read_at.plus(KNOWN_FOR)
    }

    async fn read_ring(&self, workspace: &str) -> Result<Arc<Ring>> {
        let read_at = self.clock.now();
        let rows = rows::of_workspace(&self.read, workspace).await?;
        if rows::are_destroyed(&rows) {
            self.forget(workspace).await;
            return Err(rows::destroyed());
        }
        let primary = |role| {
            let found = rows.iter().find(|row| row.state == State::Primary && row.role == role);
            found.map(|row| Sealing { id: row.id, uses: row.uses })
        };
        let ring = Arc::new(Ring {
            read_at,
            primary: primary(Role::Values)
                .ok_or_else(|| Error::internal("the workspace has no data key"))?,
            personal: primary(Role::Personal),
            opening: rows
                .iter()
                .filter(|row| row.state != State::Destroyed)
                .map(|row| row.id)
                .collect(),
        });
        self.rings.insert(workspace.to_owned(), ring.clone()).await;
        Ok(ring)
    }

    /// An end user's key, as long as the person is not erased and the workspace not closed.
    pub(super) async fn person(&self, workspace: &str, end_user: &str) -> Result<Arc<DataKey>> {
        self.ring(workspace).await?;
        let known = self.people.get(end_user).await.filter(|known| known.workspace == workspace);
        if let Some(known) = &known
            && self.is_fresh(known.read_at)
        {
            return Ok(known.key.clone());
        }
        let read_at = self.clock.now();
        let Some((id, sealed)) = self.person_row(workspace, end_user).await? else {
            self.people.invalidate(end_user).await;
            return Err(Error::not_found("end user"));
        };
        let key = match known {
            Some(known) if known.key.id() == id => known.key,
            _ => {
                let wrapper = self.opening(workspace, sealed.0.key_id()).await?;
                let place = person_place(workspace, end_user);
                Arc::new(wrapper.open_key(&place, id, &sealed.0)?)
            }
        };
        let person = Person { workspace: workspace.to_owned(), key: key.clone(), read_at };
        self.people.insert(end_user.to_owned(), person).await;
        Ok(key)
    }

    async fn person_row(
        &self,
        workspace: &str,
        end_user: &str,
    ) -> Result<Option<(KeyRef, SealedColumn)>> {
        let sql =
            "SELECT key_id AS id, key_sealed FROM end_user WHERE workspace_id = $1 AND id = $2";
        let values = [workspace.into(), end_user.into()];
        let row = self.read.query_one_raw(rows::statement(&self.read, sql, values)).await?;
        let read = |row: &QueryResult| -> Result<_> {
            let sealed: Option<SealedColumn> = row.try_get("", "key_sealed")?;
            sealed.map(|sealed| rows::id(row).map(|id| (id, sealed))).transpose()
        };
        Ok(row.as_ref().map(read).transpose()?.flatten())
    }

    /// Drops what is in memory of a workspace's keys and of its people's.
    pub(super) async fn forget(&self, workspace: &str) {
        self.rings.invalidate(workspace).await;
        for (id, held) in &self.keys {
            if held.workspace == workspace {
                self.keys.invalidate(id.as_ref()).await;
            }
        }
        for (end_user, person) in &self.people {
            if person.workspace == workspace {
                self.people.invalidate(end_user.as_ref()).await;
            }
        }
        self.keys.run_pending_tasks().await;
        self.people.run_pending_tasks().await;
    }

    pub(super) async fn forget_person(&self, end_user: &str) {
        self.people.invalidate(end_user).await;
        self.people.run_pending_tasks().await;
    }
}

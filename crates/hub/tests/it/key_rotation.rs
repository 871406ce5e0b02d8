//! Data keys follow one another while everything stays readable, and what is interrupted goes on.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use base::SeededRng;
use hub::{
    client::{self, Owner},
    connection::{self, Keep},
    keys::{self, Course, Kept, KeyStatus, Pace, Progress, Rotation, STOPPED},
    store::{KNOWN_FOR, KeyRole, KeyState, PoolSizes, SYSTEM, Store, outbox},
};
use sea_orm::{ConnectionTrait, Statement};
use vault::{LocalKeys, Place};

use super::scene::{Scene, Tenant, refused, token_of, whole};

/// Another process on the scene's database.
pub(crate) async fn other_process(scene: &Scene, text: &str) -> Store {
    let rng = Arc::new(SeededRng::new(99));
    let keys = Arc::new(LocalKeys::from_text(&text.to_owned().into(), "the test").unwrap());
    let (clock, sizes) = (scene.clock.clone(), PoolSizes::default());
    Store::open(&scene.database(), sizes, keys, clock, rng).await.unwrap()
}

/// The text of the key that scenes have.
pub(crate) fn scenes_key() -> String {
    use base::ExposeSecret;
    LocalKeys::generate_text(&SeededRng::new(7)).expose_secret().to_owned()
}

pub(crate) fn on(_: Progress) -> bool {
    true
}

pub(crate) async fn rotate(store: &Store, workspace: &str) -> Rotation {
    keys::rotate(store, workspace, &mut Course::new(Pace::Steady, &on)).await.unwrap()
}

pub(crate) async fn of(store: &Store, workspace: &str) -> Vec<KeyStatus> {
    keys::status(store, Some(workspace)).await.unwrap().keys
}

/// State and number of values of the workspace's keys that seal values, oldest first.
pub(crate) async fn stand(store: &Store, workspace: &str) -> Vec<(KeyState, u64)> {
    let all = of(store, workspace).await;
    let values = all.iter().filter(|one| one.key.role == KeyRole::Values);
    values.map(|one| (one.key.state, one.named)).collect()
}

/// A workspace with something in every sealed column.
pub(crate) async fn filled(scene: &Scene) -> Tenant {
    let chat = scene.tenant_with_policy("chat").await;
    let connection = scene.link(&chat, "ana", "ana-work").await;
    let owner = Owner::Workspace(&chat.id);
    client::change_secret(&scene.store, &scene.registry, owner, "acme-app", "second secret".into())
        .await
        .unwrap();
    scene.link(&chat, "ana", "ana-work").await;
    let shared = scene.link(&chat, "eve", "eve-work").await;
    let stored = connection::open_credential(&scene.store, &shared).await.unwrap();
    let kept = connection::keep_candidate(&scene.store, &connection, &stored).await.unwrap();
    assert_eq!(kept, Keep::Kept);
    let work = outbox::Work { workspace: &chat.id, kind: "test", subject: "s", body: b"body" };
    outbox::enqueue(&scene.store, scene.store.write(), work).await.unwrap();
    scene.execute("UPDATE outbox SET due_at = NULL").await;
    // One at the provider's page, and one that waits for the platform's word.
    let begun = scene.session(&chat, "ana").await;
    scene.go(&scene.open(&begun).await).await;
    let finished = scene.session(&chat, "eve").await;
    scene.finish(&chat, &finished, "eve-work").await;
    // As it is in a workspace of before there was a key for it.
    let place = Place { workspace: &chat.id, row: &shared.id, field: "account", generation: 1 };
    put(scene, &place, "connection", "account_sealed").await;
    chat
}

async fn put(scene: &Scene, place: &Place<'_>, table: &str, column: &str) {
    let sealed = scene.store.keys().seal(place, b"a value").await.unwrap();
    let sql = format!("UPDATE {table} SET {column} = $1 WHERE id = $2");
    let values = [sealed.into(), place.row.into()];
    let statement = Statement::from_sql_and_values(scene.store.backend(), sql, values);
    assert_eq!(scene.store.write().execute_raw(statement).await.unwrap().rows_affected(), 1);
}

/// Every value of every column that is listed, opened where it stands.
pub(crate) async fn opened(store: &Store) -> BTreeMap<(String, String), Vec<u8>> {
    let mut all = BTreeMap::new();
    for at in keys::columns() {
        let sql = format!(
            "SELECT {} AS row, {} AS bound, {} AS owner, {} AS generation, {} AS sealed FROM {} \
             WHERE {} IS NOT NULL AND {} IN (SELECT id FROM data_key)",
            at.row,
            at.bound,
            at.workspace,
            at.generation,
            at.column,
            at.table,
            at.column,
            at.key_id(store.backend())
        );
        let statement = Statement::from_string(store.backend(), sql);
        for row in store.read().query_all_raw(statement).await.unwrap() {
            let owner: String = row.try_get("", "owner").unwrap();
            let id: String = row.try_get("", "row").unwrap();
            let bound: String = row.try_get("", "bound").unwrap();
            let place = at.place(&owner, &bound, row.try_get("", "generation").unwrap());
            let sealed = row.try_get("", "sealed").unwrap();
            let plain = store.keys().open_sealed(&place, &sealed).await.unwrap();
            all.insert((format!("{}.{}", at.table, at.column), id), plain.to_vec());
        }
    }
    all
}

#[tokio::test]
async fn everything_is_sealed_anew_and_reads_the_same() {
    let scene = Scene::new().await;
    let chat = filled(&scene).await;
    let before = opened(&scene.store).await;
    let columns: BTreeSet<_> = before.keys().map(|(column, _)| column.clone()).collect();
    let listed = keys::columns().into_iter().map(|at| format!("{}.{}", at.table, at.column));
    assert_eq!(columns, listed.collect(), "there is something in every column");

    let rotation = rotate(&scene.store, &chat.id).await;
    assert!(rotation.is_new && rotation.resealed > 8 && rotation.unreadable == 0, "{rotation:?}");
    assert!(rotate(&scene.store, SYSTEM).await.is_new);
    assert_eq!(opened(&scene.store).await, before);
    for workspace in [chat.id.as_str(), SYSTEM] {
        let stand = stand(&scene.store, workspace).await;
        assert!(
            matches!(stand[..], [(KeyState::Retired, 0), (KeyState::Primary, 1..)]),
            "{stand:?}"
        );
    }
    assert_eq!(token_of(&scene.issued(&chat, &whole("ana")).await), "access.ana-work.2");
    // Also for a process that starts now, which needs the system's key before anything else.
    assert_eq!(opened(&other_process(&scene, &scenes_key()).await).await, before);
}

#[tokio::test]
async fn no_sealed_column_is_forgotten() {
    let scene = Scene::new().await;
    let statement = Statement::from_string(
        scene.store.backend(),
        "SELECT m.name || '.' || p.name AS name FROM sqlite_master m \
         JOIN pragma_table_info(m.name) p WHERE m.type = 'table' AND lower(p.type) LIKE '%blob%'",
    );
    let rows = scene.store.read().query_all_raw(statement).await.unwrap();
    let blobs = rows.iter().map(|row| row.try_get::<String>("", "name").unwrap());
    let plain = |name: &String| name.ends_with("digest") || name.ends_with("hash");
    let found: BTreeSet<_> = blobs.filter(|name| !plain(name)).collect();
    let other = [
        // By the key source: see `keys::rewrap`.
        "data_key.wrapped",
        // The audit chain's bytes stay as they are.
        "chain_entry.body",
        // By the person's own key, which is sealed anew.
        "end_user.profile_sealed",
    ];
    let listed = keys::columns().into_iter().map(|at| format!("{}.{}", at.table, at.column));
    let known: BTreeSet<_> = listed.chain(other.map(str::to_owned)).collect();
    assert_eq!(found, known, "a new column of bytes stands in its room's SEALED, or here");
}

#[tokio::test]
async fn another_process_reads_what_a_key_sealed_that_it_has_not_seen() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let other = other_process(&scene, &scenes_key()).await;
    let place = Place { workspace: &chat.id, row: "row", field: "field", generation: 1 };
    let old = scene.store.keys().seal(&place, b"old").await.unwrap();
    rotate(&other, &chat.id).await;
    let new = other.keys().seal(&place, b"new").await.unwrap();
    assert_ne!(old.0.key_id(), new.0.key_id());
    // The clock stands: it still believes in the former key.
    assert_eq!(scene.store.keys().seal(&place, b"x").await.unwrap().0.key_id(), old.0.key_id());
    for (sealed, text) in [(&old, b"old"), (&new, b"new")] {
        assert_eq!(*scene.store.keys().open_sealed(&place, sealed).await.unwrap(), text);
    }
    scene.later(KNOWN_FOR);
    assert_eq!(scene.store.keys().seal(&place, b"x").await.unwrap().0.key_id(), new.0.key_id());
}

#[tokio::test]
async fn what_a_late_process_sealed_with_a_former_key_is_found_in_the_background() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let other = other_process(&scene, &scenes_key()).await;
    scene.store.keys().seal(&late(&chat), b"").await.unwrap();
    rotate(&other, &chat.id).await;
    let work = outbox::Work { workspace: &chat.id, kind: "test", subject: "s", body: b"late" };
    outbox::enqueue(&scene.store, scene.store.write(), work).await.unwrap();
    assert_eq!(stand(&scene.store, &chat.id).await[0], (KeyState::Retired, 1));
    keys::follow(&scene.store).await.unwrap();
    assert_eq!(stand(&scene.store, &chat.id).await[0].1, 1, "others may still be late");
    scene.later(KNOWN_FOR * 5);
    for _ in 0..2 {
        keys::follow(&scene.store).await.unwrap();
    }
    assert_eq!(stand(&scene.store, &chat.id).await[0].1, 0);
    assert!(scene.store.keys().unsettled(i64::MAX).await.unwrap().is_empty());
}

pub(crate) fn late(tenant: &Tenant) -> Place<'_> {
    Place { workspace: &tenant.id, row: "late", field: "field", generation: 1 }
}

#[tokio::test]
async fn a_value_that_was_written_meanwhile_stays_and_one_that_does_not_open_is_told_of() {
    let scene = Scene::new().await;
    let chat = filled(&scene).await;
    // Somebody who can write to the database moved a secret from one row to another.
    scene
        .execute("UPDATE client SET secret_sealed = former_sealed, generation = 7 WHERE slug = 'acme-app'")
        .await;
    let rotation = rotate(&scene.store, &chat.id).await;
    assert_eq!(rotation.unreadable, 1);
    let old = &of(&scene.store, &chat.id).await[0];
    assert_eq!((old.key.state, old.named, old.kept), (KeyState::Retired, 1, Some(Kept::Named)));
    assert!(
        rotate(&scene.store, &chat.id).await.is_new,
        "it does not stand in the way of the next"
    );
}

#[tokio::test]
async fn a_rotation_that_is_stopped_anywhere_goes_on_where_it_was() {
    for stop_after in 0..12 {
        let scene = Scene::new().await;
        let chat = filled(&scene).await;
        let before = opened(&scene.store).await;
        let steps = AtomicU64::new(0);
        let watch = |_| steps.fetch_add(1, Ordering::Relaxed) < stop_after;
        let mut course = Course::new(Pace::Steady, &watch);
        let first = keys::rotate(&scene.store, &chat.id, &mut course).await;
        assert_eq!(opened(&scene.store).await, before, "stopped after {stop_after}");
        let was_stopped = first.as_ref().err().map(|error| error.code) == Some(STOPPED);
        let keys_before = stand(&scene.store, &chat.id).await.len();
        if was_stopped {
            let again = rotate(&other_process(&scene, &scenes_key()).await, &chat.id).await;
            let is_new = keys_before == 1;
            assert_eq!(again.is_new, is_new, "stopped after {stop_after}: {again:?}");
        } else {
            assert!(stop_after > 8, "the test stops it at every step");
        }
        let stand = stand(&scene.store, &chat.id).await;
        assert!(matches!(stand[..], [(KeyState::Retired, 0), (KeyState::Primary, _)]), "{stand:?}");
        assert_eq!(opened(&scene.store).await, before, "stopped after {stop_after}");
    }
}

#[tokio::test]
async fn a_key_that_was_staged_before_a_crash_is_the_one_that_follows() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let staged = scene.store.keys().stage(&chat.id, KeyRole::Values).await.unwrap();
    assert_eq!(stand(&scene.store, &chat.id).await[1], (KeyState::Staged, 0));
    assert!(rotate(&scene.store, &chat.id).await.is_new);
    let keys = of(&scene.store, &chat.id).await;
    let primary = keys.iter().find(|one| one.key.is_primary()).unwrap();
    assert_eq!(primary.key.id, staged);
}

#[tokio::test]
async fn a_run_over_all_workspaces_goes_on_and_the_hub_ends_one_that_was_abandoned() {
    let scene = Scene::new().await;
    let mut tenants = Vec::new();
    for slug in ["one", "two", "three"] {
        tenants.push(scene.tenant(slug).await);
    }
    scene.later(Duration::from_secs(1));
    let steps = AtomicU64::new(0);
    let watch = |_| steps.fetch_add(1, Ordering::Relaxed) < 4;
    let stopped = keys::rotate_all(&scene.store, &mut Course::new(Pace::Steady, &watch)).await;
    assert_eq!(refused(stopped).code, STOPPED);
    assert!(keys::status(&scene.store, None).await.unwrap().running_since.is_some());

    keys::follow(&scene.store).await.unwrap();
    let count = |all: Vec<KeyStatus>| all.iter().filter(|one| one.key.is_primary()).count();
    let all = keys::status(&scene.store, None).await.unwrap();
    assert!(all.running_since.is_some(), "whoever began it may still be at it");
    assert_eq!(count(all.keys), 4);
    scene.later(Duration::from_mins(2));
    keys::follow(&scene.store).await.unwrap();
    let all = keys::status(&scene.store, None).await.unwrap();
    assert_eq!(all.running_since, None);
    for tenant in tenants.iter().map(|tenant| tenant.id.as_str()).chain([SYSTEM]) {
        let stand = stand(&scene.store, tenant).await;
        assert!(matches!(stand[..], [(KeyState::Retired, 0), (KeyState::Primary, _)]), "{stand:?}");
    }
}

//! A workspace whose keys are destroyed keeps nothing that can be read, and its chain still verifies.

use std::sync::Arc;

use base::SeededRng;
use hub::{
    Kind, audit, client,
    connection::{Connection, open_credential},
    end_user,
    store::{KNOWN_FOR, PoolSizes, SYSTEM, Store},
};
use vault::{LocalKeys, Place};

use super::scene::{Scene, Tenant, refused, whole};

async fn destroy(store: &Store, workspace: &str) -> u64 {
    let tx = store.begin().await.unwrap();
    let destroyed = store.keys().destroy(&tx, workspace).await.unwrap();
    tx.commit().await.unwrap();
    destroyed
}

fn holds_up(rows: &[audit::Row]) {
    let entries = rows.iter().map(|row| (row.body.as_slice(), row.hash.as_slice()));
    audit::verify(audit::ZERO, 1, entries).unwrap();
}

async fn linked(scene: &Scene, slug: &str) -> (Tenant, Connection) {
    let tenant = scene.tenant_with_policy(slug).await;
    let connection = scene.link(&tenant, "ana", "ana-work").await;
    (tenant, connection)
}

#[tokio::test]
async fn every_secret_is_unreadable_at_once_and_the_chain_verifies() {
    let scene = Scene::new().await;
    let (chat, connection) = linked(&scene, "chat").await;
    let mut ask = whole("ana");
    ask.reason = Some("because".to_owned());
    scene.issued(&chat, &ask).await;
    let person = end_user::find(&scene.store, &chat.id, "ana").await.unwrap().unwrap();
    let app = client::get_any(&scene.store, &chat.client).await.unwrap();

    assert_eq!(destroy(&scene.store, &chat.id).await, 2, "of both roles");
    scene.store.keys().forget(&chat.id).await;

    for error in [
        refused(open_credential(&scene.store, &connection).await),
        refused(end_user::profile(&scene.store, &person).await),
        refused(client::secrets(&scene.store, &app).await),
        refused(scene.ask(&chat, &whole("ana")).await),
    ] {
        assert_eq!((error.kind, error.code), (Kind::Conflict, "workspace_closed"));
    }
    holds_up(&scene.chain(&chat).await);
}

#[tokio::test]
async fn of_other_workspaces_nothing_is_lost() {
    let scene = Scene::new().await;
    let (chat, _) = linked(&scene, "chat").await;
    let (shop, _) = linked(&scene, "shop").await;
    destroy(&scene.store, &chat.id).await;
    scene.store.keys().forget(&chat.id).await;
    scene.issued(&shop, &whole("ana")).await;
}

#[tokio::test]
async fn another_process_stops_using_destroyed_keys_within_seconds() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let place = Place { workspace: &chat.id, row: "row", field: "field", generation: 1 };
    let sealed = scene.store.keys().seal(&place, b"secret").await.unwrap();

    // As the command line does it, beside the running hub.
    let rng = Arc::new(SeededRng::new(7));
    let key = LocalKeys::generate_text(rng.as_ref());
    let keys = Arc::new(LocalKeys::from_text(&key, "the test").unwrap());
    let clock = scene.clock.clone();
    let other =
        Store::open(&scene.database(), PoolSizes::default(), keys, clock, rng).await.unwrap();
    destroy(&other, &chat.id).await;

    scene.later(KNOWN_FOR);
    let error = refused(scene.store.keys().open_sealed(&place, &sealed).await);
    assert_eq!(error.code, "workspace_closed");
    assert_eq!(refused(scene.store.keys().seal(&place, b"new").await).code, "workspace_closed");
}

#[tokio::test]
async fn the_database_no_longer_has_the_keys_bytes() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let path = scene.dir.path().join("valetkey.db");
    let wrapped = scene.wrapped_keys(&chat).await;
    let holds = |bytes: &[u8]| {
        let file = std::fs::read(&path).unwrap();
        let log = std::fs::read(path.with_extension("db-wal")).unwrap_or_default();
        let inside = |all: &[u8]| all.windows(bytes.len()).any(|part| part == bytes);
        inside(&file) || inside(&log)
    };
    assert!(wrapped.iter().all(|one| holds(one)), "the test looks in the right place");
    destroy(&scene.store, &chat.id).await;
    scene.store.shred_freed().await.unwrap();
    assert!(!wrapped.iter().any(|one| holds(one)));
}

#[tokio::test]
async fn the_hubs_own_keys_are_never_destroyed() {
    let scene = Scene::new().await;
    let tx = scene.store.begin().await.unwrap();
    assert_eq!(refused(scene.store.keys().destroy(&tx, SYSTEM).await).code, "system_key");
}

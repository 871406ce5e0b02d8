//! Bringing a database to the newest shape.

use hub::{store::Store, workspace};

use super::scene::{Scene, token_of, whole};

#[tokio::test]
async fn migrating_again_does_nothing_and_keeps_everything() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    scene.link(&chat, "ana", "ana-work").await;
    for _ in 0..2 {
        assert_eq!(Store::migrate(&scene.database()).await.unwrap(), 0);
    }
    assert_eq!(workspace::get(&scene.store, "chat").await.unwrap().id, chat.id);
    assert_eq!(token_of(&scene.issued(&chat, &whole("ana")).await), "access.ana-work.1");
}

#[tokio::test]
async fn a_new_database_gets_every_migration() {
    use migrations::{Migrator, MigratorTrait};
    let dir = tempfile::tempdir().unwrap();
    let database = hub::store::Database::Sqlite(dir.path().join("new.db"));
    assert_eq!(Store::migrate(&database).await.unwrap(), Migrator::migrations().len());
}

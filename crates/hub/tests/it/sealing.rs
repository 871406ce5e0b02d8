//! What is sealed opens in its own place alone.

use std::sync::Arc;

use base::{ExposeSecret, ManualClock, SeededRng};
use connector::Credential;
use hub::{
    Kind,
    connection::{self, Connection, open_credential},
    store::{PoolSizes, Store},
};
use sea_orm::{ConnectionTrait, Statement};
use vault::LocalKeys;

use super::scene::{START, Scene, Tenant, refused, token_of, whole};

async fn two() -> (Scene, Tenant, Connection, Connection) {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    let of_ana = scene.link(&chat, "ana", "ana-work").await;
    let of_eve = scene.link(&chat, "eve", "eve-work").await;
    (scene, chat, of_ana, of_eve)
}

#[tokio::test]
async fn a_credential_opens_in_its_own_row() {
    let (scene, _, of_ana, _) = two().await;
    let stored = open_credential(&scene.store, &of_ana).await.unwrap();
    let Credential::OAuth(tokens) = &stored.credential else { panic!("no tokens") };
    assert_eq!(tokens.access.expose_secret(), "access.ana-work.1");
}

#[tokio::test]
async fn a_credential_copied_to_another_row_is_handed_to_nobody() {
    let (scene, chat, of_ana, of_eve) = two().await;
    // Somebody who can write to the database, and has no key.
    let statement = Statement::from_sql_and_values(
        scene.store.backend(),
        "UPDATE connection SET credential_sealed = \
         (SELECT credential_sealed FROM connection WHERE id = $1) WHERE id = $2",
        [of_ana.id.clone().into(), of_eve.id.clone().into()],
    );
    scene.store.write().execute_raw(statement).await.unwrap();

    let forged = scene.connection(&of_eve).await;
    assert_eq!(forged.credential_sealed, of_ana.credential_sealed);
    assert_eq!(refused(open_credential(&scene.store, &forged).await).kind, Kind::Internal);
    assert_eq!(refused(scene.ask(&chat, &whole("eve")).await).kind, Kind::Internal);
    assert_eq!(token_of(&scene.issued(&chat, &whole("ana")).await), "access.ana-work.1");
}

#[tokio::test]
async fn a_credential_does_not_open_in_another_generation() {
    let (scene, chat, of_ana, _) = two().await;
    let former = of_ana.credential_sealed.clone();
    let renewed = scene.link(&chat, "ana", "ana-work").await;
    assert_eq!((renewed.id.as_str(), renewed.generation), (of_ana.id.as_str(), 2));
    open_credential(&scene.store, &renewed).await.unwrap();
    // The former one, put back.
    let forged = Connection { credential_sealed: former, ..renewed };
    assert_eq!(refused(open_credential(&scene.store, &forged).await).kind, Kind::Internal);
}

#[tokio::test]
async fn a_credential_does_not_open_in_another_workspace() {
    let (scene, _, of_ana, _) = two().await;
    let shop = scene.tenant("shop").await;
    let moved = Connection { workspace_id: shop.id, ..of_ana };
    assert_eq!(refused(open_credential(&scene.store, &moved).await).kind, Kind::Internal);
}

#[tokio::test]
async fn a_credential_does_not_open_for_another_owner_of_its_row() {
    let (scene, chat, of_ana, of_eve) = two().await;
    let owners = [(&of_eve.owner_key[..], of_eve.end_user_id.clone()), ("workspace", None)];
    for (owner_key, end_user_id) in owners {
        let given = Connection { owner_key: owner_key.to_owned(), end_user_id, ..of_ana.clone() };
        assert_eq!(refused(open_credential(&scene.store, &given).await).kind, Kind::Internal);
    }
    // Somebody who can write to the database gives one person the other's row, in the place of her own.
    scene
        .execute(&format!("UPDATE connection SET status = 'revoked' WHERE id = '{}'", of_eve.id))
        .await;
    scene
        .execute(&format!(
            "UPDATE connection SET owner_key = '{0}', end_user_id = '{0}' WHERE id = '{1}'",
            of_eve.owner_key, of_ana.id
        ))
        .await;
    let error = refused(scene.ask(&chat, &whole("eve")).await);
    assert_eq!((error.kind, error.code), (Kind::Internal, "internal"));
}

#[tokio::test]
async fn a_persons_label_does_not_open_for_another() {
    let (scene, _, of_ana, of_eve) = two().await;
    let forged = Connection { account_sealed: of_ana.account_sealed.clone(), ..of_eve.clone() };
    assert_eq!(refused(connection::label(&scene.store, &forged).await).kind, Kind::Internal);
    let label = connection::label(&scene.store, &of_ana).await.unwrap().unwrap();
    assert_eq!(label.id, "ana-work");
}

#[tokio::test]
async fn the_database_holds_no_token_no_key_and_no_name_in_the_open() {
    let (scene, chat, ..) = two().await;
    scene.issued(&chat, &whole("ana")).await;
    let path = scene.dir.path().join("valetkey.db");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend(std::fs::read(path.with_extension("db-wal")).unwrap());
    let holds = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(holds(&chat.id), "the test looks in the right place");
    let (_, secret) = chat.agent_key.expose_secret().rsplit_once('_').unwrap();
    for text in [
        "access.ana-work",
        "refresh.ana-work",
        "ana-work",
        super::provider::SECRET,
        chat.agent_key.expose_secret(),
        secret,
    ] {
        assert!(!holds(text), "{text} stands in the database");
    }
}

#[tokio::test]
async fn with_another_key_the_database_does_not_open() {
    let (scene, ..) = two().await;
    let rng = Arc::new(SeededRng::new(8));
    let other = LocalKeys::generate_text(rng.as_ref());
    let keys = Arc::new(LocalKeys::from_text(&other, "another key").unwrap());
    let clock = Arc::new(ManualClock::at(START));
    let opened = Store::open(&scene.database(), PoolSizes::default(), keys, clock, rng).await;
    assert_eq!(refused(opened).kind, Kind::Internal);
}

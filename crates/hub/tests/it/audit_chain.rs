//! The record: whole, one chain a workspace, and written before anything leaves.

use hub::{
    Kind,
    audit::{Row, ZERO, verify},
    page::PageQuery,
    store::read_epoch,
};
use sea_orm::{ConnectionTrait, Statement};

use super::scene::{Scene, Tenant, refused, token_of, whole};

fn check(rows: &[Row]) -> Result<[u8; 32], i64> {
    verify(ZERO, 1, rows.iter().map(|row| (row.body.as_slice(), row.hash.as_slice())))
}

fn size(rows: &[Row]) -> i64 {
    i64::try_from(rows.len()).unwrap()
}

async fn head(scene: &Scene, tenant: &Tenant) -> (i64, Vec<u8>) {
    let sql = format!("SELECT size, hash FROM chain_head WHERE workspace_id = '{}'", tenant.id);
    let statement = Statement::from_string(scene.store.backend(), sql);
    let row = scene.store.read().query_one_raw(statement).await.unwrap().unwrap();
    (row.try_get("", "size").unwrap(), row.try_get("", "hash").unwrap())
}

#[tokio::test]
async fn what_is_stored_verifies_up_to_the_chains_head() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    scene.link(&chat, "ana", "ana-work").await;
    refused(scene.ask(&chat, &whole("ana")).await);
    scene.allow(&chat, "all", super::scene::rule(&chat)).await;
    for _ in 0..20 {
        scene.issued(&chat, &whole("ana")).await;
    }
    assert_eq!(scene.answers(&chat).await.len(), 21);
    let rows = scene.chain(&chat).await;
    assert!((1..).zip(&rows).all(|(seq, row)| row.seq == seq));
    let last = check(&rows).unwrap();
    assert_eq!(head(&scene, &chat).await, (size(&rows), last.to_vec()));
}

#[tokio::test]
async fn an_entry_that_was_changed_in_the_database_is_found() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    scene.link(&chat, "ana", "ana-work").await;
    for _ in 0..5 {
        scene.issued(&chat, &whole("ana")).await;
    }
    scene
        .execute(
            "UPDATE chain_entry SET body = CAST(replace(CAST(body AS TEXT), 'whole_token', \
         'narrowed_token') AS BLOB) WHERE kind = 'release'",
        )
        .await;
    let first = scene.answers(&chat).await[0].seq;
    assert_eq!(check(&scene.chain(&chat).await), Err(first));
}

#[tokio::test]
async fn two_workspaces_chains_are_independent() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    let shop = scene.tenant_with_policy("shop").await;
    for tenant in [&chat, &shop] {
        scene.link(tenant, "ana", "ana-work").await;
    }
    let epoch_of_shop = read_epoch(&scene.store, &shop.id).await.unwrap();
    let before = [size(&scene.chain(&chat).await), size(&scene.chain(&shop).await)];
    // At once, so that both stand in the same batches.
    let (ana, asks) = (whole("ana"), 10);
    for _ in 0..asks {
        tokio::join!(scene.issued(&chat, &ana), scene.issued(&shop, &ana));
    }
    scene.issued(&chat, &ana).await;

    for (tenant, size) in [(&chat, before[0] + asks + 1), (&shop, before[1] + asks)] {
        let rows = scene.chain(tenant).await;
        assert!(rows.iter().map(|row| row.seq).eq(1..=size));
        assert!(rows.iter().all(|row| row.workspace_id == tenant.id));
        assert_eq!(head(&scene, tenant).await, (size, check(&rows).unwrap().to_vec()));
    }
    assert_eq!(read_epoch(&scene.store, &shop.id).await.unwrap(), epoch_of_shop);
}

#[tokio::test]
async fn a_database_that_does_not_take_the_record_releases_nothing() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    scene.link(&chat, "ana", "ana-work").await;
    let before = (head(&scene, &chat).await, scene.chain(&chat).await);
    scene
        .execute(
            "CREATE TRIGGER full BEFORE INSERT ON chain_entry \
         BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
        )
        .await;

    let error = refused(scene.ask(&chat, &whole("ana")).await);
    assert_eq!((error.kind, error.code), (Kind::Unavailable, "audit_unavailable"));
    assert!(error.retry_after.is_some());
    assert_eq!((head(&scene, &chat).await, scene.chain(&chat).await), before);

    scene.execute("DROP TRIGGER full").await;
    assert_eq!(token_of(&scene.issued(&chat, &whole("ana")).await), "access.ana-work.1");
    check(&scene.chain(&chat).await).unwrap();
}

#[tokio::test]
async fn a_denial_that_can_not_be_recorded_is_not_told_as_one() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    scene.link(&chat, "ana", "ana-work").await;
    scene
        .execute(
            "CREATE TRIGGER full BEFORE INSERT ON chain_entry \
         BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
        )
        .await;
    assert_eq!(refused(scene.ask(&chat, &whole("ana")).await).code, "audit_unavailable");
}

#[tokio::test]
async fn a_head_that_does_not_move_takes_the_whole_batch_back() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    scene.link(&chat, "ana", "ana-work").await;
    scene
        .execute(
            "CREATE TRIGGER stuck BEFORE UPDATE ON chain_head \
         BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
        )
        .await;
    assert_eq!(refused(scene.ask(&chat, &whole("ana")).await).code, "audit_unavailable");
    assert!(scene.answers(&chat).await.is_empty());
}

#[tokio::test]
async fn the_record_is_read_in_parts() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    scene.link(&chat, "ana", "ana-work").await;
    for _ in 0..5 {
        scene.issued(&chat, &whole("ana")).await;
    }
    let (mut cursor, mut seen) = (None, Vec::new());
    loop {
        let query = PageQuery::new(cursor, Some(2)).unwrap();
        let part = hub::audit::list(&scene.store, &chat.id, &query).await.unwrap();
        assert!((1..=2).contains(&part.items.len()));
        seen.extend(part.items.iter().map(|row| row.seq));
        cursor = part.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert!(seen.into_iter().eq(1..=size(&scene.chain(&chat).await)));
    let nonsense = PageQuery::new(Some("con_1".to_owned()), None).unwrap();
    let error = refused(hub::audit::list(&scene.store, &chat.id, &nonsense).await);
    assert_eq!(error.code, "cursor_invalid");
}

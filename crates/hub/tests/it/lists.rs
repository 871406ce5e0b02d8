//! Lists, a part at a time.

use std::time::Duration;

use hub::{
    agent::{self, NewAgent},
    connection::{self, Filter},
    page::PageQuery,
};

use super::scene::{READ, Scene, Tenant, WRITE, refused};

/// The ids of a whole list, and how large its parts were.
async fn parts(
    scene: &Scene,
    tenant: &Tenant,
    filter: &Filter,
    limit: u64,
) -> (Vec<String>, Vec<usize>) {
    let (mut ids, mut sizes, mut cursor) = (Vec::new(), Vec::new(), None);
    loop {
        let query = PageQuery::new(cursor, Some(limit)).unwrap();
        let part = connection::list(&scene.store, &tenant.id, filter, &query).await.unwrap();
        sizes.push(part.items.len());
        ids.extend(part.items.into_iter().map(|row| row.id));
        assert!(ids.len() <= 20, "it does not end: {ids:?}");
        cursor = part.next_cursor;
        if cursor.is_none() {
            return (ids, sizes);
        }
    }
}

#[tokio::test]
async fn a_list_in_parts_has_everything_once_and_in_order() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let shop = scene.tenant("shop").await;
    scene.link(&shop, "ana", "ana-work").await;
    let mut made = Vec::new();
    for user in ["ana", "ben", "cleo", "dan", "eve"] {
        made.push(scene.link(&chat, user, user).await.id);
    }
    let all = Filter::default();
    assert_eq!(parts(&scene, &chat, &all, 2).await, (made.clone(), vec![2, 2, 1]));
    // A last part that is just full has no next one.
    assert_eq!(parts(&scene, &chat, &all, 5).await, (made.clone(), vec![5]));
    assert_eq!(parts(&scene, &chat, &all, 1).await, (made, vec![1; 5]));
}

#[tokio::test]
async fn a_list_of_one_persons_or_integrations_has_nothing_else() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let of_ana =
        [scene.link(&chat, "ana", "ana-work").await, scene.link(&chat, "ana", "ana-home").await];
    scene.link(&chat, "ben", "ben-work").await;
    scene.link_shared(&chat, "team").await;
    let filter = Filter { end_user: of_ana[0].end_user_id.clone(), ..Filter::default() };
    let ids: Vec<_> = of_ana.iter().map(|row| row.id.clone()).collect();
    assert_eq!(parts(&scene, &chat, &filter, 1).await.0, ids);
    let filter = Filter { integration: Some(chat.integration.clone()), ..Filter::default() };
    assert_eq!(parts(&scene, &chat, &filter, 2).await.0.len(), 4);
    let filter = Filter { integration: Some("int_none".to_owned()), ..Filter::default() };
    assert_eq!(parts(&scene, &chat, &filter, 2).await.0.len(), 0);
}

#[tokio::test]
async fn who_is_short_of_scopes_is_found_also_over_several_parts() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let mut short = Vec::new();
    for (user, granted) in [
        ("ana", &[READ][..]),
        ("ben", &[READ, WRITE]),
        ("cleo", &[READ]),
        ("dan", &[READ, WRITE]),
        ("eve", &[WRITE]),
        ("fay", &[READ, WRITE]),
    ] {
        scene.acme.grants_only(granted);
        let row = scene.link(&chat, user, user).await;
        if granted.len() < 2 {
            short.push(row.id);
        }
    }
    let filter = Filter { missing_scopes: true, ..Filter::default() };
    assert_eq!(parts(&scene, &chat, &filter, 1).await, (short.clone(), vec![1, 1, 1]));
    assert_eq!(parts(&scene, &chat, &filter, 2).await, (short.clone(), vec![2, 1]));
    assert_eq!(parts(&scene, &chat, &filter, 3).await, (short.clone(), vec![3]));

    // One that has ended is short of nothing.
    let found = hub::integration::get(&scene.store, &chat.id, "acme").await.unwrap();
    let app = hub::integration::App::load(&scene.store, &scene.registry, found).await.unwrap();
    connection::disconnect(&scene.store, &chat.id, &short[0], &app).await.unwrap();
    assert_eq!(parts(&scene, &chat, &filter, 2).await.0, short[1..]);
}

#[tokio::test]
async fn what_is_added_while_a_list_is_read_shifts_nothing() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let new = || NewAgent { name: "Bot".to_owned(), trusted_backend: false };
    for slug in ["b", "c"] {
        scene.later(Duration::from_millis(1));
        agent::put(&scene.store, &chat.id, slug, new()).await.unwrap();
    }
    let list = async |cursor| {
        let query = PageQuery::new(cursor, Some(2)).unwrap();
        agent::list(&scene.store, &chat.id, &query).await.unwrap()
    };
    let first = list(None).await;
    scene.later(Duration::from_millis(1));
    agent::put(&scene.store, &chat.id, "a", new()).await.unwrap();
    let second = list(first.next_cursor.clone()).await;
    let slugs: Vec<_> =
        first.items.iter().chain(&second.items).map(|agent| agent.slug.as_str()).collect();
    assert_eq!(slugs, ["support-bot", "b", "c", "a"]);
}

#[tokio::test]
async fn a_part_has_bounds() {
    for limit in [0, 201, u64::MAX] {
        assert_eq!(refused(PageQuery::new(None, Some(limit))).code, "limit_invalid");
    }
    for cursor in ["x".repeat(65), "ü".to_owned()] {
        assert_eq!(refused(PageQuery::new(Some(cursor), None)).code, "cursor_invalid");
    }
}

//! How often and how long a data key is used, and what is kept of one that is not any more.

use std::time::Duration;

use base::{SeededRng, Timestamp};
use hub::{
    end_user,
    keys::{self, Course, KEPT_FOR, Kept, KeyStatus, Pace, Progress, STOPPED},
    store::{Actor, KNOWN_FOR, KeyRole},
};
use vault::LocalKeys;

use super::{
    key_rotation::{filled, late, of, on, opened, other_process, rotate, scenes_key, stand},
    scene::{Scene, Tenant, refused},
};

#[tokio::test]
async fn a_key_that_is_used_up_seals_no_more_and_is_replaced_before_that() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let place = late(&chat);
    let first = scene.store.keys().seal(&place, b"first").await.unwrap();
    scene.execute("UPDATE data_key SET uses = 4294967296 - 16777216 WHERE state = 'primary'").await;
    scene.later(KNOWN_FOR);
    let error = refused(scene.store.keys().seal(&place, b"more").await);
    assert_eq!(error.code, "key_exhausted");
    assert_eq!(*scene.store.keys().open_sealed(&place, &first).await.unwrap(), b"first");

    keys::tidy(&scene.store).await.unwrap();
    let second = scene.store.keys().seal(&place, b"more").await.unwrap();
    assert_ne!(first.0.key_id(), second.0.key_id());
    assert_eq!(*scene.store.keys().open_sealed(&place, &first).await.unwrap(), b"first");
    scene.execute("UPDATE data_key SET uses = 2147483648 WHERE state = 'primary'").await;
    scene.later(KNOWN_FOR);
    scene.store.keys().seal(&place, b"still").await.unwrap();
    keys::tidy(&scene.store).await.unwrap();
    assert!(scene.store.keys().worn().await.unwrap().is_empty());
}

#[tokio::test]
async fn uses_are_counted_before_they_are_used() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    for _ in 0..10 {
        scene.store.keys().seal(&late(&chat), b"x").await.unwrap();
    }
    for _ in 0..1000 {
        let uses = of(&scene.store, &chat.id).await[0].key.uses;
        if uses >= 10 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nothing was counted");
}

#[tokio::test]
async fn a_retired_key_that_nothing_names_is_deleted_after_thirty_days_and_one_of_the_audit_stays()
{
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let shop = scene.tenant("shop").await;
    scene
        .execute(&format!(
            "UPDATE data_key SET seals_audit = TRUE WHERE workspace_id = '{}'",
            shop.id
        ))
        .await;
    for tenant in [&chat, &shop] {
        rotate(&scene.store, &tenant.id).await;
    }
    let kept = |all: Vec<KeyStatus>| all.into_iter().find_map(|one| one.kept);
    let until = kept(of(&scene.store, &chat.id).await);
    assert_eq!(until, Some(Kept::Until(scene.store.now().plus(KEPT_FOR))));
    assert_eq!(kept(of(&scene.store, &shop.id).await), Some(Kept::Audit));
    for _ in 0..2 {
        scene.later(KNOWN_FOR * 5);
        keys::follow(&scene.store).await.unwrap();
        keys::tidy(&scene.store).await.unwrap();
    }
    assert_eq!(stand(&scene.store, &chat.id).await.len(), 2);
    scene.later(KEPT_FOR);
    keys::tidy(&scene.store).await.unwrap();
    assert_eq!(stand(&scene.store, &chat.id).await.len(), 1);
    assert_eq!(stand(&scene.store, &shop.id).await.len(), 2);
    assert!(acts(&scene, &chat).await.contains(&"keys.deleted".to_owned()));
}

#[tokio::test]
async fn personal_fields_of_no_end_user_open_after_any_number_of_rotations() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let keys = scene.store.keys();
    let sealed = keys.seal_personal(None, &late(&chat), b"why").await.unwrap();
    for _ in 0..3 {
        scene.later(KEPT_FOR * 2);
        rotate(&scene.store, &chat.id).await;
        hub::keys::follow(&scene.store).await.unwrap();
        hub::keys::tidy(&scene.store).await.unwrap();
    }
    assert_eq!(*keys.open_personal(None, &late(&chat), &sealed).await.unwrap(), b"why");
    // Its name stands in bytes that never change, so neither does the key.
    let all = of(&scene.store, &chat.id).await;
    let personal: Vec<_> = all.iter().filter(|one| one.key.role == KeyRole::Personal).collect();
    assert_eq!(personal.len(), 1);
    assert_eq!(personal[0].key.id, sealed.0.key_id());
}

#[tokio::test]
async fn an_erased_persons_key_is_out_of_use_within_seconds() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    scene.link(&chat, "ana", "ana-work").await;
    let ana = end_user::find(&scene.store, &chat.id, "ana").await.unwrap().unwrap();
    end_user::profile(&scene.store, &ana).await.unwrap();
    scene.execute("UPDATE end_user SET key_sealed = NULL").await;
    scene.later(KNOWN_FOR);
    assert!(scene.store.keys().person(&chat.id, &ana.id).await.is_err());
}

#[tokio::test]
async fn after_rewrapping_the_former_wrapping_key_is_not_needed() {
    let scene = Scene::new().await;
    let chat = filled(&scene).await;
    let before = opened(&scene.store).await;
    let former = scenes_key();
    let new = {
        use base::ExposeSecret;
        LocalKeys::generate_text(&SeededRng::new(8)).expose_secret().to_owned()
    };
    let both = other_process(&scene, &format!("{new}\n{former}")).await.by(Actor::operator());
    let stale = |status: keys::Status| status.keys.iter().filter(|one| !one.key.is_current).count();
    assert_eq!(stale(keys::status(&both, None).await.unwrap()), 3);

    // Stopped after the first workspace; then to the end.
    let watch = |progress: Progress| progress.done < 1;
    let stopped = keys::rewrap(&both, &mut Course::new(Pace::Steady, &watch)).await;
    assert_eq!(refused(stopped).code, STOPPED);
    let left = stale(keys::status(&both, None).await.unwrap());
    assert!((1..3).contains(&left), "{left}");
    assert_eq!(opened(&other_process(&scene, &format!("{new}\n{former}")).await).await, before);
    let through = keys::rewrap(&both, &mut Course::new(Pace::Steady, &on)).await.unwrap();
    assert_eq!((through.rewrapped, through.failed.len()), (left as u64, 0));

    assert_eq!(opened(&other_process(&scene, &new).await).await, before);
    assert!(acts(&scene, &chat).await.contains(&"keys.rewrapped".to_owned()));
}

async fn acts(scene: &Scene, tenant: &Tenant) -> Vec<String> {
    let rows = scene.chain(tenant).await;
    let bodies = rows.iter().filter(|row| row.kind == "change").map(|row| &row.body);
    bodies
        .map(|body| serde_json::from_slice::<serde_json::Value>(body).unwrap())
        .map(|body| body["what"]["action"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_rotation_is_an_entry_of_the_workspaces_chain() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    rotate(&scene.store.by(Actor::operator()), &chat.id).await;
    let rows = scene.chain(&chat).await;
    let last: serde_json::Value = serde_json::from_slice(&rows.last().unwrap().body).unwrap();
    let keys = of(&scene.store, &chat.id).await;
    assert_eq!(last["actor"]["type"], "operator");
    assert_eq!(last["what"]["action"], "keys.rotated");
    assert_eq!(last["what"]["details"]["from"], keys[0].key.id.to_string());
    assert_eq!(Timestamp::from_millis(keys[0].key.created_at), super::scene::START);
}

#[tokio::test]
async fn there_is_nothing_to_rotate_where_there_is_no_key() {
    let scene = Scene::new().await;
    let chat = scene.tenant("chat").await;
    let mut course = Course::new(Pace::Steady, &on);
    let unknown = keys::rotate(&scene.store, "ws_nobody", &mut course).await;
    assert_eq!(refused(unknown).code, "not_found");
    let row = hub::workspace::get(&scene.store, &chat.id).await.unwrap();
    assert_eq!(keys::destroy(&scene.store, &row).await.unwrap(), (2, true));
    assert_eq!(refused(keys::destroy(&scene.store, &row).await).code, "workspace_closed");
    let closed = keys::rotate(&scene.store, &chat.id, &mut course).await;
    assert_eq!(refused(closed).code, "workspace_closed");
    assert!(keys::rotate_all(&scene.store, &mut course).await.unwrap().failed.is_empty());
}

//! Several processes and one connection: one sends, the others wait for it or say for how long.

use std::time::Duration;

use hub::{
    connection::{self, Connection, State},
    refresh::{Freshness, Refresher, incarnation},
};

use super::{
    provider::{Mood, RefreshTokens},
    recovering::ended,
    scene::{Scene, soon, token_of, whole},
};

const SECOND: Duration = Duration::from_secs(1);

/// A refresh of `row` that a process has begun; its request stands before the provider's gate.
struct Begun {
    gate: std::sync::Arc<super::provider::Gate>,
    asked: tokio::task::JoinHandle<Freshness>,
}

async fn begin(scene: &Scene, row: &Connection) -> Begun {
    let gate = scene.acme.hold();
    let (refresher, row) = (scene.refresher.clone(), row.clone());
    let asked = tokio::spawn(async move { refresher.ensure(&row).await.unwrap() });
    gate.arrived().await;
    Begun { gate, asked }
}

fn row_of(freshness: Freshness) -> Connection {
    match freshness {
        Freshness::Row(row) => *row,
        Freshness::Later(wait) => panic!("later, in {wait:?}"),
    }
}

async fn told_to_wait(refresher: &Refresher, row: &Connection) -> Duration {
    match refresher.ensure(row).await.unwrap() {
        Freshness::Later(wait) => wait,
        Freshness::Row(row) => panic!("{:?}", row.state),
    }
}

#[tokio::test]
async fn another_process_waits_for_the_one_that_sends() {
    let (scene, _, row) = ended().await;
    let begun = begin(&scene, &row).await;
    assert_eq!(scene.connection(&row).await.lease_owner.as_deref(), Some("instance.first"));

    let (replica, known) = (scene.replica(), row.clone());
    let waits = tokio::spawn(async move { replica.ensure(&known).await.unwrap() });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!waits.is_finished(), "nothing newer is there yet");
    begun.gate.open();

    for asked in [begun.asked, waits] {
        assert_eq!(row_of(asked.await.unwrap()).generation, row.generation + 1);
    }
    assert_eq!(scene.acme.refreshed().len(), 1);
}

#[tokio::test]
async fn nobody_waits_for_a_process_that_is_silent_beyond_its_lease() {
    let (scene, _, row) = ended().await;
    assert_eq!(scene.refresher.claim_due(1).await.unwrap().len(), 1);
    // The lease is for 15 seconds; nobody sends for 20.
    scene.later(16 * SECOND);
    assert_eq!(told_to_wait(&scene.replica(), &row).await, 4 * SECOND);
    // Where nothing is said of a hold, the quiet time counts, and the other way round.
    scene.execute("UPDATE connection SET hold_until = 0").await;
    assert_eq!(told_to_wait(&scene.replica(), &row).await, 4 * SECOND);
    scene.execute("UPDATE connection SET hold_until = quiet_until + 60000").await;
    assert_eq!(told_to_wait(&scene.replica(), &row).await, 64 * SECOND);
    scene.later(64 * SECOND);
    assert_eq!(row_of(scene.replica().ensure(&row).await.unwrap()).generation, row.generation + 1);
}

#[tokio::test]
async fn nothing_is_sent_in_the_quiet_time_and_its_end_is_told() {
    let (scene, _, row) = ended().await;
    let until = scene.store.now().plus(5 * SECOND).millis();
    scene.execute(&format!("UPDATE connection SET quiet_until = {until}")).await;
    assert_eq!(told_to_wait(&scene.refresher, &row).await, 5 * SECOND);
    assert_eq!(scene.acme.refreshed().len(), 0);
    scene.later(5 * SECOND);
    assert_eq!(row_of(scene.refresher.ensure(&row).await.unwrap()).generation, row.generation + 1);
}

#[tokio::test]
async fn what_a_lease_was_lost_for_is_not_sent() {
    for lost in [
        "fence = fence + 1",
        "generation = generation + 1",
        "lease_owner = 'other.replica'",
        "status = 'disabled'",
    ] {
        let (scene, _, row) = ended().await;
        let lease = scene.refresher.claim_due(1).await.unwrap().remove(0);
        // The credential is opened for the version that was claimed.
        scene.execute(&format!("UPDATE connection SET {lost} WHERE id = '{}'", row.id)).await;
        scene.refresher.run(lease).await;
        assert_eq!(scene.acme.refreshed().len(), 0, "{lost}");
    }
}

#[tokio::test]
async fn a_process_that_stood_still_beyond_its_lease_does_not_send() {
    let (scene, _, row) = ended().await;
    // A lease of 1.5 seconds, of which 1.05 have to be left.
    let refresher = scene.scaled(0.1);
    let lease = refresher.claim_due(1).await.unwrap().remove(0);
    tokio::time::sleep(Duration::from_millis(500)).await;
    refresher.run(lease).await;
    assert_eq!(scene.acme.refreshed().len(), 0);
    let given_back = scene.connection(&row).await;
    assert_eq!((given_back.state, given_back.failures), (State::Ready, 0));
    row_of(refresher.ensure(&row).await.unwrap());
    assert_eq!(scene.acme.refreshed().len(), 1);
}

#[tokio::test]
async fn a_process_does_not_take_its_own_lease_for_one_of_a_dead_process() {
    let (scene, _, row) = ended().await;
    assert_eq!(scene.refresher.owner(), "instance.first");
    scene.refresher.claim_due(1).await.unwrap();
    assert_eq!(scene.refresher.recover().await.unwrap().acknowledged, 0);
    assert_eq!(scene.replica().recover().await.unwrap().acknowledged, 0);
    assert_eq!(scene.connection(&row).await.state, State::InFlight);
    assert_eq!(scene.restarted().recover().await.unwrap().acknowledged, 1);
}

#[tokio::test]
async fn each_start_of_a_process_has_a_name_of_its_own() {
    let scene = Scene::new().await;
    let (one, other) = (incarnation(&scene.store), incarnation(&scene.store));
    assert_ne!(one, other);
    assert!(one.len() >= 12 && one.chars().all(|letter| letter.is_ascii_alphanumeric()), "{one}");
}

#[tokio::test]
async fn a_reply_for_a_row_that_has_moved_on_is_kept_beside_it() {
    let (scene, chat, row) = ended().await;
    scene.acme.gives(RefreshTokens::Rotate);
    let begun = begin(&scene, &row).await;
    // The person links the account once more meanwhile.
    scene.link(&chat, "ana", "ana-work").await;
    let linked = scene.connection(&row).await;
    assert_eq!((linked.generation, linked.candidates.is_some()), (row.generation + 1, false));

    begun.gate.open();
    begun.asked.await.unwrap();
    soon(async || scene.connection(&row).await.candidates.is_some()).await;

    let now = scene.connection(&row).await;
    assert_eq!((now.generation, now.candidates.is_some()), (linked.generation, true));
    assert_ne!(now.state, State::InFlight);
    // It is the one that is used where the newer one turns out dead.
    scene.later(3601 * SECOND);
    scene.acme.is(Mood::Ended);
    scene.refresher.ensure(&now).await.unwrap();
    scene.acme.is(Mood::Works);
    assert!(token_of(&scene.issued(&chat, &whole("ana")).await).starts_with("access.ana-work."));
}

#[tokio::test]
async fn a_reply_for_a_connection_that_has_ended_is_ended_at_the_provider_too() {
    let (scene, _, row) = ended().await;
    scene.acme.gives(RefreshTokens::Rotate);
    let begun = begin(&scene, &row).await;
    connection::end_unasked(&scene.store, &row.workspace_id, &row.id).await.unwrap();
    begun.gate.open();
    begun.asked.await.unwrap();
    soon(async || scene.work().await > 0).await;
    assert_eq!(scene.acme.revoked(), ["refresh.ana-work.2"]);
}

#[tokio::test]
async fn of_many_that_are_due_those_go_first_whose_refresh_token_is_about_to_die() {
    let (scene, chat, _) = ended().await;
    let rows = scene.link_many(&chat, 5).await;
    scene.later(3601 * SECOND);
    let dies = scene.store.now().plus(3600 * SECOND).millis();
    let dying = [&rows[3].id, &rows[4].id];
    for id in dying {
        let sql = format!("UPDATE connection SET refresh_expires_at = {dies} WHERE id = '{id}'");
        scene.execute(&sql).await;
    }

    let mut first: Vec<_> =
        scene.refresher.claim_due(3).await.unwrap().into_iter().map(|lease| lease.row.id).collect();

    assert_eq!(first.len(), 3);
    first.truncate(2);
    first.sort();
    assert_eq!(first, [dying[0].clone(), dying[1].clone()]);
    assert_eq!(scene.refresher.claim_due(10).await.unwrap().len(), 3, "the others after them");
}

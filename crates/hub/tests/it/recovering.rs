//! Crashes, late replies, restored backups and providers that refuse everybody.

use std::{collections::BTreeMap, time::Duration};

use connector::{Credential, TokenSet};
use hub::{
    Kind,
    connection::{self, Connection, Health, Keep, State, Status, Stored, hold_rotating},
    refresh::{self, Freshness},
};

use super::{
    provider::Mood,
    scene::{Scene, Tenant, refused, token_of, whole},
};

const HOUR: Duration = Duration::from_hours(1);

/// A workspace with one linked account, whose access token has just ended.
pub(crate) async fn ended() -> (Scene, Tenant, Connection) {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    let row = scene.link(&chat, "ana", "ana-work").await;
    scene.later(HOUR);
    (scene, chat, row)
}

/// A credential of another refresh token.
fn late(account: &str) -> Stored {
    let tokens = TokenSet {
        refresh: Some(format!("refresh.{account}").into()),
        ..TokenSet::bearer(format!("access.{account}.9"))
    };
    Stored { inputs: BTreeMap::new(), credential: Credential::OAuth(tokens) }
}

/// A refresh whose process dies when its reply is in the journal and nowhere else: until then the database
/// takes no credential.
pub(crate) async fn journaled_alone(scene: &Scene, row: &Connection) {
    let before = scene.acme.refreshed().len();
    scene
        .execute(
            "CREATE TRIGGER full BEFORE UPDATE OF credential_sealed ON connection \
             BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
        )
        .await;
    scene.dies(row).await;
    assert_eq!(scene.acme.refreshed().len(), before + 1);
    assert_eq!(scene.connection(row).await.generation, row.generation);
    scene.execute("DROP TRIGGER full").await;
}

#[tokio::test]
async fn a_reply_that_was_journaled_before_a_crash_is_in_its_row_after_the_restart() {
    let (scene, chat, row) = ended().await;
    journaled_alone(&scene, &row).await;

    scene.restarted().recover().await.unwrap();

    let saved = scene.connection(&row).await;
    assert_eq!((saved.generation, saved.state), (row.generation + 1, State::Ready));
    assert_eq!(token_of(&scene.issued(&chat, &whole("ana")).await), "access.ana-work.2");
    assert_eq!(scene.acme.refreshed().len(), 1, "the provider was not asked again");
}

#[tokio::test]
async fn a_journaled_reply_is_not_saved_for_another_person_than_it_was_for() {
    let (scene, chat, row) = ended().await;
    let eve = scene.link(&chat, "eve", "eve-work").await;
    journaled_alone(&scene, &row).await;
    let give = "UPDATE connection SET owner_key = e.owner_key, end_user_id = e.end_user_id \
                FROM (SELECT * FROM connection WHERE id = '{eve}') e WHERE connection.id = '{row}'";
    scene.execute(&give.replace("{eve}", &eve.id).replace("{row}", &row.id)).await;

    scene.restarted().recover().await.unwrap();

    let given = scene.connection(&row).await;
    assert_eq!((given.owner_key, given.generation), (eve.owner_key, row.generation));
    assert_eq!(given.candidates, None);
}

#[tokio::test]
async fn a_late_reply_is_not_kept_for_another_person_than_it_was_for() {
    let (scene, chat, row) = ended().await;
    let eve = scene.link(&chat, "eve", "eve-work").await;
    let kept = connection::keep_candidate(&scene.store, &row, &late("ana-late")).await.unwrap();
    assert_eq!(kept, Keep::Kept);
    let candidates = scene.connection(&row).await.candidates;
    let forged = Connection { id: row.id.clone(), ..eve.clone() };
    let refusal = connection::keep_candidate(&scene.store, &forged, &late("eve-late")).await;
    assert_eq!(refused(refusal).kind, Kind::NotFound);

    // The list of one, put beside the other's credential: it is not hers to be tried.
    scene.execute(&format!(
        "UPDATE connection SET candidates = (SELECT candidates FROM connection WHERE id = '{}') WHERE id = '{}'",
        row.id, eve.id
    )).await;
    assert_eq!(scene.connection(&eve).await.candidates, candidates);
    let refusal = connection::keep_candidate(&scene.store, &eve, &late("eve-late")).await;
    assert_eq!(refused(refusal).kind, Kind::Internal);
}

#[tokio::test]
async fn a_journal_that_was_gone_through_changes_nothing_the_next_time() {
    let (scene, _, row) = ended().await;
    assert!(matches!(scene.refresher.ensure(&row).await.unwrap(), Freshness::Row(_)));
    let saved = scene.connection(&row).await;

    scene.restarted().recover().await.unwrap();

    assert_eq!(scene.connection(&row).await, saved);
}

#[tokio::test]
async fn what_a_process_had_in_flight_when_it_died_is_free_after_its_restart() {
    let (scene, _, row) = ended().await;
    let leases = scene.refresher.claim_due(1).await.unwrap();
    assert_eq!(leases.len(), 1);
    assert_eq!(scene.connection(&row).await.state, State::InFlight);

    scene.restarted().recover().await.unwrap();

    let freed = scene.connection(&row).await;
    assert_eq!((freed.state, freed.lease_owner), (State::Uncertain, None));
    // Nobody sends before the quiet time is over, all the same.
    assert!(freed.quiet_until > row.quiet_until);
}

#[tokio::test]
async fn a_reply_that_came_too_late_is_tried_before_anyone_is_asked_to_link_again() {
    let (scene, chat, row) = ended().await;
    let keep = |account: &'static str| {
        let (store, known) = (&scene.store, &row);
        async move {
            let stored = late(account);
            connection::keep_candidate(store, known, &stored).await.unwrap()
        }
    };
    assert_eq!(keep("ana-late").await, Keep::Kept);
    assert_eq!(keep("ana-late").await, Keep::Known);
    assert_eq!(keep("ana-work").await, Keep::Known, "the row has that one");

    scene.acme.is(Mood::Ended);
    scene.refresher.ensure(&row).await.unwrap();
    let promoted = scene.connection(&row).await;
    assert_eq!((promoted.state, promoted.generation), (State::Ready, row.generation + 1));

    scene.acme.is(Mood::Works);
    assert_eq!(token_of(&scene.issued(&chat, &whole("ana")).await), "access.ana-late.9");
}

#[tokio::test]
async fn a_late_reply_wakes_a_connection_that_was_given_up() {
    let (scene, _, row) = ended().await;
    scene.acme.is(Mood::Ended);
    scene.refresher.ensure(&row).await.unwrap();
    assert_eq!(scene.connection(&row).await.state, State::Reauth);

    let stored = late("ana-late");
    connection::keep_candidate(&scene.store, &row, &stored).await.unwrap();

    let woken = scene.connection(&row).await;
    assert_eq!(woken.state, State::Ready);
    assert!(woken.due_at.is_some());
}

#[tokio::test]
async fn a_provider_that_refuses_everybody_at_once_is_not_believed() {
    let scene = Scene::new().await;
    let chat = scene.tenant_with_policy("chat").await;
    let rows = scene.link_many(&chat, 25).await;
    scene.later(HOUR);
    scene.acme.is(Mood::Ended);
    for row in &rows {
        scene.refresher.ensure(row).await.unwrap();
    }
    let mut given_up = 0;
    for row in &rows {
        let now = scene.connection(row).await;
        match now.state {
            State::Reauth => given_up += 1,
            state => assert_eq!((state, now.health), (State::Uncertain, Health::Failing)),
        }
    }
    assert_eq!(given_up, 20);
}

#[tokio::test]
async fn after_a_restore_rotating_connections_are_held_until_they_are_tested() {
    let (scene, chat, row) = ended().await;
    // Acme's refresh tokens stay as they are: nothing is lost by a backup.
    assert_eq!(hold_rotating(&scene.store).await.unwrap(), 0);
    scene.execute("UPDATE connection SET refresh_class = 'strict'").await;

    assert_eq!(hold_rotating(&scene.store).await.unwrap(), 1);

    assert_eq!(refused(scene.ask(&chat, &whole("ana")).await).code, "connection_held");
    assert!(scene.refresher.claim_due(10).await.unwrap().is_empty(), "nothing is sent for it");
    let tested = refresh::test(&scene.refresher, &row.workspace_id, &row.id).await.unwrap();
    assert_eq!((tested.status, tested.health), (Status::Active, Health::Healthy));
    scene.issued(&chat, &whole("ana")).await;
}

#[tokio::test]
async fn a_clock_that_jumps_ahead_by_an_hour_sends_nothing_a_second_time() {
    let (scene, _, row) = ended().await;
    let gate = scene.acme.hold();
    let asked = tokio::spawn({
        let (refresher, row) = (scene.refresher.clone(), row.clone());
        async move { refresher.ensure(&row).await.unwrap() }
    });
    gate.arrived().await;
    assert_eq!(scene.acme.refreshed().len(), 0, "the request stands before the gate");

    // Lease, quiet time and hold are over, if the clock is to be believed.
    scene.later(HOUR);
    for lease in scene.refresher.claim_due(10).await.unwrap() {
        scene.refresher.run(lease).await;
    }
    assert_eq!(scene.acme.refreshed().len(), 0, "nothing else was sent");
    gate.open();
    asked.await.unwrap();

    assert_eq!(scene.acme.refreshed().len(), 1);
    let saved = scene.connection(&row).await;
    assert_eq!((saved.generation, saved.state), (row.generation + 1, State::Ready));
}

#[tokio::test]
async fn a_clock_that_goes_back_by_an_hour_sends_nothing_early() {
    let (scene, _, row) = ended().await;
    scene.acme.is(Mood::Down);
    scene.refresher.ensure(&row).await.unwrap();
    assert_eq!(scene.acme.refreshed().len(), 1);

    scene.earlier(HOUR);
    assert!(scene.refresher.claim_due(10).await.unwrap().is_empty());
    let waited = scene.refresher.ensure(&row).await.unwrap();
    assert!(matches!(waited, Freshness::Row(now) if now.state == State::Uncertain));
    assert_eq!(scene.acme.refreshed().len(), 1);
}

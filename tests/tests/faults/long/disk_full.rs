//! A full disk under SQLite: neither the journal nor the database takes anything.

use std::time::{Duration, Instant};

use super::budget;
use crate::{
    disk_full::{full_mid_refresh, is_well, set_full},
    harness::Database,
    rig::{replies, sends},
};

#[tokio::test(flavor = "multi_thread")]
async fn with_a_full_disk_nothing_is_sent_and_a_received_answer_is_saved_once_there_is_room() {
    if budget().is_none() {
        return;
    }
    let Some((acme, scene, link)) = full_mid_refresh(Database::sqlite()).await else { return };
    // Longer than the quiet time: were it not for the claim, this would be sent again.
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(6) {
        scene.ask(0, &link, 59).await;
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    assert_eq!(sends(&acme, &link).await.len(), 1, "something was sent without a claim");
    assert!(!replies(&scene.replicas[0].journal()).contains_key(&link.connection));

    set_full(&scene.replicas[0], false);

    is_well(&acme, &scene, &link).await;
}

//! What is told of a connection's health, and when.

use std::time::Duration;

use hub::connection::{Connection, Health, State};
use serde_json::{Value, json};

use super::{provider::Mood, recovering::ended, scene::Scene};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

async fn refreshed(scene: &Scene, row: &Connection) -> Connection {
    scene.later(HOUR);
    scene.refresher.ensure(&scene.connection(row).await).await.unwrap();
    scene.connection(row).await
}

#[tokio::test]
async fn failing_is_told_once_and_working_again_once() {
    let (scene, _, row) = ended().await;
    refreshed(&scene, &row).await;
    assert!(scene.events(&row).await.is_empty(), "an ordinary refresh is no news");

    scene.acme.is(Mood::Down);
    for _ in 0..3 {
        refreshed(&scene, &row).await;
    }
    assert_eq!(scene.connection(&row).await.failures, 3);
    let [failing] = scene.events(&row).await.try_into().unwrap();
    assert_eq!(failing["type"], "connection.failing");
    assert_eq!(failing["connection"], json!(row.id));
    assert!(failing["reason"].as_str().unwrap().contains("503"), "{failing}");

    scene.acme.is(Mood::Works);
    for _ in 0..2 {
        refreshed(&scene, &row).await;
    }
    let events = scene.events(&row).await;
    assert_eq!(types(&events), ["connection.failing", "connection.refreshed"]);
}

#[tokio::test]
async fn a_grants_end_is_told_with_the_providers_code() {
    let (scene, _, row) = ended().await;
    scene.acme.is(Mood::Ended);
    let dead = refreshed(&scene, &row).await;
    assert_eq!(dead.state, State::Reauth);
    let [told] = scene.events(&row).await.try_into().unwrap();
    assert_eq!(told["type"], "connection.reauthorization_required");
    assert_eq!(told["provider_code"], "invalid_grant");
    let reason = dead.health_reason.unwrap();
    assert_eq!(told["reason"], json!(reason));
    assert!(reason.contains("Acme") && reason.contains("invalid_grant"), "{reason}");
}

#[tokio::test]
async fn of_a_refresh_token_that_nears_its_end_its_person_is_told_a_week_before() {
    let (scene, _, row) = ended().await;
    let month = 30 * DAY;
    // Refreshed since, as long-lived as this, ends in so long: is it told?
    let millisecond = Duration::from_millis(1);
    let table = [
        (month, 7 * DAY, true),
        (month, 7 * DAY + millisecond, false),
        (month, millisecond, true),
        (month, Duration::ZERO, false),
        (14 * DAY, DAY, false),
        (14 * DAY + millisecond, DAY, true),
    ];
    for (life, left, is_told) in table {
        let before = scene.events(&row).await.len();
        let now = scene.store.now();
        let end = now.plus(left);
        let sql = format!(
            "UPDATE connection SET health = 'healthy', refresh_class = 'strict', \
             refresh_expires_at = {}, refreshed_at = {}",
            end.millis(),
            end.minus(life).millis()
        );
        scene.execute(&sql).await;
        scene.refresher.warn_of_ends().await.unwrap();
        scene.refresher.warn_of_ends().await.unwrap();
        let events = scene.events(&row).await;
        assert_eq!(events.len() - before, usize::from(is_told), "{life:?} {left:?}");
        let expected = if is_told { Health::Expiring } else { Health::Healthy };
        assert_eq!(scene.connection(&row).await.health, expected, "{life:?} {left:?}");
        if is_told {
            let told = &events[before];
            assert_eq!(told["type"], "connection.expiring");
            assert_eq!(told["refresh_expires_at"], json!(end));
        }
        scene.later(millisecond);
    }
}

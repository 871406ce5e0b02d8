//! One run: link, refresh, die, start again, ask until all is well or known not to be.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::json;

use super::{
    cell::{Callers, Cell, Kind, Plan},
    judge::{Connection, Evidence, Verdict, judge},
};
use crate::{
    harness::Database,
    rig::{Acme, Asking, Launch, Link, Scene, Set, grants, now_ms, replies, until_well},
};

/// How long the hub is given to come to its point.
const UNTIL_KILLED: Duration = Duration::from_secs(20);
/// What the issue allows a recovery.
pub(crate) const RECOVERY: Duration = Duration::from_secs(25);
/// How much longer is waited, to tell "late" from "never".
const NEVER: Duration = Duration::from_mins(1);

/// Runs one cell against `acme`, which no other run uses meanwhile.
pub(crate) async fn run(cell: &Cell, acme: &Acme) -> Verdict {
    let plan = cell.plan();
    let database = match cell.database {
        Kind::Sqlite => Database::sqlite(),
        Kind::Postgres => Database::postgres().unwrap(),
    };
    acme.forget().await;
    acme.behave(&json!({ "access_ttl_s": plan.lives_s.0 })).await;
    let set = Set { class: cell.class, max_per_second: 1000, replicas: 1 };
    let deadly = Launch::scaled(cell.scale).killed_at(cell.point, plan.nth);
    let mut scene = Scene::start(acme, database, &set, &deadly).await;
    let mut links = Vec::new();
    for number in 0..plan.connections {
        links.push(scene.link(number).await);
    }
    let order = json!({ "access_ttl_s": plan.lives_s.1, "token_delay_ms": plan.delay_ms });
    acme.behave(&order).await;
    let killed = until_killed(&mut scene, &links, &plan).await;
    scene.replicas[0].stop().await;

    let died = now_ms();
    let began = Instant::now();
    let Scene { replicas, settings, .. } = &mut scene;
    replicas[0].start(settings, &Launch::scaled(cell.scale)).await;
    let ready = began.elapsed();
    let asking = Asking { replica: 0, wish: wish(&plan), since: died, limit: NEVER };
    let ends = join_all(links.iter().map(|link| until_well(&scene, acme, link, &asking))).await;
    let recovery = began.elapsed();

    // Ended in order, so that nothing is under way when what was sent and kept is compared.
    scene.replicas[0].stop().await;
    let events = acme.log().await;
    let kept = replies(&scene.replicas[0].journal());
    let grants = grants(&events);
    let connections = links.iter().zip(ends).zip(grants).map(|((link, end), grant)| {
        let of = |kind: &str| {
            let mine = events.iter().filter(|event| event.grant.as_deref() == Some(&grant));
            mine.filter(|event| event.kind == kind).count() as u64
        };
        Connection {
            end,
            refreshed: of("refreshed"),
            reused: of("reused"),
            refused: of("refused"),
            kept: kept.get(&link.connection).copied().unwrap_or(0),
        }
    });
    let log = scene.replicas[0].log();
    judge(&Evidence {
        cell: *cell,
        killed,
        connections: connections.collect(),
        most_at_once: acme.most_at_once().await,
        unanswered: log.matches("not answered").count() as u64,
        ready,
        recovery,
        log,
    })
}

/// How long a token must last so that the hub gets a new one: longer than tokens live means nine
/// tenths of their life.
fn wish(plan: &Plan) -> u64 {
    if plan.lives_s.1 < 10 { 10 } else { plan.lives_s.1 - 1 }
}

/// Asks until the hub dies; whether it did.
async fn until_killed(scene: &mut Scene, links: &[Link], plan: &Plan) -> bool {
    let began = Instant::now();
    while began.elapsed() < UNTIL_KILLED {
        if scene.replicas[0].was_killed() {
            return true;
        }
        let ask = |link| scene.ask(0, link, wish(plan));
        match plan.callers {
            Callers::OneByOne => {
                for link in links {
                    ask(link).await;
                }
            }
            Callers::Together => drop(join_all(links.iter().map(ask)).await),
            Callers::Crowd => drop(join_all((0..8).flat_map(|_| links.iter().map(ask))).await),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    scene.replicas[0].was_killed()
}

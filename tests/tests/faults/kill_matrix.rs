//! A refresh whose process dies at any step: 84 runs with scaled times, two seeds of each kind.
//!
//! Nothing overlaps, nothing that was journaled is lost, and a person is asked to link again only where
//! a strict provider's answer never reached the disk.

use crate::{
    harness::process::show,
    matrix::{Cell, Kind, POINTS, Report, run},
    rig::{Acme, Class},
};

/// A twentieth: the lease is 0.75 s, the quiet time 1 s.
const SCALE: f64 = 0.05;

async fn survives(class: Class, database: Kind) {
    if database == Kind::Postgres && crate::harness::Database::postgres().is_none() {
        return;
    }
    let acme = Acme::start(6).await;
    let mut report = Report::default();
    for seed in 1..=2 {
        for point in POINTS {
            report.add(run(&Cell { point, class, database, seed, scale: SCALE }, &acme).await);
        }
    }
    show(&report.table());
    assert_eq!(report.failures(), 0, "{}", report.complaints());
    let (kills, runs) = (report.kills(), report.runs());
    assert!(kills * 10 >= runs * 9, "only {kills} of {runs} runs died where they should");
}

macro_rules! kill_matrix {
    ($($name:ident: $class:ident, $database:ident;)*) => { $(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            survives(Class::$class, Kind::$database).await;
        }
    )* };
}

kill_matrix! {
    static_tokens_survive_a_kill_at_any_step_on_sqlite: Static, Sqlite;
    static_tokens_survive_a_kill_at_any_step_on_postgres: Static, Postgres;
    replay_safe_tokens_survive_a_kill_at_any_step_on_sqlite: ReplaySafe, Sqlite;
    replay_safe_tokens_survive_a_kill_at_any_step_on_postgres: ReplaySafe, Postgres;
    strict_tokens_survive_a_kill_at_any_step_on_sqlite: Strict, Sqlite;
    strict_tokens_survive_a_kill_at_any_step_on_postgres: Strict, Postgres;
}

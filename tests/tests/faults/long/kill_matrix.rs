//! As many seeds of the kill matrix as fit the time, and every point with real timings.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures::future::join_all;

use super::budget;
use crate::{
    harness::{environment, process::show},
    matrix::{Cell, Kind, POINTS, Report, run},
    rig::{Acme, Class},
};

/// A twentieth of the real times.
const SCALE: f64 = 0.05;
/// How many runs at once; each has an Acme of its own.
const AT_ONCE: usize = 2;
/// So many at least, whatever the time.
const LEAST: u64 = 500;
/// How often progress is told.
const TELL: u64 = 42;

/// The nth run: all points, classes and databases in turn, then the next seed.
fn cell(number: u64) -> Cell {
    let kinds = POINTS.len() * Class::ALL.len() * Kind::ALL.len();
    let place = usize::try_from(number).unwrap() % kinds;
    Cell {
        point: POINTS[place % POINTS.len()],
        class: Class::ALL[place / POINTS.len() % Class::ALL.len()],
        database: Kind::ALL[place / POINTS.len() / Class::ALL.len()],
        // Others than the ordinary tests run.
        seed: 1000 + number / kinds as u64,
        scale: SCALE,
    }
}

/// One run alone, as a complaint names it: `FAULT_CELL="after_send strict SQLite 1003 0.05"`.
fn wanted() -> Option<Cell> {
    let text = environment::optional("FAULT_CELL")?;
    let words: Vec<_> = text.split_whitespace().collect();
    let [point, class, database, seed, scale] = words[..] else {
        panic!("FAULT_CELL: write point, class, database, seed and scale, as a complaint does")
    };
    Some(Cell {
        point: POINTS.into_iter().find(|one| *one == point).expect("a point"),
        class: Class::ALL.into_iter().find(|one| one.name() == class).expect("a class"),
        database: Kind::ALL.into_iter().find(|one| one.name() == database).expect("a database"),
        seed: seed.parse().expect("a seed"),
        scale: scale.parse().expect("a scale"),
    })
}

fn end(report: &Report) {
    show(&report.table());
    assert_eq!(report.failures(), 0, "{}", report.complaints());
}

/// Runs what `next` gives, so many at a time, until it gives nothing more.
async fn run_all(at_once: usize, next: impl Fn() -> Option<Cell>) -> Report {
    let report = Arc::new(Mutex::new(Report::default()));
    let worker = || async {
        let acme = Acme::start(6).await;
        while let Some(cell) = next() {
            let verdict = run(&cell, &acme).await;
            report.lock().unwrap().add(verdict);
        }
    };
    join_all((0..at_once).map(|_| worker())).await;
    Arc::into_inner(report).unwrap().into_inner().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_step_loses_nothing_with_many_seeds() {
    let Some(budget) = budget() else { return };
    if let Some(cell) = wanted() {
        let acme = Acme::start(6).await;
        let mut report = Report::default();
        report.add(run(&cell, &acme).await);
        return end(&report);
    }
    let began = Instant::now();
    let count = AtomicU64::new(0);
    let report = run_all(AT_ONCE, || {
        let number = count.fetch_add(1, Ordering::Relaxed);
        if number > 0 && number.is_multiple_of(TELL) {
            tell(number, began.elapsed(), budget);
        }
        (number < LEAST || began.elapsed() < budget).then(|| cell(number))
    })
    .await;
    show(&format!("the kill matrix: {} runs in {:.0?}", report.runs(), began.elapsed()));
    end(&report);
    assert!(report.kills() as u64 >= LEAST * 9 / 10, "only {} kills", report.kills());
}

fn tell(runs: u64, took: Duration, budget: Duration) {
    let each = (took.as_millis() / u128::from(runs)).max(1);
    let all = (budget.as_millis() / each).max(u128::from(LEAST));
    let left = all.saturating_sub(u128::from(runs)) * each / 60_000;
    show(&format!("{runs} of about {all} runs; about {left} minutes are left"));
}

/// Each point once with each class, the databases in turn, seven at a time: they mostly wait.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_step_is_recovered_from_in_25_seconds_with_real_times() {
    if budget().is_none() {
        return;
    }
    let count = AtomicU64::new(0);
    let kinds = (POINTS.len() * Class::ALL.len()) as u64;
    let report = run_all(7, || {
        let number = count.fetch_add(1, Ordering::Relaxed);
        let database = if number.is_multiple_of(2) { Kind::Sqlite } else { Kind::Postgres };
        (number < kinds).then(|| Cell { scale: 1.0, database, ..cell(number) })
    })
    .await;
    show("the kill matrix with real times");
    end(&report);
    assert!(report.kills() as u64 * 10 >= kinds * 9, "only {} kills", report.kills());
}

//! Many verdicts, as a table.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use super::{cell::Kind, judge::Verdict};
use crate::rig::Class;

/// What all runs have shown.
#[derive(Default)]
pub(crate) struct Report {
    verdicts: Vec<Verdict>,
}

#[derive(Default)]
struct Row {
    runs: u64,
    kills: u64,
    overlapping: u64,
    journaled_lost: u64,
    lost_outside: u64,
    lost_inside: u64,
    slowest: Duration,
    /// How long the slowest new process took until it was ready: no part of the protocol.
    ready: Duration,
}

impl Row {
    fn add(&mut self, verdict: &Verdict) {
        self.runs += 1;
        self.kills += u64::from(verdict.killed);
        self.overlapping += verdict.overlapping;
        self.journaled_lost += verdict.journaled_lost;
        self.lost_outside += verdict.lost_outside;
        self.lost_inside += verdict.lost_inside;
        self.slowest = self.slowest.max(verdict.recovery);
        self.ready = self.ready.max(verdict.ready);
    }

    fn line(&self, name: &str) -> String {
        format!(
            "{name:<26} {:>5} {:>5} {:>11} {:>14} {:>12} {:>11} {:>6.1} s {:>6.1} s",
            self.runs,
            self.kills,
            self.overlapping,
            self.journaled_lost,
            self.lost_outside,
            self.lost_inside,
            self.slowest.as_secs_f64(),
            self.ready.as_secs_f64()
        )
    }
}

impl Report {
    /// Takes one more.
    pub(crate) fn add(&mut self, verdict: Verdict) {
        self.verdicts.push(verdict);
    }

    /// How many there are.
    pub(crate) fn runs(&self) -> usize {
        self.verdicts.len()
    }

    /// How many of them were killed at their point.
    pub(crate) fn kills(&self) -> usize {
        self.verdicts.iter().filter(|verdict| verdict.killed).count()
    }

    /// How many have shown something that must not be.
    pub(crate) fn failures(&self) -> usize {
        self.verdicts.iter().filter(|verdict| !verdict.wrong.is_empty()).count()
    }

    /// A row for each class and database, and for each point.
    pub(crate) fn table(&self) -> String {
        let mut by_kind: BTreeMap<(Class, Kind, bool), Row> = BTreeMap::new();
        let mut by_point: BTreeMap<&str, Row> = BTreeMap::new();
        let mut all = Row::default();
        for verdict in &self.verdicts {
            let (cell, real) = (&verdict.cell, verdict.cell.scale >= 1.0);
            by_kind.entry((cell.class, cell.database, real)).or_default().add(verdict);
            by_point.entry(cell.point).or_default().add(verdict);
            all.add(verdict);
        }
        let mut text = format!(
            "{:<26} {:>5} {:>5} {:>11} {:>14} {:>12} {:>11} {:>8} {:>8}\n",
            "",
            "runs",
            "kills",
            "overlapping",
            "journaled lost",
            "lost outside",
            "lost inside",
            "slowest",
            "of start"
        );
        for ((class, database, real), row) in &by_kind {
            let times = if *real { ", real times" } else { "" };
            let name = format!("{} {}{times}", class.name(), database.name());
            writeln!(text, "{}", row.line(&name)).unwrap();
        }
        for point in super::POINTS {
            if let Some(row) = by_point.get(point) {
                writeln!(text, "{}", row.line(point)).unwrap();
            }
        }
        writeln!(text, "{}", all.line("all")).unwrap();
        text
    }

    /// What must not be, run by run.
    pub(crate) fn complaints(&self) -> String {
        let mut text = String::new();
        for verdict in self.verdicts.iter().filter(|verdict| !verdict.wrong.is_empty()) {
            writeln!(text, "{}\n  {}", verdict.cell, verdict.wrong.join("\n  ")).unwrap();
        }
        text
    }
}

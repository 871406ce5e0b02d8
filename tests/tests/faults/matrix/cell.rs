//! One run of the matrix, and what its seed makes of it.

use std::fmt;

use crate::rig::{Class, Seed};

/// The steps of a refresh, in their order.
pub(crate) const POINTS: [&str; 7] = [
    "after_claim",
    "before_connect",
    "before_send",
    "after_send",
    "after_journal",
    "before_save",
    "after_save",
];

/// Where the hub keeps its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// One run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    /// Where it is killed.
    pub(crate) point: &'static str,
    pub(crate) class: Class,
    pub(crate) database: Kind,
    pub(crate) seed: u64,
    /// All of a refresh's times are multiplied by it.
    pub(crate) scale: f64,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (class, database) = (self.class.name(), self.database.name());
        write!(f, "{} {class} {database} {} {}", self.point, self.seed, self.scale)
    }
}

/// Who asks, until the hub dies.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Callers {
    /// One connection after the other.
    OneByOne,
    /// For all connections at once.
    Together,
    /// Eight for each connection, all at once.
    Crowd,
}

/// What a seed varies.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// How many connections there are.
    pub(crate) connections: usize,
    /// At the how-manyeth time it is killed.
    pub(crate) nth: u64,
    pub(crate) callers: Callers,
    /// How long Acme takes for its answer.
    pub(crate) delay_ms: u64,
    /// How long access tokens live, at first and later.
    pub(crate) lives_s: (u64, u64),
}

impl Cell {
    /// What its seed makes of it.
    pub(crate) fn plan(&self) -> Plan {
        let place = POINTS.iter().position(|point| *point == self.point).unwrap_or(0) as u64;
        // Neighbouring seeds, points and classes have little in common.
        let mixed = self.seed.wrapping_mul(1_000_003).wrapping_add(place * 101)
            + self.class as u64 * 11
            + self.database as u64;
        let mut seed = Seed::new(mixed);
        // Long-lived tokens hold strict connections for long, if nobody acknowledges.
        let long = seed.below(4) == 0;
        // Short ones still outlive Acme's slowest answer.
        let (short, longest) = if self.scale < 1.0 { ((6, 2), 120) } else { ((12, 8), 2_000) };
        let lives_s = if long { (60, 60) } else { short };
        let most = if long { 2 } else { 3 };
        Plan {
            // Mostly one: then nothing else of the process was under way when it died.
            connections: seed.pick(&[1, 1, 1, 2, 3, 4]),
            nth: 1 + seed.below(most),
            callers: seed.pick(&[Callers::OneByOne, Callers::Together, Callers::Crowd]),
            delay_ms: seed.pick(&[0, 0, 1, 2]) * longest / 2,
            lives_s,
        }
    }
}

//! Printing for people: colour only where a terminal shows it.

use std::{
    io::{IsTerminal, Write},
    time::Instant,
};

use crate::config::Config;

/// How text is set off.
pub(super) struct Style {
    colour: bool,
}

impl Style {
    /// As standard output can show it, and as the person wants it.
    pub(super) fn of_stdout(config: &Config) -> Self {
        let wanted = config.colour;
        Self { colour: wanted && std::io::stdout().is_terminal() }
    }

    fn wrap(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub(super) fn bold(&self, text: &str) -> String {
        self.wrap("1", text)
    }

    pub(super) fn dim(&self, text: &str) -> String {
        self.wrap("2", text)
    }

    pub(super) fn good(&self, text: &str) -> String {
        self.wrap("32", text)
    }

    pub(super) fn link(&self, text: &str) -> String {
        self.wrap("36", text)
    }

    /// Whether lines may be written over.
    pub(super) fn is_live(&self) -> bool {
        self.colour
    }
}

/// Prints a line.
#[allow(clippy::print_stdout, reason = "a person reads it")]
pub(super) fn line(text: &str) {
    println!("{text}");
}

/// Writes over the present line.
#[allow(clippy::print_stdout, reason = "a person reads it")]
pub(super) fn over(text: &str) {
    print!("\r\x1b[2K{text}");
    // Nobody is told if the terminal is gone.
    let _ = std::io::stdout().flush();
}

/// The steps of a walk.
pub(super) struct Steps {
    style: Style,
    number: usize,
    started: Instant,
}

impl Steps {
    pub(super) fn new(config: &Config) -> Self {
        Self { style: Style::of_stdout(config), number: 0, started: Instant::now() }
    }

    pub(super) fn style(&self) -> &Style {
        &self.style
    }

    /// A step was done; the time is since the one before.
    pub(super) fn done(&mut self, what: &str, details: &[String]) {
        self.number += 1;
        let ms = self.started.elapsed().as_millis();
        let took = if ms < 1000 {
            format!("{ms} ms")
        } else {
            format!("{}.{} s", ms / 1000, ms % 1000 / 100)
        };
        line(&format!(
            "{} {}. {}  {}",
            self.style.good("✓"),
            self.number,
            self.style.bold(what),
            self.style.dim(&took)
        ));
        for detail in details {
            line(&format!("     {detail}"));
        }
        self.started = Instant::now();
    }
}

//! Printing for people: colour only where a terminal shows it.

use std::{
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

use super::{DemoError, failed};
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

    pub(super) fn bad(&self, text: &str) -> String {
        self.wrap("31", text)
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

/// The steps of a walk: each is named before it runs.
pub(super) struct Steps {
    style: Style,
    number: usize,
    name: String,
    started: Instant,
}

impl Steps {
    pub(super) fn new(config: &Config) -> Self {
        let style = Style::of_stdout(config);
        Self { style, number: 0, name: String::new(), started: Instant::now() }
    }

    pub(super) fn style(&self) -> &Style {
        &self.style
    }

    /// A step begins.
    pub(super) fn begin(&mut self, name: &str) {
        self.number += 1;
        name.clone_into(&mut self.name);
        self.started = Instant::now();
        line(&format!("\n  {}. {}", self.number, self.style.bold(name)));
    }

    /// What there is to know of the present step.
    #[allow(clippy::unused_self, reason = "it belongs to the step")]
    pub(super) fn tell(&self, detail: &str) {
        line(&format!("     {detail}"));
    }

    /// The present step is done.
    pub(super) fn done(&self) {
        let took = took(self.started.elapsed());
        line(&format!("     {} {}", self.style.good("✓"), self.style.dim(&took)));
    }

    /// The present step went wrong: what there is to say of it.
    pub(super) fn failed(&self, error: &DemoError) -> DemoError {
        if self.number == 0 {
            return failed(error.to_string());
        }
        let took = took(self.started.elapsed());
        line(&format!("     {} {}", self.style.bad("✗"), self.style.dim(&took)));
        failed(format!("Step {} failed ({}). {error}", self.number, self.name))
    }
}

fn took(time: Duration) -> String {
    let ms = time.as_millis();
    if ms < 1000 { format!("{ms} ms") } else { format!("{}.{} s", ms / 1000, ms % 1000 / 100) }
}

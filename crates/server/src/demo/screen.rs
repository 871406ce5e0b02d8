//! What a person sees in the terminal.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

/// Standard output: in colour and alive on a terminal, plain elsewhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Screen {
    colour: bool,
    live: bool,
}

impl Screen {
    /// As standard output is, and as `NO_COLOR` (<https://no-color.org>) wants it.
    #[allow(
        clippy::disallowed_methods,
        reason = "NO_COLOR and TERM say how to print, not how to run: they are no settings of the hub"
    )]
    pub(super) fn stdout() -> Self {
        let live = io::stdout().is_terminal();
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self { colour: live && !unwanted && !dumb, live: live && !dumb }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// What matters most.
    pub(super) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// What may be passed over.
    pub(super) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    /// What went well.
    pub(super) fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// What went wrong.
    pub(super) fn red(self, text: &str) -> String {
        self.paint("31", text)
    }

    /// What is to be opened or pasted.
    pub(super) fn cyan(self, text: &str) -> String {
        self.paint("36", text)
    }

    /// Prints a line, or several. A reader who has gone away is no error.
    pub(super) fn say(self, text: &str) {
        let mut out = io::stdout().lock();
        let _ = writeln!(out, "{text}").and_then(|()| out.flush());
    }

    /// A named detail of a step.
    pub(super) fn detail(self, name: &str, value: &str) {
        self.say(&format!("    {} {}", self.dim(&format!("{name:<9}")), printable(value)));
    }

    /// A line that the next one takes the place of; nothing where lines stay.
    pub(super) fn passing(self, text: &str) {
        if self.live {
            let mut out = io::stdout().lock();
            let _ = write!(out, "\r\x1b[K    {text}").and_then(|()| out.flush());
        }
    }

    /// Removes the passing line.
    pub(super) fn passed(self) {
        if self.live {
            let mut out = io::stdout().lock();
            let _ = write!(out, "\r\x1b[K").and_then(|()| out.flush());
        }
    }

    /// Whether passing lines are seen.
    pub(super) fn is_live(self) -> bool {
        self.live
    }
}

/// The steps of a walk, numbered and timed.
pub(super) struct Steps {
    screen: Screen,
    number: usize,
    title: &'static str,
    began: std::time::Instant,
}

impl Steps {
    pub(super) fn new(screen: Screen) -> Self {
        Self { screen, number: 0, title: "Before the first step", began: std::time::Instant::now() }
    }

    /// Begins the next one.
    pub(super) fn begin(&mut self, title: &'static str) {
        self.number += 1;
        self.title = title;
        self.began = std::time::Instant::now();
        let number = self.number.to_string();
        self.screen.say(&format!("\n{}  {}", self.screen.cyan(&number), self.screen.bold(title)));
    }

    /// It went well.
    pub(super) fn done(&self, text: &str) {
        let took = self.screen.dim(&format!("({})", duration(self.began.elapsed())));
        self.screen.say(&format!("  {} {} {took}", self.screen.green("✓"), printable(text)));
    }

    /// It did not. Returns its name.
    pub(super) fn failed(&self) -> String {
        let took = self.screen.dim(&format!("({})", duration(self.began.elapsed())));
        self.screen.passed();
        self.screen.say(&format!("  {} failed {took}", self.screen.red("✗")));
        if self.number == 0 {
            return self.title.to_owned();
        }
        format!("Step {}, {}", self.number, self.title)
    }
}

/// `412 ms`, `3.2 s`.
pub(super) fn duration(took: Duration) -> String {
    let ms = took.as_millis();
    if ms < 1000 { format!("{ms} ms") } else { format!("{}.{} s", ms / 1000, ms % 1000 / 100) }
}

/// Enough of a secret to tell it from another.
pub(super) fn shortened(secret: &str) -> String {
    let shown = (secret.chars().count() / 4).min(12);
    format!("{}…", secret.chars().take(shown).collect::<String>())
}

/// What others wrote, without what a terminal would act upon, and not without end.
fn printable(text: &str) -> String {
    let safe = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().take(1000).map(safe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortened_secret_shows_a_quarter_of_it_at_most() {
        assert_eq!(shortened("acme_at_0123456789abcdefghijklmnopqrstuvwxyz0123456789"), "acme_at_0123…");
        assert_eq!(shortened("abcdefgh"), "ab…");
        assert_eq!(shortened(""), "…");
    }

    #[test]
    fn what_others_wrote_can_not_command_the_terminal() {
        assert_eq!(printable("a\x1b[2Jb\nc"), "a\u{fffd}[2Jb\u{fffd}c");
    }

    #[test]
    fn durations_are_short() {
        assert_eq!(duration(Duration::from_millis(412)), "412 ms");
        assert_eq!(duration(Duration::from_millis(23_250)), "23.2 s");
    }

    #[test]
    fn without_colour_no_escape_is_printed() {
        let plain = Screen { colour: false, live: false };
        assert_eq!(plain.bold("x") + &plain.cyan("y"), "xy");
        assert_eq!(Screen { colour: true, live: true }.green("✓"), "\x1b[32m✓\x1b[0m");
    }
}

//! Programs that live as long as their test.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
};

/// A started program. Dropped, it is ended; if the test fails, the end of its log is shown.
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it; what it prints goes to `log`. Its standard input stays open until it is dropped.
    pub(crate) fn start(name: &'static str, command: &mut Command, log: PathBuf) -> Self {
        let file = File::create(&log).unwrap();
        let child = command
            .stdin(Stdio::piped())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} can't be started: {error}"));
        Self { name, child, log }
    }

    /// All that it printed so far.
    pub(crate) fn printed(&self) -> Vec<u8> {
        fs::read(&self.log).unwrap()
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.end().is_some()
    }

    /// How it ended, if it has.
    pub(crate) fn end(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Its number, for signals.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The last lines that it printed.
    pub(crate) fn last_words(&self) -> String {
        let text = String::from_utf8_lossy(&self.printed()).into_owned();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// Ends it as a power cut would, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            show(&format!("--- the last words of {}:\n{}", self.name, self.last_words()));
        }
    }
}

/// Tells whoever reads the tests' output.
#[allow(clippy::print_stderr, reason = "a failing test explains itself")]
pub(crate) fn show(text: &str) {
    eprintln!("{text}");
}

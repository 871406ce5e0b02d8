//! Exploit attempts. Each has a control: the same steps, done honestly, work.
//!
//! A script can count what ran: with `ATTACK_LOG` set to a file, each test adds to it a line for every attempt
//! that was refused (`attack<TAB>test<TAB>what`) and for every control that worked
//! (`control<TAB>test<TAB>what`).

mod audit_tampering;
mod code_injection;
mod cross_workspace;
mod document;
mod escalation;
mod fixation;
mod headers;
mod mix_up;
mod moved_ciphertext;
mod open_redirect;
mod operations;
mod posted_answer;
mod raw;
mod rows;
mod state_replay;
mod things;
mod town;
mod way;

use std::{fs::OpenOptions, io::Write as _, thread};

use crate::harness::environment;

/// What one test tried. Dropped, it writes that down, and fails a test that tried nothing or that showed
/// nothing to work.
pub(crate) struct Attack {
    name: &'static str,
    controls: Vec<String>,
    refused: Vec<String>,
}

impl Attack {
    /// The attack of the test of this name.
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, controls: Vec::new(), refused: Vec::new() }
    }

    /// The honest way worked.
    pub(crate) fn works(&mut self, what: impl Into<String>) {
        self.controls.push(what.into());
    }

    /// An attempt came to nothing.
    pub(crate) fn refused(&mut self, what: impl Into<String>) {
        self.refused.push(what.into());
    }

    fn lines(&self) -> String {
        let line = |kind: &str, what: &String| {
            let what = what.replace(char::is_control, " ");
            format!("{kind}\t{}\t{what}\n", self.name)
        };
        let attacks = self.refused.iter().map(|what| line("attack", what));
        attacks.chain(self.controls.iter().map(|what| line("control", what))).collect()
    }
}

impl Drop for Attack {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        assert!(!self.refused.is_empty(), "{}: nothing was tried", self.name);
        assert!(!self.controls.is_empty(), "{}: nothing was shown to work", self.name);
        if let Some(path) = environment::optional("ATTACK_LOG") {
            // One write: tests append at the same time.
            let mut log = OpenOptions::new().create(true).append(true).open(path).unwrap();
            log.write_all(self.lines().as_bytes()).unwrap();
        }
    }
}

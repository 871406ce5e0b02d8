//! What a process does to itself before it reads its first secret.

use rustix::process::{Resource, Rlimit, setrlimit};

/// What the system refused, in words for the log.
pub(crate) struct Refused(Vec<String>);

/// Closes this process's memory to the others of its user: no core file, and on Linux no debugger and
/// nothing to read in `/proc`. What is started from here inherits the first only.
///
/// Whatever is refused is told later, by [`tell`](Refused::tell): logging starts after the
/// configuration was read, which is too late for this.
pub(crate) fn close() -> Refused {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let steps = [("core files can't be turned off", setrlimit(Resource::Core, none)), hide()];
    let refused = steps.into_iter().filter_map(|(what, done)| {
        done.err().map(|error| format!("{what}: {}", std::io::Error::from(error)))
    });
    Refused(refused.collect())
}

#[cfg(target_os = "linux")]
fn hide() -> (&'static str, rustix::io::Result<()>) {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    let done = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    ("programs of the same user may read this one's memory", done)
}

/// Other systems have no such call that safe code may make.
#[cfg(not(target_os = "linux"))]
fn hide() -> (&'static str, rustix::io::Result<()>) {
    ("", Ok(()))
}

impl Refused {
    /// Logs it.
    pub(crate) fn tell(&self) {
        for what in &self.0 {
            tracing::warn!("{what}; docs/hardening.md says what else keeps memory closed");
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::getrlimit;

    use super::*;

    #[test]
    fn a_closed_process_leaves_no_core_file_and_cannot_open_itself_again() {
        assert!(close().0.is_empty());
        let Rlimit { current, maximum } = getrlimit(Resource::Core);
        assert_eq!((current, maximum), (Some(0), Some(0)));
        // Twice is no harm.
        assert!(close().0.is_empty());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_closed_process_is_not_dumpable() {
        use rustix::process::{DumpableBehavior, dumpable_behavior};
        close();
        assert_eq!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
    }
}

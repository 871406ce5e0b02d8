//! Fault tests' builds only: where the process is stopped, delayed or killed.

use std::sync::atomic::{AtomicU32, Ordering};

use fail::FailScenario;

/// Sets the points that `text` names: `refresh::after_send=kill`, `…=kill:3` (the third time), or any
/// action of the `fail` crate, separated by `;`. They hold as long as what is returned.
pub(crate) fn set(text: &str) -> Result<FailScenario<'static>, String> {
    let scenario = FailScenario::setup();
    for entry in text.split(';').map(str::trim).filter(|entry| !entry.is_empty()) {
        let (name, action) = entry.split_once('=').ok_or(format!("{entry}: write name=action"))?;
        match action.strip_prefix("kill") {
            None => fail::cfg(name, action)?,
            Some(rest) => {
                let nth = rest.strip_prefix(':').map_or(Ok(1), str::parse::<u32>);
                let nth = nth.map_err(|error| format!("{entry}: {error}"))?;
                let seen = AtomicU32::new(0);
                fail::cfg_callback(name, move || {
                    if seen.fetch_add(1, Ordering::SeqCst) + 1 == nth {
                        let me = rustix::process::getpid();
                        // As `kill -9` does it: nothing is flushed, nothing is told.
                        let _ = rustix::process::kill_process(me, rustix::process::Signal::KILL);
                    }
                })?;
            }
        }
    }
    Ok(scenario)
}

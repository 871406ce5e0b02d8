//! Everything that is logged while a check runs.

use std::{
    cell::RefCell,
    io::{self, Write},
    sync::Once,
};

use tracing::Level;
use tracing_subscriber::fmt::MakeWriter;

thread_local! {
    static LOGGED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What was logged on this thread since [`Log::start`], at every level. A check runs on one thread.
pub(crate) struct Log;

impl Log {
    pub(crate) fn start() -> Self {
        static LISTENING: Once = Once::new();
        // For the whole process: of a subscriber for one thread the others know nothing, and what they
        // log first is then off for all.
        LISTENING.call_once(|| {
            let subscriber = tracing_subscriber::fmt()
                .with_max_level(Level::TRACE)
                .with_ansi(false)
                .without_time()
                .with_writer(ToThisThread)
                .finish();
            tracing::subscriber::set_global_default(subscriber)
                .expect("nobody else listens in a suite's process");
        });
        LOGGED.with_borrow_mut(Vec::clear);
        Self
    }

    #[allow(clippy::unused_self, reason = "there is nothing to read before it was started")]
    pub(crate) fn text(&self) -> String {
        LOGGED.with_borrow(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }
}

struct ToThisThread;

impl Write for ToThisThread {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOGGED.with_borrow_mut(|logged| logged.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for ToThisThread {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}

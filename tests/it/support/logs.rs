//! What the program under test has logged.

use std::io::{Result, Write};
use std::sync::{Mutex, Once, PoisonError};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Kept;

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        LINES.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

struct Keep;

impl MakeWriter<'_> for Keep {
    type Writer = Kept;
    fn make_writer(&self) -> Kept {
        Kept
    }
}

/// Keeps every line of every thread from now on, down to the finest level of our own code. Tests
/// run side by side, so the lines of others stand among them.
pub fn keep() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let filter = EnvFilter::new("debug,tradein=trace");
        let subscriber =
            tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(Keep).finish();
        tracing::subscriber::set_global_default(subscriber).expect("nobody else keeps the log");
    });
}

/// All that was kept so far.
pub fn text() -> String {
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    String::from_utf8_lossy(&lines).into_owned()
}

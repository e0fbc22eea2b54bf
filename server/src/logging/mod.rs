//! The server program's log: text or JSON lines on standard error.
//!
//! Lines go through a bounded queue to a thread of their own, so that a slow, full or closed standard error never
//! delays a request. What does not fit is dropped and counted.

mod queue;

use std::{
    env, io,
    io::IsTerminal,
    sync::{Arc, OnceLock},
    time::Duration,
};

use clap::ValueEnum;
use tracing::Level;
use tracing_subscriber::{EnvFilter, filter::ParseError, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use queue::{Lines, LogQueue};

static QUEUE: OnceLock<Arc<LogQueue>> = OnceLock::new();

/// Target of the access lines, one a request.
pub(crate) const ACCESS: &str = "ro_co_server::access";
/// Target of security events: refused sign-ins, 403, 429, reuse of a refresh token.
pub(crate) const SECURITY: &str = "ro_co_server::security";

/// How long the end of the program waits for the last lines to be written.
const FLUSH_TIME: Duration = Duration::from_secs(1);

/// The format of the log.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFormat {
    /// One line of text per event, coloured on a terminal
    Text,
    /// One JSON object per line
    Json,
}

/// Whether there is a log line per request.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum AccessLog {
    /// One line per request, at level info
    On,
    /// None
    Off,
}

/// Why logging could not be started; each text is one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The environment variable `RUST_LOG` is not a filter.
    #[error("RUST_LOG is not a filter: {0} (examples: debug, ro_co_server=debug)")]
    Filter(#[from] ParseError),
    /// The system provides no thread.
    #[error("cannot start the log's thread: {0}")]
    Thread(#[from] io::Error),
}

/// Keeps the log's thread; dropping it writes what is queued, for a second at most.
pub struct LogGuard(Arc<LogQueue>);

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.0.close(FLUSH_TIME);
    }
}

/// Starts logging for the whole process.
pub fn start(format: LogFormat) -> Result<LogGuard, LoggingError> {
    let filter = EnvFilter::builder().with_default_directive(Level::INFO.into());
    let filter = match env::var("RUST_LOG") {
        Ok(directives) if !directives.is_empty() => filter.parse(directives)?,
        _ => filter.parse("")?,
    };
    let queue = LogQueue::start(io::stderr())?;
    let lines = Lines(Arc::clone(QUEUE.get_or_init(|| Arc::clone(&queue))));
    let layer = fmt::layer().with_writer(lines);
    let registry = tracing_subscriber::registry().with(filter);
    match format {
        LogFormat::Text => registry.with(layer.with_ansi(wants_colour())).init(),
        LogFormat::Json => registry.with(layer.json().flatten_event(true).with_ansi(false)).init(),
    }
    Ok(LogGuard(queue))
}

/// Log lines dropped by this process so far: the queue was full, or standard error could not be written.
pub fn dropped_lines() -> u64 {
    QUEUE.get().map_or(0, |queue| queue.dropped())
}

/// Whether standard error takes colour: a terminal, unless `NO_COLOR` (<https://no-color.org>) or `TERM=dumb` says
/// otherwise.
fn wants_colour() -> bool {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    io::stderr().is_terminal() && set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb")
}

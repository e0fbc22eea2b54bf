//! The log: what went wrong where no screen shows it, in files of the state directory, one a day.
//!
//! It holds panics and what the embedded server, drafts and keyring have to say, and never a text, an email address, a
//! password or a token. Where there is nowhere to write there is no log, and nothing fails for that.

use std::{
    fmt, fs, io,
    panic::PanicHookInfo,
    path::{Path, PathBuf},
    process,
    sync::OnceLock,
};

use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::{
    EnvFilter,
    fmt::{format::Writer, time::FormatTime},
};

use crate::places::make_private;

/// Days that are kept.
const MAX_FILES: usize = 7;
/// File names: `ro-co.2026-11-27.log`.
const PREFIX: &str = "ro-co";
const SUFFIX: &str = "log";

/// How much is logged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum LogLevel {
    /// Nothing; no file is made.
    Off,
    /// Failures only.
    Error,
    /// What may need care as well.
    Warn,
    /// What is done, in broad strokes.
    #[default]
    Info,
    /// Details for a bug report.
    Debug,
    /// All there is.
    Trace,
}

impl LogLevel {
    /// Ours at this level; of other crates what may need care, for some of them log what they transport.
    fn filter(self) -> Option<EnvFilter> {
        let (ours, others) = match self {
            Self::Off => return None,
            Self::Error => ("error", "error"),
            Self::Warn => ("warn", "warn"),
            Self::Info => ("info", "warn"),
            Self::Debug => ("debug", "warn"),
            Self::Trace => ("trace", "warn"),
        };
        Some(EnvFilter::new(format!("{others},ro_co={ours},ro_co_server={ours}")))
    }
}

/// The directory of the log that this process writes.
static DIR: OnceLock<PathBuf> = OnceLock::new();

/// Where the log of a state directory lies.
pub fn dir(state: &Path) -> PathBuf {
    state.join("log")
}

/// Starts the log in this state directory, if it can be written there.
pub(crate) fn start(state: Option<&Path>, level: LogLevel) {
    let (Some(state), Some(filter)) = (state, level.filter()) else { return };
    let dir = dir(state);
    let Ok(appender) = make_private(&dir).map_err(drop).and_then(|()| appender(&dir).map_err(drop)) else {
        return;
    };
    let logging = tracing_subscriber::fmt()
        .with_writer(appender)
        .with_ansi(false)
        .with_timer(TimeAndPid)
        .with_env_filter(filter)
        .try_init();
    if logging.is_ok() && DIR.set(dir).is_ok() {
        record_panics();
        tracing::info!(version = env!("CARGO_PKG_VERSION"), "Client started");
    }
}

fn appender(dir: &Path) -> Result<RollingFileAppender, tracing_appender::rolling::InitError> {
    RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix(PREFIX)
        .filename_suffix(SUFFIX)
        .max_log_files(MAX_FILES)
        .build(dir)
}

/// Several processes write the same file.
struct TimeAndPid;

impl FormatTime for TimeAndPid {
    fn format_time(&self, out: &mut Writer<'_>) -> fmt::Result {
        write!(out, "{:.3} [{}]", jiff::Timestamp::now(), process::id())
    }
}

/// Logs panics before whatever else is done about them.
fn record_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        record(panic);
        before(panic);
    }));
}

/// Logs a panic: where it was, and its message where that is written in the program. Others may quote a text.
pub(crate) fn record(panic: &PanicHookInfo) {
    let place = panic.location().map(ToString::to_string);
    let message = panic.payload().downcast_ref::<&'static str>();
    let thread = std::thread::current().name().map(str::to_owned);
    tracing::error!(place, message, thread, "Panic");
}

/// The directory of the log that this process writes, for people.
pub(crate) fn shown_dir() -> Option<String> {
    DIR.get().map(|dir| dir.display().to_string())
}

/// A clause for error messages that names the log, if there is one.
pub(crate) fn hint() -> String {
    DIR.get().map_or_else(String::new, |dir| format!(" (log: {})", dir.display()))
}

/// The files of the log, the oldest first.
pub(crate) fn files(state: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir(state))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with(PREFIX) && path.extension().is_some_and(|suffix| suffix == SUFFIX) {
            files.push(path);
        }
    }
    // The date in the name sorts them.
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn at_most_seven_days_are_kept_and_listed_in_order() {
        let state = tempfile::tempdir().unwrap();
        let log = dir(state.path());
        make_private(&log).unwrap();
        for day in 1..=9 {
            fs::write(log.join(format!("ro-co.2025-01-0{day}.log")), "old").unwrap();
        }
        fs::write(log.join("something else"), "").unwrap();
        appender(&log).unwrap().write_all(b"new\n").unwrap();
        let files = files(state.path()).unwrap();
        assert!(files.len() <= MAX_FILES, "{files:?}");
        assert!(files.is_sorted());
        assert_eq!(fs::read_to_string(files.last().unwrap()).unwrap(), "new\n");
        assert!(log.join("something else").exists());
    }

    #[test]
    fn a_line_names_time_and_process() {
        let mut line = String::new();
        TimeAndPid.format_time(&mut Writer::new(&mut line)).unwrap();
        let (time, pid) = line.split_once(' ').unwrap();
        assert!(time.ends_with('Z') && time.len() == "2026-11-27T08:51:00.000Z".len(), "{line}");
        assert_eq!(pid, format!("[{}]", process::id()));
    }

    #[test]
    fn nowhere_to_write_is_no_failure() {
        start(Some(Path::new("/dev/null")), LogLevel::Info);
        start(None, LogLevel::Info);
        assert_eq!(hint(), "");
        files(Path::new("/dev/null")).unwrap_err();
    }
}

//! The size of the write-ahead log. SQLite's own checkpoints never wait, so readers that overlap keep the log from ever
//! being started anew; above a size the writer therefore waits for them, for a moment at a time.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rusqlite::Connection;

use super::{FILE_NAME, open::PATIENCE, running::Running};

/// When the writer waits for readers, and how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct WalLimits {
    /// Above so many bytes, for [`Self::soft_wait`].
    pub(super) soft_bytes: u64,
    pub(super) soft_wait: Duration,
    /// Above so many bytes, for [`Self::hard_wait`], and with a warning.
    pub(super) hard_bytes: u64,
    pub(super) hard_wait: Duration,
    /// At least so much time lies between two attempts.
    pub(super) interval: Duration,
}

impl Default for WalLimits {
    fn default() -> Self {
        Self {
            soft_bytes: 64 << 20,
            soft_wait: Duration::from_millis(100),
            hard_bytes: 1 << 30,
            hard_wait: Duration::from_secs(1),
            interval: Duration::from_secs(1),
        }
    }
}

/// The file of the write-ahead log.
#[derive(Clone, Debug)]
pub(super) struct WalFile(PathBuf);

impl WalFile {
    pub(super) fn of(dir: &Path) -> Self {
        Self(dir.join(format!("{FILE_NAME}-wal")))
    }

    /// Its size in bytes.
    pub(super) fn bytes(&self) -> u64 {
        fs::metadata(&self.0).map_or(0, |file| file.len())
    }
}

/// Keeps the log small, on the writer's thread.
pub(super) struct WalKeeper {
    file: WalFile,
    limits: WalLimits,
    readers: Running,
    last: Option<Instant>,
}

impl WalKeeper {
    pub(super) fn new(file: WalFile, limits: WalLimits, readers: Running) -> Self {
        Self { file, limits, readers, last: None }
    }

    /// To be called between two transactions.
    pub(super) fn after_commit(&mut self, db: &Connection) {
        let bytes = self.file.bytes();
        if bytes <= self.limits.soft_bytes
            || self.last.is_some_and(|last| last.elapsed() < self.limits.interval)
        {
            return;
        }
        let hard = bytes > self.limits.hard_bytes;
        let wait = if hard { self.limits.hard_wait } else { self.limits.soft_wait };
        match truncate(db, wait) {
            Ok(true) => tracing::debug!(bytes, "Write-ahead log truncated"),
            Ok(false) if hard => self.warn(bytes),
            Ok(false) => tracing::debug!(bytes, "Checkpoint incomplete: a reader is active"),
            Err(error) => tracing::warn!(%error, bytes, "Checkpoint failed"),
        }
        // From its end: a wait in vain must not be followed by the next at once.
        self.last = Some(Instant::now());
    }

    fn warn(&self, bytes: u64) {
        let longest = self.readers.longest();
        let (reader, seconds) = longest
            .map_or(("another program, such as a backup", None), |(name, age)| (name, Some(age.as_secs())));
        tracing::warn!(bytes, reader, seconds, "Write-ahead log cannot be truncated: a reader is active");
    }
}

/// Whether everything is in the database and the log is empty.
fn truncate(db: &Connection, wait: Duration) -> rusqlite::Result<bool> {
    db.busy_timeout(wait)?;
    let busy = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
    db.busy_timeout(PATIENCE)?;
    Ok(!busy?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::{migrate::tests::prepared, open};

    fn limits(hard_bytes: u64) -> WalLimits {
        WalLimits {
            soft_bytes: 64 << 10,
            soft_wait: Duration::from_millis(10),
            hard_bytes,
            hard_wait: Duration::from_millis(10),
            interval: Duration::ZERO,
        }
    }

    /// Some 100 kB a call.
    fn write(db: &Connection, keeper: &mut WalKeeper) {
        db.execute_batch("INSERT OR REPLACE INTO meta VALUES ('test', randomblob(100000))").unwrap();
        keeper.after_commit(db);
    }

    /// Readers that overlap: one of them always sees an old state.
    #[test]
    fn the_log_shrinks_with_the_first_write_after_the_readers() {
        let dir = tempfile::tempdir().unwrap();
        let writer = prepared(dir.path());
        let file = WalFile::of(dir.path());
        let mut keeper = WalKeeper::new(file.clone(), limits(u64::MAX), Running::default());
        let readers = [open::reader(dir.path()).unwrap(), open::reader(dir.path()).unwrap()];
        let snapshot = |db: &Connection| db.execute_batch("BEGIN; SELECT * FROM meta").unwrap();
        snapshot(&readers[0]);
        for round in 1..=10 {
            write(&writer, &mut keeper);
            snapshot(&readers[round % 2]);
            readers[(round + 1) % 2].execute_batch("COMMIT").unwrap();
        }
        assert!(file.bytes() > 500_000, "readers keep it: {}", file.bytes());
        readers[0].execute_batch("COMMIT").unwrap();
        write(&writer, &mut keeper);
        assert_eq!(file.bytes(), 0);
        let timeout: i64 = writer.pragma_query_value(None, "busy_timeout", |row| row.get(0)).unwrap();
        assert_eq!(u128::from(timeout.unsigned_abs()), PATIENCE.as_millis(), "other waits are as before");
    }

    #[test]
    fn attempts_have_an_interval_between_them() {
        let dir = tempfile::tempdir().unwrap();
        let writer = prepared(dir.path());
        let file = WalFile::of(dir.path());
        let hour = WalLimits { interval: Duration::from_hours(1), ..limits(u64::MAX) };
        let mut keeper = WalKeeper::new(file.clone(), hour, Running::default());
        write(&writer, &mut keeper);
        assert_eq!(file.bytes(), 0);
        write(&writer, &mut keeper);
        assert!(file.bytes() > 0);
    }

    #[test]
    fn a_reader_is_not_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let writer = prepared(dir.path());
        let mut keeper = WalKeeper::new(WalFile::of(dir.path()), limits(0), Running::default());
        let reader = open::reader(dir.path()).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM accounts").unwrap();
        write(&writer, &mut keeper);
        let seen: i64 = reader.query_row("SELECT count(*) FROM accounts", [], |row| row.get(0)).unwrap();
        assert_eq!(seen, 1);
    }
}

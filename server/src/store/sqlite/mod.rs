//! The embedded back end: one file, one thread that writes, a few that read.

mod accounts;
mod answers;
mod avatars;
mod backup;
mod deletion;
mod fault;
mod jobs;
mod migrate;
mod network;
mod open;
mod ownership;
#[cfg(test)]
mod plans;
mod questions;
mod readers;
mod restore;
mod running;
mod sessions;
mod slice;
mod sql;
#[cfg(test)]
mod tests;
mod wal;
mod writer;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use ro_co_shared::Timestamp;
use rusqlite::Connection;
use uuid::Uuid;

use self::{
    open::{Access, Opened, PATIENCE},
    readers::Readers,
    running::Running,
    sql::statements,
    wal::{WalFile, WalKeeper, WalLimits},
    writer::Writer,
};
use crate::{
    durations::Durations,
    store::{Result, SortKey, Store, StoreStats},
};

pub use backup::{BackupError, backup};
pub use fault::OpenError;
pub use open::{FILE_NAME, must_exist};
pub use restore::{RestoreError, restore};

statements! {
    ID_KEY = "SELECT value FROM meta WHERE name = 'id_key'";
    PING = "SELECT 1 FROM accounts WHERE id = x'00000000000000000000000000000000'";
}

/// A store in a file of SQLite's.
pub struct Sqlite {
    writer: Writer,
    readers: Readers,
    wal: WalFile,
    dir: PathBuf,
    /// Whether opening it migrated the data: then the copy made before is kept for a while.
    migrated: bool,
    id_key: [u8; 32],
    latency: Latency,
}

/// How long callers waited, by kind of operation.
#[derive(Default)]
struct Latency {
    read: Durations,
    read_aside: Durations,
    write: Durations,
}

impl Sqlite {
    /// Opens the database `ro-co.db` in a directory, and migrates its data; both are made where they are missing. For the
    /// owner of the directory ([`crate::local::Lock`]).
    pub fn open(dir: &Path) -> std::result::Result<Self, OpenError> {
        Self::open_within(dir, Access::Owner, PATIENCE)
    }

    /// Opens the database while another program owns the directory; [`OpenError::Outdated`] if its data is of an older
    /// version.
    pub fn attach(dir: &Path) -> std::result::Result<Self, OpenError> {
        Self::open_within(dir, Access::Guest, PATIENCE)
    }

    fn open_within(dir: &Path, access: Access, patience: Duration) -> std::result::Result<Self, OpenError> {
        let Opened { writer, migrated } = open::prepare(dir, access, patience)?;
        let file = dir.join(FILE_NAME);
        let id_key = ID_KEY.one(&writer, [], |row| row.get(0)).map_err(|e| OpenError::sqlite(&file, e))?;
        let id_key = id_key.ok_or(OpenError::Damaged(file))?;
        let connect = |n| (0..n).map(|_| open::reader(dir)).collect::<std::result::Result<_, _>>();
        let (quick, slow) = (connect(quick_readers())?, connect(SLOW_READERS)?);
        let (wal, running) = (WalFile::of(dir), Running::default());
        let mut keeper = WalKeeper::new(wal.clone(), WalLimits::default(), running.clone());
        let fault =
            |source: crate::store::Error| OpenError::Other { path: dir.to_owned(), source: source.into() };
        Ok(Self {
            readers: Readers::start(quick, slow, running).map_err(fault)?,
            writer: Writer::start(writer, move |db| keeper.after_commit(db))
                .map_err(|e| OpenError::io(dir, e))?,
            wal,
            dir: dir.to_owned(),
            migrated,
            latency: Latency::default(),
            id_key,
        })
    }

    /// How many groups of writes were committed since it was opened; with the number of writes, the size of a group.
    pub fn commits(&self) -> u64 {
        self.writer.commits()
    }

    /// The size of the write-ahead log (`ro-co.db-wal`) in bytes.
    pub fn wal_bytes(&self) -> u64 {
        self.wal.bytes()
    }

    async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        self.latency.write.measure(self.writer.write(work)).await
    }

    async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T> + Send + 'static,
    {
        self.latency.read.measure(self.readers.read(work)).await
    }

    /// For a query that reads a whole index.
    async fn count<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T> + Send + 'static,
    {
        self.latency.read_aside.measure(self.readers.count(work)).await
    }
}

/// How many slow queries may run at once: with two, one of them leaves a way for the others.
const SLOW_READERS: usize = 2;

/// One for each worker of the runtime, for each can ask one query at a time.
fn quick_readers() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 16)
}

/// An id as it is read from a column.
fn id(row: &rusqlite::Row<'_>, column: &str) -> rusqlite::Result<Uuid> {
    row.get::<_, [u8; 16]>(column).map(Uuid::from_bytes)
}

#[async_trait]
impl Store for Sqlite {
    fn id_key(&self) -> &[u8; 32] {
        &self.id_key
    }

    async fn ping(&self) -> Result<()> {
        self.read(|db| PING.one(db, [], |_| Ok(())).map(drop).map_err(Into::into)).await?;
        // An empty job: no write, but the way a write takes.
        self.write(|_| Ok(())).await
    }

    /// Times of creation are given in the order of the commits.
    fn resume_after(&self, last: SortKey, _: Timestamp) -> SortKey {
        last
    }

    async fn sweep(&self) -> Result<u64> {
        let (dir, all) = (self.dir.clone(), !self.migrated);
        let removed = tokio::task::spawn_blocking(move || migrate::remove_copies(&dir, all)).await;
        if let Err(error) = removed.map_err(std::io::Error::other).flatten() {
            tracing::warn!(%error, "Copies of the database not removed");
        }
        self.finish_deletions().await
    }

    fn stats(&self) -> StoreStats<'_> {
        let Latency { read, read_aside, write } = &self.latency;
        StoreStats {
            latency: vec![("read", read), ("read_aside", read_aside), ("write", write)],
            // The file is absent until the first write.
            wal_bytes: Some(
                std::fs::metadata(self.dir.join(FILE_NAME.to_owned() + "-wal")).map_or(0, |file| file.len()),
            ),
            pool: None,
        }
    }

    fn counts_can_drift(&self) -> bool {
        false
    }

    async fn recount(&self) -> Result<u64> {
        Ok(0)
    }

    async fn close(&self) {
        let mut threads = self.readers.stop();
        threads.extend(self.writer.stop());
        let joined = tokio::task::spawn_blocking(move || {
            threads.into_iter().try_for_each(std::thread::JoinHandle::join)
        });
        if !matches!(joined.await, Ok(Ok(()))) {
            tracing::error!("Database thread panicked");
        }
    }
}

//! From SQLite's errors to the store's, and why a database is not opened.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use rusqlite::{ErrorCode, ffi};

use crate::store::Error;

/// Why nothing can be asked of a store that is closed, or has too much waiting.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("the store is closed")]
    Closed,
    #[error("too much is waiting for the database")]
    Full,
    #[error("a job panicked in the database's thread")]
    Panicked,
    #[error("a thread for the database could not be started: {0}")]
    NoThread(std::io::Error),
    #[error("the group of writes was not committed: {0}")]
    NotCommitted(String),
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Panicked => Self::Broken(refused.into()),
            _ => Self::Unavailable(refused.into()),
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(code) if passes(code) => Self::Unavailable(error.into()),
            _ => Self::Broken(error.into()),
        }
    }
}

/// Whether the same call may succeed when the machine is well again.
fn passes(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::OutOfMemory
            | ErrorCode::CannotOpen
            | ErrorCode::SystemIoFailure
            | ErrorCode::ReadOnly
            | ErrorCode::OperationInterrupted
    )
}

/// Whether a row with this key is there already.
pub(super) fn is_duplicate(error: &rusqlite::Error) -> bool {
    matches!(extended(error), Some(ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY))
}

/// A row that refers to one that is missing: to the caller, that one is not found.
pub(super) fn parent_missing(error: rusqlite::Error) -> Error {
    match extended(&error) {
        Some(ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => Error::NotFound,
        _ => error.into(),
    }
}

fn extended(error: &rusqlite::Error) -> Option<i32> {
    error.sqlite_error().map(|e| e.extended_code)
}

/// Why the database was not opened; each message is one line for the person who started the program.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data directory has no database.
    #[error("there is no database in {}: name the server's directory with --data-dir", .0.display())]
    NoDatabase(PathBuf),
    /// The data directory is something else.
    #[error("{} is not a directory: name another one with --data-dir", .0.display())]
    NotADirectory(PathBuf),
    /// The data directory, or the database in it, cannot be written.
    #[error("{} is not writable for this user: change its owner or mode, or name another directory with --data-dir", .0.display())]
    NotWritable(PathBuf),
    /// The data directory lies on another machine; SQLite's write-ahead log needs memory that both ends share.
    #[error("{} is on a network file system ({kind}), where SQLite is not safe: name a local directory with --data-dir", path.display())]
    Network {
        /// The data directory.
        path: PathBuf,
        /// The name of the file system.
        kind: String,
    },
    /// The data was written by a program newer than this one.
    #[error("{} was written by a newer Ro-Co (data version {found}, this program knows {known}): update this program, or name another directory with --data-dir", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// The version of its data.
        found: i64,
        /// The newest version this program reads.
        known: i64,
    },
    /// The data has to be migrated, which only the owner of its directory may do.
    #[error("{} has data of an older version ({found}, this program knows {known}): run `ro-co-server migrate` when no other program uses it, or name another directory with --data-dir", path.display())]
    Outdated {
        /// The database.
        path: PathBuf,
        /// The version of its data.
        found: i64,
        /// The version that this program needs.
        known: i64,
    },
    /// The disk has no space for the copy that is made before a migration.
    #[error("{} must be copied before its data is migrated, which needs {needed} MiB of disk space where {available} MiB are free: free some space, or name another directory with --data-dir", path.display())]
    NoSpaceForCopy {
        /// The database.
        path: PathBuf,
        /// Needed, in MiB.
        needed: u64,
        /// Free for this user, in MiB.
        available: u64,
    },
    /// A migration would leave references to rows that do not exist, and was rolled back.
    #[error("{} cannot be migrated, its table {table} refers to rows that are missing: restore a backup with `ro-co-server restore FILE`, or name another directory with --data-dir", path.display())]
    Dangling {
        /// The database.
        path: PathBuf,
        /// The table with such a row.
        table: String,
    },
    /// A backup that was copied beside the log of another database.
    #[error("{} is a backup, and the {}-wal beside it belongs to another database: run `ro-co-server restore FILE` with the backup, or name another directory with --data-dir", .0.display(), super::FILE_NAME)]
    ForeignLog(PathBuf),
    /// A file that was named is missing.
    #[error("there is no file {}", .0.display())]
    NoFile(PathBuf),
    /// The file is no database, or a damaged one.
    #[error("{} is damaged or not a Ro-Co database: restore a backup with `ro-co-server restore FILE`, or name another directory with --data-dir", .0.display())]
    Damaged(PathBuf),
    /// No space is left.
    #[error("the disk of {} is full: free some space, or name another directory with --data-dir", .0.display())]
    Full(PathBuf),
    /// Another program keeps the database locked.
    #[error("{} is locked by another program: stop that program, or name another directory with --data-dir", .0.display())]
    Locked(PathBuf),
    /// Anything else.
    #[error("{} cannot be opened ({source}): check it, or name another directory with --data-dir", path.display())]
    Other {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl OpenError {
    pub(super) fn io(path: &Path, error: io::Error) -> Self {
        let path = path.to_owned();
        match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Self::NotWritable(path),
            ErrorKind::NotADirectory => Self::NotADirectory(path),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full(path),
            _ => Self::Other { path, source: error.into() },
        }
    }

    pub(super) fn sqlite(path: &Path, error: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked(path),
            Some(ErrorCode::DiskFull) => Self::Full(path),
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Self::Damaged(path),
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                Self::NotWritable(path)
            }
            _ => Self::Other { path, source: error.into() },
        }
    }
}

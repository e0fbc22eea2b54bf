//! From SQLite's errors to the store's.

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

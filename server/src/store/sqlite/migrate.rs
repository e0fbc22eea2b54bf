//! Bringing the data up to date. A shipped migration is never edited; a new one is added at the end.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::open::OpenError;

/// All of them, oldest first; the data's version (`PRAGMA user_version`) is how many were done.
const MIGRATIONS: &[&str] = &[include_str!("../../../migrations/sqlite/0001_begin.sql")];

/// What SQLite keeps in the header of our files (`RoCo`), by which they are told from others'.
const APPLICATION: i64 = 0x526f_436f;

/// Refuses the data of a newer program and a database that is not ours.
pub(super) fn check(db: &Connection, file: &Path) -> Result<usize, OpenError> {
    // One moment for all three numbers: another program may be migrating between two reads.
    let _snapshot = if db.is_autocommit() {
        Some(db.unchecked_transaction().map_err(|e| OpenError::sqlite(file, e))?)
    } else {
        None
    };
    let number =
        |sql| db.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(|e| OpenError::sqlite(file, e));
    let found = number("PRAGMA user_version")?;
    let known = version(MIGRATIONS.len());
    let ours = number("PRAGMA application_id")? == APPLICATION;
    let empty = found == 0 && number("SELECT count(*) FROM sqlite_schema")? == 0;
    if !(ours || empty) {
        return Err(OpenError::Damaged(file.to_owned()));
    }
    if found > known {
        return Err(OpenError::Newer { path: file.to_owned(), found, known });
    }
    usize::try_from(found).map_err(|_| OpenError::Damaged(file.to_owned()))
}

/// Does what is missing, in one transaction; of two programs that start at once, the second finds it done.
pub(super) fn run(db: &mut Connection, file: &Path) -> Result<(), OpenError> {
    let fault = |e| OpenError::sqlite(file, e);
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
    let done = check(&change, file)?;
    for (i, migration) in MIGRATIONS.iter().enumerate().skip(done) {
        change.execute_batch(migration).map_err(fault)?;
        change.pragma_update(None, "user_version", version(i + 1)).map_err(fault)?;
    }
    change.commit().map_err(fault)
}

/// A number of migrations as SQLite keeps it.
fn version(done: usize) -> i64 {
    i64::try_from(done).unwrap_or(i64::MAX)
}

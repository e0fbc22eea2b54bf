//! Bringing the data up to date. A shipped migration is never edited; a new one is added at the end.
//!
//! Only the holder of the data directory's lock migrates. Foreign keys are off meanwhile, for with them the rebuilding of a
//! table would delete the rows that refer to it; they are checked before each commit instead. Triggers that name a table to be
//! rebuilt are dropped first.

mod copy;
mod keys;
#[cfg(test)]
pub(super) mod tests;

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::fault::OpenError;
use crate::keys::random;

pub(super) use copy::remove_copies;

/// One version of the data from the version before.
struct Migration {
    /// Changes the schema.
    sql: &'static str,
    /// Fills in what SQL cannot compute.
    fill: fn(&Connection) -> rusqlite::Result<()>,
}

/// All of them, oldest first; the data's version (`PRAGMA user_version`) is how many were applied.
const MIGRATIONS: &[Migration] = &[
    Migration { sql: include_str!("../../../../migrations/sqlite/0001_begin.sql"), fill: |_| Ok(()) },
    Migration { sql: include_str!("../../../../migrations/sqlite/0002_foundations.sql"), fill: make_id_key },
];

/// What SQLite keeps in the header of our files (`RoCo`), by which they are told from others'.
const APPLICATION: i64 = 0x526f_436f;

/// The version of the data. That of a newer program is refused, as is a database that is not ours.
pub(super) fn check(db: &Connection, file: &Path) -> Result<usize, OpenError> {
    check_known(db, file, MIGRATIONS.len())
}

fn check_known(db: &Connection, file: &Path, known: usize) -> Result<usize, OpenError> {
    // One snapshot for all three numbers: another program may be migrating between two reads.
    let _snapshot = if db.is_autocommit() {
        Some(db.unchecked_transaction().map_err(|e| OpenError::sqlite(file, e))?)
    } else {
        None
    };
    let number =
        |sql| db.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(|e| OpenError::sqlite(file, e));
    let found = number("PRAGMA user_version")?;
    let known = version(known);
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

/// Refuses data of another version than this program's, for those who may not migrate.
pub(super) fn must_be_current(db: &Connection, file: &Path) -> Result<(), OpenError> {
    let (found, known) = (version(check(db, file)?), version(MIGRATIONS.len()));
    if found == known { Ok(()) } else { Err(OpenError::Outdated { path: file.to_owned(), found, known }) }
}

/// Applies what is missing, after a copy of the data beside the file; whether there was any data to migrate. A program
/// that starts at the same moment finds it done.
pub(super) fn run(db: &mut Connection, file: &Path) -> Result<bool, OpenError> {
    let migrated = migrate(db, file, MIGRATIONS)?;
    keys::update(db).map_err(|e| OpenError::sqlite(file, e))?;
    Ok(migrated)
}

fn migrate(db: &mut Connection, file: &Path, migrations: &[Migration]) -> Result<bool, OpenError> {
    let done = check_known(db, file, migrations.len())?;
    if done == migrations.len() {
        return Ok(false);
    }
    let copy = if done > 0 { copy::keep(db, file, version(done))? } else { None };
    let foreign_keys = |db: &Connection, on: bool| {
        db.pragma_update(None, "foreign_keys", on).map_err(|e| OpenError::sqlite(file, e))
    };
    foreign_keys(db, false)?;
    let applied = (done..migrations.len()).try_for_each(|next| apply(db, file, migrations, next));
    if applied.is_err()
        && let Some(copy) = &copy
        && check_known(db, file, migrations.len()).is_ok_and(|now| now == done)
    {
        // The data is as it was.
        copy::discard(copy);
    }
    applied?;
    foreign_keys(db, true)?;
    if let Some(copy) = &copy {
        tracing::info!(from = done, to = migrations.len(), copy = %copy.display(), "Database migrated");
    }
    Ok(copy.is_some())
}

/// Applies the migration with this index, unless another program has done it meanwhile.
fn apply(db: &mut Connection, file: &Path, migrations: &[Migration], next: usize) -> Result<(), OpenError> {
    let fault = |e| OpenError::sqlite(file, e);
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
    if check_known(&change, file, migrations.len())? > next {
        return Ok(());
    }
    let Migration { sql, fill } = &migrations[next];
    change.execute_batch(sql).map_err(fault)?;
    fill(&change).map_err(fault)?;
    if let Some(table) = dangling(&change).map_err(fault)? {
        return Err(OpenError::Dangling { path: file.to_owned(), table });
    }
    change.pragma_update(None, "user_version", version(next + 1)).map_err(fault)?;
    change.commit().map_err(fault)
}

/// The first table with a row that refers to a missing one.
fn dangling(change: &Transaction<'_>) -> rusqlite::Result<Option<String>> {
    let mut check = change.prepare("PRAGMA foreign_key_check")?;
    let mut rows = check.query([])?;
    rows.next()?.map(|row| row.get(0)).transpose()
}

fn make_id_key(db: &Connection) -> rusqlite::Result<()> {
    let no_randomness = || rusqlite::Error::ToSqlConversionFailure("the system gives no random bytes".into());
    let key = random::<32>().ok_or_else(no_randomness)?;
    db.execute("INSERT INTO meta (name, value) VALUES ('id_key', ?1)", [key]).map(drop)
}

/// A number of migrations as SQLite keeps it.
fn version(applied: usize) -> i64 {
    i64::try_from(applied).unwrap_or(i64::MAX)
}

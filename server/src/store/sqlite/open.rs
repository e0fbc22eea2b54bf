//! Opening: everything that can be wrong with a directory or a file, told in one line that says what to do.

use std::{
    fs::{DirBuilder, OpenOptions},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};

use super::{fault::OpenError, migrate, network, restore, wal::WalFile};

/// The name of the database in the data directory.
pub const FILE_NAME: &str = "ro-co.db";

/// How long to wait for a lock held by another program on the same file.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// What may be done to data of an older version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Access {
    /// Migrate it: the caller owns the data directory.
    Owner,
    /// Nothing: another program owns the directory.
    Guest,
}

/// An opened database.
pub(super) struct Opened {
    /// The connection that writes.
    pub(super) writer: Connection,
    /// Whether there was data of an older version.
    pub(super) migrated: bool,
}

/// Makes the directory (0700) and the file (0600) where they are missing, and brings the data up to date.
pub(super) fn prepare(dir: &Path, access: Access, patience: Duration) -> Result<Opened, OpenError> {
    make_directory(dir)?;
    if let Some(kind) = network::kind_of(dir).map_err(|e| OpenError::io(dir, e))? {
        return Err(OpenError::Network { path: dir.to_owned(), kind });
    }
    let file = dir.join(FILE_NAME);
    let log = WalFile::of(dir);
    let marked = access == Access::Owner && restore::is_marked(&file);
    // Before SQLite looks at the log.
    restore::check_log(&file, &log, marked)?;
    make_file(dir, &file)?;
    let crashed = access == Access::Owner && log.bytes() > 0;
    let fault = |e| OpenError::sqlite(&file, e);
    let mut db = open_file(&file).map_err(fault)?;
    if crashed {
        restore::check_after_crash(&db, &file)?;
    }
    set_up(&db, patience).map_err(fault)?;
    // Before anything is written: the data of a newer program is left as it is.
    migrate::check(&db, &file)?;
    if access == Access::Guest {
        migrate::must_be_current(&db, &file)?;
    }
    if marked {
        restore::unmark(&db).map_err(fault)?;
    }
    write_ahead(&db, patience).map_err(fault)?;
    let migrated = access == Access::Owner && migrate::run(&mut db, &file)?;
    Ok(Opened { writer: db, migrated })
}

/// For commands that work on what a server has kept: a mistyped directory must not become a new database.
pub fn must_exist(dir: &Path) -> Result<(), OpenError> {
    if dir.join(FILE_NAME).is_file() { Ok(()) } else { Err(OpenError::NoDatabase(dir.to_owned())) }
}

/// Another connection to the same file, for reading only.
pub(super) fn reader(dir: &Path) -> Result<Connection, OpenError> {
    let file = dir.join(FILE_NAME);
    connect(&file, PATIENCE)
        .and_then(|db| db.pragma_update(None, "query_only", true).map(|()| db))
        .map_err(|e| OpenError::sqlite(&file, e))
}

/// A connection to copy from, which changes nothing: data of a newer program and other people's files are refused.
pub(super) fn source(dir: &Path) -> Result<Connection, OpenError> {
    let file = dir.join(FILE_NAME);
    restore::check_log(&file, &WalFile::of(dir), restore::is_marked(&file))?;
    let db = connect(&file, PATIENCE).map_err(|e| OpenError::sqlite(&file, e))?;
    migrate::check(&db, &file).map(|_| db)
}

fn make_directory(dir: &Path) -> Result<(), OpenError> {
    match DirBuilder::new().recursive(true).mode(0o700).create(dir) {
        Err(_) if dir.exists() && !dir.is_dir() => Err(OpenError::NotADirectory(dir.to_owned())),
        made => made.map_err(|e| OpenError::io(dir, e)),
    }
}

/// SQLite gives the files beside the database the mode of the database.
fn make_file(dir: &Path, file: &Path) -> Result<(), OpenError> {
    match OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(file) {
        Ok(_) => Ok(()),
        Err(error) => Err(OpenError::io(if file.exists() { file } else { dir }, error)),
    }
}

fn connect(file: &Path, patience: Duration) -> rusqlite::Result<Connection> {
    let db = open_file(file)?;
    set_up(&db, patience)?;
    Ok(db)
}

fn open_file(file: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

fn set_up(db: &Connection, patience: Duration) -> rusqlite::Result<()> {
    db.busy_timeout(patience)?;
    db.set_prepared_statement_cache_capacity(128);
    // Plans never depend on the values bound. Without this SQLite looks at those of LIMIT and OFFSET, and for that
    // parses the statement again at each call: a list of 10 takes three times as long.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    db.pragma_update(None, "trusted_schema", false)?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.pragma_update(None, "synchronous", "FULL")?;
    // KiB, negative by SQLite's convention; taken as pages are read. No mmap: a failing disk would be a signal, not an error.
    db.pragma_update(None, "cache_size", -4096)?;
    // Pages. The log is folded in by the writer; a big transaction's log is cut back to so many bytes afterwards.
    db.pragma_update(None, "wal_autocheckpoint", 1000)?;
    db.pragma_update(None, "journal_size_limit", 16 << 20)?;
    Ok(())
}

/// Two programs that turn a new file to write-ahead logging at once may meet a lock for which SQLite does not wait.
fn write_ahead(db: &Connection, patience: Duration) -> rusqlite::Result<()> {
    let start = Instant::now();
    loop {
        match db.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0)) {
            Err(e)
                if e.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && start.elapsed() < patience =>
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            other => return other.map(drop),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::ErrorKind, os::unix::fs::PermissionsExt};

    use super::*;
    use crate::store::sqlite::Sqlite;

    fn prepared(dir: &Path) -> Connection {
        prepare(dir, Access::Owner, PATIENCE).unwrap().writer
    }

    fn refused(dir: &Path) -> OpenError {
        let error = Sqlite::open_within(dir, Access::Owner, Duration::from_millis(50)).err().unwrap();
        let line = error.to_string();
        assert!(!line.contains('\n') && line.contains("--data-dir"), "{line}");
        assert!(line.contains(&*dir.to_string_lossy()), "it names the place: {line}");
        error
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn makes_what_is_missing_for_this_user_only() {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("a/b");
        let store = Sqlite::open(&dir).unwrap();
        assert_eq!(mode(&dir), 0o700);
        for file in fs::read_dir(&dir).unwrap() {
            assert_eq!(mode(&file.unwrap().path()), 0o600);
        }
        assert!(dir.join("ro-co.db-wal").exists());
        drop(store);
    }

    #[test]
    fn every_connection_is_set_up() {
        let dir = tempfile::tempdir().unwrap();
        let number =
            |db: &Connection, name| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
        let writer = prepared(dir.path());
        let reader = reader(dir.path()).unwrap();
        for (db, query_only) in [(&writer, 0), (&reader, 1)] {
            let names = ["foreign_keys", "trusted_schema", "synchronous", "busy_timeout", "query_only"];
            assert_eq!(names.map(|name| number(db, name)), [1, 0, 2, 5000, query_only]);
            let journal: String = db.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
            assert_eq!(journal, "wal");
        }
        assert!(reader.execute("DELETE FROM sessions", []).is_err());
    }

    #[test]
    fn a_file_in_the_place_of_the_directory() {
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("data");
        fs::write(&file, "").unwrap();
        assert!(matches!(refused(&file), OpenError::NotADirectory(_)));
        assert!(matches!(refused(&file.join("deeper")), OpenError::NotADirectory(_)));
    }

    #[test]
    fn a_directory_that_cannot_be_written() {
        // Not even the superuser makes files there.
        let system = Path::new("/sys/kernel");
        if system.is_dir() {
            assert!(matches!(refused(system), OpenError::NotWritable(_)));
        }
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("data");
        fs::create_dir(&dir).unwrap();
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o500)).unwrap();
        if !rustix::process::geteuid().is_root() {
            assert!(matches!(refused(&dir), OpenError::NotWritable(_)));
            assert!(matches!(refused(&dir.join("deeper")), OpenError::NotWritable(_)));
        }
    }

    #[test]
    fn data_of_a_newer_program_is_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        drop(prepared(dir.path()));
        let file = dir.path().join(FILE_NAME);
        let db = Connection::open(&file).unwrap();
        db.pragma_update(None, "user_version", 99).unwrap();
        db.pragma_update(None, "journal_mode", "DELETE").unwrap();
        drop(db);
        let before = fs::read(&file).unwrap();
        assert!(matches!(refused(dir.path()), OpenError::Newer { found: 99, known: 2, .. }));
        assert!(fs::read(&file).unwrap() == before);
    }

    #[test]
    fn files_that_are_no_database_or_not_ours() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(FILE_NAME);
        let garbage = "Not a database, but long enough to be taken for one. ".repeat(100);
        fs::write(&file, &garbage).unwrap();
        assert!(matches!(refused(dir.path()), OpenError::Damaged(_)));
        assert_eq!(fs::read_to_string(&file).unwrap(), garbage, "what it is stays as it is");

        fs::remove_file(&file).unwrap();
        Connection::open(&file).unwrap().execute_batch("CREATE TABLE accounts (name TEXT)").unwrap();
        assert!(matches!(refused(dir.path()), OpenError::Damaged(_)));

        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        refused(dir.path());
    }

    #[test]
    fn a_damaged_database() {
        let dir = tempfile::tempdir().unwrap();
        drop(prepared(dir.path()));
        let file = dir.path().join(FILE_NAME);
        let mut bytes = fs::read(&file).unwrap();
        bytes[100..4096].fill(0xee);
        fs::write(&file, &bytes).unwrap();
        assert!(matches!(refused(dir.path()), OpenError::Damaged(_)));
    }

    #[test]
    fn a_lock_of_another_program() {
        let dir = tempfile::tempdir().unwrap();
        drop(prepared(dir.path()));
        let other = Connection::open(dir.path().join(FILE_NAME)).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        assert!(matches!(refused(dir.path()), OpenError::Locked(_)));
        other.execute_batch("ROLLBACK; PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; COMMIT").unwrap();
        drop(other);
        prepared(dir.path());
    }

    #[test]
    fn a_full_disk_is_told_apart() {
        let path = Path::new("/data");
        let full =
            rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL), None);
        assert!(matches!(OpenError::sqlite(path, full), OpenError::Full(_)));
        assert!(matches!(OpenError::io(path, ErrorKind::StorageFull.into()), OpenError::Full(_)));
    }

    #[test]
    fn four_may_open_a_new_directory_at_once() {
        for _ in 0..10 {
            let dir = tempfile::tempdir().unwrap();
            std::thread::scope(|scope| {
                let opened: Vec<_> = (0..4).map(|_| scope.spawn(|| drop(prepared(dir.path())))).collect();
                for one in opened {
                    one.join().unwrap();
                }
            });
        }
    }
}

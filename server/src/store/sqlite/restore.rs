//! Putting a backup in the place of the database, and recognising one that was put there by hand.
//!
//! SQLite's write-ahead log names no database: a log that lies beside a file it does not belong to is applied all the same, and
//! damages it. A backup therefore carries a marker, which the first open removes before there is a log.

use std::{
    fmt::Write,
    fs, io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::{FILE_NAME, backup::Part, fault::OpenError, migrate, wal::WalFile};
use crate::local;

/// Above so many bytes a database is not checked at the start: it would take too long.
const MAX_CHECKED_BYTES: u64 = 1 << 30;

/// Why nothing was restored; each message is one line for the person who asked for it.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// A server uses the database.
    #[error("{} is in use by a server{}: stop it first, or name another directory with --data-dir", dir.display(), owner.map(|owner| format!(" at http://{owner}")).unwrap_or_default())]
    InUse {
        /// The data directory.
        dir: PathBuf,
        /// Where its owner listens.
        owner: Option<std::net::SocketAddr>,
    },
    /// The directory cannot be claimed.
    #[error(transparent)]
    Local(#[from] local::DataDirError),
    /// The backup cannot be read, or is of a newer program.
    #[error(transparent)]
    Backup(#[from] OpenError),
    /// The backup is not sound.
    #[error("{} is damaged ({finding}): name another backup", path.display())]
    Damaged {
        /// The backup.
        path: PathBuf,
        /// The first thing that SQLite's check found.
        finding: String,
    },
    /// It is the database itself.
    #[error("{} is the database itself: name a backup", .0.display())]
    Itself(PathBuf),
    /// The data directory cannot be written.
    #[error("{} cannot be written ({source}); the database is as it was", path.display())]
    Target {
        /// The file.
        path: PathBuf,
        /// What the system or SQLite said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Puts the backup `from` in the place of the database in `dir`, after a check of all of it. Returns the name under which
/// the database that was there is kept. An interruption leaves the old database, or the restored one.
pub fn restore(dir: &Path, from: &Path) -> Result<Option<PathBuf>, RestoreError> {
    let Some(_lock) = local::try_claim(dir)? else {
        return Err(RestoreError::InUse { dir: dir.to_owned(), owner: local::published(dir) });
    };
    let target = dir.join(FILE_NAME);
    if let (Ok(one), Ok(other)) = (from.canonicalize(), target.canonicalize())
        && one == other
    {
        return Err(RestoreError::Itself(one));
    }
    let db = checked(from)?;
    let fault = |source: Box<dyn std::error::Error + Send + Sync>| RestoreError::Target {
        path: target.clone(),
        source,
    };
    let part = Part::beside(&target).map_err(|e| fault(e.into()))?;
    db.execute("VACUUM INTO ?1", [part.path().to_string_lossy()]).map_err(|e| fault(e.into()))?;
    mark(part.path()).map_err(|e| fault(e.into()))?;
    let kept = keep(&target).map_err(|e| fault(e.into()))?;
    // From here on the marker beside the old log keeps a server from starting, until the log is removed.
    part.replace(&target).map_err(|e| fault(e.into()))?;
    for suffix in ["-wal", "-shm"] {
        remove(&beside(&target, suffix)).map_err(|e| fault(e.into()))?;
    }
    Ok(kept)
}

/// A sound database of this program's, opened for reading.
fn checked(file: &Path) -> Result<Connection, RestoreError> {
    let fault = |e| OpenError::sqlite(file, e);
    if !file.is_file() {
        return Err(OpenError::NoFile(file.to_owned()).into());
    }
    // Without a log beside it nothing has to be written, not even in a directory that cannot be.
    let options = if beside(file, "-wal").exists() { "mode=ro" } else { "immutable=1" };
    let db = open_uri(file, options).map_err(fault)?;
    migrate::check(&db, file)?;
    let finding: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(fault)?;
    let finding = finding.replace('\n', " ");
    if finding == "ok" { Ok(db) } else { Err(RestoreError::Damaged { path: file.to_owned(), finding }) }
}

/// Gives the old database, with its log, a second name.
fn keep(target: &Path) -> io::Result<Option<PathBuf>> {
    if !target.exists() {
        return Ok(None);
    }
    let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S%3fZ");
    let kept = target.with_file_name(format!("{FILE_NAME}.replaced-{time}"));
    for suffix in ["-wal", ""] {
        let (from, to) = (beside(target, suffix), beside(&kept, suffix));
        if from.exists() {
            // Some file systems have no links.
            fs::hard_link(&from, &to).or_else(|_| fs::copy(&from, &to).map(drop))?;
        }
    }
    Ok(Some(kept))
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Marks a finished copy as one. Data of a version without the table for it has no marker.
pub(super) fn mark(copy: &Path) -> rusqlite::Result<()> {
    let db = Connection::open(copy)?;
    if db.table_exists(None, "meta")? {
        let now = ro_co_shared::Timestamp::now().0.to_string().into_bytes();
        db.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('backup', ?1)", [now])?;
    }
    Ok(())
}

/// Whether the file is a marked copy that was never opened; what lies beside it is not looked at.
pub(super) fn is_marked(file: &Path) -> bool {
    let count = "SELECT count(*) FROM meta WHERE name = 'backup'";
    open_uri(file, "immutable=1")
        .and_then(|db| db.query_row(count, [], |row| row.get::<_, i64>(0)))
        .is_ok_and(|markers| markers > 0)
}

/// Makes a marked copy an ordinary database, before there is a log.
pub(super) fn unmark(db: &Connection) -> rusqlite::Result<()> {
    db.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    db.execute("DELETE FROM meta WHERE name = 'backup'", []).map(drop)
}

/// Refuses a log that does not belong to the file beside it.
pub(super) fn check_log(file: &Path, log: &WalFile, marked: bool) -> Result<(), OpenError> {
    if marked && log.bytes() > 0 { Err(OpenError::ForeignLog(file.to_owned())) } else { Ok(()) }
}

/// Checks a database whose last user did not close it. A damaged one is left as it is, its log not applied.
pub(super) fn check_after_crash(db: &Connection, file: &Path) -> Result<(), OpenError> {
    let fault = |e| OpenError::sqlite(file, e);
    if fs::metadata(file).map_err(|e| OpenError::io(file, e))?.len() > MAX_CHECKED_BYTES {
        return Ok(());
    }
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(fault)?;
    let finding: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(fault)?;
    if finding != "ok" {
        tracing::error!(finding, "Database is damaged");
        return Err(OpenError::Damaged(file.to_owned()));
    }
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map(drop).map_err(fault)
}

/// Opens for reading, with options of SQLite's URIs.
fn open_uri(file: &Path, options: &str) -> rusqlite::Result<Connection> {
    let mut uri = String::from("file:");
    for byte in file.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(format!("{uri}?{options}"), flags)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{
        Questions, Store,
        make::{asked, newest, user},
        sqlite::{Sqlite, backup},
    };

    async fn titles(dir: &Path) -> Vec<String> {
        let store = Sqlite::open(dir).unwrap();
        let list = store.questions(newest(100)).await.unwrap();
        store.close().await;
        list.into_iter().map(|question| question.text.title.into_string()).collect()
    }

    /// A directory as after a kill, with a backup of an earlier moment beside it.
    async fn killed() -> (tempfile::TempDir, tempfile::TempDir, PathBuf) {
        let running = tempfile::tempdir().unwrap();
        let store = Sqlite::open(running.path()).unwrap();
        let ada = user(&store, "ada").await;
        asked(&store, ada, "before", 0).await;
        store.close().await;
        let store = Sqlite::open(running.path()).unwrap();
        let copies = tempfile::tempdir().unwrap();
        let copy = copies.path().join("copy of %?#.db");
        backup(running.path(), &copy).unwrap();
        asked(&store, ada, "after", 1).await;
        let dir = tempfile::tempdir().unwrap();
        for name in [FILE_NAME, "ro-co.db-wal"] {
            fs::copy(running.path().join(name), dir.path().join(name)).unwrap();
        }
        store.close().await;
        (dir, copies, copy)
    }

    #[tokio::test]
    async fn a_backup_copied_beside_another_log_is_refused_and_restored() {
        let (dir, _copies, copy) = killed().await;
        let file = dir.path().join(FILE_NAME);
        fs::copy(&copy, &file).unwrap();
        let before = fs::read(&file).unwrap();
        let refused = Sqlite::open(dir.path()).err().unwrap();
        assert!(
            matches!(refused, OpenError::ForeignLog(_)) && refused.to_string().contains("restore"),
            "{refused}"
        );
        assert!(before == fs::read(&file).unwrap(), "it is as it was");

        let kept = restore(dir.path(), &copy).unwrap().unwrap();
        assert!(kept.exists() && beside(&kept, "-wal").exists());
        assert_eq!(titles(dir.path()).await, ["before"]);
        assert_eq!(titles(dir.path()).await, ["before"], "an ordinary database from then on");
    }

    #[tokio::test]
    async fn a_backup_alone_is_opened_by_copying_it() {
        let (_, _copies, copy) = killed().await;
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(FILE_NAME);
        fs::copy(&copy, &file).unwrap();
        assert!(is_marked(&file));
        let store = Sqlite::open(dir.path()).unwrap();
        assert!(!is_marked(&file));
        user(&store, "bob").await;
        // A kill at any moment from then on has a log that belongs to the file.
        assert!(!is_marked(&file) && store.wal_bytes() > 0);
        store.close().await;
    }

    #[tokio::test]
    async fn the_database_that_was_there_is_kept_with_its_last_writes() {
        let (dir, _copies, copy) = killed().await;
        let kept = restore(dir.path(), &copy).unwrap().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        for suffix in ["", "-wal"] {
            fs::copy(beside(&kept, suffix), beside(&elsewhere.path().join(FILE_NAME), suffix)).unwrap();
        }
        assert_eq!(titles(elsewhere.path()).await, ["after", "before"]);
        assert_eq!(titles(dir.path()).await, ["before"]);
    }

    #[tokio::test]
    async fn nothing_is_touched_when_it_cannot_be_restored() {
        let (dir, copies, copy) = killed().await;
        let lock = local::try_claim(dir.path()).unwrap().unwrap();
        lock.publish("127.0.0.1:8123".parse().unwrap()).unwrap();
        let refused = restore(dir.path(), &copy).unwrap_err().to_string();
        assert!(refused.contains("http://127.0.0.1:8123"), "{refused}");
        drop(lock);

        let damaged = copies.path().join("damaged.db");
        let mut bytes = fs::read(&copy).unwrap();
        let last_page = bytes.len() - 4096;
        bytes[last_page..last_page + 100].fill(0xee);
        fs::write(&damaged, bytes).unwrap();
        let text = copies.path().join("text");
        fs::write(&text, "Not a database. ".repeat(100)).unwrap();
        let missing = copies.path().join("missing");
        for file in [&damaged, &text, &missing, &dir.path().join(FILE_NAME)] {
            let refused = restore(dir.path(), file).unwrap_err().to_string();
            assert!(!refused.contains('\n') && refused.contains(&*file.to_string_lossy()), "{refused}");
        }
        assert_eq!(titles(dir.path()).await, ["after", "before"]);
    }

    #[tokio::test]
    async fn a_damaged_database_is_left_as_it_is_after_a_crash() {
        let (dir, ..) = killed().await;
        let file = dir.path().join(FILE_NAME);
        let mut bytes = fs::read(&file).unwrap();
        // A page that the log does not have in a newer version.
        let page = bytes.len() - 2 * 4096;
        bytes[page..page + 100].fill(0xee);
        fs::write(&file, &bytes).unwrap();
        assert!(matches!(Sqlite::open(dir.path()).err(), Some(OpenError::Damaged(_))));
        assert!(bytes == fs::read(&file).unwrap(), "the log was not applied");
        assert!(dir.path().join("ro-co.db-wal").exists());
    }
}

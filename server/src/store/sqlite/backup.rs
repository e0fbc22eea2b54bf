//! A copy of the database while a server runs on it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::{fault::OpenError, open, restore};

/// Why there is no copy; each message is one line for the person who asked for it.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Nothing is ever overwritten.
    #[error("{} is there already: name another file", .0.display())]
    Exists(PathBuf),
    /// The database cannot be read.
    #[error(transparent)]
    Source(#[from] OpenError),
    /// The copy cannot be written.
    #[error("{} cannot be written ({source}): name another file", path.display())]
    Target {
        /// The copy.
        path: PathBuf,
        /// What the system or SQLite said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Copies the database in `dir` to the new file `target` (0600), as it is at one moment. The copy is a database to open like
/// any other, without what was deleted; writers go on meanwhile. `target` is there complete, or not at all.
pub fn backup(dir: &Path, target: &Path) -> Result<(), BackupError> {
    open::must_exist(dir)?;
    if target.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(target.to_owned()));
    }
    let db = open::source(dir)?;
    let fault = |source: Box<dyn std::error::Error + Send + Sync>| BackupError::Target {
        path: target.to_owned(),
        source,
    };
    let part = Part::beside(target).map_err(|e| fault(e.into()))?;
    // One read transaction from beginning to end: the backup API would start again with each write of the server.
    db.execute("VACUUM INTO ?1", [part.0.to_string_lossy()]).map_err(|e| fault(e.into()))?;
    restore::mark(part.path()).map_err(|e| fault(e.into()))?;
    match part.finish(target) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(BackupError::Exists(target.to_owned())),
        done => done.map_err(|e| fault(e.into())),
    }
}

/// The unfinished copy; removed again if it is not finished.
pub(super) struct Part(PathBuf);

impl Part {
    /// A new, empty file (0600) in the directory of `target`.
    pub(super) fn beside(target: &Path) -> io::Result<Self> {
        let name = target.file_name().ok_or(ErrorKind::InvalidFilename)?;
        let mut part = std::ffi::OsString::from(".");
        part.push(name);
        part.push(format!(".{}.part", uuid::Uuid::now_v7()));
        let path = target.with_file_name(part);
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Gives it its name, which must not be taken.
    fn finish(self, target: &Path) -> io::Result<()> {
        self.rename(target, rename_new)
    }

    /// Gives it its name, in the place of a file that has it.
    pub(super) fn replace(self, target: &Path) -> io::Result<()> {
        self.rename(target, |from, to| fs::rename(from, to))
    }

    fn rename(self, target: &Path, rename: fn(&Path, &Path) -> io::Result<()>) -> io::Result<()> {
        File::open(&self.0)?.sync_all()?;
        rename(&self.0, target)?;
        let directory = target.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(directory)?.sync_all()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // After it was renamed there is nothing to remove.
        drop(fs::remove_file(&self.0));
    }
}

/// Renames unless there is such a file by now; some file systems can only rename over it.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::{
        fs::{CWD, RenameFlags, renameat_with},
        io::Errno,
    };
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS) => fs::rename(from, to),
        done => Ok(done?),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::fs::PermissionsExt,
        sync::{
            Arc,
            atomic::{AtomicBool, AtomicU32, Ordering},
        },
    };

    use rusqlite::Connection;

    use super::{super::FILE_NAME, *};
    use crate::store::{
        Questions, Store,
        make::{asked, newest, user},
        sqlite::Sqlite,
    };

    #[tokio::test(flavor = "multi_thread")]
    async fn is_one_moment_of_a_server_that_writes_on() {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(Sqlite::open(dir.path()).unwrap());
        let ada = user(&*store, "ada").await;
        let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let writing = tokio::spawn({
            let (store, stop, written) = (Arc::clone(&store), Arc::clone(&stop), Arc::clone(&written));
            async move {
                while !stop.load(Ordering::Relaxed) {
                    let number = written.load(Ordering::Relaxed);
                    asked(&*store, ada, &number.to_string(), number.into()).await;
                    written.store(number + 1, Ordering::Relaxed);
                }
            }
        });
        for copy in 0..5 {
            while written.load(Ordering::Relaxed) < 20 * (copy + 1) {
                tokio::task::yield_now().await;
            }
            let (from, to) = (dir.path().to_owned(), dir.path().join(format!("copy-{copy}.db")));
            let before = written.load(Ordering::Relaxed);
            tokio::task::spawn_blocking(move || backup(&from, &to)).await.unwrap().unwrap();
            let after = written.load(Ordering::Relaxed);
            check(&dir.path().join(format!("copy-{copy}.db")), before, after).await;
        }
        stop.store(true, Ordering::Relaxed);
        writing.await.unwrap();
        store.close().await;
    }

    /// The copy holds the first questions without a gap, as many as there were at some moment between the two.
    async fn check(copy: &Path, before: u32, after: u32) {
        assert_eq!(fs::metadata(copy).unwrap().permissions().mode() & 0o777, 0o600);
        let verdict: String = Connection::open(copy)
            .unwrap()
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(verdict, "ok");

        let dir = tempfile::tempdir().unwrap();
        fs::copy(copy, dir.path().join(FILE_NAME)).unwrap();
        let store = Sqlite::open(dir.path()).unwrap();
        let kept = store.questions(newest(100_000)).await.unwrap();
        let count = u32::try_from(kept.len()).unwrap();
        // The one more is a write that was on the disk before the test had counted it.
        assert!((before..=after + 1).contains(&count), "{before} <= {count} <= {after} + 1");
        assert_eq!(kept[0].text.title.as_str(), (count - 1).to_string());
        store.close().await;
    }

    #[tokio::test]
    async fn overwrites_nothing_and_leaves_nothing_half_done() {
        let dir = tempfile::tempdir().unwrap();
        let empty = tempfile::tempdir().unwrap();
        let there = empty.path().join("there");
        fs::write(&there, "precious").unwrap();

        assert!(matches!(backup(dir.path(), &there), Err(BackupError::Source(OpenError::NoDatabase(_)))));
        drop(Sqlite::open(dir.path()).unwrap());
        assert!(matches!(backup(dir.path(), &there), Err(BackupError::Exists(_))));
        let nowhere = empty.path().join("missing/copy.db");
        assert!(matches!(backup(dir.path(), &nowhere), Err(BackupError::Target { .. })));
        assert!(matches!(backup(dir.path(), Path::new("/")), Err(BackupError::Exists(_))));

        // Somebody else was faster.
        let part = Part::beside(&there).unwrap();
        assert_eq!(part.finish(&there).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&there).unwrap(), "precious");
        assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 1, "no parts are left");
    }
}

//! The copy of the database that is kept beside it when its data is brought up to date, for those who have to go back.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use rusqlite::Connection;

use crate::store::sqlite::{FILE_NAME, backup::Part, fault::OpenError, restore};

/// How long a copy is kept by a server that goes on running.
const MAX_AGE: Duration = Duration::from_hours(7 * 24);

/// Disk space that has to be left beside the copy, for the write-ahead log of the migration.
const RESERVE: u64 = 4 << 20;

/// Copies the database to `ro-co.db.before-vN`, where `N` is the version after `found`, in the place of a copy that an
/// interrupted migration left. On return it is on the disk. `None` if another program has migrated the data meanwhile.
pub(super) fn keep(db: &Connection, file: &Path, found: i64) -> Result<Option<PathBuf>, OpenError> {
    must_fit(db, file)?;
    let target = file.with_file_name(format!("{FILE_NAME}.before-v{}", found + 1));
    let (io_fault, fault) = (|e| OpenError::io(file, e), |e| OpenError::sqlite(file, e));
    let part = Part::beside(&target).map_err(io_fault)?;
    db.execute("VACUUM INTO ?1", [part.path().to_string_lossy()]).map_err(fault)?;
    // Versions only grow: if it is the same now, it was when the copy was made.
    let now: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(fault)?;
    if now != found {
        return Ok(None);
    }
    restore::mark(part.path()).map_err(fault)?;
    part.replace(&target).map_err(io_fault)?;
    Ok(Some(target))
}

/// Refuses to begin what the disk has no space for.
fn must_fit(db: &Connection, file: &Path) -> Result<(), OpenError> {
    let fault = |e| OpenError::sqlite(file, e);
    let number = |name| {
        db.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map(i64::unsigned_abs).map_err(fault)
    };
    let pages = number("page_count")?.saturating_sub(number("freelist_count")?);
    let needed = pages.saturating_mul(number("page_size")?).saturating_add(RESERVE);
    let disk = rustix::fs::statvfs(file).map_err(|e| OpenError::io(file, e.into()))?;
    let available = disk.f_bavail.saturating_mul(disk.f_frsize);
    if available >= needed {
        return Ok(());
    }
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    Err(OpenError::NoSpaceForCopy { path: file.to_owned(), needed: mib(needed), available: available >> 20 })
}

/// Removes a copy that is of no use.
pub(super) fn discard(copy: &Path) {
    if let Err(error) = fs::remove_file(copy) {
        tracing::warn!(%error, copy = %copy.display(), "Copy of the database not removed");
    }
}

/// Removes the copies beside the database, and what interrupted ones left: all of them, or those that are older than a
/// week. To be called by the owner of the directory once its server runs.
pub(in crate::store::sqlite) fn remove_copies(dir: &Path, all: bool) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let old = || entry.metadata().and_then(|it| it.modified()).is_ok_and(is_old);
        if is_copy(&entry.file_name()) && (all || old()) {
            fs::remove_file(entry.path())?;
            tracing::info!(copy = %entry.path().display(), "Copy of the database removed");
        }
    }
    Ok(())
}

fn is_old(modified: SystemTime) -> bool {
    SystemTime::now().duration_since(modified).is_ok_and(|age| age > MAX_AGE)
}

/// Whether this is the name of a copy, finished or not.
fn is_copy(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    let unfinished = name.strip_prefix('.').and_then(|rest| rest.strip_suffix(".part"));
    let rest =
        unfinished.unwrap_or(name).strip_prefix(FILE_NAME).and_then(|rest| rest.strip_prefix(".before-v"));
    rest.is_some_and(|rest| {
        let version = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        version.len() < rest.len() && (version.is_empty() || unfinished.is_some() && version.starts_with('.'))
    })
}

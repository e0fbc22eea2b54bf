//! Who may read and write the server's files.
//!
//! What lies in the data directory is the server's own: it is never reached through a link, belongs to the server's
//! user and is for nobody else. Files that the operator names (`--secret-file`, `--tls-key`) may be links, and may
//! belong to root.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, ErrorKind, Read},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::{fs::OFlags, io::Errno, process::geteuid};
use zeroize::Zeroizing;

/// Names in the data directory that start so are the server's.
const OWN: [&str; 3] = ["ro-co.db", "server.", "secret.key"];
/// Maximum bytes of a file with secrets or keys.
const MAX_SECRET_BYTES: usize = 64 << 10;

/// Why a file or directory is not safe to use. Each text is one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Other users may write to the directory, and so replace what is in it.
    #[error("{0} is writable by other users: chmod go-w {0}, or choose another --data-dir")]
    WritableDirectory(PathBuf),
    /// The file or directory belongs to another user.
    #[error("{0} belongs to another user (uid {1}): chown it to the user that runs the server (uid {2})")]
    Foreign(PathBuf, u32, u32),
    /// A link where a file is expected.
    #[error(
        "{0} is a symbolic link, and files in the data directory are never followed: replace it by the file"
    )]
    Link(PathBuf),
    /// A directory, socket or the like where a file is expected.
    #[error("{0} is not a regular file")]
    NotAFile(PathBuf),
    /// Other users may read a secret.
    #[error("{0} is readable by other users: chmod 600 {0}")]
    Exposed(PathBuf),
    /// The system refuses.
    #[error("cannot use {0}: {1}")]
    Io(PathBuf, #[source] io::Error),
}

impl FileError {
    /// Whether the file does not exist.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io(_, error) if error.kind() == ErrorKind::NotFound)
    }
}

/// Creates the data directory for this user alone if it is missing; of one that is there it checks who may write.
pub fn prepare_directory(dir: &Path) -> Result<(), FileError> {
    let io = |error| FileError::Io(dir.into(), error);
    if !dir.try_exists().map_err(io)? {
        return DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io);
    }
    let metadata = fs::metadata(dir).map_err(io)?;
    if !metadata.is_dir() {
        return Err(io(ErrorKind::NotADirectory.into()));
    }
    if !is_ours(metadata.uid()) && metadata.uid() != 0 {
        return Err(foreign(dir, metadata.uid()));
    }
    if metadata.mode() & 0o022 == 0 { Ok(()) } else { Err(FileError::WritableDirectory(dir.into())) }
}

/// Warns of a data directory that other users may look into. Its files are private all the same.
pub fn warn_if_readable(dir: &Path) {
    if let Some(metadata) = fs::metadata(dir).ok().filter(|metadata| metadata.mode() & 0o044 != 0) {
        let mode = octal(metadata.mode());
        tracing::warn!(dir = %dir.display(), %mode, "Data directory is readable by other users");
    }
}

/// Makes all of the server's own files in its data directory private to this user.
pub fn tighten(dir: &Path) -> Result<(), FileError> {
    for entry in fs::read_dir(dir).map_err(|error| FileError::Io(dir.into(), error))? {
        let entry = entry.map_err(|error| FileError::Io(dir.into(), error))?;
        if OWN.iter().any(|own| entry.file_name().as_encoded_bytes().starts_with(own.as_bytes())) {
            match open_own(&entry.path()) {
                // SQLite removes its journals when the last connection closes.
                Err(error) if error.is_missing() => {}
                opened => drop(opened?),
            }
        }
    }
    Ok(())
}

/// Opens one of the server's own files for reading, which is made private to this user by the same descriptor.
pub fn open_own(path: &Path) -> Result<File, FileError> {
    let io = |error| FileError::Io(path.into(), error);
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let file = opened.map_err(|error| match error.raw_os_error() {
        Some(code) if code == Errno::LOOP.raw_os_error() => FileError::Link(path.into()),
        _ => io(error),
    })?;
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() {
        return Err(FileError::NotAFile(path.into()));
    }
    if !is_ours(metadata.uid()) {
        return Err(foreign(path, metadata.uid()));
    }
    if metadata.mode() & 0o177 != 0 {
        file.set_permissions(Permissions::from_mode(0o600)).map_err(io)?;
        tracing::warn!(file = %path.display(), mode = %octal(metadata.mode()), "File permissions tightened to 600");
    }
    Ok(file)
}

/// Opens a secret that the operator names. It may be a link. It belongs to this user and is for nobody else, or it
/// belongs to root and is readable for a group at most.
pub fn open_secret(path: &Path) -> Result<File, FileError> {
    let io = |error| FileError::Io(path.into(), error);
    let file = File::open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    // A pipe is fine: shells pass secrets so.
    if metadata.is_dir() {
        return Err(FileError::NotAFile(path.into()));
    }
    let exposed = match metadata.uid() {
        uid if is_ours(uid) => 0o077,
        0 => 0o037,
        uid => return Err(foreign(path, uid)),
    };
    if metadata.mode() & exposed != 0 { Err(FileError::Exposed(path.into())) } else { Ok(file) }
}

/// All of a secret file, of less than 64 KiB.
pub fn read_secret(file: &File, path: &Path) -> Result<Zeroizing<String>, FileError> {
    let io = |error| FileError::Io(path.into(), error);
    // Large enough from the start: growing would leave copies of the secret behind.
    let mut text = Zeroizing::new(String::with_capacity(MAX_SECRET_BYTES));
    let limit = MAX_SECRET_BYTES as u64;
    if file.take(limit).read_to_string(&mut text).map_err(io)? == MAX_SECRET_BYTES {
        return Err(io(ErrorKind::FileTooLarge.into()));
    }
    Ok(text)
}

fn is_ours(uid: u32) -> bool {
    uid == geteuid().as_raw()
}

fn foreign(path: &Path, uid: u32) -> FileError {
    FileError::Foreign(path.into(), uid, geteuid().as_raw())
}

fn octal(mode: u32) -> String {
    format!("{:o}", mode & 0o7777)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_new_directory_is_private_and_an_existing_one_is_never_changed() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("deep/inside");
        prepare_directory(&dir).unwrap();
        assert_eq!(mode(&dir), 0o700);
        for (bits, usable) in [(0o755, true), (0o750, true), (0o770, false), (0o702, false), (0o1777, false)]
        {
            chmod(&dir, bits);
            let prepared = prepare_directory(&dir);
            assert_eq!(prepared.is_ok(), usable, "{bits:o}: {prepared:?}");
            assert_eq!(mode(&dir), bits & 0o777, "{bits:o}");
        }
    }

    #[test]
    fn own_files_are_tightened_and_others_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let own = ["ro-co.db", "ro-co.db-wal", "ro-co.db-shm", "server.lock", "server.address", "secret.key"];
        for name in own.into_iter().chain(["notes.txt"]) {
            fs::write(path(name), "").unwrap();
            chmod(&path(name), 0o666);
        }
        tighten(dir.path()).unwrap();
        assert_eq!(own.map(|name| mode(&path(name))), [0o600; 6]);
        assert_eq!(mode(&path("notes.txt")), 0o666);
    }

    #[test]
    fn links_and_directories_in_place_of_own_files_are_refused() {
        let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let victim = elsewhere.path().join("victim");
        fs::write(&victim, "").unwrap();
        chmod(&victim, 0o644);
        let link = dir.path().join("ro-co.db-wal");
        symlink(&victim, &link).unwrap();
        assert!(matches!(tighten(dir.path()), Err(FileError::Link(path)) if path == link));
        assert_eq!(mode(&victim), 0o644, "what the link leads to is left alone");
        fs::remove_file(&link).unwrap();
        fs::create_dir(dir.path().join("server.owner")).unwrap();
        assert!(matches!(tighten(dir.path()), Err(FileError::NotAFile(_))));
    }

    #[test]
    fn secrets_are_followed_through_links_and_refused_when_others_may_read_them() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&file, "a secret").unwrap();
        symlink(&file, &link).unwrap();
        for (bits, usable) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            chmod(&file, bits);
            assert_eq!(open_secret(&link).is_ok(), usable, "{bits:o}");
        }
        chmod(&file, 0o600);
        assert_eq!(*read_secret(&open_secret(&link).unwrap(), &link).unwrap(), "a secret");
        fs::write(&file, "x".repeat(64 << 10)).unwrap();
        assert!(read_secret(&open_secret(&file).unwrap(), &file).is_err(), "too large");
    }
}

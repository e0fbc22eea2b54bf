//! The token in a file, for those who ask for it: not encrypted, readable by its owner only.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::PathBuf,
};

use rustix::fs::OFlags;
use secrecy::SecretString;

use crate::{
    clean::Clean,
    places::{make_private, replace},
};

/// Longer than any token of this server (4096 characters at most).
const MAX_FILE_BYTES: u64 = 8192;

pub(super) struct TokenFile {
    path: PathBuf,
}

impl TokenFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The token in it; the error is a line for the user.
    pub(super) fn read(&self) -> Result<Option<SecretString>, Clean> {
        let no_follow = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let opened =
            OpenOptions::new().read(true).custom_flags(no_follow.bits().cast_signed()).open(&self.path);
        let file = match opened {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) if e.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
                return Err(self.refuse("is a symbolic link"));
            }
            Err(e) => return Err(self.refuse(&format!("cannot be read: {e}"))),
        };
        self.check(&file)?;
        let mut token = String::new();
        file.take(MAX_FILE_BYTES)
            .read_to_string(&mut token)
            .map_err(|e| self.refuse(&format!("cannot be read: {e}")))?;
        let token = token.trim();
        Ok((!token.is_empty()).then(|| SecretString::from(token)))
    }

    /// Of the open file, not of the path, which may be another one by now.
    fn check(&self, file: &File) -> Result<(), Clean> {
        let meta = file.metadata().map_err(|e| self.refuse(&format!("cannot be read: {e}")))?;
        if !meta.is_file() {
            return Err(self.refuse("is no file"));
        }
        if meta.uid() != rustix::process::geteuid().as_raw() {
            return Err(self.refuse("belongs to somebody else"));
        }
        if meta.mode() & 0o077 != 0 {
            return Err(self.refuse("can be read by others (chmod 600 it, or sign in again)"));
        }
        Ok(())
    }

    /// Replaces it at once or not at all.
    pub(super) fn write(&self, token: Option<&str>) -> Result<(), Clean> {
        let written = match token {
            Some(token) => self
                .path
                .parent()
                .map_or(Ok(()), make_private)
                .and_then(|()| replace(&self.path, token.as_bytes())),
            None => match fs::remove_file(&self.path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
                _ => Ok(()),
            },
        };
        written.map_err(|e| self.refuse(&format!("cannot be written: {e}")))
    }

    fn refuse(&self, why: &str) -> Clean {
        Clean::line(&format!("{} {why}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use secrecy::ExposeSecret;

    use super::*;

    fn file() -> (tempfile::TempDir, TokenFile) {
        let dir = tempfile::tempdir().unwrap();
        let file = TokenFile::new(dir.path().join("ro-co").join("token-local"));
        (dir, file)
    }

    #[test]
    fn comes_back_as_written_and_only_the_owner_can_read_it() {
        let (_dir, file) = file();
        assert!(file.read().unwrap().is_none());
        file.write(Some("first")).unwrap();
        file.write(Some("second")).unwrap();
        assert_eq!(file.read().unwrap().unwrap().expose_secret(), "second");
        assert_eq!(fs::metadata(&file.path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(file.path.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
        assert_eq!(
            fs::read_dir(file.path.parent().unwrap()).unwrap().count(),
            1,
            "no temporary file is left"
        );
        file.write(None).unwrap();
        file.write(None).unwrap();
        assert!(file.read().unwrap().is_none());
    }

    #[test]
    fn refused_when_others_can_read_it_and_mended_by_the_next_write() {
        let (_dir, file) = file();
        file.write(Some("token")).unwrap();
        for mode in [0o640, 0o604, 0o620, 0o666] {
            fs::set_permissions(&file.path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(file.read().unwrap_err().as_str().contains("by others"), "{mode:o}");
        }
        file.write(Some("token")).unwrap();
        assert!(file.read().unwrap().is_some());
    }

    #[test]
    fn a_link_is_neither_followed_nor_written_through() {
        let (dir, file) = file();
        let bait = dir.path().join("bait");
        fs::write(&bait, "planted").unwrap();
        fs::set_permissions(&bait, fs::Permissions::from_mode(0o600)).unwrap();
        fs::create_dir(file.path.parent().unwrap()).unwrap();
        symlink(&bait, &file.path).unwrap();
        assert!(file.read().unwrap_err().as_str().contains("symbolic link"));
        file.write(Some("mine")).unwrap();
        assert_eq!(fs::read_to_string(&bait).unwrap(), "planted");
        assert_eq!(file.read().unwrap().unwrap().expose_secret(), "mine");
    }

    #[test]
    fn what_is_no_file_is_refused_at_once() {
        let (_dir, file) = file();
        fs::create_dir_all(&file.path).unwrap();
        assert!(file.read().unwrap_err().as_str().contains("is no file"));
        file.write(Some("token")).unwrap_err();
    }

    #[test]
    fn what_belongs_to_somebody_else_is_refused() {
        if !rustix::process::geteuid().is_root() {
            return; // Only root can give a file away.
        }
        let (_dir, file) = file();
        file.write(Some("token")).unwrap();
        std::os::unix::fs::chown(&file.path, Some(1), None).unwrap();
        assert!(file.read().unwrap_err().as_str().contains("somebody else"));
    }
}

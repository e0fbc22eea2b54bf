//! The master secret: where it comes from, and the keys made of it.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use aws_lc_rs::{hkdf, rand};
use base64::{Engine, prelude::BASE64_STANDARD};
use zeroize::Zeroizing;

/// At least this many bytes of secret are demanded, before base64.
const MIN_BYTES: usize = 32;

/// One master secret.
pub struct Secret(Zeroizing<Vec<u8>>);

/// Why there is no usable secret. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is not base64, or too short, or there is none.
    #[error(
        "{0}: expected one secret a line, each base64 of at least 32 random bytes (make one: head -c 32 /dev/urandom | base64)"
    )]
    Malformed(String),
    /// Others may read the file.
    #[error("the secret file {0} is readable by others: chmod 600 {0}")]
    Exposed(PathBuf),
    /// The file cannot be read or made.
    #[error(
        "the secret file {0} cannot be used: {1} (let this user read it, or name another with --secret-file)"
    )]
    Io(PathBuf, #[source] io::Error),
    /// The system gave no randomness.
    #[error("the system's random number generator failed")]
    Random,
}

impl Secret {
    /// A key of 32 bytes for one purpose (HKDF-SHA256; the purpose is the info).
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"ro-co");
        // 32 bytes are one block of HKDF-SHA256: neither step can refuse them.
        let _ = salt
            .extract(&self.0)
            .expand(&[purpose.as_bytes()], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(key.as_mut()));
        key
    }

    /// Reads secrets from text, one a line; the first is the active one, the others verify only.
    pub fn parse(text: &str, source: &str) -> Result<Vec<Self>, Error> {
        let secrets: Vec<Self> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| {
                BASE64_STANDARD.decode(line).ok().filter(|s| s.len() >= MIN_BYTES).map(|s| Self(s.into()))
            })
            .collect::<Option<_>>()
            .ok_or_else(|| Error::Malformed(source.into()))?;
        if secrets.is_empty() { Err(Error::Malformed(source.into())) } else { Ok(secrets) }
    }

    /// Reads a secret file, which nobody else may read.
    pub fn read(path: &Path) -> Result<Vec<Self>, Error> {
        let io = |e| Error::Io(path.into(), e);
        if fs::metadata(path).map_err(io)?.permissions().mode() & 0o077 != 0 {
            return Err(Error::Exposed(path.into()));
        }
        Self::parse(&Zeroizing::new(fs::read_to_string(path).map_err(io)?), &path.display().to_string())
    }

    /// Reads the secret file of a data directory, or makes it at the first start. Of several servers that start
    /// at once one makes it and the others read what it made.
    pub fn read_or_make(dir: &Path) -> Result<Vec<Self>, Error> {
        let path = dir.join("secret.key");
        match Self::read(&path) {
            Err(Error::Io(_, e)) if e.kind() == io::ErrorKind::NotFound => {}
            known => return known,
        }
        let mut bytes = Zeroizing::new([0; MIN_BYTES]);
        rand::fill(bytes.as_mut()).map_err(|_| Error::Random)?;
        publish(dir, &path, &Zeroizing::new(BASE64_STANDARD.encode(*bytes)))
            .map_err(|e| Error::Io(path.clone(), e))?;
        Self::read(&path)
    }
}

/// Writes the file whole or not at all: a link to a finished temporary file fails if somebody was first.
fn publish(dir: &Path, path: &Path, line: &str) -> io::Result<()> {
    let temporary = dir.join(format!("secret.key.{}", uuid::Uuid::now_v7()));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    writeln!(file, "{line}")?;
    file.sync_all()?;
    let linked = fs::hard_link(&temporary, path);
    fs::remove_file(&temporary)?;
    fs::File::open(dir)?.sync_all()?;
    match linked {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_once_private_and_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let first = Secret::read_or_make(dir.path()).unwrap();
        let again = Secret::read_or_make(dir.path()).unwrap();
        assert_eq!(*first[0].derive("x"), *again[0].derive("x"));
        assert_ne!(*first[0].derive("x"), *first[0].derive("y"));
        let mode = fs::metadata(dir.path().join("secret.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn servers_that_start_at_once_agree() {
        let dir = tempfile::tempdir().unwrap();
        let keys: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| *Secret::read_or_make(dir.path()).unwrap()[0].derive("x")))
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert!(keys.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn a_file_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        Secret::read_or_make(dir.path()).unwrap();
        let path = dir.path().join("secret.key");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Secret::read(&path), Err(Error::Exposed(_))));
    }

    #[test]
    fn short_odd_and_missing_secrets_are_refused() {
        for bad in ["", "# only a comment\n", "c2hvcnQ=", "not base64 at all, though long enough to be one"] {
            assert!(Secret::parse(bad, "test").is_err(), "{bad:?}");
        }
    }
}

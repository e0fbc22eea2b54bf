//! The master secret: its sources, and the keys derived from it.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use aws_lc_rs::{hkdf, rand};
use base64::{Engine, prelude::BASE64_STANDARD};
use zeroize::Zeroizing;

use crate::files::{self, FileError};

/// Minimum length of a secret, before base64.
const MIN_BYTES: usize = 32;
/// Minimum number of different bytes among the first 32. Random ones have 30 on average, and fewer than 16 practically
/// never; repeated characters and words have fewer.
const MIN_DISTINCT_BYTES: usize = 16;

/// One master secret.
pub struct Secret(Zeroizing<Vec<u8>>);

/// Why there is no usable secret. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Not base64, too short, or empty.
    #[error(
        "{0}: expected one secret a line, each base64 of at least 32 random bytes (make one: head -c 32 /dev/urandom | base64)"
    )]
    Malformed(String),
    /// Too few different bytes to be random.
    #[error("{0}: the secret is not random (make one: head -c 32 /dev/urandom | base64)")]
    NotRandom(String),
    /// The file is not safe to use, or cannot be read or created.
    #[error("{0} (or choose another secret with --secret-file)")]
    File(#[from] FileError),
    /// The system's random number generator failed.
    #[error("the system's random number generator failed")]
    Random,
}

impl Secret {
    /// A key of 32 bytes for one purpose (HKDF-SHA256; the purpose is the info).
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"ro-co");
        // 32 bytes are one block of HKDF-SHA256: neither step can fail.
        let _ = salt
            .extract(&self.0)
            .expand(&[purpose.as_bytes()], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(key.as_mut()));
        key
    }

    /// Parses secrets, one a line; the first one signs, all verify.
    pub fn parse(text: &str, source: &str) -> Result<Vec<Self>, SecretError> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let secrets: Vec<Self> = lines.map(|line| Self::decode(line, source)).collect::<Result<_, _>>()?;
        if secrets.is_empty() { Err(SecretError::Malformed(source.into())) } else { Ok(secrets) }
    }

    fn decode(line: &str, source: &str) -> Result<Self, SecretError> {
        let bytes = BASE64_STANDARD.decode(line).ok().map(Zeroizing::new);
        let bytes = bytes.ok_or_else(|| SecretError::Malformed(source.into()))?;
        let first = bytes.get(..MIN_BYTES).ok_or_else(|| SecretError::Malformed(source.into()))?;
        if first.iter().collect::<BTreeSet<_>>().len() < MIN_DISTINCT_BYTES {
            return Err(SecretError::NotRandom(source.into()));
        }
        Ok(Self(bytes))
    }

    /// Reads a secret file that the operator named, which other users must not be able to read.
    pub fn read(path: &Path) -> Result<Vec<Self>, SecretError> {
        Self::parse_file(&files::open_secret(path)?, path)
    }

    /// Reads the secret file of a data directory, or creates it at the first start. If several servers start
    /// at once, one creates it and the others read it.
    pub fn read_or_make(dir: &Path) -> Result<Vec<Self>, SecretError> {
        let path = dir.join("secret.key");
        match files::open_own(&path) {
            Err(error) if error.is_missing() => {}
            opened => return Self::parse_file(&opened?, &path),
        }
        let mut bytes = Zeroizing::new([0; MIN_BYTES]);
        rand::fill(bytes.as_mut()).map_err(|_| SecretError::Random)?;
        publish(dir, &path, &Zeroizing::new(BASE64_STANDARD.encode(*bytes)))
            .map_err(|error| FileError::Io(path.clone(), error))?;
        Self::parse_file(&files::open_own(&path)?, &path)
    }

    fn parse_file(file: &File, path: &Path) -> Result<Vec<Self>, SecretError> {
        Self::parse(&files::read_secret(file, path)?, &path.display().to_string())
    }
}

/// Creates the file atomically: linking a complete temporary file fails if another process was first.
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
    use std::os::unix::fs::{PermissionsExt, symlink};

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
    fn a_file_others_may_read_is_refused_as_a_secret_file_and_tightened_in_the_data_directory() {
        let dir = tempfile::tempdir().unwrap();
        Secret::read_or_make(dir.path()).unwrap();
        let path = dir.path().join("secret.key");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Secret::read(&path), Err(SecretError::File(FileError::Exposed(_)))));
        Secret::read_or_make(dir.path()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        Secret::read(&path).unwrap();
    }

    #[test]
    fn a_link_is_followed_to_a_secret_file_only() {
        let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        Secret::read_or_make(elsewhere.path()).unwrap();
        let link = dir.path().join("secret.key");
        symlink(elsewhere.path().join("secret.key"), &link).unwrap();
        Secret::read(&link).unwrap();
        let error = Secret::read_or_make(dir.path()).err().unwrap();
        assert!(matches!(error, SecretError::File(FileError::Link(_))), "{error}");
    }

    #[test]
    fn short_odd_missing_and_repetitive_secrets_are_refused() {
        for bad in ["", "# only a comment\n", "c2hvcnQ=", "not base64 at all, though long enough to be one"] {
            assert!(matches!(Secret::parse(bad, "test"), Err(SecretError::Malformed(_))), "{bad:?}");
        }
        for bad in [
            [b'a'; 40].as_slice(),
            b"correct horse correct horse correct",
            b"0123456789abcde0123456789abcde01",
        ] {
            let error = Secret::parse(&BASE64_STANDARD.encode(bad), "test").err();
            assert!(matches!(error, Some(SecretError::NotRandom(_))), "{bad:?}");
        }
    }
}

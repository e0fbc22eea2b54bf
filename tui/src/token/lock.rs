//! The lock between processes that refresh the stored token.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// A refresh takes 15 s at most; who holds the lock longer is stopped or dead to the world. The server then still
/// tells a repeat from a theft for a while, so going on is safer than hanging.
const LOCK_TIMEOUT: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The right to spend the token, as far as it could be had; dropping it gives it back.
#[derive(Debug)]
pub struct SessionLock {
    /// Held, not used: the lock lives as long as the open file.
    _file: Option<File>,
}

impl SessionLock {
    /// Waits for the lock on this file, off the async threads. Without a file, or where it cannot be made, there is
    /// no process to exclude.
    pub(super) async fn take(path: Option<PathBuf>) -> Self {
        let Some(path) = path else { return Self { _file: None } };
        let locked = tokio::task::spawn_blocking(move || lock(&path, LOCK_TIMEOUT)).await;
        let file = match locked {
            Ok(Ok(file)) => Some(file),
            Ok(Err(error)) => {
                tracing::warn!(%error, "Session lock not available: processes may refresh at the same time");
                None
            }
            Err(_) => None,
        };
        Self { _file: file }
    }
}

fn lock(path: &Path, patience: Duration) -> io::Result<File> {
    if let Some(dir) = path.parent() {
        crate::places::make_private(dir)?;
    }
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if start.elapsed() >= patience => {
                return Err(io::Error::other("another process holds the session's lock"));
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(POLL_INTERVAL),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_never_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state").join("session.lock");
        let first = lock(&path, Duration::ZERO).unwrap();
        lock(&path, Duration::from_millis(50)).unwrap_err();
        drop(first);
        lock(&path, Duration::ZERO).unwrap();
    }

    #[tokio::test]
    async fn a_place_that_cannot_be_made_keeps_nobody_out() {
        let lock = SessionLock::take(Some("/dev/null/session.lock".into())).await;
        let SessionLock { _file: file } = lock;
        assert!(file.is_none());
    }
}

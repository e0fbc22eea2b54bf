//! Ownership of a data directory, and a port for its server: two programs on one machine never open the same files.
//!
//! The owner holds an operating system lock on `server.lock`; the kernel releases it when the owner exits, in whatever
//! way, so a lock is never stale. The owner's socket address is in a file of its own, because on some systems a locked
//! file cannot be read.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::OFlags;
use tokio::{net::TcpListener, time};

use crate::{
    files::{self, FileError},
    listen::reachable,
};

const LOCK: &str = "server.lock";
const ADDRESS: &str = "server.address";
/// Process id and version of the owner, in a file of its own: earlier releases parse the other one whole.
const OWNER: &str = "server.owner";

/// How long an owner may take from its claim to publishing its socket address.
const PUBLISH_TIME: Duration = Duration::from_secs(2);
/// Polling interval meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How many ports after the preferred one are tried.
const NEXT_PORTS: u16 = 100;

/// Who owns a data directory.
#[derive(Debug)]
pub enum Claim {
    /// The caller, while it holds the lock.
    Mine(Lock),
    /// Another program, which serves it at this socket address. It may have been killed just now:
    /// if nothing responds there, claim again.
    Theirs(SocketAddr),
}

/// Ownership of a data directory; dropping it releases the directory.
#[derive(Debug)]
pub struct Lock {
    /// Open while the lock is held.
    _file: File,
    address: PathBuf,
    owner: PathBuf,
}

/// The program that serves a data directory, as it said of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Owner {
    /// Its process id.
    pub pid: u32,
    /// Its version.
    pub version: String,
}

impl Owner {
    /// The owner of a data directory, if it said who it is: releases before this file did not.
    pub fn of(dir: &Path) -> Option<Self> {
        let text = fs::read_to_string(dir.join(OWNER)).ok()?;
        let (pid, version) = text.trim_end().split_once(' ')?;
        Some(Self { pid: pid.parse().ok()?, version: version.to_owned() })
    }

    /// Whether the process is stopped (Ctrl-Z): its port still takes connections that nobody answers. `false` where
    /// the system does not say.
    pub fn is_stopped(&self) -> bool {
        // The state follows the name, which is in parentheses and may hold any character.
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['T', 't']))
    }
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// It, or a file in it, is not safe to use.
    #[error("the data directory cannot be used: {0}")]
    File(#[from] FileError),
    /// It cannot be created or written to.
    #[error("cannot use the data directory {}: {source} (choose another one with --data-dir)", path.display())]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Its owner does not publish its socket address.
    #[error(
        "another program has locked the data directory {} but has not published where it listens \
         (end it, or choose another directory with --data-dir)", path.display()
    )]
    Silent {
        /// The directory.
        path: PathBuf,
    },
}

/// Claims a data directory, which is created if missing. When its owner has not published its socket address
/// yet, this waits for up to two seconds, and takes over if the owner exits meanwhile.
pub async fn claim(dir: &Path) -> Result<Claim, DataDirError> {
    let start = time::Instant::now();
    loop {
        if let Some(lock) = try_claim(dir)? {
            return Ok(Claim::Mine(lock));
        }
        if let Some(address) = published(dir) {
            return Ok(Claim::Theirs(address));
        }
        if start.elapsed() >= PUBLISH_TIME {
            return Err(DataDirError::Silent { path: dir.into() });
        }
        time::sleep(LOOK_AGAIN).await;
    }
}

/// Claims a data directory, which is created if missing, unless another program owns it.
pub fn try_claim(dir: &Path) -> Result<Option<Lock>, DataDirError> {
    files::prepare_directory(dir).map_err(|error| match error {
        FileError::Io(path, source) => DataDirError::Unusable { path, source },
        unsafe_to_use => unsafe_to_use.into(),
    })?;
    let lock = Lock::take(dir).map_err(|source| DataDirError::Unusable { path: dir.into(), source })?;
    if lock.is_some() {
        files::tighten(dir)?;
    }
    Ok(lock)
}

/// Options for files that only their owner may read, and that are not reached through links.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).write(true).mode(0o600).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    options
}

impl Lock {
    /// The lock, unless another program holds it.
    fn take(dir: &Path) -> io::Result<Option<Self>> {
        let file = private().truncate(false).open(dir.join(LOCK))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let lock = Self { _file: file, address: dir.join(ADDRESS), owner: dir.join(OWNER) };
        lock.withdraw()?;
        let owner = format!("{} {}\n", std::process::id(), env!("CARGO_PKG_VERSION"));
        replace(&lock.owner, owner.as_bytes())?;
        Ok(Some(lock))
    }

    /// Publishes the owner's socket address; call it once the server listens.
    pub fn publish(&self, address: SocketAddr) -> io::Result<()> {
        replace(&self.address, reachable(address).to_string().as_bytes())
    }

    fn withdraw(&self) -> io::Result<()> {
        for file in [&self.address, &self.owner] {
            match fs::remove_file(file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Writes a file and renames it into place, so that no reader sees a partial file.
fn replace(file: &Path, content: &[u8]) -> io::Result<()> {
    let mut draft = file.as_os_str().to_owned();
    draft.push(".new");
    private().truncate(true).open(&draft)?.write_all(content)?;
    fs::rename(draft, file)
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Err(error) = self.withdraw() {
            tracing::debug!(%error, "Removing server.address failed; the next owner removes it");
        }
    }
}

/// The socket address that the owner published, if complete.
pub(crate) fn published(dir: &Path) -> Option<SocketAddr> {
    fs::read_to_string(dir.join(ADDRESS)).ok()?.parse().ok()
}

/// Binds the preferred socket address; if its port is in use the next free one of the hundred after it, and
/// if all are in use any free port.
pub async fn bind(preferred: SocketAddr) -> io::Result<TcpListener> {
    let first = preferred.port();
    let next = (first > 0).then(|| first..=first.saturating_add(NEXT_PORTS));
    for port in next.into_iter().flatten() {
        match TcpListener::bind((preferred.ip(), port)).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            bound => return bound,
        }
    }
    TcpListener::bind((preferred.ip(), 0)).await
}

#[cfg(test)]
mod tests {
    use std::{
        env,
        io::{BufRead, BufReader, Read},
        net::Ipv4Addr,
        process::{Command, Stdio},
    };

    use super::*;

    const DIR: &str = "ROCO_TEST_OWN_DIR";

    fn address(port: u16) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, port).into()
    }

    async fn mine(dir: &Path) -> Lock {
        match claim(dir).await.unwrap() {
            Claim::Mine(lock) => lock,
            Claim::Theirs(address) => panic!("owned by {address}"),
        }
    }

    async fn theirs(dir: &Path) -> SocketAddr {
        match claim(dir).await.unwrap() {
            Claim::Mine(_) => panic!("not owned"),
            Claim::Theirs(address) => address,
        }
    }

    #[tokio::test]
    async fn the_first_owns_and_the_others_learn_its_address() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("deep/inside");
        let owner = mine(&dir).await;
        owner.publish(address(8080)).unwrap();
        assert_eq!(theirs(&dir).await, address(8080));
        owner.publish("[::]:8081".parse().unwrap()).unwrap();
        assert_eq!(theirs(&dir).await, "[::1]:8081".parse().unwrap());
        drop(owner);
        assert_eq!(published(&dir), None);
        mine(&dir).await;
    }

    #[tokio::test]
    async fn the_owner_says_who_it_is_as_long_as_it_owns() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Owner::of(dir.path()), None);
        let lock = mine(dir.path()).await;
        let owner = Owner::of(dir.path()).unwrap();
        assert_eq!((owner.pid, owner.version.as_str()), (std::process::id(), env!("CARGO_PKG_VERSION")));
        assert!(!owner.is_stopped());
        drop(lock);
        assert_eq!(Owner::of(dir.path()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_comes_late_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let owner = mine(dir.path()).await;
        let (found, ()) = tokio::join!(theirs(dir.path()), async {
            time::sleep(PUBLISH_TIME / 2).await;
            owner.publish(address(8080)).unwrap();
        });
        assert_eq!(found, address(8080));
    }

    #[tokio::test(start_paused = true)]
    async fn an_owner_that_never_says_where_it_listens_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let _owner = mine(dir.path()).await;
        fs::write(dir.path().join(ADDRESS), "127.0.").unwrap();
        let start = time::Instant::now();
        assert!(matches!(claim(dir.path()).await, Err(DataDirError::Silent { .. })));
        assert!(start.elapsed() >= PUBLISH_TIME);
    }

    #[tokio::test(start_paused = true)]
    async fn an_owner_that_ends_before_it_listens_is_followed_by_who_waits() {
        let dir = tempfile::tempdir().unwrap();
        let owner = mine(dir.path()).await;
        tokio::join!(mine(dir.path()), async {
            time::sleep(PUBLISH_TIME / 2).await;
            drop(owner);
        });
    }

    #[tokio::test]
    async fn of_many_at_once_one_owns() {
        let dir = tempfile::tempdir().unwrap();
        let claims = futures_util::future::join_all((0..20).map(|_| async {
            let claimed = claim(dir.path()).await.unwrap();
            if let Claim::Mine(lock) = &claimed {
                lock.publish(address(8080)).unwrap();
            }
            claimed
        }));
        let owners = claims.await.into_iter().filter(|claim| matches!(claim, Claim::Mine(_))).count();
        assert_eq!(owners, 1);
    }

    /// Runs itself as another process, which owns the directory until it is killed.
    #[tokio::test]
    async fn what_a_killed_owner_leaves_behind_is_taken_over() {
        if let Some(dir) = env::var_os(DIR) {
            let lock = mine(dir.as_ref()).await;
            lock.publish(address(8080)).unwrap();
            println!("\nowned");
            // Ends with the parent, should that end first.
            io::stdin().read_to_end(&mut Vec::new()).unwrap();
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let mut owner = Command::new(env::current_exe().unwrap())
            .args(["--exact", "local::tests::what_a_killed_owner_leaves_behind_is_taken_over", "--nocapture"])
            .env(DIR, dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(owner.stdout.take().unwrap());
        assert!(output.lines().any(|line| line.unwrap() == "owned"));
        assert_eq!(theirs(dir.path()).await, address(8080));

        owner.kill().unwrap();
        owner.wait().unwrap();
        assert_eq!(published(dir.path()), Some(address(8080)), "the dead owner's address is still there");
        let owner = mine(dir.path()).await;
        assert_eq!(published(dir.path()), None);
        drop(owner);
    }

    #[tokio::test]
    async fn a_directory_that_cannot_be_used_is_named_with_the_way_out() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let error = claim(&file.join("inside")).await.unwrap_err().to_string();
        assert!(error.contains("file/inside") && error.contains("--data-dir"), "{error}");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn nobody_else_reads_the_directory() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("data");
        let _lock = mine(&dir).await;
        assert_eq!(fs::metadata(dir).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[tokio::test]
    async fn a_taken_port_leads_to_the_next() {
        let held = bind(address(0)).await.unwrap();
        let preferred = held.local_addr().unwrap();
        let other = bind(preferred).await.unwrap().local_addr().unwrap();
        assert_eq!(other.ip(), preferred.ip());
        assert!((1..=NEXT_PORTS).contains(&(other.port() - preferred.port())), "{other} after {preferred}");
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_an_error() {
        let elsewhere = "192.0.2.1:8080".parse().unwrap();
        assert_eq!(bind(elsewhere).await.unwrap_err().kind(), io::ErrorKind::AddrNotAvailable);
    }
}

//! Where the sign-in (the refresh token) is kept between runs.
//!
//! What is in memory is the truth of this process; the keyring or the file is a copy that follows. A keyring that
//! hangs therefore never holds up a sign-in, and what it missed is written as soon as it answers again.

mod file;
mod lock;
mod refresh_key;
mod ring;
#[cfg(test)]
mod tests;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{oneshot, watch};

use self::{file::TokenFile, refresh_key::RefreshKey, ring::Ring};
pub use self::{lock::SessionLock, ring::KeyringError};
use crate::{clean::Clean, places::file_name};

/// Where the user wants it kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum TokenStoreChoice {
    /// In the keyring; in memory only, with the reason said, where a trial shows that there is none.
    #[default]
    Auto,
    /// In the keyring, without a trial.
    Keyring,
    /// In a file only the user can read, not encrypted.
    File,
    /// Nowhere: the sign-in ends with the program.
    None,
}

/// Where it is kept now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StoredIn {
    /// In the operating system's keyring.
    Keyring,
    /// In a file only the user can read.
    File,
    /// In memory: the sign-in ends with the program.
    Memory,
}

/// Where the sign-in is kept, for the status bar.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenState {
    /// Where it is kept.
    pub kept: StoredIn,
    /// Where the user wants it kept.
    pub meant: StoredIn,
    /// Why it is not where it was meant to be.
    pub reason: Option<Clean>,
    /// Whether the keyring takes its time, most likely asking the user to unlock it in a window of its own.
    pub waiting: bool,
}

/// How long a caller waits for the keyring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WaitMode {
    /// Something goes on behind the screen: 3 s.
    Background,
    /// A person may be asked to unlock the keyring: 60 s, and [`TokenState::waiting`] says so after one.
    Interactive,
}

/// The time limits; tests shorten them.
#[derive(Clone, Copy, Debug)]
struct KeyringTimeouts {
    background: Duration,
    interactive: Duration,
    /// After which a wait is worth telling.
    hint: Duration,
}

impl Default for KeyringTimeouts {
    fn default() -> Self {
        Self {
            background: Duration::from_secs(3),
            interactive: Duration::from_mins(1),
            hint: Duration::from_secs(1),
        }
    }
}

/// The keeper of the refresh token. Cheap to clone; clones share what they keep.
#[derive(Clone)]
pub struct Tokens(Arc<Shared>);

struct Shared {
    copy: TokenCopy,
    latest: Mutex<Latest>,
    state: watch::Sender<TokenState>,
    lock: Option<PathBuf>,
    limits: KeyringTimeouts,
}

enum TokenCopy {
    Ring { ring: Ring, probe: bool },
    File { token: TokenFile, refresh_key: TokenFile },
    Nowhere,
}

#[derive(Default)]
struct Latest {
    token: Option<SecretString>,
    /// The key of a refresh whose answer has not been saved yet.
    refresh_key: Option<RefreshKey>,
    /// Counts changes, so that a slow writer notices a newer one.
    version: u64,
    /// The version that the copy has.
    copied: u64,
    /// Threads that talk to the copy now.
    running: usize,
}

impl Tokens {
    /// Keeps the token as `choice` says, under the name `user` (see [`crate::api::Origin::key`]). `state_dir` holds
    /// the lock between processes, and the file where that is the choice.
    pub fn new(choice: TokenStoreChoice, user: &str, state_dir: Option<PathBuf>) -> Self {
        let place = match (choice, &state_dir) {
            (TokenStoreChoice::Auto, _) => TokenCopy::Ring { ring: Ring::of_system(user), probe: true },
            (TokenStoreChoice::Keyring, _) => TokenCopy::Ring { ring: Ring::of_system(user), probe: false },
            (TokenStoreChoice::File, Some(dir)) => {
                let file = |what: &str| TokenFile::new(dir.join(format!("{what}-{}", file_name(user))));
                TokenCopy::File { token: file("token"), refresh_key: file("refresh-key") }
            }
            (TokenStoreChoice::File | TokenStoreChoice::None, _) => TokenCopy::Nowhere,
        };
        let reason = (choice == TokenStoreChoice::File && state_dir.is_none())
            .then(|| "there is no home directory to keep a file in".into());
        let lock = state_dir.map(|dir| dir.join(format!("session-{}.lock", file_name(user))));
        Self::at(place, lock, reason, KeyringTimeouts::default())
    }

    fn at(copy: TokenCopy, lock: Option<PathBuf>, reason: Option<Clean>, limits: KeyringTimeouts) -> Self {
        let kept = match copy {
            TokenCopy::Ring { .. } => StoredIn::Keyring,
            TokenCopy::File { .. } => StoredIn::File,
            TokenCopy::Nowhere => StoredIn::Memory,
        };
        let lock = lock.filter(|_| kept != StoredIn::Memory);
        let state = watch::Sender::new(TokenState { kept, meant: kept, reason, waiting: false });
        Self(Arc::new(Shared { copy, latest: Mutex::default(), state, lock, limits }))
    }

    /// The token: of an earlier run, of another process that refreshed it, or the one in memory when the copy
    /// cannot be read or is older.
    pub async fn load(&self, patience: WaitMode) -> Option<SecretString> {
        let (ahead, version) = {
            let latest = self.latest();
            (latest.is_ahead(), latest.version)
        };
        if !ahead && let Some(Ok(Some(token))) = self.run(patience, Shared::read).await {
            let mut latest = self.latest();
            // A sign-in may have come while the keyring was read.
            if latest.version == version {
                latest.token = Some(token);
            }
        }
        self.latest().token.clone()
    }

    /// Keeps this token from now on. Returns once the copy has it, or after the background limit: a keyring that is
    /// being unlocked gets it later.
    pub async fn save(&self, token: SecretString) {
        self.replace(Some(token)).await;
    }

    /// Forgets the token, here and in the copy.
    pub async fn delete(&self) {
        self.replace(None).await;
    }

    /// The `Idempotency-Key` to refresh this token with: the one of an attempt whose answer was never saved, by
    /// whichever process, or a new one. It is kept before this returns, and goes when the next token is saved. To be
    /// called with [`Tokens::exclusive`].
    pub async fn refresh_key(&self, token: &SecretString) -> String {
        let fits = |key: &RefreshKey| key.belongs_to(token);
        if let Some(key) = self.latest().refresh_key.clone().filter(fits) {
            return key.into_key();
        }
        let stored = self.run(WaitMode::Background, Shared::read_refresh_key).await;
        let known = stored.and_then(Result::ok).flatten().filter(fits);
        let is_new = known.is_none();
        let key = known.unwrap_or_else(|| RefreshKey::random(token));
        self.latest().refresh_key = Some(key.clone());
        if is_new {
            let written = key.clone();
            self.run(WaitMode::Background, move |shared| shared.write_refresh_key(Some(&written))).await;
        }
        key.into_key()
    }

    /// Keeps other processes of this user from refreshing the same token until the guard is dropped.
    pub async fn exclusive(&self) -> SessionLock {
        SessionLock::take(self.0.lock.clone()).await
    }

    /// Where it is kept, and why not in the keyring.
    pub fn state(&self) -> TokenState {
        self.0.state.borrow().clone()
    }

    /// Follows [`Tokens::state`].
    pub fn changes(&self) -> watch::Receiver<TokenState> {
        self.0.state.subscribe()
    }

    fn latest(&self) -> MutexGuard<'_, Latest> {
        self.0.latest()
    }

    async fn replace(&self, token: Option<SecretString>) {
        {
            let mut latest = self.latest();
            latest.token = token;
            latest.refresh_key = None;
            latest.version += 1;
        }
        self.run(WaitMode::Background, |_| Ok(())).await;
    }

    /// Runs `job` on a thread of its own, which then brings the copy up to date; `None` when it takes too long.
    async fn run<T: Send + 'static>(
        &self,
        patience: WaitMode,
        job: impl FnOnce(&Shared) -> Result<T, KeyringError> + Send + 'static,
    ) -> Option<Result<T, KeyringError>> {
        let (done, answer) = oneshot::channel();
        let shared = Arc::clone(&self.0);
        self.latest().running += 1;
        // Not `spawn_blocking`: a hung keyring would hold up the end of the runtime.
        let thread = std::thread::Builder::new().name("token".into()).spawn(move || {
            let result = shared.exchange(job);
            let _ = done.send(result);
        });
        if thread.is_err() {
            self.latest().running -= 1;
            return None;
        }
        let limits = self.0.limits;
        let limit = match patience {
            WaitMode::Background => limits.background,
            WaitMode::Interactive => limits.interactive,
        };
        let answer = tokio::time::timeout(limit, answer);
        tokio::pin!(answer);
        let in_time = if let Ok(in_time) = tokio::time::timeout(limits.hint, &mut answer).await {
            in_time
        } else {
            let _waiting = Waiting::new(&self.0, patience);
            answer.await
        };
        if let Ok(answer) = in_time {
            return answer.ok();
        }
        // With the lock held: a thread that ends now has the last word about the state.
        let latest = self.latest();
        if latest.running > 0 {
            self.0.settle(&Err(KeyringError::NoAnswer));
        }
        None
    }
}

/// Says that the keyring takes its time, until dropped.
struct Waiting<'a>(&'a Shared);

impl<'a> Waiting<'a> {
    fn new(shared: &'a Shared, patience: WaitMode) -> Option<Self> {
        (patience == WaitMode::Interactive).then(|| {
            shared.state.send_modify(|state| state.waiting = true);
            Self(shared)
        })
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.state.send_modify(|state| state.waiting = false);
    }
}

impl Latest {
    /// Whether the copy has yet to learn of the token here.
    fn is_ahead(&self) -> bool {
        self.version != self.copied
    }
}

impl Shared {
    fn latest(&self) -> MutexGuard<'_, Latest> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> Result<Option<SecretString>, KeyringError> {
        match &self.copy {
            TokenCopy::Ring { ring, .. } => ring.read(),
            TokenCopy::File { token, .. } => token.read().map_err(KeyringError::File),
            TokenCopy::Nowhere => Ok(None),
        }
    }

    fn read_refresh_key(&self) -> Result<Option<RefreshKey>, KeyringError> {
        let stored = match &self.copy {
            TokenCopy::Ring { ring, .. } => ring.read_refresh_key()?,
            TokenCopy::File { refresh_key, .. } => refresh_key.read().map_err(KeyringError::File)?,
            TokenCopy::Nowhere => None,
        };
        Ok(stored.and_then(|text| RefreshKey::from_stored(text.expose_secret())))
    }

    fn write_refresh_key(&self, key: Option<&RefreshKey>) -> Result<(), KeyringError> {
        let stored = key.map(RefreshKey::to_stored);
        let stored = stored.as_ref().map(ExposeSecret::expose_secret);
        match &self.copy {
            TokenCopy::Ring { ring, .. } => ring.write_refresh_key(stored),
            TokenCopy::File { refresh_key, .. } => refresh_key.write(stored).map_err(KeyringError::File),
            TokenCopy::Nowhere => Ok(()),
        }
    }

    fn write(&self, token: Option<&SecretString>) -> Result<(), KeyringError> {
        let token = token.map(ExposeSecret::expose_secret);
        match &self.copy {
            TokenCopy::Ring { ring, probe } => {
                // Reading alone cannot tell an empty keyring from none, so a trial comes first.
                if *probe && token.is_some() {
                    ring.probe()?;
                }
                ring.write(token)
            }
            TokenCopy::File { token: file, .. } => file.write(token).map_err(KeyringError::File),
            TokenCopy::Nowhere => Ok(()),
        }
    }

    /// Runs the job, then brings the copy up to date, and updates the state.
    fn exchange<T>(&self, job: impl FnOnce(&Self) -> Result<T, KeyringError>) -> Result<T, KeyringError> {
        let result = job(self);
        let copied = self.catch_up();
        let mut latest = self.latest();
        latest.running -= 1;
        match (&result, &copied) {
            // The thread that holds it brings the copy up to date and updates the state.
            (_, Err(KeyringError::Busy)) | (Err(KeyringError::Busy), Ok(false)) => {}
            (Err(trouble), Ok(false)) | (_, Err(trouble)) => self.settle(&Err(trouble.clone())),
            _ => self.settle(&Ok(())),
        }
        drop(latest);
        result
    }

    /// Writes until the copy has the latest token; whether there was anything to write.
    fn catch_up(&self) -> Result<bool, KeyringError> {
        let mut wrote = false;
        loop {
            let (token, version) = {
                let latest = self.latest();
                if !latest.is_ahead() {
                    return Ok(wrote);
                }
                (latest.token.clone(), latest.version)
            };
            self.write(token.as_ref())?;
            self.latest().copied = version;
            // The token it belongs to is out of the copy. Should it stay, it fits no token any more.
            if let Err(trouble) = self.write_refresh_key(None) {
                tracing::debug!(reason = %trouble.words(), "Refresh key not removed");
            }
            wrote = true;
        }
    }

    fn settle(&self, result: &Result<(), KeyringError>) {
        let (kept, reason) = match (result, &self.copy) {
            (_, TokenCopy::Nowhere) => return,
            (Err(trouble), _) => (StoredIn::Memory, Some(trouble.words())),
            (Ok(()), TokenCopy::Ring { .. }) => (StoredIn::Keyring, None),
            (Ok(()), TokenCopy::File { .. }) => (StoredIn::File, None),
        };
        self.state.send_if_modified(|state| {
            let changed = state.kept != kept || state.reason != reason;
            (state.kept, state.reason) = (kept, reason);
            match (&state.reason, changed) {
                (Some(reason), true) => tracing::warn!(?kept, %reason, "Sign-in not kept where it should be"),
                (None, true) => tracing::info!(?kept, "Sign-in kept"),
                (_, false) => {}
            }
            changed
        });
    }
}

//! The token in the operating system's keyring. All calls block, possibly for ever: see [`super::Tokens`].

use std::{
    error::Error as _,
    sync::{Arc, Mutex, PoisonError, TryLockError},
};

use keyring_core::{CredentialStore, Entry, Error};
use secrecy::SecretString;

use crate::clean::Clean;

const SERVICE: &str = "ro-co";

/// Why the token is not where it was meant to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeyringError {
    /// There is no keyring service, or no bus to reach it by.
    NoService,
    /// It is locked, or the request to unlock it was declined.
    Locked,
    /// It has not answered in time; it may wait to be unlocked.
    NoAnswer,
    /// An earlier operation has not ended yet.
    Busy,
    /// It refused, and why.
    Refused(Clean),
    /// The token file was refused, and why.
    File(Clean),
}

impl KeyringError {
    /// The trouble in one clause.
    pub fn words(&self) -> Clean {
        match self {
            Self::NoService => "no keyring service".into(),
            Self::Locked => "your keyring is locked".into(),
            Self::NoAnswer | Self::Busy => "the keyring does not answer".into(),
            Self::Refused(why) | Self::File(why) => why.clone(),
        }
    }
}

type OpenStore = Box<dyn Fn() -> Result<Arc<CredentialStore>, Error> + Send + Sync>;

pub(super) struct Ring {
    user: String,
    open: OpenStore,
    /// Held during each operation: a second one behind a hung one would hang as well.
    store: Mutex<Option<Arc<CredentialStore>>>,
}

impl Ring {
    pub(super) fn of_system(user: &str) -> Self {
        Self::new(user, Box::new(system_store))
    }

    pub(super) fn new(user: &str, open: OpenStore) -> Self {
        Self { user: user.into(), open, store: Mutex::default() }
    }

    pub(super) fn read(&self) -> Result<Option<SecretString>, KeyringError> {
        self.read_entry(&self.user)
    }

    pub(super) fn write(&self, token: Option<&str>) -> Result<(), KeyringError> {
        self.write_entry(&self.user, token)
    }

    pub(super) fn read_refresh_key(&self) -> Result<Option<SecretString>, KeyringError> {
        self.read_entry(&self.refresh_key_entry())
    }

    pub(super) fn write_refresh_key(&self, key: Option<&str>) -> Result<(), KeyringError> {
        self.write_entry(&self.refresh_key_entry(), key)
    }

    /// No server's key has a space in it but a path's, which begins with `local:`.
    fn refresh_key_entry(&self) -> String {
        format!("refresh-key {}", self.user)
    }

    fn read_entry(&self, user: &str) -> Result<Option<SecretString>, KeyringError> {
        self.with(user, |entry| match entry.get_password() {
            Ok(secret) => Ok(Some(SecretString::from(secret))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(error),
        })
    }

    fn write_entry(&self, user: &str, secret: Option<&str>) -> Result<(), KeyringError> {
        self.with(user, |entry| match secret {
            Some(secret) => entry.set_password(secret),
            None => gone(entry.delete_credential()),
        })
    }

    /// Writes, reads and deletes something of no value.
    pub(super) fn probe(&self) -> Result<(), KeyringError> {
        // Two processes may try at once.
        let user = format!("trial {}", std::process::id());
        self.with(&user, |entry| {
            entry.set_password("trial")?;
            let read = entry.get_password();
            gone(entry.delete_credential())?;
            match read?.as_str() {
                "trial" => Ok(()),
                _ => Err(Error::BadStoreFormat("it does not give back what it was given".into())),
            }
        })
    }

    /// Runs `act`, and retries once with a reopened store: a store does not survive the restart of its service.
    fn with<T>(&self, user: &str, act: impl Fn(&Entry) -> Result<T, Error>) -> Result<T, KeyringError> {
        let mut store = match self.store.try_lock() {
            Ok(store) => store,
            Err(TryLockError::Poisoned(poisoned)) => PoisonError::into_inner(poisoned),
            Err(TryLockError::WouldBlock) => return Err(KeyringError::Busy),
        };
        let attempt = |store: &Arc<CredentialStore>| act(&store.build(SERVICE, user, None)?);
        if let Some(known) = store.as_ref() {
            match attempt(known) {
                Ok(done) => return Ok(done),
                Err(Error::PlatformFailure(_)) => *store = None,
                Err(error) => return Err(trouble(&error)),
            }
        }
        let fresh = (self.open)().map_err(|error| opening(&error))?;
        let done = attempt(&fresh).map_err(|error| trouble(&error))?;
        *store = Some(fresh);
        Ok(done)
    }
}

fn gone(deleted: Result<(), Error>) -> Result<(), Error> {
    match deleted {
        Err(Error::NoEntry) => Ok(()),
        other => other,
    }
}

/// The platform's own store: the first time through `keyring`, later a fresh one where one can go stale.
fn system_store() -> Result<Arc<CredentialStore>, Error> {
    use std::sync::atomic::{AtomicBool, Ordering};
    static OPENED: AtomicBool = AtomicBool::new(false);
    if OPENED.swap(true, Ordering::AcqRel) {
        reopen()?;
    } else if let Err(error) = keyring::Entry::store_status() {
        // Borrowed for ever, and errors cannot be cloned; the kind and the words are what matters.
        return Err(match error {
            Error::NoStorageAccess(why) => Error::NoStorageAccess(why.to_string().into()),
            other => Error::PlatformFailure(other.to_string().into()),
        });
    }
    keyring_core::get_default_store().ok_or(Error::NoDefaultStore)
}

#[cfg(all(unix, not(target_os = "macos")))]
fn reopen() -> Result<(), Error> {
    keyring_core::set_default_store(zbus_secret_service_keyring_store::Store::new()?);
    Ok(())
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
#[expect(clippy::unnecessary_wraps, reason = "the other platforms' version can fail")]
fn reopen() -> Result<(), Error> {
    Ok(())
}

/// What it means when the store cannot even be opened.
fn opening(error: &Error) -> KeyringError {
    match error {
        Error::NoStorageAccess(_) => KeyringError::Locked,
        _ => KeyringError::NoService,
    }
}

/// What it means when an operation fails.
fn trouble(error: &Error) -> KeyringError {
    match error {
        Error::NoStorageAccess(_) => KeyringError::Locked,
        Error::NoDefaultStore => KeyringError::NoService,
        Error::PlatformFailure(_) if error.source().is_some_and(|why| is_absence(&why.to_string())) => {
            KeyringError::NoService
        }
        Error::PlatformFailure(why) => refused(&format!("the keyring failed: {why}")),
        Error::Ambiguous(_) => refused("the keyring has several sign-ins under this name"),
        Error::BadEncoding(_) | Error::BadDataFormat(..) => refused("the sign-in in the keyring is damaged"),
        Error::TooLong(..) => refused("the keyring does not take secrets of this length"),
        other => refused(&format!("the keyring refused: {other}")),
    }
}

fn refused(why: &str) -> KeyringError {
    KeyringError::Refused(Clean::line(why))
}

fn is_absence(text: &str) -> bool {
    ["ServiceUnknown", "was not provided", "NameHasNoOwner"].iter().any(|sign| text.contains(sign))
}

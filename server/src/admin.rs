//! What an operator does from the command line: grant and revoke admin rights, reset a password.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ro_co_shared::{Email, Role, Username};
use zeroize::Zeroizing;

use crate::{
    clock::Clock,
    keys::random,
    password::{HashError, Passwords, Requester},
    store::{self, Account, PasswordUpdate, Store},
};

/// Why it was not done; each text is one line.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The argument is no email address.
    #[error("{0:?} is not an email address")]
    NotAnAddress(String),
    /// No account has this email address.
    #[error("nobody has signed up with {0}")]
    Nobody(String),
    /// The password was replaced since it was read.
    #[error("the password was changed at the same moment: try again")]
    Stale,
    /// Nobody would have admin rights.
    #[error("{0} is the last admin: grant somebody else admin rights first")]
    LastAdmin(String),
    /// The store failed.
    #[error("the database does not answer: {0}")]
    Store(#[from] store::Error),
    /// A password could not be made.
    #[error(transparent)]
    Password(#[from] HashError),
}

/// Sets the role of the user with this email address. A running server follows within ten seconds.
pub async fn set_role(store: &dyn Store, email: &str, role: Role) -> Result<Account, AdminError> {
    let account = find(store, email).await?;
    match store.set_role(account.id, role).await {
        Err(store::Error::LastAdmin) => Err(AdminError::LastAdmin(email.into())),
        set => Ok(set?),
    }
}

/// How long a password that was reset works, in milliseconds: a day.
const RESET_LIFETIME_MS: i64 = 24 * 3_600_000;

/// A new password for a user, which is not theirs before [`PasswordReset::apply`].
pub struct PasswordReset {
    account: Account,
    password: Zeroizing<String>,
    hash: String,
}

impl PasswordReset {
    /// Makes a password for the user with this email address. Changes nothing.
    pub async fn prepare(store: &dyn Store, email: &str) -> Result<Self, AdminError> {
        let account = find(store, email).await?;
        let bytes = Zeroizing::new(random::<15>().ok_or(HashError::Failed)?);
        let password = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(&bytes));
        let hash = Passwords::new().reserve(Requester::LOCAL)?.hash(&password).await?;
        Ok(Self { account, password, hash })
    }

    /// Whose password it is.
    pub fn username(&self) -> &Username {
        &self.account.username
    }

    /// The password, to be shown once.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Sets it for a day and ends the user's sessions. It must be changed at the next sign-in.
    pub async fn apply(self, store: &dyn Store, clock: &Clock) -> Result<(), AdminError> {
        let now = clock.now();
        let expires_at = Some(now.plus_millis(RESET_LIFETIME_MS));
        let update = PasswordUpdate { old: &self.account.password, new: &self.hash, expires_at };
        match store.set_password(self.account.id, update).await {
            Err(store::Error::Stale) => return Err(AdminError::Stale),
            set => set?,
        }
        store.end_sessions(self.account.id, None, "reset", now).await?;
        Ok(())
    }
}

/// The account with this email address.
pub async fn find(store: &dyn Store, text: &str) -> Result<Account, AdminError> {
    match store.account_by_email(&Email::unchecked(text)).await {
        Err(store::Error::NotFound) if text.parse::<Email>().is_err() => {
            Err(AdminError::NotAnAddress(text.into()))
        }
        Err(store::Error::NotFound) => Err(AdminError::Nobody(text.into())),
        found => Ok(found?),
    }
}

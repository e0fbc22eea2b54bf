//! What an operator does from the command line: grant and revoke admin rights, reset a password.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ro_co_shared::{Email, Role};

use crate::{
    clock::Clock,
    keys::random,
    password::{HashError, Passwords, Requester},
    store::{self, Account, Store},
};

/// Why it was not done; each text is one line.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// What was given is no address.
    #[error("{0:?} is not an e-mail address")]
    NotAnAddress(String),
    /// Nobody signs in with it.
    #[error("nobody has signed up with {0}")]
    Nobody(String),
    /// The store failed.
    #[error("the database does not answer: {0}")]
    Store(#[from] store::Error),
    /// A password could not be made.
    #[error(transparent)]
    Password(#[from] HashError),
}

/// Sets the role of the user with this address. A running server follows within ten seconds.
pub async fn set_role(store: &dyn Store, email: &str, role: Role) -> Result<Account, AdminError> {
    let account = find(store, email).await?;
    Ok(store.set_role(account.id, role).await?)
}

/// Gives the user with this address a new password, which is returned, and ends all their sessions.
pub async fn reset_password(store: &dyn Store, email: &str) -> Result<(Account, String), AdminError> {
    let account = find(store, email).await?;
    let new = BASE64_URL_SAFE_NO_PAD.encode(random::<15>().ok_or(HashError::Failed)?);
    let hash = Passwords::new().reserve(Requester::LOCAL)?.hash(&new).await?;
    store.set_password(account.id, &account.password, &hash).await?;
    store.end_sessions(account.id, None, "reset", Clock::default().now()).await?;
    Ok((account, new))
}

async fn find(store: &dyn Store, text: &str) -> Result<Account, AdminError> {
    match store.account_by_email(&Email::unchecked(text)).await {
        Err(store::Error::NotFound) if text.parse::<Email>().is_err() => {
            Err(AdminError::NotAnAddress(text.into()))
        }
        Err(store::Error::NotFound) => Err(AdminError::Nobody(text.into())),
        found => Ok(found?),
    }
}

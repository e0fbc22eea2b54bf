//! Logging in: a place in the hash queue first, then the limits on guessing, then the account and its hash.

use std::{sync::Arc, time::Duration};

use ro_co_shared::{Code, Email, GivenPassword, Login};
use tokio::time::Instant;

use crate::{
    app::App,
    error::ApiError,
    limits::AnonymousRateLimit,
    password::{Requester, Verdict},
    store::{self, Account, PasswordUpdate},
};

/// How often a login begins anew because the password was changed in the middle of it.
const MAX_RESTARTS: usize = 3;

/// After how long a login is refused while any account has a BCrypt hash: more than a hash of the cost that an import
/// keeps takes on a slow machine.
const REFUSAL_TIME: Duration = Duration::from_secs(1);

/// What a login is tried with.
pub struct LoginAttempt {
    /// The email address as sent; it need not be one.
    pub email: Email,
    /// The password as sent.
    pub password: GivenPassword,
    /// The client's `User-Agent`.
    pub device: String,
    /// Where it comes from.
    pub client: AnonymousRateLimit,
}

impl App {
    /// Opens a session. A 503 costs the client nothing: neither an attempt at the account nor its rate limit.
    pub async fn log_in(self: &Arc<Self>, attempt: LoginAttempt) -> Result<Login, ApiError> {
        let (client, began) = (attempt.client, Instant::now());
        let result = self.try_log_in(attempt).await;
        if let Err(error) = &result {
            self.limits.refund_unserved(client, error);
            if error.problem.code == Code::InvalidCredentials {
                self.conceal_bcrypt(began).await;
            }
        }
        result
    }

    /// Waits until [`REFUSAL_TIME`] after `began`, or the next multiple of it, while any account has a BCrypt hash: one takes
    /// another time than Argon2id, which would tell whose hash is which.
    async fn conceal_bcrypt(&self, began: Instant) {
        // A store that fails here refuses nothing that was not refused already.
        if self.store.has_bcrypt_hashes().await.unwrap_or(true) {
            let periods = began.elapsed().as_nanos().div_ceil(REFUSAL_TIME.as_nanos()).max(1);
            tokio::time::sleep_until(began + REFUSAL_TIME * u32::try_from(periods).unwrap_or(u32::MAX)).await;
        }
    }

    async fn try_log_in(self: &Arc<Self>, attempt: LoginAttempt) -> Result<Login, ApiError> {
        for _ in 0..MAX_RESTARTS {
            let (account, verdict) = self.verify_login(&attempt).await?;
            let (app, device) = (Arc::clone(self), attempt.device.clone());
            let opened = async move { app.complete_login(account, verdict, device).await };
            if let Some(login) = self.to_completion(opened).await? {
                return Ok(login);
            }
        }
        Err(store::Error::Unavailable("the password changes all the time".into()).into())
    }

    /// The account that the password is right for.
    async fn verify_login(&self, attempt: &LoginAttempt) -> Result<(Account, Verdict), ApiError> {
        let LoginAttempt { email, password, client, .. } = attempt;
        let known = self.limits.is_known(email, *client);
        let slot = self.passwords.reserve(Requester { address: client.ip(), known })?;
        let guess = self.limits.attempt(email, *client)?;
        let account = match self.store.account_by_email(email).await {
            Ok(account) => Some(account),
            Err(store::Error::NotFound) => None,
            Err(error) => return Err(error.into()),
        };
        let stored = account.as_ref().map(|account| account.password.as_str());
        let verdict = slot.verify(password.expose(), stored).await?;
        let now = self.clock.now();
        let may_sign_in = |account: &Account| !account.suspended && !account.password_expired(now);
        let Some(account) = account.filter(|account| verdict != Verdict::Wrong && may_sign_in(account))
        else {
            guess.wrong();
            return Err(ApiError::new(Code::InvalidCredentials, ""));
        };
        guess.right();
        Ok((account, verdict))
    }

    /// Stores a new hash where there is one, and opens the session; `None` when the password was replaced meanwhile.
    async fn complete_login(
        &self,
        account: Account,
        verdict: Verdict,
        device: String,
    ) -> Result<Option<Login>, ApiError> {
        let Verdict::Rehashed(new) = verdict else {
            return self.open_session(&account, &account.password, device).await;
        };
        let (old, expires_at) = (&account.password, account.password_expires_at);
        match self.store.set_password(account.id, PasswordUpdate { old, new: &new, expires_at }).await {
            Ok(()) => self.open_session(&account, &new, device).await,
            Err(store::Error::Stale) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

//! Changing one's own password.

use std::sync::Arc;

use ro_co_shared::{Code, Errors, Invalid, PasswordChange};

use super::Caller;
use crate::{
    app::App,
    error::ApiError,
    password::{Requester, Verdict},
    store::{self, Account, PasswordUpdate},
};

impl App {
    /// Replaces the caller's password and ends their other sessions.
    pub(crate) async fn change_password(
        self: &Arc<Self>,
        caller: Caller,
        requester: Requester,
        change: PasswordChange,
    ) -> Result<(), ApiError> {
        let account = self.store.account(caller.user).await?;
        self.check_change(&account, &change)?;
        let verdict = self.verify_password(requester, change.current.expose(), &account.password).await?;
        if verdict == Verdict::Wrong {
            return Err(wrong_current("is wrong"));
        }
        let new = self.hash_password(requester, change.new.expose()).await?;
        let app = Arc::clone(self);
        let replaced = async move { app.replace_password(caller, &account.password, &new).await };
        // Where another change came first, what was the current password is none any more.
        if self.to_completion(replaced).await? { Ok(()) } else { Err(wrong_current("is wrong")) }
    }

    /// What is wrong with a change whatever the current password is.
    fn check_change(&self, account: &Account, change: &PasswordChange) -> Result<(), ApiError> {
        let context = [account.username.as_str(), account.email.as_str()];
        if let Err(why) = change.new.check_context(&context) {
            return Err(wrong_field(Code::Invalid, "newPassword", &why));
        }
        if account.password_expired(self.clock.now()) {
            return Err(wrong_current("has expired: ask an operator for another one"));
        }
        if account.password_expires_at.is_some() && change.new.expose() == change.current.expose() {
            return Err(wrong_field(Code::Invalid, "newPassword", &Invalid::new("must be another one")));
        }
        Ok(())
    }

    /// Replaces the hash and ends the other sessions; `false` where the hash was replaced before.
    async fn replace_password(&self, caller: Caller, old: &str, new: &str) -> Result<bool, ApiError> {
        match self.store.set_password(caller.user, PasswordUpdate { old, new, expires_at: None }).await {
            Err(store::Error::Stale) => return Ok(false),
            set => set?,
        }
        self.store.end_sessions(caller.user, Some(caller.session), "password", self.clock.now()).await?;
        self.sessions.forget_user(caller.user);
        Ok(true)
    }
}

fn wrong_current(why: &'static str) -> ApiError {
    wrong_field(Code::Forbidden, "currentPassword", &Invalid::new(why))
}

/// An error about one field.
pub(crate) fn wrong_field(code: Code, field: &str, why: &Invalid) -> ApiError {
    let mut errors = Errors::default();
    errors.reject::<()>(field, why);
    ApiError::about(code, errors.into_vec())
}

//! Signing up.

use ro_co_shared::{Code, FieldError, NewUser, Role, UserId, Username};

use crate::{
    app::App,
    error::ApiError,
    limits::{AnonymousRateLimit, QuotaKey},
    password::Requester,
    store::Account,
};

impl App {
    /// Makes an account. A 503 is not counted against the client's rate limit.
    pub(crate) async fn sign_up(
        &self,
        user: NewUser,
        client: AnonymousRateLimit,
    ) -> Result<Account, ApiError> {
        self.add_account(user, client).await.inspect_err(|error| self.limits.refund_unserved(client, error))
    }

    async fn add_account(&self, user: NewUser, client: AnonymousRateLimit) -> Result<Account, ApiError> {
        let NewUser { username, email, password } = user;
        // Both at once, and before the costly hash; the store's indexes have the last word.
        let free = [
            ("username", self.username_free(&username).await?),
            ("email", self.store.email_free(&email).await?),
        ];
        refuse_taken(&free)?;
        let quota = self.limits.quota(&[(QuotaKey::SignUps(client.ip()), 1)])?;
        let requester = Requester { address: client.ip(), known: false };
        let account = Account {
            id: UserId::new(),
            avatar_seed: username.to_string(),
            password: self.hash_password(requester, password.expose()).await?,
            username,
            email,
            role: Role::User,
            verified: false,
            suspended: false,
            password_expires_at: None,
            created_at: self.clock.now(),
            avatar_version: 1,
        };
        self.store.add_account(&account).await?;
        quota.commit_if(true);
        Ok(account)
    }

    /// Whether a name can be chosen; reserved ones are taken for everybody.
    pub(crate) async fn username_free(&self, name: &Username) -> Result<bool, ApiError> {
        Ok(!name.is_reserved() && self.store.username_free(name).await?)
    }
}

/// A 409 that names every field that is not free, if one is not.
pub(crate) fn refuse_taken(free: &[(&str, bool)]) -> Result<(), ApiError> {
    let taken: Vec<FieldError> = free
        .iter()
        .filter(|(_, free)| !free)
        .map(|(field, _)| FieldError { field: (*field).into(), message: "is taken".into() })
        .collect();
    if taken.is_empty() {
        return Ok(());
    }
    Err(ApiError::about(Code::Taken, taken))
}

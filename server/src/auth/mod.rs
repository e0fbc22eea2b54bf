//! Signing in and out: sessions are opened, refreshed and ended here; `extract` finds the caller of a request.

mod extract;
mod login;
mod password_change;
mod sign_up;

use std::sync::Arc;

use ro_co_shared::{Code, Login, SessionId, Timestamp};

use crate::{
    app::App,
    avatar::avatar_url,
    error::{ApiError, SigningError},
    keys::{AccessClaims, TokenError, TokenSecret, random, sha256},
    permissions::Permissions,
    store::{self, Account, RefreshAttempt, Refreshed, Session},
};

pub use crate::session_cache::Caller;
pub use extract::{AnyCaller, ClientNetwork, RefreshBearer};
pub use login::LoginAttempt;
pub(crate) use password_change::wrong_field;
pub(crate) use sign_up::refuse_taken;

/// The end of a session after its login, in milliseconds, however often it is refreshed.
pub(crate) const ABSOLUTE_MS: i64 = 30 * 24 * 3_600_000;
/// How long the immediate parent of a refresh token is accepted in a session that never sent an `Idempotency-Key`, in
/// milliseconds: web clients that never store the successor stay signed in for a day.
const REPLAY_MS: i64 = 24 * 3_600_000;
/// How long it is accepted, once in the life of a session, with another key than that of its rotation or none, in
/// milliseconds: two processes of a client that share a token.
const GRACE_MS: i64 = 60_000;
/// Live sessions a user has at most; a new one ends the oldest.
const MAX_SESSIONS: usize = 20;

impl Caller {
    /// Whether the caller has all of these permissions.
    pub fn may(self, permissions: Permissions) -> bool {
        self.permissions.contains(permissions)
    }

    /// Refuses a caller who lacks one of these permissions.
    pub fn require(self, permissions: Permissions) -> Result<(), ApiError> {
        if self.may(permissions) {
            return Ok(());
        }
        Err(ApiError::new(Code::Forbidden, "only an admin may do this"))
    }
}

impl App {
    /// The caller behind an access token.
    async fn caller(&self, token: &str) -> Result<Caller, ApiError> {
        let now = self.clock.now();
        let claims = self.claims(token, now)?;
        let ended = || ApiError::new(Code::SessionEnded, "");
        match self.sessions.caller(&claims) {
            Some(caller) if caller.user == claims.sub => return Ok(caller),
            Some(_) => return Err(ended()),
            None => {}
        }
        let not_found = |e| if matches!(e, store::Error::NotFound) { ended() } else { e.into() };
        let session = self.store.session(claims.sid).await.map_err(not_found)?;
        if !session.is_live(now) || session.user != claims.sub {
            return Err(ended());
        }
        let account = self.store.account(claims.sub).await.map_err(not_found)?;
        if account.suspended {
            return Err(ended());
        }
        let caller = Caller {
            user: account.id,
            session: session.id,
            permissions: account.role.into(),
            must_change_password: account.password_expires_at.is_some(),
        };
        self.sessions.keep_caller(&claims, caller);
        Ok(caller)
    }

    fn claims(&self, token: &str, now: Timestamp) -> Result<Arc<AccessClaims>, ApiError> {
        let digest = sha256(token.as_bytes());
        if let Some(claims) = self.sessions.claims(&digest) {
            return if claims.is_current(now) {
                Ok(claims)
            } else {
                Err(ApiError::new(Code::TokenExpired, ""))
            };
        }
        let claims = Arc::new(self.keys.verify_access(token, now).map_err(|refused| match refused {
            TokenError::Expired => ApiError::new(Code::TokenExpired, ""),
            TokenError::Forged => ApiError::new(Code::Unauthenticated, "the access token is not valid"),
        })?);
        self.sessions.keep_claims(digest, &claims);
        Ok(claims)
    }

    /// Opens a session for a user who gave the password whose hash is `verified`; `None` when that is no longer
    /// their password, or they were suspended.
    ///
    /// Whoever changes a password sets it first and ends the sessions then. Here it is the other way round: the
    /// session is kept first and the account looked at then. So one of the two sees the other, and no session of an
    /// old password is left over. Until this returns nobody knows the token of the session.
    pub async fn open_session(
        &self,
        account: &Account,
        verified: &str,
        device: String,
    ) -> Result<Option<Login>, ApiError> {
        let now = self.clock.now();
        let secret: TokenSecret = random().ok_or(SigningError)?;
        let session = Session {
            id: SessionId::new(),
            user: account.id,
            generation: 0,
            current: sha256(&secret),
            previous: None,
            rotated_at: now,
            replays: 0,
            keyed: false,
            refresh_key: None,
            grace_used: false,
            created_at: now,
            last_seen: now,
            expires_at: now.plus_millis(self.settings.refresh_ttl_ms.min(ABSOLUTE_MS)),
            absolute_at: now.plus_millis(ABSOLUTE_MS),
            ended: None,
            device,
        };
        let gone = |error| if matches!(error, store::Error::NotFound) { Ok(None) } else { Err(error.into()) };
        if let Err(error) = self.store.add_session(&session, MAX_SESSIONS).await {
            return gone(error);
        }
        let account = match self.store.account(account.id).await {
            Ok(account) => account,
            Err(error) => return gone(error),
        };
        if account.password != verified || account.suspended {
            self.store.end_session(session.id, "password", now).await?;
            return Ok(None);
        }
        self.login(&account, &session, &secret).map(Some)
    }

    /// Spends a refresh token. Repeating it, with the same key, gives the same successor; an old one ends the session.
    /// `key` is the SHA-256 of the `Idempotency-Key`.
    pub(crate) async fn refresh(&self, token: &str, key: Option<[u8; 32]>) -> Result<Login, ApiError> {
        let now = self.clock.now();
        let ended = || ApiError::new(Code::SessionEnded, "");
        let (claims, secret, next) = self.keys.verify_refresh(token, now).map_err(|_| ended())?;
        self.limits.count_refresh(claims.sid)?;
        let presented = RefreshAttempt {
            session: claims.sid,
            generation: claims.generation,
            hash: sha256(&secret),
            next_hash: sha256(&next),
            idle_ms: self.settings.refresh_ttl_ms,
            key,
            replay_ms: REPLAY_MS,
            grace_ms: GRACE_MS,
        };
        match self.store.refresh(&presented, now).await? {
            Refreshed::Rotated(session) | Refreshed::Replayed(session) => {
                let account = match self.store.account(session.user).await {
                    Ok(account) if !account.suspended => account,
                    Ok(_) | Err(store::Error::NotFound) => return Err(ended()),
                    Err(e) => return Err(e.into()),
                };
                self.login(&account, &session, &next)
            }
            Refreshed::Reused(session) => {
                self.sessions.forget_session(session.id);
                let Session { id, user, device, .. } = session;
                tracing::warn!(%user, session = %id, device, "Refresh token reused, session ended");
                Err(ApiError::new(Code::RefreshReused, ""))
            }
            Refreshed::Ended => Err(ended()),
        }
    }

    /// Ends the session of a refresh token. A token that is not ours ends nothing, and that is fine (RFC 7009).
    pub async fn sign_out(&self, token: &str) -> Result<(), ApiError> {
        // Long expired is as good as fresh: whoever holds it may end its session.
        if let Ok((claims, ..)) = self.keys.verify_refresh(token, Timestamp(0)) {
            self.store.end_session(claims.sid, "logout", self.clock.now()).await?;
            self.sessions.forget_session(claims.sid);
        }
        Ok(())
    }

    fn login(&self, account: &Account, session: &Session, secret: &TokenSecret) -> Result<Login, ApiError> {
        let now = self.clock.now();
        let ttl = self.settings.access_ttl_ms;
        let (id, generation) = (session.id, session.generation);
        let token = self.keys.sign_access(account.id, id, generation, now, ttl).ok_or(SigningError)?;
        let refresh_token = self
            .keys
            .sign_refresh(account.id, id, generation, secret, session.expires_at)
            .ok_or(SigningError)?;
        Ok(Login {
            id: account.id,
            username: account.username.to_string(),
            avatar_url: avatar_url(&self.settings.base_path, account.id, account.avatar_version),
            email: account.email.to_string(),
            role: account.role,
            verified: account.verified,
            created_at: account.created_at,
            suspended: account.suspended,
            token,
            refresh_token,
            token_expires_in: ttl,
            refresh_expires_in: (session.expires_at.0 - now.0).max(0),
            password_expires_at: account.password_expires_at,
        })
    }
}

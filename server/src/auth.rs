//! Who is asking: access tokens on every request, refresh tokens on one.

use std::{sync::Arc, time::Duration};

use moka::sync::Cache;
use poem::{Request, RequestBody, Result};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaSecurityScheme, Registry},
};
use ro_co_shared::{Code, Login, Role, SessionId, Timestamp, UserId};

use crate::{
    App,
    api::{
        fault::{Fault, NoToken},
        payload::bearer,
    },
    keys::{AccessClaims, Refused, TokenSecret, random, sha256},
    limits::RateLimitKey,
    store::{self, Account, Principal, RefreshAttempt, Refreshed, Session},
};

/// A session lives no longer than this, however often it is refreshed.
pub(crate) const ABSOLUTE_MS: i64 = 30 * 24 * 3_600_000;
/// How long the immediate parent of a refresh token is accepted while its successor was not spent: web clients that
/// never pick the successor up stay signed in for a day.
const REPLAY_MS: i64 = 24 * 3_600_000;
/// Most live sessions a user has; the oldest makes room.
const MOST_SESSIONS: usize = 20;
/// After how long account and session are looked up again: how stale a role or a suspension can be.
pub const RECHECK: Duration = Duration::from_secs(10);

/// Who makes a request, by its access token. As the first argument of an operation it
/// demands the token and counts the request as the user's.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// The user.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// Whether they are an admin.
    pub admin: bool,
}

impl Caller {
    /// On whose behalf a write is done.
    pub fn principal(self) -> Principal {
        Principal { user: self.user, admin: self.admin }
    }

    /// Refuses everybody but admins.
    pub fn must_be_admin(self) -> Result<(), Fault> {
        if self.admin { Ok(()) } else { Err(Fault::new(Code::Forbidden, "only an admin may do this")) }
    }
}

/// The refresh token in the `Authorization` header.
pub struct RefreshBearer(pub String);

/// What was found out about tokens and sessions lately.
pub struct Recent {
    /// Signatures that were checked, by the token's SHA-256: checking one costs 29 µs.
    tokens: Cache<[u8; 32], Arc<AccessClaims>>,
    /// Live sessions of unsuspended users, by session and generation.
    callers: Cache<(SessionId, u32), Caller>,
}

impl Recent {
    /// Remembers sessions for this long.
    pub fn new(recheck: Duration) -> Self {
        Self {
            tokens: Cache::builder().max_capacity(10_000).time_to_live(Duration::from_mins(15)).build(),
            callers: Cache::builder().max_capacity(10_000).time_to_live(recheck).build(),
        }
    }

    /// Forgets a session, so that its end shows at once.
    pub fn forget_session(&self, session: SessionId) {
        self.forget(|caller| caller.session == session);
    }

    /// Forgets all sessions of a user.
    pub fn forget_user(&self, user: UserId) {
        self.forget(|caller| caller.user == user);
    }

    fn forget(&self, matches: impl Fn(&Caller) -> bool) {
        for (key, caller) in &self.callers {
            if matches(&caller) {
                self.callers.invalidate(&*key);
            }
        }
    }
}

impl App {
    /// The caller behind an access token.
    async fn caller(&self, token: &str) -> Result<Caller, Fault> {
        let now = self.clock.now();
        let claims = self.claims(token, now)?;
        let key = (claims.sid, claims.generation);
        if let Some(caller) = self.recent.callers.get(&key) {
            return Ok(caller);
        }
        let ended = || Fault::new(Code::SessionEnded, "");
        let not_found = |e| if matches!(e, store::Error::NotFound) { ended() } else { e.into() };
        let session = self.store.session(claims.sid).await.map_err(not_found)?;
        if !session.is_live(now) || session.user != claims.sub {
            return Err(ended());
        }
        let account = self.store.account(claims.sub).await.map_err(not_found)?;
        if account.suspended {
            return Err(ended());
        }
        let caller = Caller { user: account.id, session: session.id, admin: account.role == Role::Admin };
        self.recent.callers.insert(key, caller);
        Ok(caller)
    }

    fn claims(&self, token: &str, now: Timestamp) -> Result<Arc<AccessClaims>, Fault> {
        let digest = sha256(token.as_bytes());
        if let Some(claims) = self.recent.tokens.get(&digest) {
            return if claims.is_current(now) { Ok(claims) } else { Err(Fault::new(Code::TokenExpired, "")) };
        }
        let claims = Arc::new(self.keys.verify_access(token, now).map_err(|refused| match refused {
            Refused::Expired => Fault::new(Code::TokenExpired, ""),
            Refused::Forged => Fault::new(Code::Unauthenticated, "the access token is not valid"),
        })?);
        self.recent.tokens.insert(digest, Arc::clone(&claims));
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
    ) -> Result<Option<Login>, Fault> {
        let now = self.clock.now();
        let secret: TokenSecret = random().ok_or(NoToken)?;
        let session = Session {
            id: SessionId::new(),
            user: account.id,
            generation: 0,
            current: sha256(&secret),
            previous: None,
            rotated_at: now,
            replays: 0,
            created_at: now,
            last_seen: now,
            expires_at: now.plus_millis(self.settings.refresh_ttl_ms.min(ABSOLUTE_MS)),
            absolute_at: now.plus_millis(ABSOLUTE_MS),
            ended: None,
            device,
        };
        let gone = |error| if matches!(error, store::Error::NotFound) { Ok(None) } else { Err(error.into()) };
        if let Err(error) = self.store.add_session(&session, MOST_SESSIONS).await {
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

    /// Spends a refresh token. Repeating it gives the same successor; an old one ends the session.
    pub async fn refresh(&self, token: &str) -> Result<Login, Fault> {
        let now = self.clock.now();
        let ended = || Fault::new(Code::SessionEnded, "");
        let (claims, secret, next) = self.keys.verify_refresh(token, now).map_err(|_| ended())?;
        let presented = RefreshAttempt {
            session: claims.sid,
            generation: claims.generation,
            hash: sha256(&secret),
            next_hash: sha256(&next),
            idle_ms: self.settings.refresh_ttl_ms,
            replay_ms: REPLAY_MS,
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
                self.recent.forget_session(session.id);
                tracing::warn!(user = %session.user, session = %session.id, "A spent refresh token came back; its session was ended.");
                Err(Fault::new(Code::RefreshReused, ""))
            }
            Refreshed::Ended => Err(ended()),
        }
    }

    /// Ends the session of a refresh token. A token that is not ours ends nothing, and that is fine (RFC 7009).
    pub async fn sign_out(&self, token: &str) -> Result<(), Fault> {
        // Long expired is as good as fresh: whoever holds it may end its session.
        if let Ok((claims, ..)) = self.keys.verify_refresh(token, Timestamp(0)) {
            self.store.end_session(claims.sid, "logout", self.clock.now()).await?;
            self.recent.forget_session(claims.sid);
        }
        Ok(())
    }

    fn login(&self, account: &Account, session: &Session, secret: &TokenSecret) -> Result<Login, Fault> {
        let now = self.clock.now();
        let ttl = self.settings.access_ttl_ms;
        let (id, generation) = (session.id, session.generation);
        let token = self.keys.sign_access(account.id, id, generation, now, ttl).ok_or(NoToken)?;
        let refresh_token =
            self.keys.sign_refresh(account.id, id, generation, secret, session.expires_at).ok_or(NoToken)?;
        Ok(Login {
            id: account.id,
            username: account.username.to_string(),
            avatar_url: crate::api::avatar_url(account.id, account.avatar_version),
            email: account.email.to_string(),
            role: account.role,
            verified: account.verified,
            created_at: account.created_at,
            suspended: account.suspended,
            token,
            refresh_token,
            token_expires_in: ttl,
            refresh_expires_in: (session.expires_at.0 - now.0).max(0),
        })
    }
}

fn bearer_scheme(description: &'static str) -> MetaSecurityScheme {
    MetaSecurityScheme {
        ty: "http",
        description: Some(description),
        name: None,
        key_in: None,
        scheme: Some("bearer"),
        bearer_format: Some("JWT"),
        flows: None,
        openid_connect_url: None,
    }
}

impl<'a> ApiExtractor<'a> for Caller {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        registry.create_security_scheme(
            "accessToken",
            bearer_scheme("The access token that `login` and `refresh` return; it lives for minutes."),
        );
    }

    fn security_schemes() -> Vec<&'static str> {
        vec!["accessToken"]
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let token =
            bearer(request).ok_or_else(|| Fault::new(Code::Unauthenticated, "send an access token"))?;
        let app = App::of(request)?;
        let caller = app.caller(token).await?;
        app.limits.count(request, RateLimitKey::User(caller.user))?;
        Ok(caller)
    }
}

impl<'a> ApiExtractor<'a> for RefreshBearer {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        registry.create_security_scheme(
            "refreshToken",
            bearer_scheme("The refresh token that `login` and `refresh` return; for `refresh` only."),
        );
    }

    fn security_schemes() -> Vec<&'static str> {
        vec!["refreshToken"]
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> Result<Self> {
        let token =
            bearer(request).ok_or_else(|| Fault::new(Code::Unauthenticated, "send a refresh token"))?;
        Ok(Self(token.to_owned()))
    }
}

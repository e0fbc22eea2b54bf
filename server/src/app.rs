//! What every request works with: [`App`], and the settings chosen at the start.

use std::{sync::Arc, time::Duration};

use poem::Request;
use ro_co_shared::Code;

use crate::{
    avatar::Avatars,
    clock::Clock,
    cors::Origin,
    error::ApiError,
    keys::Keys,
    limits::{Policy, RateLimiter, address::Proxies},
    password::Passwords,
    session_cache::SessionCache,
    store::Store,
};

/// After how long session and account are read again: how stale a role, a suspension or the end of a session can be.
pub const RECHECK: Duration = Duration::from_secs(10);

/// Everything a request may need.
pub struct App {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// What tokens are signed with.
    pub keys: Keys,
    /// Where passwords are hashed.
    pub passwords: Passwords,
    /// Where pictures come from.
    pub avatars: Avatars,
    /// The time.
    pub clock: Clock,
    /// What was chosen at the start.
    pub settings: Settings,
    /// Tokens and sessions verified lately.
    pub sessions: SessionCache,
    /// Rate limits and limits on guessing passwords.
    pub limits: RateLimiter,
}

/// What was chosen at the start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long an access token lives, in milliseconds.
    pub access_ttl_ms: i64,
    /// How long a session lives unused, in milliseconds.
    pub refresh_ttl_ms: i64,
    /// Whether Swagger UI is shown.
    pub docs: bool,
    /// Whether only those who know it as `localhost` are served.
    pub local_only: bool,
    /// Origins whose pages may call.
    pub cors_origins: Vec<Origin>,
    /// How stale a role, a suspension or the end of a session may be.
    pub recheck: Duration,
    /// Which rate limits hold.
    pub limits: Policy,
    /// Trusted proxies, whose forwarded IP address is used.
    pub proxies: Proxies,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            access_ttl_ms: 900_000,
            refresh_ttl_ms: 14 * 86_400_000,
            docs: true,
            local_only: false,
            cors_origins: Vec::new(),
            recheck: RECHECK,
            limits: Policy::default(),
            proxies: Proxies::default(),
        }
    }
}

impl App {
    /// Puts the parts together.
    pub fn new(
        store: Arc<dyn Store>,
        keys: Keys,
        avatars: Avatars,
        clock: Clock,
        settings: Settings,
    ) -> Arc<Self> {
        let sessions = SessionCache::new(settings.recheck);
        let limits = RateLimiter::new(settings.limits, settings.proxies.clone(), &clock);
        let passwords = Passwords::new();
        Arc::new(Self { store, keys, passwords, avatars, clock, settings, sessions, limits })
    }

    /// The application behind a request.
    pub(crate) fn of(request: &Request) -> Result<&Arc<Self>, ApiError> {
        request.data::<Arc<Self>>().ok_or_else(|| ApiError::new(Code::Internal, ""))
    }
}

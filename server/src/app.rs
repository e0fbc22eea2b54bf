//! What every request works with: [`App`], and the settings chosen at the start.

use std::{future::Future, sync::Arc, time::Duration};

use poem::Request;
use ro_co_shared::Code;
use tokio_util::task::TaskTracker;

use crate::{
    avatar::Avatars,
    base_path::BasePath,
    client_ip::Proxies,
    clock::Clock,
    cors::Origin,
    error::ApiError,
    keys::Keys,
    limits::{Policy, Quotas, RateLimiter},
    password::{HashError, Passwords, Requester, Verdict},
    request_metrics::RequestMetrics,
    session_cache::SessionCache,
    store::Store,
};

/// After how long session and account are read again: how stale a role, a suspension or the end of a session can be.
pub const RECHECK: Duration = Duration::from_secs(10);

/// How long a stopping server waits for acts under way, as long as a handler may take.
const MAX_TASK_TIME: Duration = Duration::from_secs(15);

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
    /// Counts requests.
    pub(crate) requests: RequestMetrics,
    /// Rate limits and limits on guessing passwords.
    pub limits: RateLimiter,
    /// Acts of several writes that are under way.
    pub(crate) tasks: TaskTracker,
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
    /// Lifetime of HSTS in seconds, for responses over TLS.
    pub hsts_seconds: i64,
    /// Whether each request has a line in the access log.
    pub access_log: bool,
    /// The path that a reverse proxy serves this server under.
    pub base_path: BasePath,
    /// Daily quotas; `None` where there are none.
    pub quotas: Option<Quotas>,
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
            hsts_seconds: 86_400,
            access_log: true,
            base_path: BasePath::default(),
            quotas: Some(Quotas::default()),
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
        let limits = RateLimiter::new(settings.limits, settings.proxies.clone(), settings.quotas, &clock);
        let passwords = Passwords::new();
        Arc::new(Self {
            store,
            keys,
            passwords,
            avatars,
            clock,
            settings,
            sessions,
            limits,
            tasks: TaskTracker::new(),
            requests: RequestMetrics::default(),
        })
    }

    /// The application behind a request.
    pub(crate) fn of(request: &Request) -> Result<&Arc<Self>, ApiError> {
        request.data::<Arc<Self>>().ok_or_else(|| ApiError::new(Code::Internal, ""))
    }

    /// Runs an act of several writes to its end, even where its client hangs up in the middle of it: as a task of its
    /// own, for which a server that stops waits.
    pub async fn to_completion<T: Send + 'static>(
        &self,
        act: impl Future<Output = Result<T, ApiError>> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.tasks.spawn(act).await.unwrap_or_else(|error| {
            tracing::error!(%error, "Task failed");
            Err(ApiError::new(Code::Internal, ""))
        })
    }

    /// Waits for the acts under way, as long as a request may take at most.
    pub(crate) async fn finish_tasks(&self) {
        self.tasks.close();
        if tokio::time::timeout(MAX_TASK_TIME, self.tasks.wait()).await.is_err() {
            tracing::warn!(tasks = self.tasks.len(), "Tasks not finished at stop");
        }
    }

    /// A new hash of a password.
    pub async fn hash_password(&self, requester: Requester, password: &str) -> Result<String, HashError> {
        self.passwords.reserve(requester)?.hash(password).await
    }

    /// Checks a password of somebody who is signed in.
    pub async fn verify_password(
        &self,
        requester: Requester,
        password: &str,
        stored: &str,
    ) -> Result<Verdict, HashError> {
        self.passwords.reserve(requester)?.verify(password, Some(stored)).await
    }
}

//! Rate limits: per IP address where no account is needed, per user elsewhere; and limits on password guessing. In
//! memory. The values and their reasons: `docs/adr/0009-rate-limits.md`.
//!
//! Every operation has one of two first arguments: [`AnonymousRateLimit`] counts the request per IP address,
//! [`Caller`](crate::auth::Caller) per user. The table of kinds is in `kind.rs`.

mod budget;
mod guesses;
mod kind;
mod quota;
mod slow_reads;

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, OnceLock},
    time::Duration,
};

use poem::{Addr, Request, Response};
use poem_openapi::OperationId;
use ro_co_shared::{Code, Email, SessionId, UserId};
use tokio::sync::OwnedSemaphorePermit;

pub use self::quota::{QuotaGuard, QuotaKey, Quotas};
use self::{
    budget::Budget,
    guesses::{Guess, Guesses},
    kind::RateKind,
    quota::QuotaUsage,
    slow_reads::SlowReads,
};
use crate::{
    admission::RequestAdmission,
    client_ip::{Proxies, network},
    clock::Clock,
    error::ApiError,
};

/// Which rate limits are in force.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Policy {
    /// All.
    #[default]
    All,
    /// Only the limits on password guessing: local mode has one user, but other users of the machine can reach the port.
    Guesses,
    /// None, for measurements.
    Off,
}

/// The key of a rate limit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RateLimitKey {
    /// An IPv4 address, or an IPv6 /64 network.
    Ip(IpAddr),
    /// A user.
    User(UserId),
    /// A session.
    Session(SessionId),
}

/// All rate limits.
pub struct RateLimiter {
    proxies: Proxies,
    budgets: Option<[Budget<RateLimitKey>; RateKind::ALL.len()]>,
    quotas: Option<QuotaUsage>,
    guesses: Option<Guesses>,
    slow_reads: Option<SlowReads>,
}

impl RateLimiter {
    /// The rate limits of this policy, with full budgets.
    pub fn new(policy: Policy, proxies: Proxies, quotas: Option<Quotas>, clock: &Clock) -> Self {
        let budget = |kind: RateKind| {
            let (burst, period) = kind.budget();
            Budget::new(burst, Duration::from_millis(period), clock.clone())
        };
        Self {
            proxies,
            budgets: (policy == Policy::All).then(|| RateKind::ALL.map(budget)),
            quotas: quotas
                .filter(|_| policy == Policy::All)
                .map(|quotas| QuotaUsage::new(quotas, clock.clone())),
            guesses: (policy != Policy::Off).then(|| Guesses::new(clock.clone())),
            slow_reads: (policy != Policy::Off).then(SlowReads::default),
        }
    }

    /// Waits until the user has a turn at reads that are slow; the turn lasts until it is dropped.
    pub async fn slow_read(&self, user: UserId) -> Option<OwnedSemaphorePermit> {
        match &self.slow_reads {
            Some(reads) => reads.turn(user).await,
            None => None,
        }
    }

    /// Counts a request of a user; over the limit it is a 429 with the time to wait.
    pub fn count_user(&self, request: &Request, user: UserId) -> Result<(), ApiError> {
        self.spend(RateKind::of(request.method(), request.uri().path()), RateLimitKey::User(user))
    }

    /// Counts a refresh of a session, once the token's signature is verified.
    pub fn count_refresh(&self, session: SessionId) -> Result<(), ApiError> {
        self.spend(RateKind::Refresh, RateLimitKey::Session(session))
    }

    /// Counts what is about to be created against its daily quotas; over one of them it is a 429. Unless the guard is
    /// committed, nothing stays counted.
    pub fn quota(&self, amounts: &[(QuotaKey, u64)]) -> Result<QuotaGuard<'_>, ApiError> {
        let Some(quotas) = &self.quotas else { return Ok(QuotaGuard::none()) };
        quotas.count(amounts).map_err(|(key, wait)| {
            let quota = quotas.quota(key);
            let what = match key {
                QuotaKey::Questions(_) => format!("You may ask {quota} questions"),
                QuotaKey::Answers(_) => format!("You may give {quota} answers"),
                QuotaKey::Bytes(_) => format!("You may send {quota} bytes of questions and answers"),
                QuotaKey::SignUps(_) => format!("{quota} accounts may be made from your IP address"),
            };
            let hours = wait.as_secs().div_ceil(3_600);
            too_many(&format!("{what} in 24 hours; try again in {hours} h."), wait.min(MAX_RETRY_AFTER))
        })
    }

    /// Counts a response that the first argument of an operation did not count, or not rightly: refused requests to
    /// `/auth/*`, requests without a valid access token, static pages and paths that do not exist. Over the limit the
    /// response is a 429.
    pub(crate) fn count_response(&self, response: &Response, counted: &Counted) -> Result<(), ApiError> {
        let status = response.status().as_u16();
        let kind = match counted.anonymous.get() {
            Some(AnonymousRateLimit { kind, .. }) if kind.is_auth() && is_refused(*kind, status) => {
                self.refund(AnonymousRateLimit { ip: counted.ip, kind: *kind });
                RateKind::Refused
            }
            None if status < 500 && response.data::<OperationId>().is_none() => RateKind::Page,
            None if status == 401 => RateKind::Unauthenticated,
            _ => return Ok(()),
        };
        self.spend(kind, RateLimitKey::Ip(counted.ip))
    }

    fn spend(&self, kind: RateKind, key: RateLimitKey) -> Result<(), ApiError> {
        let Some(budget) = self.budget(kind) else { return Ok(()) };
        budget.spend(&key).map_err(|wait| match key {
            RateLimitKey::Ip(_) => too_many("Too many requests of this kind from your IP address.", wait),
            RateLimitKey::User(_) => too_many("Too many requests of this kind.", wait),
            RateLimitKey::Session(_) => too_many("Too many refreshes of this session.", wait),
        })
    }

    fn budget(&self, kind: RateKind) -> Option<&Budget<RateLimitKey>> {
        self.budgets.as_ref()?.get(kind as usize)
    }

    /// Counts a request per IP address.
    pub(crate) fn count_anonymous(&self, request: &Request) -> Result<AnonymousRateLimit, ApiError> {
        let kind = RateKind::of(request.method(), request.uri().path());
        let limit = AnonymousRateLimit { ip: self.client_ip(request), kind };
        // A refresh is counted by its session, once its token is verified.
        if !matches!(kind, RateKind::Refresh) {
            self.spend(kind, RateLimitKey::Ip(limit.ip))?;
        }
        if let Some(counted) = request.data::<Counted>() {
            // Only the first argument of an operation sets it.
            let _ = counted.anonymous.set(limit);
        }
        Ok(limit)
    }

    /// Refunds a request that is answered with 503, so that repeating it as told does not count twice. Otherwise a crowd
    /// waiting at a full hash queue would use up its budget.
    pub(crate) fn refund_unserved(&self, counted: AnonymousRateLimit, error: &ApiError) {
        if error.problem.code == Code::Unavailable {
            self.refund(counted);
        }
    }

    fn refund(&self, counted: AnonymousRateLimit) {
        // Refreshes are counted by session, not by IP address.
        if !matches!(counted.kind, RateKind::Refresh)
            && let Some(budget) = self.budget(counted.kind)
        {
            budget.refund(&RateLimitKey::Ip(counted.ip));
        }
    }

    /// Whether this account has signed in from this IP address lately.
    pub(crate) fn is_known(&self, email: &Email, from: AnonymousRateLimit) -> bool {
        self.guesses.as_ref().is_some_and(|guesses| guesses.is_known(email, from.ip))
    }

    /// Begins a login attempt; over the limit it is a 429. Called before the password is hashed. Treats unknown email
    /// addresses like known ones. Dropped without an outcome it does not count.
    pub(crate) fn attempt(
        &self,
        email: &Email,
        from: AnonymousRateLimit,
    ) -> Result<LoginGuess<'_>, ApiError> {
        let Some(guesses) = &self.guesses else { return Ok(LoginGuess(None)) };
        match guesses.begin(email, from.ip) {
            Ok(guess) => Ok(LoginGuess(Some(guess))),
            Err(wait) => Err(too_many("Too many attempts to sign in to this account.", wait)),
        }
    }

    /// The client's IP address (IPv6: its /64 network).
    pub(crate) fn client_ip(&self, request: &Request) -> IpAddr {
        if let Some(admission) = RequestAdmission::of(request) {
            return admission.ip();
        }
        let peer = match &**request.remote_addr() {
            Addr::SocketAddr(peer) => peer.ip(),
            // Not from a socket.
            _ => Ipv4Addr::UNSPECIFIED.into(),
        };
        network(self.proxies.client(peer, request.headers()))
    }
}

/// A login attempt, where guesses are limited.
pub(crate) struct LoginGuess<'a>(Option<Guess<'a>>);

impl LoginGuess<'_> {
    /// The password was right.
    pub(crate) fn right(self) {
        if let Some(guess) = self.0 {
            guess.right();
        }
    }

    /// The password was wrong.
    pub(crate) fn wrong(self) {
        if let Some(guess) = self.0 {
            guess.wrong();
        }
    }
}

/// The rate limit per IP address of operations that need no account. As the first argument of an operation it counts the
/// request.
#[derive(Clone, Copy, Debug)]
pub struct AnonymousRateLimit {
    ip: IpAddr,
    kind: RateKind,
}

impl AnonymousRateLimit {
    /// The client's IP address (IPv6: its /64 network).
    pub fn ip(self) -> IpAddr {
        self.ip
    }
}

/// The longest `Retry-After`, as the OpenAPI document declares it.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

/// What a request was counted as, for [`RateLimiter::count_response`]. Clones share it.
#[derive(Clone)]
pub(crate) struct Counted {
    ip: IpAddr,
    anonymous: Arc<OnceLock<AnonymousRateLimit>>,
}

impl Counted {
    /// A request of this client, not counted yet.
    pub(crate) fn new(ip: IpAddr) -> Self {
        Self { ip, anonymous: Arc::default() }
    }
}

/// Whether a response refuses the request as such: malformed, or with a refresh token that is not valid.
fn is_refused(kind: RateKind, status: u16) -> bool {
    matches!(status, 400 | 408 | 413 | 415) || (status == 401 && matches!(kind, RateKind::Refresh))
}

fn too_many(detail: &str, wait: Duration) -> ApiError {
    ApiError { retry_after: Some(seconds(wait)), ..ApiError::new(Code::TooManyRequests, detail) }
}

/// A wait in whole seconds, rounded up, for `Retry-After`.
fn seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_rounded_up_to_whole_seconds() {
        for (millis, expected) in [(0, 1), (1, 1), (999, 1), (1_000, 1), (1_001, 2), (899_999, 900)] {
            assert_eq!(seconds(Duration::from_millis(millis)), expected, "{millis} ms");
        }
    }
}

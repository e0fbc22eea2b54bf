//! How often somebody may ask: by address where no account is needed, by user elsewhere; and how often a password may
//! be guessed. In memory. The figures and their reasons: `docs/adr/0009-rate-limits.md`.
//!
//! Every operation has one of two first arguments: [`AnonymousRateLimit`] counts it by address, [`Caller`](crate::auth::Caller) by
//! user. What it counts as is said in one table, in `kind.rs`.

pub mod address;
mod budget;
mod guesses;
mod kind;

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use poem::{Addr, Request};
use ro_co_shared::{Code, Email, UserId};

use self::{
    address::{Proxies, network},
    budget::Budget,
    guesses::Guesses,
    kind::RateKind,
};
use crate::{clock::Clock, error::ApiError};

/// Which limits hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Policy {
    /// All of them.
    #[default]
    All,
    /// Only the one on guessing passwords: a server for one person on one machine has nobody else to protect them
    /// from, but other users of that machine can reach it.
    Guesses,
    /// None: for measuring.
    Off,
}

/// Whose request it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RateLimitKey {
    /// Somebody at this address; for IPv6 in this /64 network.
    Address(IpAddr),
    /// This user.
    User(UserId),
}

/// All limits.
pub struct Limits {
    proxies: Proxies,
    budgets: Option<[Budget<RateLimitKey>; RateKind::ALL.len()]>,
    guesses: Option<Guesses>,
}

impl Limits {
    /// The limits of this policy, with nobody counted yet.
    pub fn new(policy: Policy, proxies: Proxies, clock: &Clock) -> Self {
        let budget = |kind: RateKind| {
            let (at_once, period) = kind.budget();
            Budget::new(at_once, Duration::from_millis(period), clock.clone())
        };
        Self {
            proxies,
            budgets: (policy == Policy::All).then(|| RateKind::ALL.map(budget)),
            guesses: (policy != Policy::Off).then(|| Guesses::new(clock.clone())),
        }
    }

    /// Counts a request, or refuses it with the time to wait.
    pub fn count(&self, request: &Request, who: RateLimitKey) -> Result<(), ApiError> {
        let kind = RateKind::of(request.method(), request.uri().path());
        let Some(budget) = self.budgets.as_ref().and_then(|all| all.get(kind as usize)) else {
            return Ok(());
        };
        budget.spend(&who).map_err(|wait| match who {
            RateLimitKey::Address(_) => {
                too_many("There were too many requests of this kind from your address.", wait)
            }
            RateLimitKey::User(_) => too_many("You made too many requests of this kind.", wait),
        })
    }

    /// Counts a request against the budget of its IP address.
    pub(crate) fn count_anonymous(&self, request: &Request) -> Result<AnonymousRateLimit, ApiError> {
        let place = self.place(request);
        self.count(request, RateLimitKey::Address(place))?;
        Ok(AnonymousRateLimit { place, kind: RateKind::of(request.method(), request.uri().path()) })
    }

    /// Takes back that a request was counted: it could not be served, and whoever repeats it as told is not to pay
    /// twice. Else a crowd at a full queue would spend all it has on waiting.
    pub fn refund(&self, open: AnonymousRateLimit) {
        if let Some(budget) = self.budgets.as_ref().and_then(|all| all.get(open.kind as usize)) {
            budget.refund(&RateLimitKey::Address(open.place));
        }
    }

    /// Begins an attempt to sign in, or refuses it. Before the password is hashed, and alike whether anybody has this
    /// address; what is no address is nobody's.
    pub fn attempt(&self, email: Option<&Email>, from: AnonymousRateLimit) -> Result<Attempt<'_>, ApiError> {
        let (Some(guesses), Some(email)) = (&self.guesses, email) else { return Ok(Attempt(None)) };
        match guesses.begin(email, from.place) {
            Ok(pair) => Ok(Attempt(Some((guesses, pair)))),
            Err(wait) => Err(too_many("There were too many attempts to sign in to this account.", wait)),
        }
    }

    /// Where a request comes from, as far as addresses are told apart.
    fn place(&self, request: &Request) -> IpAddr {
        let peer = match &**request.remote_addr() {
            Addr::SocketAddr(peer) => peer.ip(),
            // Not from a socket.
            _ => Ipv4Addr::UNSPECIFIED.into(),
        };
        network(self.proxies.client(peer, request.headers()))
    }
}

/// An attempt to sign in. Unless it is said to be something else, it has failed.
pub struct Attempt<'a>(Option<(&'a Guesses, [u8; 32])>);

impl Attempt<'_> {
    /// It has succeeded.
    pub fn succeeded(&self) {
        if let Some((guesses, pair)) = self.0 {
            guesses.right(pair);
        }
    }

    /// The password was not looked at.
    pub fn undo(&self) {
        if let Some((guesses, pair)) = self.0 {
            guesses.undo(pair);
        }
    }
}

/// A client without an access token, known by its IP address. As the first argument of an operation it counts the request
/// against the budget of that address.
#[derive(Clone, Copy, Debug)]
pub struct AnonymousRateLimit {
    place: IpAddr,
    kind: RateKind,
}

fn too_many(detail: &str, wait: Duration) -> ApiError {
    ApiError { retry_after: Some(seconds(wait)), ..ApiError::new(Code::TooManyRequests, detail) }
}

/// Whole seconds after which a wait is over, for `Retry-After`.
fn seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_whole_seconds_and_never_none() {
        for (millis, expected) in [(0, 1), (1, 1), (999, 1), (1_000, 1), (1_001, 2), (899_999, 900)] {
            assert_eq!(seconds(Duration::from_millis(millis)), expected, "{millis} ms");
        }
    }
}

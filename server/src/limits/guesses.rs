//! How often a password may be guessed.
//!
//! Wrong guesses are counted for an account **and** an IP address together, so that nobody can lock somebody else out
//! from elsewhere. What is left is whoever has many IP addresses: all those an account has never signed in from share a
//! budget of attempts at it. Email addresses that no account has are counted like those that one has.
//!
//! An attempt that was not verified changes nothing. While it is under way it stands in a map of its own, bounded by
//! the hash queue; only a verified one is written to the caches, so that requests that were refused evict nothing.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use moka::{policy::EvictionPolicy, sync::Cache};
use ro_co_shared::Email;

use super::budget::MAX_KEYS;
use crate::{clock::Clock, keys::sha256};

/// Wrong guesses without a wait; after them 1, 2, 4 … seconds.
const FREE_GUESSES: u32 = 5;
/// The longest wait between two guesses.
const MAX_WAIT: Duration = Duration::from_mins(15);
/// After how long wrong guesses are forgotten: by then a guesser has had no more tries than by waiting.
const GUESS_MEMORY: Duration = Duration::from_hours(24);
/// How long an IP address that an account has signed in from stays known.
const KNOWN_MEMORY: Duration = Duration::from_hours(30 * 24);
/// Attempts at one account from all unknown IP addresses together, and the time for one more. One address alone, held up
/// by its own waits, spends less than comes back: it takes more than a dozen of them to use this up.
const UNKNOWN_BURST: u32 = 100;
const UNKNOWN_PERIOD: Duration = Duration::from_mins(1);

/// SHA-256 of an account's email address, or of that and an IP address: equal in size, and nothing personal is kept.
type Digest = [u8; 32];

/// The guesses of late.
pub(super) struct Guesses {
    clock: Clock,
    /// By account and IP address.
    wrong: Cache<Digest, WrongGuesses>,
    /// By account: what the IP addresses it is not known at have used up.
    unknown: Cache<Digest, UsedUp>,
    /// Accounts and IP addresses with a successful login. Written on success only.
    known: Cache<Digest, ()>,
    /// Attempts under way, by both kinds of key.
    under_way: Mutex<HashMap<Digest, UnderWay>>,
}

/// Wrong guesses at an account from an IP address.
#[derive(Clone, Copy, Debug, Default)]
struct WrongGuesses {
    count: u32,
    /// When the last one began.
    last: Duration,
}

impl WrongGuesses {
    /// The wait before another guess, with those under way counted as wrong.
    fn wait(self, under_way: UnderWay, now: Duration) -> Option<Duration> {
        let last = self.last.max(under_way.last);
        let forgotten = now.saturating_sub(self.last) >= GUESS_MEMORY;
        let count = if forgotten { 0 } else { self.count } + under_way.count;
        let over = count.checked_sub(FREE_GUESSES)?;
        let pause = Duration::from_secs(1 << over.min(10)).min(MAX_WAIT);
        (last + pause).checked_sub(now).filter(|wait| !wait.is_zero())
    }
}

/// A budget by the generic cell rate algorithm: the moment at which it will be full again.
#[derive(Clone, Copy, Debug, Default)]
struct UsedUp {
    full_at: Duration,
}

impl UsedUp {
    fn wait(self, under_way: UnderWay, now: Duration) -> Option<Duration> {
        let used = self.full_at.saturating_sub(now) + UNKNOWN_PERIOD * under_way.count;
        (used + UNKNOWN_PERIOD).checked_sub(UNKNOWN_PERIOD * UNKNOWN_BURST).filter(|wait| !wait.is_zero())
    }

    fn spend(self, now: Duration) -> Self {
        Self { full_at: self.full_at.max(now) + UNKNOWN_PERIOD }
    }
}

/// Attempts that have begun and have no outcome.
#[derive(Clone, Copy, Debug, Default)]
struct UnderWay {
    count: u32,
    /// When the last one began.
    last: Duration,
}

impl Guesses {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            wrong: bounded(GUESS_MEMORY),
            unknown: bounded(UNKNOWN_PERIOD * UNKNOWN_BURST),
            known: bounded(KNOWN_MEMORY),
            under_way: Mutex::default(),
        }
    }

    /// Whether the account has signed in from this IP address lately.
    pub(super) fn is_known(&self, email: &Email, address: IpAddr) -> bool {
        self.known.get(&pair(account(email), address)).is_some()
    }

    /// Begins an attempt, or says how long to wait. It counts from the start, so that many at once are many, and no longer
    /// when it is dropped without an outcome.
    pub(super) fn begin(&self, email: &Email, address: IpAddr) -> Result<Guess<'_>, Duration> {
        let account = account(email);
        let pair = pair(account, address);
        let known = self.known.get(&pair).is_some();
        let now = self.clock.uptime();
        let mut under_way = self.under_way();
        let of = |key: &Digest| under_way.get(key).copied().unwrap_or_default();
        if let Some(wait) = self.wrong.get(&pair).unwrap_or_default().wait(of(&pair), now) {
            return Err(wait);
        }
        let unknown = (!known).then_some(account);
        if let Some(wait) =
            unknown.and_then(|key| self.unknown.get(&key).unwrap_or_default().wait(of(&key), now))
        {
            return Err(wait);
        }
        for key in [pair].into_iter().chain(unknown) {
            let entry = under_way.entry(key).or_default();
            *entry = UnderWay { count: entry.count + 1, last: now };
        }
        Ok(Guess { guesses: self, pair, unknown, began: now })
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<Digest, UnderWay>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A cache of bounded size that forgets what was not used for this long.
fn bounded<V: Clone + Send + Sync + 'static>(memory: Duration) -> Cache<Digest, V> {
    let cache = Cache::builder().max_capacity(MAX_KEYS).eviction_policy(EvictionPolicy::lru());
    cache.time_to_idle(memory).build()
}

fn account(email: &Email) -> Digest {
    sha256(email.canonical().unwrap_or_else(|| email.key()).as_bytes())
}

fn pair(account: Digest, address: IpAddr) -> Digest {
    sha256(&[account.as_slice(), address.to_string().as_bytes()].concat())
}

/// An attempt under way. Dropped without an outcome it was none.
pub(super) struct Guess<'a> {
    guesses: &'a Guesses,
    pair: Digest,
    /// The account, where the IP address is not known to it.
    unknown: Option<Digest>,
    began: Duration,
}

impl Guess<'_> {
    /// The password was wrong.
    pub(super) fn wrong(self) {
        let count = |old: WrongGuesses| WrongGuesses { count: old.count + 1, last: old.last.max(self.began) };
        let fresh = |old: &WrongGuesses| self.began.saturating_sub(old.last) < GUESS_MEMORY;
        self.guesses
            .wrong
            .entry(self.pair)
            .and_upsert_with(|old| count(old.map(moka::Entry::into_value).filter(fresh).unwrap_or_default()));
        self.spend();
    }

    /// The password was right: wrong guesses before it are forgiven.
    pub(super) fn right(self) {
        self.guesses.wrong.invalidate(&self.pair);
        self.guesses.known.insert(self.pair, ());
        self.spend();
    }

    fn spend(&self) {
        let Some(account) = self.unknown else { return };
        self.guesses.unknown.entry(account).and_upsert_with(|old| {
            old.map(moka::Entry::into_value).unwrap_or_default().spend(self.guesses.clock.uptime())
        });
    }
}

impl Drop for Guess<'_> {
    fn drop(&mut self) {
        let mut under_way = self.guesses.under_way();
        for key in [self.pair].into_iter().chain(self.unknown) {
            if let Some(entry) = under_way.get_mut(&key) {
                entry.count -= 1;
                if entry.count == 0 {
                    under_way.remove(&key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;

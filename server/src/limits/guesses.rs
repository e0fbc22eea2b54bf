//! How often a password may be guessed.
//!
//! Failures are counted for an account **and** an address together, so that nobody can lock somebody else out from
//! elsewhere. What is left is whoever has many addresses: all places an account has never signed in from share a
//! budget of attempts at it. Addresses nobody has are counted like those that somebody has.

use std::{net::IpAddr, time::Duration};

use moka::{ops::compute::Op, policy::EvictionPolicy, sync::Cache};
use ro_co_shared::Email;

use super::budget::{Budget, MAX_KEYS};
use crate::{clock::Clock, keys::sha256};

/// Failures without a wait; after them 1, 2, 4 … seconds.
const FREE: u32 = 5;
/// The longest wait.
const LONGEST: Duration = Duration::from_mins(15);
/// After how long failures are forgotten: by then a guesser has had no more tries than by waiting.
const FORGOTTEN: Duration = Duration::from_hours(24);
/// How long a place an account has signed in from stays known.
const KNOWN: Duration = Duration::from_hours(30 * 24);
/// Attempts at one account from all unknown places together, and the time for one more. One address alone, held up by
/// its own waits, spends less than comes back: it takes more than a dozen of them to use this up.
const STRANGERS: (u32, Duration) = (100, Duration::from_mins(1));

/// An account and a place, or an account. Digests, so that each takes the same space and no address is kept.
type Digest = [u8; 32];

/// The attempts of late.
pub(super) struct Guesses {
    clock: Clock,
    pairs: Cache<Digest, Record>,
    strangers: Budget<Digest>,
}

/// An account at a place.
#[derive(Clone, Copy, Debug, Default)]
struct Record {
    /// Attempts since the last success, those under way included.
    failures: u32,
    /// When the last one began.
    last: Duration,
    /// Whether the account has signed in from there.
    known: bool,
}

impl Record {
    fn at(self, now: Duration) -> Self {
        let old = now.saturating_sub(self.last) >= FORGOTTEN;
        Self { failures: if old { 0 } else { self.failures }, ..self }
    }

    fn wait(self, now: Duration) -> Option<Duration> {
        let over = self.failures.checked_sub(FREE)?;
        let pause = Duration::from_secs(1 << over.min(10)).min(LONGEST);
        (self.last + pause).checked_sub(now).filter(|wait| !wait.is_zero())
    }
}

impl Guesses {
    pub(super) fn new(clock: Clock) -> Self {
        let pairs = Cache::builder()
            .max_capacity(MAX_KEYS)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(KNOWN)
            .build();
        let (at_once, period) = STRANGERS;
        Self { strangers: Budget::new(at_once, period, clock.clone()), clock, pairs }
    }

    /// Begins an attempt, or says how long to wait. It counts as a failure from the start, so that many at once are
    /// many, and until it is said to be something else.
    pub(super) fn begin(&self, email: &Email, place: IpAddr) -> Result<Digest, Duration> {
        let account = sha256(email.key().as_bytes());
        let pair = sha256(&[account.as_slice(), place.to_string().as_bytes()].concat());
        let now = self.clock.uptime();
        let (mut refused, mut known) = (None, false);
        self.pairs.entry(pair).and_compute_with(|old| {
            let record = old.map(moka::Entry::into_value).unwrap_or_default().at(now);
            (refused, known) = (record.wait(now), record.known);
            match refused {
                Some(_) => Op::Nop,
                None => Op::Put(Record { failures: record.failures + 1, last: now, ..record }),
            }
        });
        if let Some(wait) = refused {
            return Err(wait);
        }
        // Only attempts that a place has left count against all: one that hammers does not use up what others have.
        if !known && let Err(wait) = self.strangers.spend(&account) {
            self.undo(pair);
            return Err(wait);
        }
        Ok(pair)
    }

    /// It was the right password.
    pub(super) fn right(&self, pair: Digest) {
        self.pairs.insert(pair, Record { failures: 0, last: self.clock.uptime(), known: true });
    }

    /// It was no attempt after all: the password was not looked at.
    pub(super) fn undo(&self, pair: Digest) {
        self.pairs.entry(pair).and_compute_with(|old| match old.map(moka::Entry::into_value) {
            Some(record) => Op::Put(Record { failures: record.failures.saturating_sub(1), ..record }),
            None => Op::Nop,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    struct Test {
        clock: Clock,
        guesses: Guesses,
        ada: Email,
    }

    fn test() -> Test {
        let clock = Clock::default();
        Test { guesses: Guesses::new(clock.clone()), clock, ada: "ada@example.org".parse().unwrap() }
    }

    fn place(n: u32) -> IpAddr {
        Ipv4Addr::from_bits(n).into()
    }

    /// Seconds to wait, rounded up as the client hears them; 0 for an attempt.
    fn guess(test: &Test, from: u32) -> u64 {
        test.guesses.begin(&test.ada, place(from)).map_or_else(super::super::seconds, |_| 0).into()
    }

    #[test]
    fn five_are_free_then_the_waits_double_up_to_a_quarter_of_an_hour() {
        let test = test();
        let mut waits = Vec::new();
        for _ in 0..18 {
            let wait = match guess(&test, 1) {
                0 => 0,
                wait => {
                    test.clock.advance(i64::try_from(wait).unwrap() * 1_000);
                    assert_eq!(guess(&test, 1), 0, "when the wait is over there is one attempt");
                    wait
                }
            };
            waits.push(wait);
        }
        assert_eq!(waits, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
        test.clock.advance(24 * 3_600_000);
        assert_eq!(guess(&test, 1), 0, "a day later it is forgotten");
        assert_eq!(guess(&test, 1), 0);
    }

    #[test]
    fn who_hammers_locks_nobody_out_elsewhere() {
        let test = test();
        for _ in 0..10_000 {
            guess(&test, 1);
        }
        assert!(guess(&test, 1) > 0);
        assert_eq!(guess(&test, 2), 0);
    }

    #[test]
    fn many_addresses_share_what_strangers_have_and_known_places_do_not_mind() {
        let test = test();
        let home = test.guesses.begin(&test.ada, place(0)).unwrap();
        test.guesses.right(home);
        let attempts = (1..1_000).filter(|n| guess(&test, *n) == 0).count();
        assert_eq!(attempts, 99, "one hundred, with the one from home when it was not known yet");
        assert!((1..=60).contains(&guess(&test, 5_000)));
        for _ in 0..5 {
            assert_eq!(guess(&test, 0), 0);
        }
        let bob: Email = "bob@example.org".parse().unwrap();
        test.guesses.begin(&bob, place(1)).unwrap();
    }

    #[test]
    fn success_forgives_and_what_was_not_looked_at_does_not_count() {
        let test = test();
        for _ in 0..50 {
            let pair = test.guesses.begin(&test.ada, place(1)).unwrap();
            test.guesses.undo(pair);
        }
        for _ in 0..20 {
            let pair = test.guesses.begin(&test.ada, place(1)).unwrap();
            test.guesses.right(pair);
        }
        for _ in 0..5 {
            assert_eq!(guess(&test, 1), 0);
        }
        assert_eq!(guess(&test, 1), 1);
    }

    #[test]
    fn an_address_is_one_whatever_its_case() {
        let test = test();
        let shouted: Email = "ADA@EXAMPLE.ORG".parse().unwrap();
        for _ in 0..5 {
            test.guesses.begin(&shouted, place(1)).unwrap();
        }
        assert_eq!(guess(&test, 1), 1);
    }
}

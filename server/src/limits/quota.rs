//! Daily quotas: what one account may create and one IP address may sign up in 24 hours.

use std::{net::IpAddr, time::Duration};

use moka::{ops::compute::Op, policy::EvictionPolicy, sync::Cache};
use ro_co_shared::UserId;

use super::budget::MAX_KEYS;
use crate::clock::Clock;

/// How long a creation counts. It is remembered by the hour, so it counts for up to an hour longer.
const PERIOD_HOURS: u64 = 24;
const SLOTS: usize = 25;
const HOUR: Duration = Duration::from_hours(1);

/// The quotas for 24 hours; 0 means no quota.
#[derive(clap::Args, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quotas {
    /// How many questions an account may ask in 24 hours; 0 for any number
    #[arg(
        long = "quota-questions",
        env = "ROCO_QUOTA_QUESTIONS",
        default_value = "100",
        value_name = "NUMBER"
    )]
    pub questions: u64,

    /// How many answers an account may give in 24 hours; 0 for any number
    #[arg(long = "quota-answers", env = "ROCO_QUOTA_ANSWERS", default_value = "500", value_name = "NUMBER")]
    pub answers: u64,

    /// How many bytes of questions and answers an account may send in 24 hours, edits included; 0 for any number
    #[arg(long = "quota-bytes", env = "ROCO_QUOTA_BYTES", default_value = "20000000", value_name = "BYTES")]
    pub bytes: u64,

    /// How many accounts may be made from one IP address in 24 hours; 0 for any number
    #[arg(
        long = "quota-sign-ups",
        env = "ROCO_QUOTA_SIGN_UPS",
        default_value = "1000",
        value_name = "NUMBER"
    )]
    pub sign_ups: u64,
}

impl Default for Quotas {
    fn default() -> Self {
        Self { questions: 100, answers: 500, bytes: 20_000_000, sign_ups: 1_000 }
    }
}

/// What is counted against a quota.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum QuotaKey {
    /// Questions of a user.
    Questions(UserId),
    /// Answers of a user.
    Answers(UserId),
    /// Bytes of a user's questions and answers.
    Bytes(UserId),
    /// Sign-ups from an IP address.
    SignUps(IpAddr),
}

/// The use of all quotas in the last 24 hours.
pub(super) struct QuotaUsage {
    quotas: Quotas,
    clock: Clock,
    days: Cache<QuotaKey, Day>,
}

/// Amounts by hour, the latest 25 hours of the process's uptime.
#[derive(Clone, Copy, Default)]
struct Day {
    hours: [u64; SLOTS],
    /// The hour of the latest amount.
    latest: u64,
}

impl Day {
    fn slot(hour: u64) -> usize {
        usize::try_from(hour % SLOTS as u64).unwrap_or_default()
    }

    /// Drops what is older than the period.
    fn at(mut self, now: u64) -> Self {
        for hour in (self.latest + 1)..=now.min(self.latest + SLOTS as u64) {
            self.hours[Self::slot(hour)] = 0;
        }
        self.latest = self.latest.max(now);
        self
    }

    fn total(&self) -> u64 {
        self.hours.iter().sum()
    }

    /// Hours until enough of the oldest amounts are dropped to have room for `amount`.
    fn hours_until(&self, amount: u64, quota: u64) -> u64 {
        let mut total = self.total();
        for age in (0..=PERIOD_HOURS).rev() {
            if self.latest >= age {
                total -= self.hours[Self::slot(self.latest - age)];
            }
            if total + amount <= quota {
                return PERIOD_HOURS + 1 - age;
            }
        }
        PERIOD_HOURS + 1
    }
}

/// Amounts that were counted; dropped without [`QuotaGuard::commit_if`], they are refunded.
#[must_use = "dropping it refunds what was counted"]
pub struct QuotaGuard<'a> {
    usage: Option<&'a QuotaUsage>,
    counted: Vec<(QuotaKey, u64, u64)>,
}

impl QuotaUsage {
    pub(super) fn new(quotas: Quotas, clock: Clock) -> Self {
        let days = Cache::builder()
            .max_capacity(MAX_KEYS)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(HOUR * u32::try_from(SLOTS).unwrap_or(u32::MAX))
            .build();
        Self { quotas, clock, days }
    }

    /// What may be counted under this key in 24 hours; 0 for any amount.
    pub(super) fn quota(&self, key: QuotaKey) -> u64 {
        match key {
            QuotaKey::Questions(_) => self.quotas.questions,
            QuotaKey::Answers(_) => self.quotas.answers,
            QuotaKey::Bytes(_) => self.quotas.bytes,
            QuotaKey::SignUps(_) => self.quotas.sign_ups,
        }
    }

    /// Counts these amounts; where one is over its quota, none is counted and the error is the key and the time to wait.
    pub(super) fn count(&self, amounts: &[(QuotaKey, u64)]) -> Result<QuotaGuard<'_>, (QuotaKey, Duration)> {
        let mut guard = QuotaGuard { usage: Some(self), counted: Vec::new() };
        for &(key, amount) in amounts {
            guard.counted.push((key, amount, self.count_one(key, amount).map_err(|wait| (key, wait))?));
        }
        Ok(guard)
    }

    /// Counts one amount; returns the hour it was counted in.
    fn count_one(&self, key: QuotaKey, amount: u64) -> Result<u64, Duration> {
        let quota = self.quota(key);
        let uptime = self.clock.uptime();
        let now = uptime.as_secs() / HOUR.as_secs();
        if quota == 0 {
            return Ok(now);
        }
        let mut refused = None;
        self.days.entry(key).and_compute_with(|entry| {
            let mut day = entry.map(moka::Entry::into_value).unwrap_or_default().at(now);
            if day.total() + amount > quota {
                let until = HOUR * u32::try_from(now + day.hours_until(amount, quota)).unwrap_or(u32::MAX);
                refused = Some(until.saturating_sub(uptime));
                return Op::Nop;
            }
            day.hours[Day::slot(now)] += amount;
            Op::Put(day)
        });
        refused.map_or(Ok(now), Err)
    }

    fn refund(&self, key: QuotaKey, amount: u64, hour: u64) {
        self.days.entry(key).and_compute_with(|entry| {
            let Some(mut day) = entry.map(moka::Entry::into_value) else { return Op::Nop };
            if day.latest.saturating_sub(hour) > PERIOD_HOURS {
                return Op::Nop;
            }
            let slot = &mut day.hours[Day::slot(hour)];
            *slot = slot.saturating_sub(amount);
            Op::Put(day)
        });
    }
}

impl QuotaGuard<'_> {
    /// A guard of nothing, where there are no quotas.
    pub(super) fn none() -> Self {
        Self { usage: None, counted: Vec::new() }
    }

    /// Keeps what was counted if something was created, or refunds it.
    pub fn commit_if(mut self, created: bool) {
        if created {
            self.counted.clear();
        }
    }
}

impl Drop for QuotaGuard<'_> {
    fn drop(&mut self) {
        let Some(usage) = self.usage else { return };
        for (key, amount, hour) in self.counted.drain(..) {
            usage.refund(key, amount, hour);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IP: QuotaKey = QuotaKey::SignUps(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));

    fn usage(sign_ups: u64) -> (Clock, QuotaUsage) {
        let clock = Clock::default();
        (clock.clone(), QuotaUsage::new(Quotas { sign_ups, ..Quotas::default() }, clock))
    }

    fn hours(wait: Duration) -> u64 {
        wait.as_secs().div_ceil(3_600)
    }

    #[test]
    fn a_quota_is_full_until_a_day_later() {
        let (clock, usage) = usage(3);
        for _ in 0..3 {
            usage.count(&[(IP, 1)]).unwrap().commit_if(true);
            clock.advance(3_600_000);
        }
        let (_, wait) = usage.count(&[(IP, 1)]).err().unwrap();
        assert_eq!(hours(wait), 22, "the first one is three hours old and counts for 25 at most");
        clock.advance(i64::try_from(wait.as_millis()).unwrap() + 1_000);
        usage.count(&[(IP, 1)]).unwrap().commit_if(true);
        assert!(usage.count(&[(IP, 1)]).is_err(), "the second one still counts");
        clock.advance(1_000 * 3_600_000);
        for _ in 0..3 {
            usage.count(&[(IP, 1)]).unwrap().commit_if(true);
        }
        assert!(usage.count(&[(IP, 1)]).is_err());
    }

    #[test]
    fn what_was_not_created_is_refunded() {
        let (_, usage) = usage(1);
        for _ in 0..3 {
            drop(usage.count(&[(IP, 1)]).unwrap());
        }
        usage.count(&[(IP, 1)]).unwrap().commit_if(true);
        let other = QuotaKey::SignUps([192, 0, 2, 1].into());
        assert!(usage.count(&[(other, 1), (IP, 1)]).is_err());
        usage.count(&[(other, 1)]).expect("all or nothing").commit_if(true);
    }

    #[test]
    fn zero_is_no_quota() {
        let (_, usage) = usage(0);
        for _ in 0..10_000 {
            usage.count(&[(IP, 1)]).unwrap().commit_if(true);
        }
    }

    #[test]
    fn an_amount_waits_for_as_much_room_as_it_needs() {
        let (clock, usage) = usage(10);
        usage.count(&[(IP, 2)]).unwrap().commit_if(true);
        clock.advance(2 * 3_600_000);
        usage.count(&[(IP, 8)]).unwrap().commit_if(true);
        let wait = |amount| hours(usage.count(&[(IP, amount)]).err().unwrap().1);
        assert_eq!((wait(2), wait(3)), (23, 25));
        assert_eq!(wait(11), 25, "one that never fits");
    }
}

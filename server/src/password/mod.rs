//! Password hashing: Argon2id on a pool of its own.
//!
//! A pool, because `spawn_blocking` lets hundreds of hashes start at once and glibc keeps each one's 19 MiB. Each thread
//! owns its memory, taken at its first hash. The queue is bounded and shared fairly by network (`queue`): a place in it
//! is reserved before anything else is done for a request, and a full one is a 503. BCrypt hashes of imported accounts
//! are verified on a thread of their own, so that one that takes a second delays nobody else.

mod argon;
mod bcrypt;
mod pool;
mod queue;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, OnceLock},
    thread,
};

use zeroize::Zeroizing;

use self::pool::{Memory, Pool, Slot};
pub use self::queue::Requester;

#[cfg(feature = "mongodb")]
pub(crate) use self::import::is_usable;

/// Why there is no result.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HashError {
    /// The queue is full, or the place in it was given up to another network.
    #[error("too many passwords are being hashed")]
    Busy,
    /// The system gave no randomness, or the job panicked.
    #[error("a password could not be hashed")]
    Failed,
}

/// The outcome of a check.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is not the password.
    Wrong,
    /// It is the password.
    Right,
    /// It is the password, and the stored hash was made with other parameters than today's: this is the hash to store.
    Rehashed(String),
}

/// The pools. Clones share them; the threads end with the last clone.
#[derive(Clone)]
pub struct Passwords(Arc<Pools>);

/// Measurements of the hash queues since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HashQueueStats {
    /// Requests that wait for a hash thread.
    pub waiting: u64,
    /// Requests answered 503 because the queue was full, or their place was given up.
    pub rejected: u64,
}

struct Pools {
    argon: Pool,
    /// Started at the first BCrypt hash: most servers have none.
    bcrypt: OnceLock<Pool>,
}

impl Passwords {
    /// Starts a pool with half a thread for each core, one at least and two at most.
    pub fn new() -> Self {
        let threads = thread::available_parallelism().map_or(1, |n| (n.get() / 2).clamp(1, 2));
        Self(Arc::new(Pools { argon: Pool::start("argon2", threads), bcrypt: OnceLock::new() }))
    }

    /// Measurements of the queues.
    pub fn stats(&self) -> HashQueueStats {
        let (argon, bcrypt) =
            (self.0.argon.stats(), self.0.bcrypt.get().map(Pool::stats).unwrap_or_default());
        HashQueueStats { waiting: argon.waiting + bcrypt.waiting, rejected: argon.rejected + bcrypt.rejected }
    }

    /// Reserves a place in the queue, which is given up when dropped.
    pub fn reserve(&self, requester: Requester) -> Result<HashSlot, HashError> {
        Ok(HashSlot { slot: self.0.argon.reserve(requester)?, requester, pools: Arc::clone(&self.0) })
    }
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

/// A reserved place in the queue.
pub struct HashSlot {
    slot: Slot,
    requester: Requester,
    pools: Arc<Pools>,
}

impl HashSlot {
    /// A new hash, as a PHC string.
    pub async fn hash(self, password: &str) -> Result<String, HashError> {
        let password = Zeroizing::new(password.to_owned());
        self.slot.run(move |memory| argon::hash(&password, memory)).await
    }

    /// Checks a password. Without a stored hash (no account has this email address) it takes as long and is wrong.
    pub async fn verify(self, password: &str, stored: Option<&str>) -> Result<Verdict, HashError> {
        let password = Zeroizing::new(password.to_owned());
        match stored.filter(|hash| !hash.is_empty()).map(ToOwned::to_owned) {
            Some(hash) if bcrypt::is_supported(&hash) => self.verify_bcrypt(password, hash).await,
            Some(hash) => self.slot.run(move |memory| argon::verify(&password, &hash, memory)).await,
            None => self.slot.run(move |memory| argon::verify_nothing(&password, memory)).await,
        }
    }

    async fn verify_bcrypt(self, password: Zeroizing<String>, hash: String) -> Result<Verdict, HashError> {
        let Self { slot, requester, pools } = self;
        drop(slot);
        let slot = pools.bcrypt.get_or_init(|| Pool::start("bcrypt", 1)).reserve(requester)?;
        slot.run(move |memory| {
            if !bcrypt::matches(&password, &hash) {
                return Ok(Verdict::Wrong);
            }
            let new = argon::hash(&password, memory).map(Verdict::Rehashed);
            // Needed once an account: not worth keeping.
            *memory = Memory::new();
            new
        })
        .await
    }
}

#[cfg(feature = "mongodb")]
mod import {
    use super::{argon, bcrypt};

    /// Whether an account can sign in with this hash, which was made elsewhere.
    pub(crate) fn is_usable(stored: &str) -> bool {
        bcrypt::is_importable(stored) || argon::is_readable(stored)
    }
}
